package exchangesim

import (
	"bytes"
	"fmt"
	"time"
)

// Message is a snapshot of one stored message, with what a user of Outlook
// would see of it.
type Message struct {
	UID          uint32
	Flags        []string // over IMAP, in Exchange's order
	InternalDate time.Time
	Received     []byte // as the client sent it, byte for byte
	Stored       []byte // as FETCH gives it out

	OutlookFlagged   bool   // the flag is shown in Outlook (quirk EX-10)
	OutlookCategory  string // "" is none (quirk EX-16)
	WouldSendReceipt bool   // opening it sends a read receipt (quirk EX-11)
}

// Messages returns the user's messages in a mailbox, by UID; nil if there is
// no such user or mailbox. The name is in modified UTF-7, as on the wire.
func (s *Server) Messages(user, mailbox string) []Message {
	a := s.store.account(user)
	if a == nil {
		return nil
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	mb := a.find(mailbox)
	if mb == nil {
		return nil
	}
	list := make([]Message, 0, len(mb.messages))
	for _, m := range mb.messages {
		list = append(list, Message{
			UID: m.uid, Flags: m.flags.names(), InternalDate: m.date,
			Received: bytes.Clone(m.received), Stored: bytes.Clone(m.stored),
			OutlookFlagged: m.flagged, OutlookCategory: m.category,
			WouldSendReceipt: s.quirks[quirkReceipts] && asksReceipt(m.stored),
		})
	}
	return list
}

// Mailboxes returns the names of a user's mailboxes, in modified UTF-7, sorted;
// nil if there is no such user.
func (s *Server) Mailboxes(user string) []string {
	a := s.store.account(user)
	if a == nil {
		return nil
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	var names []string
	for _, mb := range a.sorted() {
		names = append(names, mb.name)
	}
	return names
}

// Deliver puts a message into a mailbox, made if it is missing, as if it had
// come by mail: no limit and no fault applies, and a flag shows in Outlook.
func (s *Server) Deliver(user, mailbox string, flagNames []string, date time.Time, msg []byte) (uid uint32, err error) {
	a := s.store.account(user)
	if a == nil {
		return 0, fmt.Errorf("delivering to %s: no such user", user)
	}
	fl, unknown := parseFlags(flagNames)
	if unknown != "" {
		return 0, fmt.Errorf("delivering to %s: Exchange does not keep the flag %s", user, unknown)
	}
	m := s.newMessage(fl, date, bytes.Clone(msg))
	m.flagged = fl&flagFlagged != 0
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	mb := a.find(mailbox)
	if mb == nil {
		mb = s.store.create(a, mailbox)
	}
	return mb.add(m), nil
}

// asksReceipt reports whether a message asks for a read receipt (RFC 8098
// section 2.1, and the older name).
func asksReceipt(msg []byte) bool {
	for _, f := range parseEntity(msg).header {
		if f.is("Disposition-Notification-To") || f.is("Return-Receipt-To") {
			return true
		}
	}
	return false
}
