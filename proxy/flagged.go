package proxy

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"exgate/backend"
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
	if err := c.w.line("* NO exgate: the message is stored, but \\Flagged could not be set on it: %s", explain(err)); err != nil {
		c.log.Debug("the client was not told of a flag", "err", err)
	}
	return false
}

// Failures of a replay that may pass: a server may need a moment until a
// message that it has stored can be seen.
var (
	errNotShown = errors.New("UID STORE was answered OK without a FETCH that shows the flag")
	errNotSeen  = errors.New("the message cannot be seen in the mailbox, and the server names no UID")
)

// mayPass tells whether a failure of a replay may be over soon.
func mayPass(err error) bool {
	f := backend.FailureOf(err)
	return f.Retryable() || f.Kind == backend.KindUnavailable || errors.Is(err, errNotShown) || errors.Is(err, errNotSeen) || errors.Is(err, errSideBusy)
}

func (c *conn) storeFlagged(up *upload, plan *rewrite.Plan, stored *imap.AppendData) error {
	return c.inMailbox(up.mailbox, true, func(conn *backend.Conn) error {
		uid := uint32(0)
		if stored != nil {
			uid = uint32(stored.UID)
		} else if err := c.findStored(conn, up, plan, &uid); err != nil {
			return err
		}
		return storeFlagged(c.ctx, conn, uid)
	})
}

// findStored finds the UID of a message that was stored without APPENDUID, as
// by Exchange 2007, in the mailbox that is selected on conn.
func (c *conn) findStored(conn *backend.Conn, up *upload, plan *rewrite.Plan, uid *uint32) error {
	if up.from.next == 0 {
		return errors.New("the server names no UID for the message")
	}
	wanted, err := readIdentity(plan)
	if err != nil {
		return err
	}
	if _, err := conn.Do(c.ctx, backend.NewRequest("NOOP")); err != nil { // which tells of the message
		return err
	}
	found, at, err := search(c.ctx, conn, up.from.next, wanted, up.date)
	if err != nil {
		return err
	}
	switch found {
	case landingAbsent:
		return errNotSeen
	case landingUnknown:
		return errors.New("the message cannot be told from others in the mailbox, and the server names no UID")
	}
	*uid = at
	return nil
}

// storeFlagged sets the flag on a connection, and takes the FETCH that answers
// for proof: a UID that the connection has not been told of is passed over
// with OK (RFC 9051 section 6.4.9). Then NOOP tells it, and it is set again.
func storeFlagged(ctx context.Context, conn *backend.Conn, uid uint32) error {
	for _, before := range []string{"", "NOOP"} {
		if before != "" {
			if _, err := conn.Do(ctx, backend.NewRequest(before)); err != nil {
				return err
			}
		}
		if proved, err := storeOnce(ctx, conn, uid); proved || err != nil {
			return err
		}
	}
	return errNotShown
}

func storeOnce(ctx context.Context, conn *backend.Conn, uid uint32) (proved bool, err error) {
	number := strconv.FormatUint(uint64(uid), 10)
	req := backend.NewRequest("UID STORE").Raw(number).Raw(`+FLAGS (\Flagged)`)
	req.Untagged = func(line []byte) bool {
		text := strings.ToUpper(string(line))
		_, after, ok := strings.Cut(text, "UID "+number)
		if !ok || !strings.Contains(text, " FETCH (") || !strings.HasPrefix(after, " ") && !strings.HasPrefix(after, ")") {
			return false
		}
		proved = proved || strings.Contains(text, `\FLAGGED`)
		return true
	}
	status, err := conn.Do(ctx, req)
	if err == nil && status.Word != "OK" {
		err = backend.ReplyError("UID STORE", status)
	}
	return proved, err
}
