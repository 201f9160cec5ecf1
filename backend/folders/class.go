package folders

import (
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Class is what a folder of Exchange's own is for.
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

// Classes are those that can be hidden.
var Classes = []Class{Calendar, Contacts, Tasks, Journal, Notes, SyncIssues, Conversation, Outbox, Files}

// specialUse are the attributes of RFC 6154 section 2.
var specialUse = map[Class]string{
	drafts: `\Drafts`, sent: `\Sent`, trash: `\Trash`, junk: `\Junk`, archive: `\Archive`,
}

// Hidden tells whether an upstream mailbox is one of those that clients are
// not shown, or lies below one.
func (m *Mapper) Hidden(upstream string, have *List) bool {
	if len(m.opts.Hide) == 0 {
		return false
	}
	top, _, _ := strings.Cut(upstream, have.separator())
	class, ok := have.language().class(top)
	return ok && slices.Contains(m.opts.Hide, class)
}

// SpecialUse returns the attribute of an upstream mailbox, or "".
func (m *Mapper) SpecialUse(upstream string, have *List) string {
	if !m.opts.SpecialUse || strings.Contains(upstream, have.separator()) {
		return ""
	}
	class, _ := have.language().class(upstream)
	return specialUse[class]
}

// language is the names of Exchange's own folders in one language.
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

// folded is the key of a folder's name: an accent may stand beside its letter
// (NFD, as macOS writes it), and an apostrophe be a raised comma.
func folded(name string) string {
	return strings.ReplaceAll(fold(norm.NFC.String(name)), "’", "'")
}

// leastFolders have to be there before a language is believed: a German
// mailbox may well have a folder of mail that is called Notes.
const leastFolders = 3

// none is the language of an account without Exchange's own folders.
var none = new(language)

// language returns that in which most of Exchange's own folders are named.
// Exchange names them all in one when the mailbox is first opened.
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
