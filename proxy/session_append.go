package proxy

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/proxy/mailbox"
	"exgate/rewrite"
)

// Append implements imapserver.Session: the message in the spool is repaired
// and sent to Exchange, as often as Exchange asks to try again later.
func (s *session) Append(_ string, _ imap.LiteralReader, options *imap.AppendOptions) (*imap.AppendData, error) {
	c, up := s.shot.c, s.shot.upload
	prof := c.login.profile
	defer c.waiting.set("", time.Time{})

	message := prof.Message
	message.Seen = slices.Contains(options.Flags, imap.FlagSeen)
	dated := false
	if up.date == "" && prof.InternalDate {
		up.date = mailbox.DerivedDate(up.spool.Header(mailbox.MaxDatedHeader))
		dated = up.date != ""
	}
	flags := c.sortFlags(up)
	stored, plan, err := c.deliver(up, message, flags.keep)
	if err != nil {
		return nil, err
	}
	if flags.replay {
		flags.replay = c.replayFlagged(up, plan, stored)
	}
	c.compareDate(up, stored)
	fixes := append(fixesOf(plan), flags.fixes()...)
	if dated {
		fixes = append(fixes, "internal-date")
	}
	c.fixed(fixes...)
	c.tally.stats.stored++
	attrs := []any{"mailbox", up.mailbox, "size", up.spool.Size(), "sent", plan.Size(), "fixes", fixes}
	if n := plan.Report().Signed; n > 0 {
		attrs = append(attrs, "signed_parts_changed", n) // their signatures do not hold any more
	}
	c.log.Info("message stored", attrs...)
	return stored, nil
}

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
// be read from the spool.
func (c *conn) unplanned(err error) *ownRefusal {
	var refused *rewrite.RefusedError
	if errors.As(err, &refused) {
		return refuseBy(refused.Rule, imap.ResponseCodeCannot, err.Error()+"; it stays where it is")
	}
	c.log.Error("spool", "err", err)
	return refuseBy("spool", imap.ResponseCodeUnavailable, "exgate cannot read the message from its spool; nothing was stored, try again later")
}

// acceptable refuses here what Exchange is sure to refuse, or to take for
// commands: that would cost the connection.
func (c *conn) acceptable(plan *rewrite.Plan) error {
	prof := c.login.profile
	if prof.IsTooBig(plan.Size()) {
		return refuseBy("oversize", "TOOBIG", tooBigText(plan.Size(), prof.MessageLimit)+" (counted after repair)") // RFC 7889
	}
	repairs := prof.Message.LongLines != "" && prof.Message.LongLines != rewrite.LongLinesOff
	if left := plan.Report().Unrepaired; len(left) > 0 && repairs {
		return refuseBy(left[0].Rule, imap.ResponseCodeCannot,
			fmt.Sprintf("Exchange would take the message for commands: %s; it stays where it is", left[0]))
	}
	return nil
}

// turnAway records a message that is not sent.
func (c *conn) turnAway(mailbox string, size int64, rule, reason string) {
	c.tally.stats.turnedAway++
	c.srv.totals.Turned.Count(rule)
	c.log.Warn("message refused", "mailbox", mailbox, "size", size, "rule", rule, "reason", reason)
}

// sendMessage sends the message at the account's pace until Exchange takes or
// refuses it, also on another connection when one is lost. stored is nil where
// Exchange says no APPENDUID.
func (c *conn) sendMessage(up *upload, plan *rewrite.Plan, flags []string) (stored *imap.AppendData, err error) {
	repeated := false // on a fresh connection
	for tries := 0; ; tries++ {
		if err := c.pause(); err != nil {
			return nil, interrupted("nothing was stored")
		}
		if err := c.restore(); err != nil {
			return nil, c.appendLost(up, err, mailbox.LandingAbsent)
		}
		if c.login.resume {
			if up.from = c.markOf(up.mailbox); c.isLost() && tries < maxTries {
				continue
			}
		}
		req := appendRequest(up, plan, flags)
		status, err := c.link.up.Do(c.ctx, req)
		switch {
		case err != nil:
			landed, stored, err := c.appendCut(up, plan, req.Body.Ended, err)
			if landed == mailbox.LandingFound {
				c.passed(up.mailbox, stored)
				return stored, nil
			}
			if failure := backend.FailureOf(err); failure.Kind == backend.KindOutOfStep {
				return nil, &contentRefused{failure: failure, reply: c.appendLost(up, err, landed), poisoned: true}
			}
			if landed == mailbox.LandingUnknown || err != nil || tries == maxTries {
				return nil, c.appendLost(up, err, landed)
			}
			continue
		case status.Word == "OK":
			stored := appendData(status)
			c.passed(up.mailbox, stored)
			return stored, nil
		}
		failure := backend.Classify(status)
		c.countErrors(failure)
		if failure.Kind == backend.KindUnavailable && c.login.resume && !repeated {
			// A full mailbox says so, and so does a broken connection to it.
			if repeated = true; c.replace(c.ctx) == nil {
				continue
			}
		}
		if failure.Kind != backend.KindThrottled || tries == maxTries {
			c.log.Log(c.ctx, failure.Level(), "Exchange refused a message", "mailbox", up.mailbox, "size", up.spool.Size(), "sent", plan.Size(),
				"reply", status.Word+" "+status.Text, "kind", failure.Kind, "meaning", failure.Explanation(), "fixes", fixesOf(plan))
			if blamesContent(failure, req.Body.Ended) {
				return nil, &contentRefused{failure: failure, reply: replyError(failure)}
			}
			c.tally.stats.turnedAway++
			c.srv.totals.Turned.Count(ruleExchange)
			reply := replyError(failure)
			if repeated && failure.Kind == backend.KindUnavailable {
				reply.Code = "OVERQUOTA" // RFC 5530; imapsync ends its run by it
			}
			return nil, reply
		}
		c.log.Warn("Exchange throttles the account", "user", c.login.identity.User, "backoff", failure.Backoff, "reply", status.Text)
		c.login.account.Throttled(failure.Backoff)
	}
}

