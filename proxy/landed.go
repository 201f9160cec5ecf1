package proxy

import (
	"time"

	"github.com/emersion/go-imap/v2"

	"exgate/backend"
	"exgate/proxy/mailbox"
	"exgate/rewrite"
)

// markOf returns the mark of a mailbox, or one without next if it cannot be
// had. In a mailbox that is selected it is what SELECT said, else STATUS is
// asked, once while messages go to the same mailbox: each APPENDUID moves it.
func (c *conn) markOf(name string) mailbox.Mark {
	if c.uploading.mark.Mailbox == name && c.uploading.mark.Next != 0 {
		return c.uploading.mark
	}
	c.link.mu.Lock()
	v := c.link.view
	c.link.mu.Unlock()
	// Behind a message that came without APPENDUID what SELECT said is too low:
	// that message would be found in place of the next.
	if stale := c.uploading.mark.Mailbox == name; !stale && v.UIDNext != 0 && v.UIDValidity != 0 && v.IsSelected(name, c.login.profile.IsExchange()) {
		c.uploading.mark = mailbox.Mark{Mailbox: name, UIDValidity: v.UIDValidity, Next: v.UIDNext}
		return c.uploading.mark
	}
	c.uploading.mark = mailbox.Mark{Mailbox: name}
	req := backend.NewRequest("STATUS").Mailbox(name).Raw("(UIDNEXT UIDVALIDITY)")
	req.Untagged = func(line []byte) bool {
		numbers, ok := mailbox.StatusNumbers(line)
		if ok {
			c.uploading.mark.UIDValidity, c.uploading.mark.Next = numbers["UIDVALIDITY"], numbers["UIDNEXT"]
		}
		return ok
	}
	if status, err := c.link.up.Do(c.ctx, req); err != nil || status.Word != "OK" || c.uploading.mark.UIDValidity == 0 {
		c.uploading.mark.Next = 0
	}
	return c.uploading.mark
}

// passed moves the mark behind a message that was stored.
func (c *conn) passed(name string, stored *imap.AppendData) {
	c.uploading.mark = mailbox.Mark{Mailbox: name}
	if stored != nil {
		c.uploading.mark.UIDValidity, c.uploading.mark.Next = stored.UIDValidity, uint32(stored.UID)+1
	}
}

// settle finds out what became of a message whose APPEND was cut, and brings
// the session back on a new connection. all tells that the last byte of the
// command may have been sent: until then nothing is stored, and afterwards it
// may take the server a while.
func (c *conn) settle(up *upload, plan *rewrite.Plan, all bool) (mailbox.Landing, *imap.AppendData, error) {
	looks := c.srv.limits.Looks
	if !all {
		looks = looks[:1]
	}
	var found mailbox.Landing
	var stored *imap.AppendData
	for try := 0; ; try++ {
		session, err := c.reconnect(c.ctx)
		if err != nil {
			return c.unasked(all), nil, err
		}
		if found, stored, err = c.lookAgain(session, up, plan, looks); err == nil {
			if found == mailbox.LandingUnknown {
				found = c.unasked(all)
			}
			if err = c.install(c.ctx, session, keepsView); err != nil && mayPass(err) {
				err = c.reestablish(c.ctx, keepsView)
			}
			return found, stored, err
		}
		session.Close()
		switch {
		case found == mailbox.LandingFound:
			return found, stored, err
		case try == maxTries || !backend.FailureOf(err).Retryable():
			return c.unasked(all), nil, err
		}
	}
}

// lookAgain looks for a message until it is found, with a pause before each
// look.
func (c *conn) lookAgain(session *backend.Session, up *upload, plan *rewrite.Plan, looks []time.Duration) (found mailbox.Landing, stored *imap.AppendData, err error) {
	for _, pause := range looks {
		if err := backend.Sleep(c.ctx, pause); err != nil {
			return found, nil, err
		}
		if found, stored, err = mailbox.Look(c.ctx, session.Conn, up.from, plan, up.date); err != nil || found == mailbox.LandingFound {
			break
		}
	}
	c.link.mu.Lock()
	selected := c.link.view.Mailbox != ""
	c.link.mu.Unlock()
	if err == nil && !selected {
		// The client would hear of a mailbox that it has not selected. After
		// EXAMINE, CLOSE removes nothing (RFC 9051 section 6.4.1).
		_, err = session.Do(c.ctx, backend.NewRequest("CLOSE"))
	}
	return found, stored, err
}

// unasked is what is known without asking.
func (c *conn) unasked(all bool) mailbox.Landing {
	if all {
		return mailbox.LandingUnknown
	}
	return mailbox.LandingAbsent
}
