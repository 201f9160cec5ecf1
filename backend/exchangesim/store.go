package exchangesim

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

// store is all mailboxes of all users. One lock guards everything in it; it is
// never held while a socket is written.
type store struct {
	mu          sync.Mutex
	accounts    map[string]*account // by lower-case name
	uidValidity uint32              // of the last mailbox made
	change      uint64              // counts the changes of flags
	intruders   int                 // messages that fault deliver brought
}

// account is one user's mailboxes.
type account struct {
	user      User
	mailboxes map[string]*mailbox // by key
	foldCase  bool                // quirk EX-14
}

// mailbox is one folder.
type mailbox struct {
	name        string // as the client wrote it: modified UTF-7 (RFC 3501 section 5.1.3)
	uidValidity uint32
	uidNext     uint32
	messages    []*message    // by rising UID
	subscribed  bool          //
	standard    bool          // made by Exchange: can be neither deleted nor renamed
	changed     chan struct{} // closed and replaced when something changes
	gone        bool          // replaced by one of another UIDVALIDITY
}

// message is one item. Its bytes never change; the rest is guarded by the
// store's lock.
type message struct {
	uid      uint32
	flags    flags
	date     time.Time // INTERNALDATE
	received []byte    // as the client sent it
	stored   []byte    // as it is given out
	size     int64     // RFC822.SIZE
	flagged  bool      // in Outlook's view
	category string    // in Outlook's view
	intruder bool      // fault deliver brought it
	change   uint64    // of the store at the last change of the flags
	came     time.Time // when it was stored
}

func (m *message) clone() *message {
	c := *m
	return &c
}

// standardFolders are made with each mailbox. Those of other programs of
// Outlook are listed like mail folders (docs/exchange.md#folders-without-mail).
var standardFolders = [...]string{
	"INBOX", "Calendar", "Contacts", "Deleted Items", "Drafts", "Journal", "Junk Email", "Notes", "Outbox",
	"Sent Items", "Tasks",
}

func newStore(users []User, foldCase bool, uidValidity uint32) *store {
	s := &store{accounts: map[string]*account{}, uidValidity: uidValidity}
	for _, u := range users {
		a := &account{user: u, mailboxes: map[string]*mailbox{}, foldCase: foldCase}
		for _, name := range standardFolders {
			mb := s.create(a, name)
			mb.standard, mb.subscribed = true, true
		}
		s.accounts[strings.ToLower(u.Name)] = a
	}
	return s
}

// account of the user of that name, or nil.
func (s *store) account(name string) *account {
	return s.accounts[strings.ToLower(name)] // the map never changes
}

// byAlias returns the account whose mailbox has that alias, or nil.
func (s *store) byAlias(alias string) *account {
	for _, a := range s.accounts {
		if strings.EqualFold(cmp.Or(a.user.Alias, a.user.Name), alias) {
			return a
		}
	}
	return nil
}

// target returns the account whose mailbox a login of user names, or nil.
func (s *store) target(user *account, n named) *account {
	switch {
	case n.mailbox == "":
		return user
	case n.alias:
		return s.byAlias(n.mailbox)
	}
	return s.account(n.mailbox)
}

// create makes the mailbox, and its parents where they are missing
// (offlineimap#212). The caller holds the lock.
func (s *store) create(a *account, name string) *mailbox {
	if parent := parentName(name); parent != "" && a.find(parent) == nil {
		s.create(a, parent)
	}
	s.uidValidity++
	mb := &mailbox{name: name, uidValidity: s.uidValidity, uidNext: 1, changed: make(chan struct{})}
	a.mailboxes[a.key(name)] = mb
	return mb
}

// find returns the mailbox of that name, or nil. The caller holds the lock.
func (a *account) find(name string) *mailbox { return a.mailboxes[a.key(name)] }

// key is what two spellings of one name share: Exchange keeps case and does
// not tell names apart by it (quirk EX-14). INBOX has any case everywhere.
func (a *account) key(name string) string {
	if a.foldCase {
		return foldName(name)
	}
	if strings.EqualFold(name, "INBOX") {
		return "INBOX"
	}
	return name
}

// sorted returns the account's mailboxes, INBOX first, then by name. The
// caller holds the lock.
func (a *account) sorted() []*mailbox {
	var list []*mailbox
	for _, mb := range a.mailboxes {
		list = append(list, mb)
	}
	slices.SortFunc(list, func(x, y *mailbox) int {
		if xi, yi := x.name == "INBOX", y.name == "INBOX"; xi != yi {
			if xi {
				return -1
			}
			return 1
		}
		return strings.Compare(foldName(x.name), foldName(y.name))
	})
	return list
}

// add gives the message a UID and stores it. The caller holds the lock.
func (mb *mailbox) add(m *message) uint32 {
	m.uid = mb.uidNext
	mb.uidNext++
	mb.messages = append(mb.messages, m)
	mb.notify()
	return m.uid
}

// notify wakes those in IDLE. The caller holds the lock.
func (mb *mailbox) notify() {
	close(mb.changed)
	mb.changed = make(chan struct{})
}

// message of that UID, or nil. The caller holds the lock.
func (mb *mailbox) message(uid uint32) *message {
	i, ok := slices.BinarySearchFunc(mb.messages, uid, func(m *message, uid uint32) int {
		return int(int64(m.uid) - int64(uid))
	})
	if !ok {
		return nil
	}
	return mb.messages[i]
}

// setFlags changes the flags over IMAP. named are those that the command was
// about: a \Flagged among them shows in Outlook too, even if IMAP knew it
// already (quirk EX-10). The caller holds the lock.
func (s *store) setFlags(mb *mailbox, m *message, to, named flags) {
	if named&flagFlagged != 0 {
		m.flagged = to&flagFlagged != 0
	}
	if m.flags == to {
		return
	}
	s.change++
	m.flags, m.change = to, s.change
	mb.notify()
}

// expunge removes the messages for which gone is true. The caller holds the
// lock.
func (mb *mailbox) expunge(gone func(*message) bool) {
	n := len(mb.messages)
	mb.messages = slices.DeleteFunc(mb.messages, gone)
	if len(mb.messages) != n {
		mb.notify()
	}
}
