package delivery

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
func (s *Sender) markOf(name string) mailbox.Mark {
	if s.mark.Mailbox == name && s.mark.Next != 0 {
		return s.mark
	}
	v := s.Selected()
	// Behind a message that came without APPENDUID what SELECT said is too low:
	// that message would be found in place of the next.
	if stale := s.mark.Mailbox == name; !stale && v.UIDNext != 0 && v.UIDValidity != 0 && v.IsSelected(name, s.Profile.IsExchange()) {
		s.mark = mailbox.Mark{Mailbox: name, UIDValidity: v.UIDValidity, Next: v.UIDNext}
		return s.mark
	}
	s.mark = mailbox.Mark{Mailbox: name}
	req := backend.NewRequest("STATUS").Mailbox(name).Raw("(UIDNEXT UIDVALIDITY)")
	req.Untagged = func(line []byte) bool {
		numbers, ok := mailbox.StatusNumbers(line)
		if ok {
			s.mark.UIDValidity, s.mark.Next = numbers["UIDVALIDITY"], numbers["UIDNEXT"]
		}
		return ok
	}
	if status, err := s.Do(req); err != nil || status.Word != "OK" || s.mark.UIDValidity == 0 {
		s.mark.Next = 0
	}
	return s.mark
}

// passed moves the mark behind a message that was stored.
func (s *Sender) passed(name string, stored *imap.AppendData) {
	s.mark = mailbox.Mark{Mailbox: name}
	if stored != nil {
		s.mark.UIDValidity, s.mark.Next = stored.UIDValidity, uint32(stored.UID)+1
	}
}

// settle finds out what became of a message whose APPEND was cut, and brings
// the session back on a new connection. all tells that the last byte of the
// command may have been sent: until then nothing is stored, and afterwards it
// may take the server a while.
func (s *Sender) settle(up *Upload, plan *rewrite.Plan, all bool) (mailbox.Landing, *imap.AppendData, error) {
	looks := s.Looks
	if !all {
		looks = looks[:1]
	}
	var found mailbox.Landing
	var stored *imap.AppendData
	for try := 0; ; try++ {
		session, err := s.Reconnect()
		if err != nil {
			return s.unasked(all), nil, err
		}
		if found, stored, err = s.lookAgain(session, up, plan, looks); err == nil {
			if found == mailbox.LandingUnknown {
				found = s.unasked(all)
			}
			return found, stored, s.Install(session)
		}
		session.Close()
		switch {
		case found == mailbox.LandingFound:
			return found, stored, err
		case try == MaxTries || !backend.FailureOf(err).Retryable():
			return s.unasked(all), nil, err
		}
	}
}

// lookAgain looks for a message until it is found, with a pause before each
// look.
func (s *Sender) lookAgain(session *backend.Session, up *Upload, plan *rewrite.Plan, looks []time.Duration) (found mailbox.Landing, stored *imap.AppendData, err error) {
	for _, pause := range looks {
		if err := backend.Sleep(s.Context(), pause); err != nil {
			return found, nil, err
		}
		if found, stored, err = mailbox.Look(s.Context(), session.Conn, up.from, plan, up.Date); err != nil || found == mailbox.LandingFound {
			break
		}
	}
	if err == nil && s.Selected().Mailbox == "" {
		// The client would hear of a mailbox that it has not selected. After
		// EXAMINE, CLOSE removes nothing (RFC 9051 section 6.4.1).
		_, err = session.Do(s.Context(), backend.NewRequest("CLOSE"))
	}
	return found, stored, err
}

// unasked is what is known without asking.
func (s *Sender) unasked(all bool) mailbox.Landing {
	if all {
		return mailbox.LandingUnknown
	}
	return mailbox.LandingAbsent
}
