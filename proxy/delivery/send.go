package delivery

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/proxy/ledger"
	"exgate/proxy/mailbox"
	"exgate/proxy/replies"
	"exgate/proxy/status"
	"exgate/rewrite"
)

// TooBigText returns the reply to a message of size bytes that is larger than limit.
func TooBigText(size, limit int64) string {
	return fmt.Sprintf("the message has %d bytes and the limit here is %d: it stays where it is; "+
		"where Exchange takes more, raise limits.message_size of exgate", size, limit)
}

// Append stores a message in Exchange: the message in the spool is repaired and
// sent, as often as Exchange asks to try again later. The error is an *imap.Error.
func (s *Sender) Append(up *Upload, seen bool) (*imap.AppendData, error) {
	defer s.Waits("", "", time.Time{})
	s.describe(up)
	stored, err := s.store(up, seen)
	s.record(up, stored, err)
	return stored, err
}

// store stores a message, and sets what Exchange takes only afterwards.
func (s *Sender) store(up *Upload, seen bool) (*imap.AppendData, error) {
	message := s.Profile.Message
	message.Seen = seen
	dated := s.Profile.InternalDate && s.date(up)
	flags := s.sortFlags(up)
	stored, plan, err := s.deliver(up, message, flags.keep)
	if err != nil {
		return nil, err
	}
	if stored == nil && up.Record.TUID != "" {
		stored = s.tellUID(up)
	}
	if flags.replay {
		flags.replay = s.replayFlagged(up, stored)
	}
	up.stored = stored
	fixes := append(fixesOf(plan), flags.fixes()...)
	if dated {
		fixes = append(fixes, "internal-date")
	}
	s.fixed(fixes...)
	if up.Record.Outcome != ledger.Found {
		s.Stats.Stored++
	}
	up.Record.Fixes = fixes
	attrs := append(s.about(up), "size", up.Spool.Size(), "sent", plan.Size(), "fixes", fixes)
	if n := plan.Report().Signed; n > 0 {
		attrs = append(attrs, "signed_parts_changed", n) // their signatures do not hold any more
	}
	s.Log.Info("message stored", attrs...)
	return stored, nil
}

// date gives a message the date that Exchange gets, and reports whether it is another than
// the client's. An invalid date would have Exchange refuse the message.
func (s *Sender) date(up *Upload) (changed bool) {
	given := up.Date
	if legal, ok := mailbox.LegalDate(given); ok {
		up.Date, up.Record.Date = legal, legal
		return legal != given
	}
	up.Date = mailbox.DerivedDate(up.Spool.Header(mailbox.MaxDatedHeader))
	up.Record.Date, up.Record.DateFrom = up.Date, dateFrom(up.Date, ledger.DateDerived)
	if given != "" {
		s.Log.Warn("the client's date is invalid; the message gets that of its Received or Date",
			append(s.about(up), "given", given[:min(len(given), maxDateLogged)], "date", up.Date)...)
	}
	return up.Date != given
}

// maxDateLogged is how much of an invalid date is logged, in bytes. A date has 26.
const maxDateLogged = 40

// ownRefusal is this gateway's answer to a message, before it is sent.
type ownRefusal struct {
	rule  string // the fix, limit or lack that it is for
	reply *imap.Error
}

func (e *ownRefusal) Error() string { return e.reply.Text }

func refuseBy(rule string, code imap.ResponseCode, text string) *ownRefusal {
	return &ownRefusal{rule, &imap.Error{Type: imap.StatusResponseTypeNo, Code: code, Text: text}}
}

// unplanned refuses a message that the fixes cannot repair, or that could not
// be read from the spool, as where the client has left.
func (s *Sender) unplanned(err error) *ownRefusal {
	var refused *rewrite.RefusedError
	if errors.As(err, &refused) {
		return refuseBy(refused.Rule, imap.ResponseCodeCannot, err.Error()+"; it stays where it is")
	}
	if s.Context().Err() != nil {
		return &ownRefusal{ledger.RuleSpool, replies.NotYet("the session ends; nothing was stored")}
	}
	s.Log.Error("cannot read a message from the spool", "err", err)
	return &ownRefusal{ledger.RuleSpool, replies.NotYet(
		"exgate cannot read the message from its spool; nothing was stored, try again later")}
}

