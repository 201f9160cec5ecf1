package proxy

import (
	"slices"
	"strings"

	"exgate/backend/folders"
	"exgate/backend/wire"
)

// editListNames is the argument editor of LIST and LSUB (RFC 9051 section
// 6.3.9, RFC 3501 section 6.3.9, RFC 5258). Patterns are about the names that
// the client sees, so that the upstream is asked for all, and what it says is
// compared here; a pattern without a wildcard is a name.
func editListNames(a *amendment) (done bool, err error) {
	if a.c.login.names == nil {
		a.cmd.editor = &quoting{c: a.c}
		return false, nil
	}
	l := &listing{c: a.c}
	a.args.Space()
	options := a.here()
	selection, ok := a.args.List()
	if !ok {
		return false, wire.SyntaxError(a.cmd.verb + ": the selection options have no end")
	}
	if l.special = containsFold(selection, "SPECIAL-USE") && !a.c.login.has("SPECIAL-USE"); l.special {
		rest := slices.DeleteFunc(selection, func(s string) bool { return strings.EqualFold(s, "SPECIAL-USE") })
		text := ""
		if len(rest) > 0 {
			text = "(" + strings.Join(rest, " ") + ")"
		}
		a.args.Space()
		a.replace(options, text)
	}
	a.args.Space()
	from := a.here()
	reference, ok := a.args.String()
	if !ok {
		return false, wire.SyntaxError(a.cmd.verb + " takes a reference and a pattern")
	}
	a.args.Space()
	patterns, ok := a.patterns()
	if !ok {
		return false, wire.SyntaxError(a.cmd.verb + " takes a reference and a pattern")
	}
	if len(patterns) == 1 && patterns[0] == "" { // asks for the separator
		l.root = true
		a.cmd.editor = l
		return false, nil
	}
	for _, p := range patterns {
		name, _ := folders.Decode(reference + p)
		l.patterns = append(l.patterns, name)
	}
	if l.list, err = a.c.folders(a.cmd, anyAge); err != nil {
		return false, unavailable(err)
	}
	ask := "*"
	if len(patterns) == 1 && !wire.HasWildcard(l.patterns[0]) {
		mailbox, _, err := a.c.upstreamMailbox(a.cmd, reference+patterns[0])
		if err != nil {
			return false, err
		}
		ask = l.list.Wire(mailbox)
	} else if len(selection) == 0 && a.cmd.verb == "LIST" && a.args.Empty() {
		l.all = l.list.Pass()
		a.cmd.landed = onOK(func() {
			if list, ok := l.all.End(); ok {
				a.c.login.account.known.set(list)
			}
		})
	}
	a.replace(from, `"" `+quotedPattern(ask))
	if err := a.returnOptions(); err != nil {
		return false, err
	}
	a.cmd.editor = l
	return false, nil
}

// patterns reads one pattern, or several in parentheses.
func (a *amendment) patterns() ([]string, bool) {
	if a.args.Peek() != '(' {
		pattern, ok := a.args.String()
		return []string{pattern}, ok
	}
	return a.args.Strings()
}

// returnOptions takes SPECIAL-USE out of RETURN (RFC 6154 section 5.1), where
// it is exgate that returns it.
func (a *amendment) returnOptions() error {
	from := a.here()
	a.args.Space()
	word, ok := a.args.Atom()
	if !ok || !strings.EqualFold(word, "RETURN") || a.c.login.has("LIST-EXTENDED") {
		return nil
	}
	a.args.Space()
	list, ok := a.args.List()
	if !ok {
		return wire.SyntaxError(a.cmd.verb + ": the return options have no end")
	}
	for _, option := range list {
		if !strings.EqualFold(option, "SPECIAL-USE") && !strings.EqualFold(option, "CHILDREN") {
			return refuseArgument("BAD the return option %s is not offered", option)
		}
	}
	a.replace(from, "") // both are returned unasked
	return nil
}

