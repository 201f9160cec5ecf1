package proxy

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/emersion/go-imap/v2"

	"exgate/backend"
)

// compareDate compares the date that a message was sent with to the one that
// Exchange has kept, once in a session: 2010 before SP2 RU5 drops it (quirk
// EX-46). The message is stored by now, and whatever comes of this changes
// nothing about it.
func (c *conn) compareDate(up *upload, stored *imap.AppendData) {
	if c.dated || up.date == "" || stored == nil || !c.login.policy.InternalDate {
		return
	}
	c.dated = true
	c.waiting.set("exgate looks which date Exchange has kept", time.Time{})
	var kept string
	err := c.inMailbox(up.mailbox, false, func(conn *backend.Conn) (err error) {
		kept, err = keptDate(c.ctx, conn, uint32(stored.UID))
		return err
	})
	switch {
	case err != nil:
		c.log.Info("it is not known whether Exchange keeps the dates of messages", "mailbox", up.mailbox, "err", err)
	case differs(up.date, kept):
		c.log.Warn("Exchange does not keep the dates of messages", "mailbox", up.mailbox, "sent", up.date, "kept", kept,
			"remedy", "Exchange 2010 keeps them from Service Pack 2 Update Rollup 5 on (build 14.2.328.5); see exgate explain dates")
		// A warning, RFC 9051 section 7.1.2. What was sent is a date, or it would not differ.
		if err := c.w.line("* NO exgate: Exchange does not keep the dates of messages: sent with %s, kept with %s. "+
			"Exchange 2010 does from Service Pack 2 Update Rollup 5 on", up.date, kept); err != nil {
			c.log.Debug("the client was not told of a date", "err", err)
		}
	}
}

// errNoDate says that a message just stored is not to be seen yet, or that the
// server shows no date.
var errNoDate = errors.New("UID FETCH was answered OK without a date")

// keptDate asks for the date of a message in the mailbox that is selected on
// conn. A UID that the connection has not been told of is passed over with OK
// (RFC 9051 section 6.4.9): NOOP tells it, and it is asked again.
func keptDate(ctx context.Context, conn *backend.Conn, uid uint32) (string, error) {
	for _, before := range []string{"", "NOOP"} {
		if before != "" {
			if _, err := conn.Do(ctx, backend.NewRequest(before)); err != nil {
				return "", err
			}
		}
		kept := ""
		req := backend.NewRequest("UID FETCH").Raw(strconv.FormatUint(uint64(uid), 10)).Raw("(UID INTERNALDATE)")
		req.Untagged = func(response []byte) bool {
			m, ok := parseCandidate(response)
			if !ok || m.uid != uid || m.internalDate == "" {
				return false
			}
			kept = m.internalDate
			return true
		}
		status, err := conn.Do(ctx, req)
		if err == nil && status.Word != "OK" {
			err = backend.ReplyError("UID FETCH", status)
		}
		if err != nil || kept != "" {
			return kept, err
		}
	}
	return "", errNoDate
}

// differs tells whether two dates are different instants. What cannot be read
// differs from nothing.
func differs(sent, kept string) bool {
	s, err := time.Parse(dateTime, sent)
	k, err2 := time.Parse(dateTime, kept)
	return err == nil && err2 == nil && !s.Equal(k)
}