// acceptable refuses here what Exchange is sure to refuse, or to take for
// commands: that would cost the connection.
func (s *Sender) acceptable(plan *rewrite.Plan) error {
	prof := s.Profile
	if prof.IsTooBig(plan.Size()) {
		return refuseBy(ledger.RuleOversize, "TOOBIG",
			TooBigText(plan.Size(), prof.MessageLimit)+" (counted after repair)") // RFC 7889
	}
	repairs := prof.Message.LongLines != "" && prof.Message.LongLines != rewrite.LongLinesOff
	if left := plan.Report().Unrepaired; len(left) > 0 && repairs {
		return refuseBy(left[0].Rule, imap.ResponseCodeCannot,
			fmt.Sprintf("Exchange would take the message for commands: %s; it stays where it is", left[0]))
	}
	return nil
}

// TurnAway records a message of size bytes that is not sent.
func (s *Sender) TurnAway(up *Upload, size int64, rule, reason string) {
	s.Stats.TurnedAway++
	s.Totals.Turned.Count(rule)
	up.Record.Outcome, up.Record.Rule = outcomeOf(rule), rule
	s.Log.Warn("message refused", append(s.about(up), "size", size, "rule", rule, "reason", reason)...)
}

// sendMessage sends the message at the account's pace until Exchange takes or
// refuses it, also on another connection when one is lost. stored is nil where
// Exchange says no APPENDUID.
func (s *Sender) sendMessage(up *Upload, plan *rewrite.Plan, flags []string) (stored *imap.AppendData, err error) {
	x := &transfer{Sender: s, up: up, plan: plan, flags: flags}
	for ; ; x.tries++ {
		stored, again, err := x.try()
		if !again {
			return stored, err
		}
	}
}

// transfer is a message on its way to Exchange, which may take several tries.
type transfer struct {
	*Sender
	up    *Upload
	plan  *rewrite.Plan
	flags []string

	tries     int  // the tries before this one
	isBegun   bool // begin has been called
	isRenewed bool // the connection was replaced because Exchange said that it is unavailable
}

// try sends the message once. again says that the message must be sent again.
func (x *transfer) try() (stored *imap.AppendData, again bool, err error) {
	if err := x.pause(x.up); err != nil {
		return nil, false, replies.NotYet("the session ends; nothing was stored")
	}
	if err := x.Restore(); err != nil {
		return nil, false, x.appendLost(x.up, err, mailbox.LandingAbsent)
	}
	if x.Resumes {
		if again, err := x.prepare(); again || err != nil {
			return nil, again, err
		}
	}
	req := appendRequest(x.up, x.plan, x.flags)
	intended := x.intend(x.up, x.plan)
	req.Body.WriterTo = recorded{req.Body.WriterTo, req.Body.Size, intended}
	status, err := x.send(x.up, req)
	intended() // if the message has not gone up, nobody has waited yet
	if err != nil {
		return x.afterCut(x.up, req, err, x.canRepeat())
	}
	if status.Word != "OK" {
		again, err = x.refusal(status, req.Body.Ended)
		return nil, again, err
	}
	stored = appendData(status)
	if x.up.claim != nil {
		x.up.claim.Stored(stored)
	}
	return stored, false, nil
}

// canRepeat reports whether another try is allowed after this one.
func (x *transfer) canRepeat() bool { return x.tries < MaxTries }

// prepare notes what Exchange has before the message, so that exgate can find the message
// there after a loss of the connection. again says that the connection was lost, or
// throttled, meanwhile. err is the reply to a message that must not be sent.
func (x *transfer) prepare() (again bool, err error) {
	if !x.isBegun {
		if reply := x.claimPlace(x.up, x.plan); reply != nil {
			return false, reply
		}
		x.isBegun = true
	}
	throttled := x.markClaim(x.up)
	return (throttled || x.IsLost()) && x.canRepeat(), nil
}

