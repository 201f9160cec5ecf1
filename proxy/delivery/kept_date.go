package delivery

import (
	"fmt"

	"exgate/backend"
	"exgate/proxy/mailbox"
)

// BeginComparingDate reports whether the caller is to call CompareDate: the message is
// stored with a date, the upstream may be one that drops dates, and nobody has asked it yet.
// It returns true once in a session.
func (s *Sender) BeginComparingDate(up *Upload) bool {
	if !s.MayDropDates || !s.Profile.InternalDate || s.dated || up.Date == "" || up.stored == nil {
		return false
	}
	if !s.Dates.BeginAsking() {
		return false
	}
	s.dated = true
	return true
}

// CompareDate compares the date that a message was sent with to the one that Exchange has
// kept: 2010 before SP2 RU5 drops it (quirk EX-46). The client has the reply to its APPEND
// by now, so CompareDate uses the side connection (docs/design.md#rules). Whatever comes of
// it changes nothing about the message.
func (s *Sender) CompareDate(up *Upload) {
	defer s.CloseSide()
	var kept string
	err := s.OnSide(up.Mailbox, func(conn *backend.Conn) (err error) {
		kept, err = mailbox.KeptDate(s.Context(), conn, uint32(up.stored.UID))
		return err
	})
	switch {
	case err != nil:
		s.Dates.NotKnown()
		s.Log.Info("it is not known whether Exchange keeps the dates of messages", append(s.about(up), "err", err)...)
	case mailbox.DatesDiffer(up.Date, kept):
		s.Dates.Dropped()
		s.Log.Warn("Exchange does not keep the dates of messages", "mailbox", up.Mailbox, "sent", up.Date, "kept", kept,
			"remedy", "Exchange 2010 keeps them from Service Pack 2 Update Rollup 5 on (build 14.2.328.5); "+
				"see exgate explain dates")
		// A warning, RFC 9051 section 7.1.2. What was sent is a date, or it would not differ.
		s.Warn(fmt.Sprintf("Exchange does not keep the dates of messages: sent with %s, kept with %s. "+
			"Exchange 2010 does from Service Pack 2 Update Rollup 5 on", up.Date, kept))
	default:
		s.Dates.Kept()
	}
}
