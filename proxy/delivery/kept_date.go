package delivery

import (
	"fmt"
	"time"

	"github.com/emersion/go-imap/v2"

	"exgate/backend"
	"exgate/proxy/mailbox"
)

// compareDate compares the date that a message was sent with to the one that
// Exchange has kept, once in a session: 2010 before SP2 RU5 drops it (quirk
// EX-46). The message is stored by now, and whatever comes of this changes
// nothing about it.
func (s *Sender) compareDate(up *Upload, stored *imap.AppendData) {
	if s.dated || up.Date == "" || stored == nil || !s.Profile.InternalDate {
		return
	}
	s.dated = true
	s.Waits("exgate looks which date Exchange has kept", time.Time{})
	var kept string
	err := s.InMailbox(up.Mailbox, false, func(conn *backend.Conn) (err error) {
		kept, err = mailbox.KeptDate(s.Context(), conn, uint32(stored.UID))
		return err
	})
	switch {
	case err != nil:
		s.Log.Info("it is not known whether Exchange keeps the dates of messages", "mailbox", up.Mailbox, "err", err)
	case mailbox.DatesDiffer(up.Date, kept):
		s.Log.Warn("Exchange does not keep the dates of messages", "mailbox", up.Mailbox, "sent", up.Date, "kept", kept,
			"remedy", "Exchange 2010 keeps them from Service Pack 2 Update Rollup 5 on (build 14.2.328.5); "+
				"see exgate explain dates")
		// A warning, RFC 9051 section 7.1.2. What was sent is a date, or it would not differ.
		s.Warn(fmt.Sprintf("Exchange does not keep the dates of messages: sent with %s, kept with %s. "+
			"Exchange 2010 does from Service Pack 2 Update Rollup 5 on", up.Date, kept))
	default:
		s.dateKept = true
	}
}