// refusal handles a refusal by Exchange. complete says that Exchange has read the whole
// message. again says that the message must be sent again; otherwise err is the reply to
// the client.
func (x *transfer) refusal(status wire.Status, complete bool) (again bool, err error) {
	failure := backend.Classify(status)
	x.CountErrors(failure)
	if failure.Kind == backend.KindUnavailable && x.Resumes && !x.isRenewed {
		// Exchange gives this answer for a full mailbox and for a broken connection. A fresh
		// connection tells them apart.
		if x.isRenewed = true; x.Replace() == nil {
			return true, nil
		}
	}
	if failure.Kind == backend.KindThrottled && x.canRepeat() {
		x.Log.Warn("Exchange throttles the account", "user", x.User, "backoff", failure.Backoff, "reply", failure.Text)
		x.Journal.Throttled(failure.Backoff, failure.Text)
		return true, nil
	}
	said := status.Words()
	x.Log.Log(x.Context(), failure.Level(), "Exchange refused a message", append(x.about(x.up),
		"size", x.up.Spool.Size(), "sent", x.plan.Size(),
		"reply", said, "kind", failure.Kind, "meaning", failure.Explanation(), "fixes", fixesOf(x.plan))...)
	x.up.Record.Reason = said
	return false, x.refused(x.up, failure, complete, x.isRenewed)
}

// afterCut finds out what became of an APPEND that got no tagged reply, for the
// reason cause. again says that the message is not stored and must be sent again,
// which mayRepeat permits. Otherwise err is the reply to the client, or nil if the
// message is stored.
func (s *Sender) afterCut(
	up *Upload, req *backend.Request, cause error, mayRepeat bool,
) (stored *imap.AppendData, again bool, err error) {
	landed, stored, err := s.appendCut(up, req.Body.Ended, cause)
	if landed == mailbox.LandingFound {
		return stored, false, nil
	}
	if failure := backend.FailureOf(err); failure.Kind == backend.KindOutOfStep {
		return nil, false, &contentRefused{failure: failure, reply: s.appendLost(up, err, landed), poisoned: true}
	}
	if landed == mailbox.LandingUnknown || err != nil || !mayRepeat {
		return nil, false, s.appendLost(up, err, landed)
	}
	return nil, true, nil
}

// refused returns the error for a message that Exchange has refused. complete says
// that Exchange has read all of it. repeated says that Exchange has refused it on a
// fresh connection too.
func (s *Sender) refused(up *Upload, failure backend.Failure, complete, repeated bool) error {
	if blamesContent(failure, complete) {
		return &contentRefused{failure: failure, reply: replies.Refusal(failure)}
	}
	s.Stats.TurnedAway++
	s.Totals.Turned.Count(ledger.RuleExchange)
	up.Record.Outcome, up.Record.Rule = ledger.Rejected, ledger.RuleExchange
	if failure.Kind == backend.KindThrottled {
		up.Record.Outcome = ledger.Failed
	}
	reply := replies.Refusal(failure)
	if failure.Kind == backend.KindThrottled {
		reply.Type = imap.StatusResponseTypeBad // as replies.NotYet
	}
	if repeated && failure.Kind == backend.KindUnavailable {
		reply.Code = "OVERQUOTA" // RFC 5530; imapsync ends its run by it
	}
	return reply
}

// send sends an APPEND. Until its last byte may have been sent, and where it is
// refused, nothing is stored.
func (s *Sender) send(up *Upload, req *backend.Request) (wire.Status, error) {
	if up.claim == nil {
		return s.Do(req)
	}
	up.claim.Sending()
	status, err := s.Do(req)
	if err == nil && status.Word != "OK" || !req.Body.Ended {
		up.claim.Refused()
	}
	return status, err
}

// appendCut finds out what became of an APPEND that the connection was lost
// with, and goes on with another connection. err is why that cannot be done.
func (s *Sender) appendCut(up *Upload, ended bool, cause error) (mailbox.Landing, *imap.AppendData, error) {
	failure := backend.FailureOf(cause)
	if failure.Kind != backend.KindLost || !s.Resumes || s.IsPinned() || s.Context().Err() != nil {
		return s.unasked(ended && failure.Kind == backend.KindLost), nil, cause
	}
	s.Log.Warn("the connection to Exchange was lost with a message", append(s.about(up), "size", up.Spool.Size(),
		"ended", ended, "err", cause)...)
	s.Waits(status.StateSending, "exgate looks whether Exchange has stored the message", time.Time{})
	began := time.Now()
	landed, stored, err := s.settle(up, ended)
	s.Stats.Resumed++
	s.Log.Info("looked for the message", append(s.about(up), "landed", landed.String(),
		"took", time.Since(began).Round(time.Millisecond), "err", err)...)
	return landed, stored, err
}

