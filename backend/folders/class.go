package folders

import (
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Class is the purpose of one of Exchange's special folders.
type Class string

// The classes that hold no mail, or none that anybody wrote, which Exchange
// lists like mail folders (docs/exchange.md#folders-without-mail), and those that
// have an attribute in RFC 6154.
const (
	Calendar     Class = "calendar"
	Contacts     Class = "contacts"
	Tasks        Class = "tasks"
	Journal      Class = "journal"
	Notes        Class = "notes"
	SyncIssues   Class = "sync-issues"
	Conversation Class = "conversation-history"
	Outbox       Class = "outbox"
	Files        Class = "files"

	drafts  Class = "drafts"
	sent    Class = "sent"
	trash   Class = "trash"
	junk    Class = "junk"
	archive Class = "archive"
)

// Classes are the classes that can be hidden.
var Classes = []Class{Calendar, Contacts, Tasks, Journal, Notes, SyncIssues, Conversation, Outbox, Files}

// specialUse are the attributes of RFC 6154 section 2.
var specialUse = map[Class]string{
	drafts: `\Drafts`, sent: `\Sent`, trash: `\Trash`, junk: `\Junk`, archive: `\Archive`,
}

// IsHidden reports whether clients do not see an upstream mailbox, because its top level is
// a folder of a hidden class.
func (m *Mapper) IsHidden(upstream string, have *List) bool {
	if len(m.opts.Hide) == 0 {
		return false
	}
	top, _, _ := strings.Cut(upstream, have.separator())
	class, ok := have.language().class(top)
	return ok && slices.Contains(m.opts.Hide, class)
}

// SpecialUse returns the special-use attribute of an upstream mailbox; "" if it has none.
func (m *Mapper) SpecialUse(upstream string, have *List) string {
	if !m.opts.SpecialUse || strings.Contains(upstream, have.separator()) {
		return ""
	}
	class, _ := have.language().class(upstream)
	return specialUse[class]
}

// language has the names of Exchange's special folders in one language.
type language map[string]Class // by folded name

func (l *language) class(name string) (Class, bool) {
	if l == nil {
		return "", false
	}
	var small [64]byte
	if key, ok := foldASCII(small[:0], name); ok {
		class, known := (*l)[string(key)]
		return class, known
	}
	class, known := (*l)[folded(name)]
	return class, known
}

// folded returns the key of a folder's name. It treats a combining accent (NFD, as macOS
// writes it) like the accented letter, and a typographic apostrophe like a plain one.
func folded(name string) string {
	return strings.ReplaceAll(fold(norm.NFC.String(name)), "’", "'")
}

// leastFolders is the number of names that must exist before a language counts. A German
// mailbox may well have a mail folder called Notes.
const leastFolders = 3

// none is the language of an account without Exchange's special folders.
var none = new(language)

// language returns the language of most of Exchange's special folders. Exchange names them
// all in one language when the mailbox is first opened.
func (l *List) language() *language {
	if l == nil {
		return nil
	}
	l.mu.RLock()
	speaks := l.speaks
	l.mu.RUnlock()
	if speaks != nil {
		return speaks
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	top := make(map[string]struct{})
	for key := range l.spelling {
		if !strings.Contains(key, l.Separator) {
			top[folded(key)] = struct{}{}
		}
	}
	best, most := none, leastFolders-1
	for i := range languages {
		n := 0
		for name := range top {
			if _, ok := languages[i][name]; ok {
				n++
			}
		}
		if n > most {
			best, most = &languages[i], n
		}
	}
	l.speaks = best
	return best
}
