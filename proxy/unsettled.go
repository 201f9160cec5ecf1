package proxy

import (
	"context"
	"errors"
	"time"

	"exgate/backend"
	"exgate/proxy/delivery"
	"exgate/proxy/ledger"
	"exgate/proxy/mailbox"
)

// errSettleOver is the reason why settleLeft ends a look.
var errSettleOver = errors.New("the time for looks at the end of a session is over")

// settleLeft finds out what became of the account's messages whose outcome is not known, before
// the session ends. Most clients send such a message again, and delivery settles it. But mbsync
// looks for it itself, as imapsync does in its next run: without settleLeft, the report would
// count it as left behind for ever. All looks together take limits.Settle at most, since the client waits
// for the reply to its LOGOUT. The error is why the client is not there any more.
func (c *conn) settleLeft() error {
	l := c.login
	if l == nil || !l.resume || !l.journal.HasUnsettled() || c.link.inFlight() > 0 {
		return nil
	}
	says := func() string { return "exgate looks for messages that may be stored" }
	return c.aside(says, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeoutCause(ctx, c.srv.limits.Settle, errSettleOver)
		defer cancel()
		for _, u := range l.journal.Unsettled() {
			if ctx.Err() != nil || !c.settle(ctx, &u) {
				u.Keep()
			}
		}
		return nil
	})
}

// canLookAgain reports whether a failed look may succeed a moment later. A throttle, and other sessions of the account,
// last longer than a client waits for its LOGOUT.
func canLookAgain(err error) bool {
	return delivery.MayPass(err) && backend.FailureOf(err).Kind != backend.KindThrottled &&
		!errors.Is(err, delivery.ErrSideBusy)
}

// settle looks for a message, and reports whether it found out what became of it. It looks again if the look
// fails for a reason that may pass: the client may never come again.
func (c *conn) settle(ctx context.Context, u *ledger.Unsettled) bool {
	var survey *mailbox.Survey
	look := func() error {
		return c.selectOnSide(ctx, u.Mailbox, false, func(conn *backend.Conn) (err error) {
			survey, err = mailbox.LookResumed(ctx, conn, u.Mailbox, mailbox.Mark(u.Mark))
			return err
		})
	}
	err := look()
	for err != nil && ctx.Err() == nil && canLookAgain(err) {
		if c.srv.draining.Err() != nil || backend.Sleep(ctx, c.srv.limits.Replay) != nil {
			break
		}
		err = look()
	}
	if err == nil && survey == nil {
		err = errors.New("the mailbox has been made anew")
	}
	uid, sure := uint32(0), false
	if err == nil {
		uid, sure = survey.WithID(u.MessageID, u.Others())
	}
	switch {
	case uid != 0:
		u.Stored(survey.UIDValidity, uid)
	case sure && time.Since(u.At) >= mailbox.Memory: // before that, the server may still be storing it
		u.Absent()
	default:
		sure = false
	}
	c.log.Info("looked for a message whose outcome was not known", "user", c.login.identity.User, "mailbox", u.Mailbox,
		"message_id", u.MessageID, "stored", uid != 0, "known", uid != 0 || sure, "err", err)
	return uid != 0 || sure
}
