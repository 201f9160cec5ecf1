package config

// Names are folders.Options in the file's words. For a zero value, the profile
// decides.
type Names struct {
	// Names that differ only in case, which Exchange does not distinguish. apart:
	// two mailboxes, the second with a suffix in Exchange. merge: one mailbox, in
	// which exgate deletes nothing. off: no mapping.
	Case string `key:"case" example:"apart"`
	// Characters in a name that Exchange refuses or drops: blanks at its ends,
	// control characters. replace: exgate replaces them by similar characters, and
	// restores them for clients. off: no mapping.
	Characters string `key:"characters" example:"replace"`
	// Maximum number of characters in one level of a name. exgate moves the rest to
	// a level below it, and clients see one level. 0: the profile's value; -1: no
	// limit.
	Longest int `key:"longest" example:"250"`
	// Names that Exchange refuses at the top level. In Exchange they end in
	// _renamed_by_imapsync, as with imapsync. Unset: the profile's list; [off]: none.
	Reserved []string `key:"reserved" example:"[Files]"`
	// The mailbox in Exchange that contains all mailboxes of the client. It also
	// contains the client's INBOX, unless the prefix begins with INBOX. Unset: the
	// profile's value; off: none.
	Prefix string `key:"prefix" example:"INBOX."`
	// Prefixes for single users, for example to collect backups of many mailboxes
	// in one.
	Users []UserPrefix `key:"users" example:"[{user: bob, prefix: backup/bob}]"`
	// The separator that clients see between the levels of a name: / . or \. Unset:
	// Exchange's own, which is /. With another one, a name can contain a /.
	Separator string `key:"separator" example:"."`
	// Mailboxes with one name for clients (from) and another in Exchange (to). The
	// mailboxes below them move with them.
	List []NamePair `key:"list" example:"[{from: Sent, to: Sent Items}]"`
	// The same by regular expressions (RE2), applied in order to the client's name.
	// back_from and back_to restore the client's name. Without them, clients see
	// Exchange's name, and two names may become one mailbox.
	Patterns []NamePattern `key:"patterns" example:"[{from: '^Old/(.*)$', to: 'Archive/$1', back_from: '^Archive/(.*)$', back_to: 'Old/$1'}]"`
	// Exchange's special folders to hide from clients: calendar, contacts, tasks,
	// journal, notes, sync-issues, conversation-history, outbox, files. exgate
	// recognises them by their names in 21 languages. Unset: the profile's list;
	// [off]: none.
	Hide []string `key:"hide" example:"[calendar, contacts, tasks, journal, notes]"`
	// The special use of folders (RFC 6154). add: exgate marks the folders for sent
	// mail, drafts, trash, junk and archive, which it recognises by their names.
	// off: no marks.
	SpecialUse string `key:"special_use" example:"add"`
}

// UserPrefix is the prefix of one user.
type UserPrefix struct {
	User   string `key:"user" json:"user"`
	Prefix string `key:"prefix" json:"prefix"`
}

// NamePair is one mailbox under two names.
type NamePair struct {
	From string `key:"from" json:"from"`
	To   string `key:"to" json:"to"`
}

// NamePattern is a regular expression with its replacement, and the same for
// the opposite direction.
type NamePattern struct {
	From     string `key:"from" json:"from"`
	To       string `key:"to" json:"to"`
	BackFrom string `key:"back_from" json:"back_from"`
	BackTo   string `key:"back_to" json:"back_to"`
}

// Choices of names.
const (
	NamesOff          = "off"
	CharactersReplace = "replace"
	SpecialUseAdd     = "add"
)
