// Package names keeps what sessions know about names of mailboxes. Mapping maps
// the names of one login between its client and Exchange; Known is what all
// sessions of an account know about its mailboxes. The rules of the mapping are
// in package folders. Package proxy uses names for every command that names a
// mailbox.
package names

import (
	"errors"
	"fmt"
	"hash/maphash"
	"strings"

	"exgate/backend/folders"
)

// Mapping maps the names of mailboxes for one login. It belongs to one goroutine
// at a time.
type Mapping struct {
	*folders.Mapper
	Options folders.Options // the options for this user
	seed    maphash.Seed
	logged  map[uint64]bool // hashes of the names for which IsNews has returned true
}

// New returns the mapping for a user, or nil if the options map no name of this
// user. It returns an error if the options are invalid, which the configuration
// has checked before.
func New(opts folders.Options, user string) (*Mapping, error) {
	opts = opts.For(user)
	if !opts.IsActive() {
		return nil, nil
	}
	mapper, err := folders.NewMapper(opts)
	if err != nil {
		return nil, err
	}
	return &Mapping{Mapper: mapper, Options: opts, seed: maphash.MakeSeed(), logged: make(map[uint64]bool)}, nil
}

// KeepsInbox reports whether a client's name is that of INBOX, and maps to INBOX whatever
// mailboxes there are.
func (m *Mapping) KeepsInbox(name string) bool {
	o := &m.Options
	return strings.EqualFold(name, "INBOX") && o.Prefix == "" && len(o.List)+len(o.Patterns) == 0
}

// IsNews reports whether the caller should log something about name. It returns
// true once for each name, and for maxLogged names in all.
func (m *Mapping) IsNews(name string) bool {
	hash := maphash.String(m.seed, name)
	if m.logged[hash] || len(m.logged) >= maxLogged {
		return false
	}
	m.logged[hash] = true
	return true
}

// ErrNoText is the reason why a client's name is refused that no mailbox can have.
var ErrNoText = errors.New("the name of the mailbox is neither modified UTF-7 nor UTF-8 (RFC 9051 section 5.1)")

// BlankEndFault returns why a command would break the connection by the name of its mailbox; nil if
// it would not.
func (m *Mapping) BlankEndFault(verb, client, mailbox string) error {
	if !m.Options.RefuseBlankEnd || verb == "RENAME" || verb == "DELETE" || !strings.HasSuffix(mailbox, " ") {
		return nil
	}
	return fmt.Errorf("the name %q ends in a blank, for which Exchange 2007 closes the connection: "+
		"rename the mailbox with Outlook or by RENAME", client)
}

// WouldMap returns the client's name of a mailbox and its name in Exchange, as they would be if the names were
// mapped, for mode: observe. client is the name that the client has sent. It may be one of Exchange's, since the
// client sees these.
func (m *Mapping) WouldMap(client string, isOwn bool, list *folders.List) (name, mailbox string, err error) {
	name, isText := folders.Decode(client)
	switch {
	case name == "" || m.KeepsInbox(name):
		return name, name, nil
	case !isText:
		return name, "", ErrNoText
	case list.Has(name):
		if shown, ok := m.Client(name, list); ok {
			return shown, name, nil
		}
		if !isOwn { // the client has the name from a LIST, in which exgate would have left it out
			return name, name, nil
		}
	}
	mailbox, err = m.Upstream(name, list)
	return name, mailbox, err
}

// maxLogged limits the memory that a session needs for its logged names.
const maxLogged = 10_000
