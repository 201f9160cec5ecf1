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
// writing, else on a side connection. The message is stored; a flag that
// cannot be set is said in the log and loses no mail.
func (c *conn) replayFlagged(mailbox string, stored *imap.AppendData) {
	if stored == nil {
		c.log.Error("\\Flagged was not set: Exchange named no UID", "mailbox", mailbox)
		return
	}
	c.waiting.set("setting \\Flagged", time.Time{})
	c.mu.Lock()
	own := c.view.readWrite && c.view.holds(mailbox, c.login.policy.exchange())
	c.mu.Unlock()
	store := func(conn *backend.Conn) error { return storeFlagged(c.ctx, conn, uint32(stored.UID)) }
	var err error
	if own {
		err = store(c.up)
	} else {
		err = c.onSide(mailbox, store)
	}
	if err != nil {
		c.log.Error("\\Flagged was not set", "mailbox", mailbox, "uid", stored.UID, "err", err)
	}
}

// storeFlagged sets the flag and takes the FETCH that answers it for proof.
func storeFlagged(ctx context.Context, conn *backend.Conn, uid uint32) error {
	number, proved := strconv.FormatUint(uint64(uid), 10), false
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
	switch {
	case err != nil:
		return err
	case status.Word != "OK":
		return backend.ReplyError("UID STORE", status)
	case !proved:
		return errors.New("UID STORE was answered OK without a FETCH that shows the flag")
	}
	return nil
}
