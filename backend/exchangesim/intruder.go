package exchangesim

import (
	"fmt"
	"slices"
	"time"
)

// withoutExpunge are the commands during which no EXPUNGE may be sent (RFC
// 9051 section 7.5.1). Their UID forms are other commands.
var withoutExpunge = [...]string{"FETCH", "STORE", "SEARCH"}

// IntruderDomain is in the Message-IDs of the fault deliver, so that a test can
// tell its messages from its own.
const IntruderDomain = "intruder.invalid"

// intrude lets another client change the selected mailbox, by the faults
// deliver and expunge, and tells of it. Amid data, whose sequence numbers are
// written already, expunge is false.
func (c *conn) intrude(expunge bool) {
	if c.view == nil {
		return
	}
	_, delivered := c.strike(faultDeliver)
	if delivered {
		c.srv.store.deliverIntruder(c.srv, c.view.mailbox)
	}
	f, expunged := fault{}, false
	if f, expunged = c.strike(faultExpunge); expunged {
		c.srv.store.expungeFirst(c.view.mailbox, f.drawn)
	}
	if delivered || expunged {
		c.sync(expunge)
	}
}

// deliverIntruder stores a message that no client of the test has sent.
func (s *store) deliverIntruder(srv *Server, mb *mailbox) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.intruders++
	m := srv.newMessage(0, srv.now(), fmt.Appendf(nil, "From: another@example.com\r\nSubject: another client's %d\r\n"+
		"Message-ID: <%[1]d@%s>\r\n\r\nHello.\r\n", s.intruders, IntruderDomain))
	m.intruder = true
	mb.add(m)
}

// expungeFirst removes the first message, or the first that an intruder has
// brought.
func (s *store) expungeFirst(mb *mailbox, intruders bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(mb.messages, func(m *message) bool { return m.intruder || !intruders })
	if i >= 0 {
		first := mb.messages[i]
		mb.expunge(func(m *message) bool { return m == first })
	}
}

// Expunge removes a message, as another client would. The name of the mailbox
// is in modified UTF-7, as on the wire.
func (s *Server) Expunge(user, mailbox string, uid uint32) error {
	_, mb, err := s.store.lockMailbox(user, mailbox)
	if err != nil {
		return fmt.Errorf("expunging: %w", err)
	}
	defer s.store.mu.Unlock()
	if mb.message(uid) == nil {
		return fmt.Errorf("expunging: %s's %s has no UID %d", user, mailbox, uid)
	}
	mb.expunge(func(m *message) bool { return m.uid == uid })
	return nil
}

// ChangeUIDValidity gives a mailbox a new UIDVALIDITY and its messages new
// UIDs, from 1. Connections that have it selected are cut: the UIDs that their
// clients know mean nothing any more.
func (s *Server) ChangeUIDValidity(user, mailbox string) error {
	a, mb, err := s.store.lockMailbox(user, mailbox)
	if err != nil {
		return fmt.Errorf("changing UIDVALIDITY: %w", err)
	}
	defer s.store.mu.Unlock()
	s.store.renumber(a, mb)
	return nil
}

// lockMailbox finds a mailbox and takes the lock, but for an error.
func (s *store) lockMailbox(user, mailbox string) (*account, *mailbox, error) {
	a := s.account(user)
	if a == nil {
		return nil, nil, fmt.Errorf("there is no user %s", user)
	}
	s.mu.Lock()
	mb := a.find(mailbox)
	if mb == nil {
		s.mu.Unlock()
		return nil, nil, fmt.Errorf("%s has no mailbox %s", user, mailbox)
	}
	return a, mb, nil
}

// revalidate is ChangeUIDValidity for the mailbox that the connection has
// selected.
func (c *conn) revalidate() {
	s := c.srv.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if !c.view.mailbox.gone {
		s.renumber(c.account, c.view.mailbox)
	}
}

// renumber puts another mailbox in the place of mb. The caller holds the lock.
func (s *store) renumber(a *account, mb *mailbox) {
	s.uidValidity++
	next := &mailbox{
		name: mb.name, uidValidity: s.uidValidity, uidNext: 1,
		subscribed: mb.subscribed, standard: mb.standard, changed: make(chan struct{}),
	}
	for _, m := range mb.messages {
		next.add(m.clone())
	}
	a.mailboxes[a.key(mb.name)] = next
	mb.gone = true
	mb.notify()
}

// isSelectedGone says that the mailbox selected is not there under the UIDs that
// the client knows.
func (c *conn) isSelectedGone() bool {
	if c.view == nil {
		return false
	}
	c.srv.store.mu.Lock()
	defer c.srv.store.mu.Unlock()
	return c.view.mailbox.gone
}

// storeLate answers an APPEND whose message is in the mailbox only after d, as
// where it has to be replicated. Its UID is not known before.
func (c *conn) storeLate(name string, d time.Duration, m *message) status {
	s, a := c.srv.store, c.account
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.find(name) == nil {
		return tryCreate(name)
	}
	c.srv.after(d, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if mb := a.find(name); mb != nil { // else deleted meanwhile, with all in it
			m.came = c.srv.now()
			mb.add(m)
		}
	})
	return completed("APPEND")
}
