package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/emersion/go-message"

	"exgate/backend/exchangesim"
)

// demoReport is what the demo found.
type demoReport struct {
	Profile  string        `json:"profile"`
	Direct   demoSync      `json:"direct"`
	Through  demoSync      `json:"through_exgate"`
	Settings *demoSettings `json:"settings,omitempty"` // with --stay
}

// demoSync is the outcome of one sync.
type demoSync struct {
	Right    int       `json:"right"`     // messages that arrived as they should
	Total    int       `json:"total"`     // those that Exchange has room for
	AllRight bool      `json:"all_right"` // and the one that is too big was refused as it should
	Messages []verdict `json:"messages"`
}

// verdict is what became of one message, judged by what Exchange holds.
type verdict struct {
	Name   string   `json:"name"`
	State  string   `json:"state"` // one of the states below
	Said   string   `json:"said,omitempty"`
	Closed bool     `json:"connection_closed,omitempty"`
	Fixes  []string `json:"fixes,omitempty"`
	Faults []string `json:"faults,omitempty"` // in what was stored
	Notes  []string `json:"notes,omitempty"`  // what was found to be right with it
	// Untouched: Exchange was sent the client's message byte for byte.
	Untouched bool `json:"untouched,omitempty"`
	Right     bool `json:"right"`
	TooBig    bool `json:"too_big,omitempty"`
}

const (
	stateStored  = "stored"
	stateRefused = "refused"
	stateLost    = "lost" // no answer: the connection ended instead
)

// judge compares the messages with what the client was told of them and with
// what is in the mailbox.
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
		v.fault("the client was told %q", a.said)
	}
	if m.tooBig {
		// RFC 7889 section 4; the client can go on with the next message.
		v.Right = v.State == stateRefused && strings.HasPrefix(a.said, "NO [TOOBIG] ") && !a.closed
	} else {
		v.Right = v.State == stateStored && !a.closed && len(v.Faults) == 0
	}
	return v
}

// compare finds what differs between a message and the stored one.
func (v *verdict) compare(m demoMessage, stored exchangesim.Message) {
	has := func(flag string) bool { return slices.Contains(m.flags, flag) }
	switch before, after := decode(m.raw), decode(stored.Stored); {
	case before == nil || after == nil || !slices.EqualFunc(before, after, bytes.Equal):
		v.fault("contents changed")
	case bytes.Equal(m.raw, stored.Received):
		v.Untouched = true
	case len(v.Fixes) == 0:
		v.fault("sent on changed, without a fix")
	case slices.Contains(v.Fixes, "long-lines"):
		v.note("same contents once decoded")
	}
	if !stored.InternalDate.Equal(m.date) {
		v.fault("its date is %s", stored.InternalDate)
	}
	for _, flag := range m.flags {
		switch {
		case slices.Contains(stored.Flags, flag):
		case strings.HasPrefix(flag, `\`):
			v.fault("flag %s lost", flag)
		default: // there is nowhere to put it, and to lose it is better than the message
			v.note("Exchange has no %s", flag)
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
		v.fault("Outlook sends its receipt again")
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

// decode returns what a reader of the message sees, in order: the header
// fields that name it, and each leaf part without its transfer encoding; nil
// if it cannot be read.
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
			return fmt.Errorf("the attached message cannot be read")
		}
		seen = append(seen, inner...)
		return nil
	})
	if err != nil {
		return nil
	}
	return seen
}
