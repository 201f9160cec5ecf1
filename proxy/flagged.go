package proxy

import (
	"errors"
	"time"

	"github.com/emersion/go-imap/v2"

	"exgate/backend"
	"exgate/proxy/mailbox"
	"exgate/rewrite"
)

// replayFlagged sets \Flagged by STORE, where every client of Exchange sees
// it: on the session's own connection where the mailbox is selected there for
// writing, else on a side connection. The message is stored by now: a flag
// that finally cannot be set is said to the client and in the log, and loses
// no mail.
func (c *conn) replayFlagged(up *upload, plan *rewrite.Plan, stored *imap.AppendData) (set bool) {
	c.waiting.set("setting \\Flagged", time.Time{})
	var err error
	for try := range maxTries {
		if try > 0 {
			c.log.Info("\\Flagged was not set; trying again", "mailbox", up.mailbox, "err", err)
			if waitErr := errors.Join(c.patiently(c.login.account.Throttle.Wait), c.sleep(c.srv.limits.Replay)); waitErr != nil {
				break
			}
		}
		if err = c.storeFlagged(up, plan, stored); err == nil || !mayPass(err) {
			break
		}
		if failure := backend.FailureOf(err); failure.Kind == backend.KindThrottled {
			c.login.account.Throttled(failure.Backoff)
		}
	}
	if err == nil {
		return true
	}
	c.log.Error("\\Flagged was not set", "mailbox", up.mailbox, "err", err)
	// A warning, RFC 9051 section 7.1.2.
	if err := c.client.w.line("* NO exgate: the message is stored, but \\Flagged could not be set on it: %s", explain(err)); err != nil {
		c.log.Debug("the client was not told of a flag", "err", err)
	}
	return false
}

// mayPass tells whether a failure of a replay may be over soon.
func mayPass(err error) bool {
	f := backend.FailureOf(err)
	return f.Retryable() || f.Kind == backend.KindUnavailable || errors.Is(err, mailbox.ErrNotShown) || errors.Is(err, mailbox.ErrNotSeen) || errors.Is(err, errSideBusy)
}

func (c *conn) storeFlagged(up *upload, plan *rewrite.Plan, stored *imap.AppendData) error {
	return c.inMailbox(up.mailbox, true, func(conn *backend.Conn) error {
		if stored != nil {
			return mailbox.StoreFlagged(c.ctx, conn, uint32(stored.UID))
		}
		uid, err := mailbox.FindStored(c.ctx, conn, up.from, plan, up.date)
		if err != nil {
			return err
		}
		return mailbox.StoreFlagged(c.ctx, conn, uid)
	})
}
