package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/emersion/go-message"

	"exgate/backend/exchangesim"
	ledgerreport "exgate/proxy/report"
)

// demoReport is the result of the demo.
type demoReport struct {
	Profile string   `json:"profile"`
	Direct  demoSync `json:"direct"`
	Through demoSync `json:"through_exgate"`
	// Ledger is the report of the gateway's ledger, on the sync through exgate.
	Ledger   *ledgerreport.Report `json:"ledger"`
	Settings *demoSettings        `json:"settings,omitempty"` // with --stay
}

// demoSync is the result of one sync.
type demoSync struct {
	Right    int       `json:"right"`     // messages that arrived correctly
	Total    int       `json:"total"`     // messages that are not too big
	AllRight bool      `json:"all_right"` // all arrived, and the one that is too big was refused correctly
	Messages []verdict `json:"messages"`
}

// verdict is the result for one message, judged by the message that Exchange holds.
type verdict struct {
	Name   string   `json:"name"`
	State  string   `json:"state"` // one of the states below
	Said   string   `json:"said,omitempty"`
	Closed bool     `json:"connection_closed,omitempty"`
	Fixes  []string `json:"fixes,omitempty"`
	Faults []string `json:"faults,omitempty"` // what is wrong with the stored message
	Notes  []string `json:"notes,omitempty"`  // what is right with it
	// Untouched says that Exchange received the client's message byte for byte.
	Untouched bool `json:"untouched,omitempty"`
	Right     bool `json:"right"`
	TooBig    bool `json:"too_big,omitempty"`
}

const (
	stateStored  = "stored"
	stateRefused = "refused"
	stateLost    = "lost" // the connection ended without an answer
)

// judge compares the messages with the replies to the client and with the contents
// of the mailbox.
func judge(messages []demoMessage, attempts []attempt, inMailbox []exchangesim.Message) demoSync {
	copies := map[string][]exchangesim.Message{}
	for _, m := range inMailbox {
		id := messageID(m.Stored)
		copies[id] = append(copies[id], m)
	}
	s := demoSync{AllRight: len(inMailbox) <= len(messages)}
	for i, m := range messages {
		v := judgeMessage(m, attempts[i], copies[messageID(m.raw)])
		if !m.tooBig {
			s.Total++
			if v.Right {
				s.Right++
			}
		}
		s.AllRight = s.AllRight && v.Right
		s.Messages = append(s.Messages, v)
	}
	return s
}

func judgeMessage(m demoMessage, a attempt, copies []exchangesim.Message) verdict {
	v := verdict{Name: m.name, Said: a.said, Closed: a.closed, Fixes: a.fixes, TooBig: m.tooBig}
	switch {
	case len(copies) > 0:
		v.State = stateStored
		v.compare(m, copies[0])
	case strings.HasPrefix(a.said, "NO ") || strings.HasPrefix(a.said, "BAD "):
		v.State = stateRefused
	default:
		v.State = stateLost
	}
	if len(copies) > 1 {
		v.fault("stored %d times", len(copies))
	}
	if stored := len(copies) > 0; a.ok != stored {
		v.fault("the reply to the client was %q", a.said)
	}
	if m.tooBig {
		// RFC 7889 section 4: the client can continue with the next message.
		v.Right = v.State == stateRefused && strings.HasPrefix(a.said, "NO [TOOBIG] ") && !a.closed
	} else {
		v.Right = v.State == stateStored && !a.closed && len(v.Faults) == 0
	}
	return v
}

// compare finds the differences between a message and the stored one.
func (v *verdict) compare(m demoMessage, stored exchangesim.Message) {
	has := func(flag string) bool { return slices.Contains(m.flags, flag) }
	switch before, after := decode(m.raw), decode(stored.Stored); {
	case before == nil || after == nil || !slices.EqualFunc(before, after, bytes.Equal):
		v.fault("contents changed")
	case bytes.Equal(m.raw, stored.Received):
		v.Untouched = true
	case len(v.Fixes) == 0:
		v.fault("exgate changed the message without a fix")
	case slices.Contains(v.Fixes, "long-lines"):
		v.note("same contents after decoding")
	}
	if !stored.InternalDate.Equal(m.date) {
		v.fault("wrong date: %s", stored.InternalDate)
	}
	for _, flag := range m.flags {
		switch {
		case slices.Contains(stored.Flags, flag):
		case strings.HasPrefix(flag, `\`):
			v.fault("flag %s lost", flag)
		default: // Exchange cannot store it: losing a keyword is better than losing the message
			v.note("Exchange lacks %s", flag)
		}
	}
	switch {
	case stored.OutlookFlagged != has(`\Flagged`):
		v.fault("Outlook does not show the flag")
	case stored.OutlookFlagged:
		v.note("Outlook shows the flag")
	}
	switch {
	case stored.WouldSendReceipt && has(`\Seen`):
		v.fault("Outlook sends a second receipt")
	case slices.Contains(v.Fixes, "read-receipt"):
		v.note("no second receipt")
	}
}

func (v *verdict) fault(format string, args ...any) {
	v.Faults = append(v.Faults, fmt.Sprintf(format, args...))
}

func (v *verdict) note(format string, args ...any) {
	v.Notes = append(v.Notes, fmt.Sprintf(format, args...))
}

func messageID(raw []byte) string {
	e, err := message.Read(bytes.NewReader(raw))
	if err != nil {
		return ""
	}
	return e.Header.Get("Message-Id")
}

// decode returns the contents of the message that a reader sees, in order: the
// header fields that identify it, and each leaf part without its transfer
// encoding. It returns nil if the message cannot be parsed.
func decode(raw []byte) [][]byte {
	e, err := message.Read(bytes.NewReader(raw))
	if err != nil {
		return nil
	}
	var seen [][]byte
	for _, field := range []string{"Message-Id", "Date", "From", "To", "Subject", "Received"} {
		seen = append(seen, []byte(e.Header.Get(field)))
	}
	err = e.Walk(func(_ []int, part *message.Entity, err error) error {
		if err != nil {
			return err
		}
		mediaType, _, _ := part.Header.ContentType()
		if strings.HasPrefix(mediaType, "multipart/") {
			return nil
		}
		body, err := io.ReadAll(part.Body)
		if err != nil {
			return err
		}
		if mediaType != "message/rfc822" {
			seen = append(seen, []byte(mediaType), body)
			return nil
		}
		inner := decode(body)
		if inner == nil {
			return fmt.Errorf("cannot parse the attached message")
		}
		seen = append(seen, inner...)
		return nil
	})
	if err != nil {
		return nil
	}
	return seen
}
