package proxy

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"exgate/backend"
)

// replayFlagged sets \Flagged by STORE, where every client of Exchange sees
// it: on the session's own connection where the mailbox is selected there for
// writing, else on a side connection. The message is stored by now: a flag
// that cannot be set is said in the log, and loses no mail.
func (c *conn) replayFlagged(mailbox string, stored *imap.AppendData) (set bool) {
	c.waiting.set("setting \\Flagged", time.Time{})
	err := c.storeFlagged(mailbox, stored)
	if err != nil {
		c.log.Error("\\Flagged was not set", "mailbox", mailbox, "err", err)
	}
	return err == nil
}

func (c *conn) storeFlagged(mailbox string, stored *imap.AppendData) error {
	if stored == nil {
		return errors.New("no UID was named for the message")
	}
	c.mu.Lock()
	own := c.view.readWrite && c.view.holds(mailbox, c.login.policy.exchange())
	c.mu.Unlock()
	store := func(conn *backend.Conn) error { return storeFlagged(c.ctx, conn, uint32(stored.UID)) }
	if own {
		return store(c.up)
	}
	return c.onSide(mailbox, store)
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
	return errors.New("UID STORE was answered OK without a FETCH that shows the flag")
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
