package proxy

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/rewrite"
)

// When the connection is lost before the reply to an APPEND, the message may
// have been stored. On a new connection it is looked for among the messages
// that have come since, so that it is neither lost nor stored twice. It is
// known by its header, not by its size or a hash: Exchange writes a message
// anew from its properties, and estimates the size (exchange-behaviour.md §5,
// rows 5 and 6).

// mark is a place in a mailbox: the messages that come from now on have UIDs
// of at least next.
type mark struct {
	mailbox  string // as it is named upstream
	validity uint32
	next     uint32 // 0: not known, ask
}

// markOf returns the mark of a mailbox, or one without next if it cannot be
// had. In a mailbox that is selected it is what SELECT said, else STATUS is
// asked, once while messages go to the same mailbox: each APPENDUID moves it.
func (c *conn) markOf(mailbox string) mark {
	if c.mark.mailbox == mailbox && c.mark.next != 0 {
		return c.mark
	}
	c.mu.Lock()
	v := c.view
	c.mu.Unlock()
	// Behind a message that came without APPENDUID what SELECT said is too low:
	// that message would be found in place of the next.
	if stale := c.mark.mailbox == mailbox; !stale && v.uidNext != 0 && v.validity != 0 && v.holds(mailbox, c.login.policy.exchange()) {
		c.mark = mark{mailbox, v.validity, v.uidNext}
		return c.mark
	}
	c.mark = mark{mailbox: mailbox}
	req := backend.NewRequest("STATUS").Mailbox(mailbox).Raw("(UIDNEXT UIDVALIDITY)")
	req.Untagged = func(line []byte) bool {
		numbers, ok := statusNumbers(line)
		if ok {
			c.mark.validity, c.mark.next = numbers["UIDVALIDITY"], numbers["UIDNEXT"]
		}
		return ok
	}
	if status, err := c.up.Do(c.ctx, req); err != nil || status.Word != "OK" || c.mark.validity == 0 {
		c.mark.next = 0
	}
	return c.mark
}

// passed moves the mark behind a message that was stored.
func (c *conn) passed(mailbox string, stored *imap.AppendData) {
	c.mark = mark{mailbox: mailbox}
	if stored != nil {
		c.mark.validity, c.mark.next = stored.UIDValidity, uint32(stored.UID)+1
	}
}

// statusNumbers reads the list of a STATUS response.
func statusNumbers(line []byte) (map[string]uint32, bool) {
	text := strings.ToUpper(strings.TrimRight(string(line), "\r\n"))
	open := strings.LastIndexByte(text, '(')
	if !strings.HasPrefix(text, "* STATUS ") || open < 0 || !strings.HasSuffix(text, ")") {
		return nil, false
	}
	numbers := make(map[string]uint32)
	for pair := range slices.Chunk(strings.Fields(text[open+1:len(text)-1]), 2) {
		if len(pair) == 2 {
			numbers[pair[0]] = wire.ParseNumber(pair[1])
		}
	}
	return numbers, true
}

// landing is what is known of a message whose APPEND has no reply.
type landing int

const (
	landingUnknown landing = iota // cannot be told
	landingAbsent                 // it was not stored
	landingFound                  // it was
)

func (l landing) String() string {
	return [...]string{landingUnknown: "not known", landingAbsent: "no", landingFound: "yes"}[l]
}

// settle finds out what became of a message whose APPEND was cut, and brings
// the session back on a new connection. all tells that the last byte of the
// command may have been sent: until then nothing is stored, and afterwards it
// may take the server a while.
func (c *conn) settle(up *upload, plan *rewrite.Plan, all bool) (landing, *imap.AppendData, error) {
	looks := c.srv.limits.Looks
	if !all {
		looks = looks[:1]
	}
	var found landing
	var stored *imap.AppendData
	for try := 0; ; try++ {
		session, err := c.reconnect(c.ctx)
		if err != nil {
			return c.unasked(all), nil, err
		}
		if found, stored, err = c.lookAgain(session, up, plan, looks); err == nil {
			if found == landingUnknown {
				found = c.unasked(all)
			}
			if err = c.install(c.ctx, session, keepsView); err != nil && mayPass(err) {
				err = c.reestablish(c.ctx, keepsView)
			}
			return found, stored, err
		}
		session.Close()
		switch {
		case found == landingFound:
			return found, stored, err
		case try == maxTries || !backend.FailureOf(err).Retryable():
			return c.unasked(all), nil, err
		}
	}
}

