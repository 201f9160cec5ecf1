package proxy

import (
	"time"

	"github.com/emersion/go-imap/v2"

	"exgate/backend"
	"exgate/proxy/mailbox"
)

// compareDate compares the date that a message was sent with to the one that
// Exchange has kept, once in a session: 2010 before SP2 RU5 drops it (quirk
// EX-46). The message is stored by now, and whatever comes of this changes
// nothing about it.
func (c *conn) compareDate(up *upload, stored *imap.AppendData) {
	if c.uploading.dated || up.date == "" || stored == nil || !c.login.profile.InternalDate {
		return
	}
	c.uploading.dated = true
	c.waiting.set("exgate looks which date Exchange has kept", time.Time{})
	var kept string
	err := c.inMailbox(up.mailbox, false, func(conn *backend.Conn) (err error) {
		kept, err = mailbox.KeptDate(c.ctx, conn, uint32(stored.UID))
		return err
	})
	switch {
	case err != nil:
		c.log.Info("it is not known whether Exchange keeps the dates of messages", "mailbox", up.mailbox, "err", err)
	case mailbox.DatesDiffer(up.date, kept):
		c.log.Warn("Exchange does not keep the dates of messages", "mailbox", up.mailbox, "sent", up.date, "kept", kept,
			"remedy", "Exchange 2010 keeps them from Service Pack 2 Update Rollup 5 on (build 14.2.328.5); see exgate explain dates")
		// A warning, RFC 9051 section 7.1.2. What was sent is a date, or it would not differ.
		if err := c.client.w.line("* NO exgate: Exchange does not keep the dates of messages: sent with %s, kept with %s. "+
			"Exchange 2010 does from Service Pack 2 Update Rollup 5 on", up.date, kept); err != nil {
			c.log.Debug("the client was not told of a date", "err", err)
		}
	}
}
