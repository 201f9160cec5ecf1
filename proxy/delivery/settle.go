package delivery

import (
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/proxy/mailbox"
	"exgate/proxy/replies"
	"exgate/proxy/status"
	"exgate/rewrite"
)

// begin begins the APPEND of a message. It waits while another session has an equal message
// on its way. It returns the reply to the client if it cannot begin, and nil otherwise.
func (s *Sender) claimPlace(up *Upload, plan *rewrite.Plan) *imap.Error {
	var message io.WriterTo = plan
	if !plan.HasChanged() {
		message = up.Body // in one piece
	}
	fingerprint, err := mailbox.ReadFingerprint(message)
	if err != nil {
		return s.unplanned(err).reply
	}
	if up.claim != nil { // the claim of the message before its repair
		up.claim.Close()
	}
	s.Waits(status.StateWaiting, "another session is storing an equal message", time.Time{})
	id := mailbox.MessageKey{Fingerprint: fingerprint, Date: up.Date, DateKept: !s.MayDropDates || s.Dates.AreKept()}
	err = s.Patiently(func(ctx context.Context) (err error) {
		up.claim, err = s.Claims.Enter(ctx, s.mailboxKey(up.Mailbox), id, s.Patience)
		return err
	})
	if err != nil {
		return replies.NotYet("the session ends; nothing was stored")
	}
	s.Waits(status.StateSending, "Exchange is storing the message", time.Time{})
	return nil
}

// mailboxKey returns one key for all names of a mailbox (View.IsSelected).
func (s *Sender) mailboxKey(name string) string {
	if s.Profile.IsExchange() || strings.EqualFold(name, "INBOX") {
		return strings.ToLower(name)
	}
	return name
}

// markClaim gives the APPEND a mark. It asks with STATUS, unless a session was told a UID
// of the mailbox just now. The UIDNEXT of SELECT may be old, and STATUS of a selected
// mailbox may be out of date (docs/exchange.md#status). So markClaim uses the higher one.
// throttled says that Exchange has refused STATUS by a throttle. A server that cannot carry out
// STATUS now is asked once more.
func (s *Sender) markClaim(up *Upload) (throttled bool) {
	for try := range 2 {
		if up.claim.IsMarked() {
			return false
		}
		status, err := s.askMark(up)
		if err != nil || status.Word == "OK" {
			return false
		}
		switch kind := backend.Classify(status).Kind; {
		case kind == backend.KindThrottled:
			return true
		case kind != backend.KindUnavailable, try > 0, s.sleep(s.ReplayPause) != nil:
			return false
		}
	}
	return false
}

// askMark asks with STATUS, and gives the APPEND the mark of the answer.
func (s *Sender) askMark(up *Upload) (wire.Status, error) {
	var numbers map[string]uint32
	req := backend.NewRequest("STATUS").Mailbox(up.Mailbox).Raw("(UIDNEXT UIDVALIDITY)")
	req.Untagged = func(line []byte) bool {
		said, ok := mailbox.StatusNumbers(line)
		if ok {
			numbers = said
		}
		return ok
	}
	status, err := s.Do(req)
	if err == nil && status.Word == "OK" {
		next := numbers["UIDNEXT"]
		v := s.Selected()
		if next != 0 && v.UIDValidity == numbers["UIDVALIDITY"] && v.IsSelected(up.Mailbox, s.Profile.IsExchange()) {
			next = max(next, v.UIDNext)
		}
		up.claim.SetMark(numbers["UIDVALIDITY"], next)
	}
	return status, err
}

// settle finds out whether a message was stored whose APPEND was cut, and resumes the
// session on a new connection. all says that the last byte of the command may have been
// sent. Before this byte, the server stores nothing. After it, the server may need a while
// to store the message. The error says that the session could not be resumed.
func (s *Sender) settle(up *Upload, all bool) (mailbox.Landing, *imap.AppendData, error) {
	var found mailbox.Landing
	var stored *imap.AppendData
	for try := 0; ; try++ {
		session, err := s.Reconnect()
		if err != nil {
			return s.unasked(all), nil, err
		}
		if found, stored, err = s.lookAgain(session, up, all); err == nil {
			return found, stored, s.Install(session)
		}
		session.Close()
		switch {
		case found == mailbox.LandingFound:
			return found, stored, err
		case try == MaxTries || !backend.FailureOf(err).IsRetryable():
			return s.unasked(all), nil, err
		}
	}
}

// lookAgain looks for a message until it finds it, with a pause before each look. It looks
// longer while a new message is there that cannot be seen. If that stays so, it returns
// LandingUnknown.
func (s *Sender) lookAgain(session *backend.LoggedIn, up *Upload, all bool) (
	found mailbox.Landing, stored *imap.AppendData, err error,
) {
	looks := slices.Concat(s.Looks, s.LooksPending)
	if !all {
		looks = looks[:1]
	}
	for n, pause := range looks {
		if n >= len(s.Looks) && found != mailbox.LandingPending {
			break
		}
		if err := backend.Sleep(s.Context(), pause); err != nil {
			return found, nil, err
		}
		if found, stored, err = s.look(session, up); err != nil || found == mailbox.LandingFound {
			break
		}
	}
	if found == mailbox.LandingPending {
		found = mailbox.LandingUnknown
	}
	if err == nil && s.Selected().Mailbox == "" {
		// Without CLOSE, the client would get news of a mailbox that it has not
		// selected. After EXAMINE, CLOSE removes nothing (RFC 9051 section 6.4.1).
		_, err = session.DoUnthrottled(s.Context(), "CLOSE", backend.NewRequest("CLOSE"))
	}
	return found, stored, err
}

// look looks once. If it finds the message, no other session can take its UID any more.
func (s *Sender) look(session *backend.LoggedIn, up *Upload) (mailbox.Landing, *imap.AppendData, error) {
	low := up.claim.Low()
	if low.Next == 0 {
		return mailbox.LandingUnknown, nil, nil
	}
	survey, err := mailbox.Look(s.Context(), session.Conn, up.Mailbox, low)
	if survey == nil || err != nil {
		return mailbox.LandingUnknown, nil, err
	}
	up.claim.AskPeers(low)
	found, uid := up.claim.Judge(survey)
	if found != mailbox.LandingFound || uid == 0 {
		return found, nil, nil
	}
	return found, &imap.AppendData{UIDValidity: survey.UIDValidity, UID: imap.UID(uid)}, nil
}

// unasked returns what is known of the message without a look.
func (s *Sender) unasked(all bool) mailbox.Landing {
	if all {
		return mailbox.LandingUnknown
	}
	return mailbox.LandingAbsent
}