// lookAgain looks for a message until it is found, with a pause before each
// look.
func (c *conn) lookAgain(session *backend.Session, up *upload, plan *rewrite.Plan, looks []time.Duration) (found landing, stored *imap.AppendData, err error) {
	for _, pause := range looks {
		if err := backend.Sleep(c.ctx, pause); err != nil {
			return found, nil, err
		}
		if found, stored, err = look(c.ctx, session.Conn, up, plan); err != nil || found == landingFound {
			break
		}
	}
	c.mu.Lock()
	selected := c.view.mailbox != ""
	c.mu.Unlock()
	if err == nil && !selected {
		// The client would hear of a mailbox that it has not selected. After
		// EXAMINE, CLOSE removes nothing (RFC 9051 section 6.4.1).
		_, err = session.Do(c.ctx, backend.NewRequest("CLOSE"))
	}
	return found, stored, err
}

// unasked is what is known without asking.
func (c *conn) unasked(all bool) landing {
	if all {
		return landingUnknown
	}
	return landingAbsent
}

// look looks for an uploaded message from its mark on. It leaves the mailbox
// selected, read-only.
func look(ctx context.Context, conn *backend.Conn, up *upload, plan *rewrite.Plan) (landing, *imap.AppendData, error) {
	from := up.from
	if from.next == 0 {
		return landingUnknown, nil, nil
	}
	now := new(view)
	req := backend.NewRequest("EXAMINE").Mailbox(up.mailbox)
	req.Untagged = now.noteLine
	status, err := conn.Do(ctx, req)
	switch {
	case err != nil:
		return landingUnknown, nil, err
	case status.Word != "OK" || now.validity != from.validity:
		return landingUnknown, nil, nil
	case now.exists == 0 || now.uidNext != 0 && now.uidNext <= from.next:
		return landingAbsent, nil, nil // and "UID FETCH n:*" would name the last message
	}
	wanted, err := readIdentity(plan)
	if err != nil {
		return landingUnknown, nil, err
	}
	found, uid, err := search(ctx, conn, from.next, wanted, up.date)
	if found != landingFound || err != nil {
		return found, nil, err
	}
	return found, &imap.AppendData{UIDValidity: now.validity, UID: imap.UID(uid)}, nil
}

// search looks through the messages with UIDs of at least from. It fetches
// their headers and does not SEARCH, for which Exchange asks an index that may
// lag behind.
func search(ctx context.Context, conn *backend.Conn, from uint32, wanted identity, date string) (landing, uint32, error) {
	found, uid := landingAbsent, uint32(0)
	req := backend.NewRequest("UID FETCH").Raw(fmt.Sprintf("%d:*", from)).
		Raw("(UID INTERNALDATE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID SUBJECT FROM DATE)])")
	req.Untagged = func(response []byte) bool {
		m, ok := parseCandidate(response)
		if !ok {
			return false
		}
		if m.uid < from || found == landingFound { // "n:*" names the last message, whatever its UID
			return true
		}
		if verdict := wanted.compare(m, date); verdict == landingFound {
			found, uid = verdict, m.uid
		} else if verdict == landingUnknown {
			found = verdict
		}
		return true
	}
	status, err := conn.Do(ctx, req)
	if err != nil || status.Word != "OK" {
		return landingUnknown, 0, err
	}
	return found, uid, nil
}
