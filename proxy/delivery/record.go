package delivery

import (
	"errors"
	"io"

	"github.com/emersion/go-imap/v2"

	"exgate/proxy/ledger"
	"exgate/proxy/mailbox"
	"exgate/rewrite"
)

// describe fills the row of a message with what can be read off the upload.
func (s *Sender) describe(up *Upload) {
	r := &up.Record
	s.Journal.Begin(r)
	header := mailbox.ReadAbout(up.Spool.Header(mailbox.MaxDatedHeader))
	r.MessageID, r.TUID = header.MessageID, header.TUID
	r.Exchange, r.Size, r.Flags = up.Mailbox, up.Spool.Size(), up.Flags
	r.Date, r.DateFrom = up.Date, dateFrom(up.Date, ledger.DateClient)
	if s.Journal == nil {
		return
	}
	if s.Journal.HasSubjects() {
		r.Subject = header.Subject
	}
	if up.sum == nil { // it has passed, and was only looked at
		up.sum = &sum{message: up.Spool}
	}
	r.Sum, _ = up.sum.value() // a message that cannot be read from the spool is refused for that
}

// dateFrom returns the origin of a date, if there is one.
func dateFrom(date, origin string) string {
	if date == "" {
		return ""
	}
	return origin
}

// intend begins to write the row of a message before it goes up.
func (s *Sender) intend(up *Upload, plan *rewrite.Plan) (wait func()) {
	up.Record.Sent = plan.Size()
	up.Record.Fixes = fixesOf(plan)
	if up.claim != nil {
		up.Record.Mark = ledger.Mark(up.claim.Mark())
	}
	return s.Journal.Intend(&up.Record)
}

// recorded is a message whose last piece goes up when its row is on the disk, and other gateways
// know of it. The disk and Redis work while Exchange is asked for the literal and gets the rest.
type recorded struct {
	io.WriterTo
	size int64
	wait func()
}

func (r recorded) WriteTo(w io.Writer) (int64, error) {
	n, err := r.WriterTo.WriteTo(&recordedWriter{w, r.size, r.wait})
	r.wait() // an empty message has no piece
	return n, err
}

// recordedWriter writes the pieces of a recorded message.
type recordedWriter struct {
	w    io.Writer
	left int64 // bytes of the message
	wait func()
}

func (r *recordedWriter) Write(p []byte) (int, error) {
	if r.left -= int64(len(p)); r.left <= 0 {
		r.wait()
	}
	return r.w.Write(p)
}

// record writes what became of a message.
func (s *Sender) record(up *Upload, stored *imap.AppendData, err error) {
	r := &up.Record
	var reply *imap.Error
	switch {
	case err == nil:
		if r.Outcome != ledger.Found {
			r.Outcome = ledger.Stored
		}
		r.Rule, r.Reason = "", ""
		if stored != nil {
			r.UIDValidity, r.UID = stored.UIDValidity, uint32(stored.UID)
		}
	case r.Outcome == "" || r.Outcome == ledger.Pending:
		r.Outcome = ledger.Failed
		fallthrough
	default:
		if r.Reason == "" && errors.As(err, &reply) {
			r.Reason = reply.Text
		}
	}
	if r.Outcome == ledger.Stored || r.Outcome == ledger.Unknown { // or it may be in Exchange
		up.Share.Spend()
	} else {
		up.Share.Close()
	}
	s.Journal.Done(r)
	if up.earlier != nil {
		// Not before: if exgate died between the two, it would not know the message when it comes again.
		up.earlier.Found(r.UIDValidity, r.UID)
	}
}

// RecordObserved writes the row of a message that was passed on untouched. reply is that of
// Exchange, would the result of WouldDo. It returns the attributes that tell in the log which message it is.
func (s *Sender) RecordObserved(e *Examined, reply string, would *Would) (about []any) {
	r := &e.Upload.Record
	r.Mailbox = e.Upload.Mailbox
	s.describe(e.Upload)
	r.Size, r.Outcome, r.Reason = e.Size, ledger.Observed, reply
	s.Stats.Observed++
	switch {
	case would.Rule != "":
		s.Stats.WouldRefuse++
	case len(would.Fixes) > 0:
		s.Stats.WouldRepair++
	}
	r.Fixes, r.Sent, r.Rule, r.Would = would.Fixes, would.Size, would.Rule, would.Reason
	if would.Unread != "" {
		r.Would = "not examined: " + would.Unread
	}
	s.Journal.Done(r)
	return s.about(e.Upload)
}

// outcomeOf returns the outcome of a message that a rule refuses.
func outcomeOf(rule string) ledger.Outcome {
	switch rule {
	case ledger.RuleExchange:
		return ledger.Rejected
	case ledger.RuleOversize:
		return ledger.TooLarge
	case ledger.RuleBudget:
		return ledger.Limited
	case ledger.RuleSpool:
		return ledger.Failed
	}
	return ledger.Refused
}

// about returns the attributes that tell in the log which message a line is about.
func (s *Sender) about(up *Upload) []any {
	return []any{"user", s.User, "mailbox", up.Mailbox, "message_id", up.Record.MessageID}
}

// RecordRefused writes the row of a message that was not even read.
func (s *Sender) RecordRefused(up *Upload, size int64, reason string) {
	up.Record.Exchange, up.Record.Size, up.Record.Flags = up.Mailbox, size, up.Flags
	up.Record.Date, up.Record.DateFrom = up.Date, dateFrom(up.Date, ledger.DateClient)
	if legal, ok := mailbox.LegalDate(up.Date); ok && s.Profile.InternalDate {
		up.Record.Date = legal // as it is of a message that is stored, so that the report knows it again
	}
	up.Record.Reason = reason
	s.Journal.Done(&up.Record)
}