// quotedPattern writes a pattern for LIST: always quoted, but for an atom.
func quotedPattern(s string) string {
	if s == "*" {
		return `"*"`
	}
	return wire.AString(s)
}

func containsFold(list []string, word string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, word) })
}

// listing is the reply editor of LIST and LSUB: names become the client's,
// folders that it is not shown are left out, and those that it did not ask for.
type listing struct {
	c        *conn
	list     *folders.List
	all      *folders.Pass // gathers all names; nil: not all were asked for
	patterns []string
	special  bool            // only those with an attribute of RFC 6154
	root     bool            // only the separator was asked for
	named    map[string]bool // of LSUB: what was, with parents that are not subscribed
	gathered
}

// wants implements replyEditor.
func (l *listing) wants(line []byte) bool { return wire.IsUntagged(line, "LIST", "LSUB", "STATUS") }

// edit implements replyEditor.
func (l *listing) edit(out []byte, f wire.Fragment) (edited []byte, same bool) {
	resp, at, ok := l.gatherListed(f)
	if !ok {
		return append(out, resp...), false
	}
	n := l.c.login.names
	if l.root || len(at.mailbox) == 0 {
		return at.appendTo(out, resp, listedEdit{mailbox: string(at.mailbox), separator: n.opts.Separator}), false
	}
	told := l.told(resp, &at)
	switch {
	case told.Client == "":
		return out, false
	case !l.asked(told.Client):
		if at.verb == "LSUB" {
			return l.parents(out, told.Client), false
		}
		return out, false
	case at.verb == "LSUB":
		l.tell(told.Client)
	}
	edit := listedEdit{mailbox: told.Wire, separator: n.opts.Separator}
	if at.verb != "STATUS" {
		edit.attribute = told.Use
		if l.special && edit.attribute == "" {
			return out, false
		}
	}
	if at.bare { // it has a TAB, which UTF-7 writes otherwise
		edit.mailbox = folders.Encode(told.Client)
	}
	if f.First && f.Last && edit.attribute == "" && edit.separator == "" && !at.bare && edit.mailbox == string(at.mailbox) {
		return out, true
	}
	return at.appendTo(out, resp, edit), false
}

// told is what the client is told of a mailbox.
func (l *listing) told(resp []byte, at *listed) *folders.Told {
	m := l.c.login.names.Mapper
	if l.all == nil {
		return m.Told(at.mailbox, l.list)
	}
	if at.verb == "LIST" {
		l.all.Separator = at.separatorIn(resp)
	}
	return l.all.Told(m, at.mailbox)
}

// asked tells whether the client's patterns have a mailbox in them.
func (l *listing) asked(mailbox string) bool {
	sep := l.c.login.names.Separator(l.list)
	return slices.ContainsFunc(l.patterns, func(p string) bool { return wire.MatchesPattern(p, mailbox, sep) })
}

// parents appends the parents of a subscribed mailbox that are asked for, but
// not told: RFC 3501 section 6.3.9 wants them where the mailbox itself is below
// what "%" matches.
func (l *listing) parents(out []byte, mailbox string) []byte {
	sep := l.c.login.names.Separator(l.list)
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

func (l *listing) tell(mailbox string) {
	if l.named == nil {
		l.named = make(map[string]bool)
	}
	l.named[mailbox] = true
}

// quoting is the reply editor of LIST and LSUB where names are not mapped: one
// with a TAB is quoted (behaviour notes §5 row 18).
type quoting struct {
	c *conn
	gathered
}

// wants implements replyEditor.
func (q *quoting) wants(line []byte) bool { return wire.IsUntagged(line, "LIST", "LSUB") }

// edit implements replyEditor.
func (q *quoting) edit(out []byte, f wire.Fragment) (edited []byte, same bool) {
	resp, at, ok := q.gatherListed(f)
	if !ok || !at.bare {
		if f.First && f.Last {
			return out, true
		}
		return append(out, resp...), false
	}
	q.c.repaired("list-names")
	return at.appendTo(out, resp, listedEdit{mailbox: string(at.mailbox)}), false
}