// pause waits for the account's throttle and pace, and tells the client why.
// No command is in progress upstream meanwhile.
func (s *Sender) pause(up *Upload) error {
	account := s.Account
	began := time.Now()
	paced := began
	var err error
	if d := account.Throttle.Remaining(); d > 0 {
		s.Waits(status.StateThrottled, "Exchange throttles this account", began.Add(d))
		err = s.Patiently(account.Throttle.Wait)
		paced = time.Now()
		up.Record.Throttled += paced.Sub(began)
	} else {
		s.Waits(status.StatePaced, "messages are sent at the pace that Exchange takes", time.Time{})
	}
	if err == nil {
		err = account.Wait(s.Context(), 1)
	}
	up.Record.Paced += time.Since(paced)
	s.Stats.Waited += time.Since(began)
	s.Waits(status.StateSending, "Exchange is storing the message", time.Time{})
	return err
}

func appendRequest(up *Upload, plan *rewrite.Plan, flags []string) *backend.Request {
	req := backend.NewRequest("APPEND").Mailbox(up.Mailbox)
	if len(flags) > 0 {
		req.Raw("(" + strings.Join(flags, " ") + ")")
	}
	if up.Date != "" {
		req.String(up.Date)
	}
	req.Body = &backend.Body{Size: plan.Size(), WriterTo: plan}
	if !plan.HasChanged() {
		req.Body.WriterTo = up.Body // in one piece
	}
	return req
}

// appendLost notes what is known of an APPEND that came to no end, and returns its answer.
func (s *Sender) appendLost(up *Upload, err error, landed mailbox.Landing) *imap.Error {
	up.Record.Outcome = ledger.Failed
	if landed == mailbox.LandingUnknown {
		up.Record.Outcome = ledger.Unknown
		s.Stats.Unknown++
	}
	return s.lostReply(up, err, landed)
}

// lostReply returns the answer to an APPEND that came to no end, with what is known of its message.
func (s *Sender) lostReply(up *Upload, err error, landed mailbox.Landing) *imap.Error {
	outcome := "nothing was stored"
	if landed == mailbox.LandingUnknown {
		outcome = "it is not known whether the message was stored"
	}
	if s.Context().Err() != nil || errors.Is(err, context.Canceled) { // the client has gone, exgate stops or drains
		return replies.NotYet("the session ends; " + outcome)
	}
	isAtFault := err == nil && landed == mailbox.LandingAbsent // it was lost again and again
	if err == nil {
		err = &backend.LostError{Err: errors.New("again and again, or the mailbox cannot be looked through")}
	}
	failure := backend.FailureOf(err)
	s.Log.Error("message without a reply", append(s.about(up), "size", up.Spool.Size(), "outcome", outcome,
		"kind", failure.Kind, "err", err)...)
	reply := replies.Refusal(failure)
	var changed *mailbox.ChangedError
	if errors.As(err, &changed) {
		reply.Text = "exgate: the connection to Exchange was lost with the message, and meanwhile " + changed.Error()
	}
	if failure.Kind != backend.KindOutOfStep {
		reply.Code = imap.ResponseCodeUnavailable // the client may try again
		reply.Text += "; " + outcome
		if !isAtFault {
			return replies.NotYet(reply.Text)
		}
	}
	return reply
}

// appendData reads the APPENDUID of RFC 4315.
func appendData(status wire.Status) *imap.AppendData {
	args, ok := status.CodeArgs("APPENDUID")
	if !ok {
		return nil
	}
	validity, uid, _ := strings.Cut(args, " ")
	v, err := strconv.ParseUint(validity, 10, 32)
	if err != nil {
		return nil
	}
	u, err := strconv.ParseUint(uid, 10, 32)
	if err != nil || u == 0 {
		return nil
	}
	return &imap.AppendData{UID: imap.UID(u), UIDValidity: uint32(v)}
}

// fixesOf lists the fixes of a plan by name.
func fixesOf(plan *rewrite.Plan) []string {
	fixes := []string{}
	for _, f := range plan.Report().Fixes {
		fixes = append(fixes, f.Name)
	}
	return fixes
}
