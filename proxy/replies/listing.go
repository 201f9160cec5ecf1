package replies

import (
	"slices"
	"strings"

	"exgate/backend/folders"
	"exgate/backend/wire"
)

// Listing is the reply editor of LIST and LSUB: names become the client's,
// folders that it is not shown are left out, and those that it did not ask for.
type Listing struct {
	Mapper      *folders.Mapper
	Separator   string // that the client is shown; "": the upstream's
	List        *folders.List
	All         *folders.Pass // gathers all names; nil: not all were asked for
	Patterns    []string
	SpecialOnly bool            // only those with an attribute of RFC 6154
	RootOnly    bool            // only the separator was asked for
	named       map[string]bool // of LSUB: what was, with parents that are not subscribed
	gathered
}

// Wants implements replyEditor.
func (l *Listing) Wants(line []byte) bool { return wire.IsUntagged(line, "LIST", "LSUB", "STATUS") }

// Edit implements replyEditor.
func (l *Listing) Edit(out []byte, f wire.Fragment) (edited []byte, same bool) {
	resp, at, ok := l.gatherListed(f)
	if !ok {
		return append(out, resp...), false
	}
	if l.RootOnly || len(at.Mailbox) == 0 {
		return at.appendTo(out, resp, listedEdit{mailbox: string(at.Mailbox), separator: l.Separator}), false
	}
	told := l.told(resp, &at)
	switch {
	case told.Client == "":
		return out, false
	case !l.asked(told.Client):
		if at.Verb == "LSUB" {
			return l.parents(out, told.Client), false
		}
		return out, false
	case at.Verb == "LSUB":
		l.tell(told.Client)
	}
	edit := listedEdit{mailbox: told.Wire, separator: l.Separator}
	if at.Verb != "STATUS" {
		edit.attribute = told.Use
		if l.SpecialOnly && edit.attribute == "" {
			return out, false
		}
	}
	if at.bare { // it has a TAB, which UTF-7 writes otherwise
		edit.mailbox = folders.Encode(told.Client)
	}
	if f.First && f.Last && edit.attribute == "" && edit.separator == "" && !at.bare && edit.mailbox == string(at.Mailbox) {
		return out, true
	}
	return at.appendTo(out, resp, edit), false
}

// told is what the client is told of a mailbox.
func (l *Listing) told(resp []byte, at *Listed) *folders.Told {
	if l.All == nil {
		return l.Mapper.Told(at.Mailbox, l.List)
	}
	if at.Verb == "LIST" {
		l.All.Separator = at.separatorIn(resp)
	}
	return l.All.Told(l.Mapper, at.Mailbox)
}

// asked tells whether the client's patterns have a mailbox in them.
func (l *Listing) asked(mailbox string) bool {
	sep := l.Mapper.Separator(l.List)
	return slices.ContainsFunc(l.Patterns, func(p string) bool { return wire.MatchesPattern(p, mailbox, sep) })
}

// parents appends the parents of a subscribed mailbox that are asked for, but
// not told: RFC 3501 section 6.3.9 wants them where the mailbox itself is below
// what "%" matches.
func (l *Listing) parents(out []byte, mailbox string) []byte {
	sep := l.Mapper.Separator(l.List)
	for i := strings.Index(mailbox, sep); i > 0; {
		if parent := mailbox[:i]; l.asked(parent) && !l.named[parent] {
			l.tell(parent)
			quoted := strings.ReplaceAll(sep, `\`, `\\`)
			out = append(out, `* LSUB (\Noselect) "`+quoted+`" `+wire.AString(folders.Encode(parent))+"\r\n"...)
		}
		n := strings.Index(mailbox[i+len(sep):], sep)
		if n < 0 {
			break
		}
		i += len(sep) + n
	}
	return out
}

func (l *Listing) tell(mailbox string) {
	if l.named == nil {
		l.named = make(map[string]bool)
	}
	l.named[mailbox] = true
}

// Quoting is the reply editor of LIST and LSUB where names are not mapped: one
// with a TAB is quoted (docs/exchange.md#ex-21).
type Quoting struct {
	Repaired func(fix string)
	gathered
}

// Wants implements replyEditor.
func (q *Quoting) Wants(line []byte) bool { return wire.IsUntagged(line, "LIST", "LSUB") }

// Edit implements replyEditor.
func (q *Quoting) Edit(out []byte, f wire.Fragment) (edited []byte, same bool) {
	resp, at, ok := q.gatherListed(f)
	if !ok || !at.bare {
		if f.First && f.Last {
			return out, true
		}
		return append(out, resp...), false
	}
	q.Repaired("list-names")
	return at.appendTo(out, resp, listedEdit{mailbox: string(at.Mailbox)}), false
}