// restore brings a lost upstream back in the own lane. It does nothing where
// there is none to bring back.
func (c *conn) restore() error {
	c.link.mu.Lock()
	lost := c.link.cause
	c.link.mu.Unlock()
	if lost == nil {
		return nil
	}
	if !c.login.resume {
		return lost
	}
	c.waiting.set("exgate connects to Exchange again", time.Time{})
	c.tally.stats.resumed++
	return c.reestablish(c.ctx, keepsView)
}

// appendCut finds out what became of an APPEND that the connection was lost
// with, and goes on with another connection. err is why that cannot be done.
func (c *conn) appendCut(up *upload, plan *rewrite.Plan, ended bool, cause error) (mailbox.Landing, *imap.AppendData, error) {
	failure := backend.FailureOf(cause)
	if failure.Kind != backend.KindLost || !c.login.resume || c.link.pinned != "" || c.ctx.Err() != nil {
		return c.unasked(ended && failure.Kind == backend.KindLost), nil, cause
	}
	c.log.Warn("the connection to Exchange was lost with a message", "mailbox", up.mailbox, "size", up.spool.Size(), "ended", ended, "err", cause)
	c.waiting.set("exgate looks whether Exchange has stored the message", time.Time{})
	began := time.Now()
	landed, stored, err := c.settle(up, plan, ended)
	c.tally.stats.resumed++
	c.log.Info("looked for the message", "mailbox", up.mailbox, "landed", landed.String(), "took", time.Since(began).Round(time.Millisecond), "err", err)
	return landed, stored, err
}

// pause waits for the account's throttle and pace, and tells the client why.
// No command is in progress upstream meanwhile.
func (c *conn) pause() error {
	account := c.login.account
	began := time.Now()
	var err error
	if d := account.Throttle.Remaining(); d > 0 {
		c.waiting.set("Exchange throttles this account", began.Add(d))
		err = c.patiently(account.Throttle.Wait)
	} else {
		c.waiting.set("messages are sent at the pace that Exchange takes", time.Time{})
	}
	if err == nil {
		err = account.Wait(c.ctx, 1)
	}
	c.tally.stats.waited += time.Since(began)
	c.waiting.set("Exchange is storing the message", time.Time{})
	return err
}

func appendRequest(up *upload, plan *rewrite.Plan, flags []string) *backend.Request {
	req := backend.NewRequest("APPEND").Mailbox(up.mailbox)
	if len(flags) > 0 {
		req.Raw("(" + strings.Join(flags, " ") + ")")
	}
	if up.date != "" {
		req.String(up.date)
	}
	req.Body = &backend.Body{Size: plan.Size(), WriterTo: plan}
	if !plan.Changed() {
		req.Body.WriterTo = up.body // in one piece
	}
	return req
}

// appendLost answers an APPEND that came to no end, with what is known of it.
func (c *conn) appendLost(up *upload, err error, landed mailbox.Landing) *imap.Error {
	outcome := "nothing was stored"
	if landed == mailbox.LandingUnknown {
		outcome = "it is not known whether the message was stored"
		c.tally.stats.unknown++
	}
	if c.ctx.Err() != nil { // the client has gone, or exgate stops
		return interrupted(outcome)
	}
	if err == nil {
		err = &backend.LostError{Err: errors.New("again and again, or the mailbox cannot be looked through")}
	}
	failure := backend.FailureOf(err)
	c.log.Error("message without a reply", "mailbox", up.mailbox, "size", up.spool.Size(), "outcome", outcome, "kind", failure.Kind, "err", err)
	reply := replyError(failure)
	var changed *mailbox.ChangedError
	if errors.As(err, &changed) {
		reply.Text = "exgate: the connection to Exchange was lost with the message, and meanwhile " + changed.Error()
	}
	if failure.Kind != backend.KindOutOfStep {
		reply.Code = imap.ResponseCode("UNAVAILABLE") // the client may try again
		reply.Text += "; " + outcome
	}
	return reply
}

// interrupted answers an APPEND that the session's end has cut short.
func interrupted(outcome string) *imap.Error {
	return &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeUnavailable, Text: "the session ends; " + outcome}
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
