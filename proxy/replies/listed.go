package replies

import (
	"bytes"
	"strconv"
	"strings"

	"exgate/backend/folders"
	"exgate/backend/wire"
)

// gathered keeps a response together that comes in fragments.
type gathered struct {
	buf   []byte
	whole bool // nothing was given away yet
}

// maxGathered bounds a response that is kept: more than any name and what
// stands beside it.
const maxGathered = 32 << 10

// gatherListed gathers a response and takes it apart. Where ok is false, resp is
// what can be given away of it by now.
func (g *gathered) gatherListed(f wire.Fragment) (resp []byte, l Listed, ok bool) {
	if resp, ok = g.gather(f); resp == nil || !ok {
		return resp, l, false
	}
	l, ok = ParseListed(resp)
	return resp, l, ok
}

// gather returns a response when it is complete: what came in one fragment is
// not copied. One that grows too long is returned piece by piece; ok is then
// false, and it cannot be edited.
func (g *gathered) gather(f wire.Fragment) (resp []byte, ok bool) {
	if f.First {
		g.buf, g.whole = g.buf[:0], true
		if f.Last {
			return f.Data, true
		}
	}
	g.buf = append(g.buf, f.Data...)
	switch {
	case f.Last && g.whole:
		return g.buf, true
	case f.Last || len(g.buf) > maxGathered:
		resp = append([]byte(nil), g.buf...)
		g.buf, g.whole = g.buf[:0], false
		return resp, false
	}
	return nil, true
}

// Listed is a response that carries the name of a mailbox, taken apart: LIST
// and LSUB, and those that begin with the name, such as STATUS. Its fields are
// places in the response.
type Listed struct {
	Verb       string // in upper case
	attributes span   // of LIST and LSUB: between their parentheses
	separator  span   // of LIST and LSUB: as it stands there, in quotes or NIL
	name       span   // as it stands there, with its quotes or as a literal
	Mailbox    []byte // the name, on the wire's alphabet; most often a part of the response
	bare       bool   // the name is no atom and stands there like one (EX-21)
}

// span is a place in a text.
type span struct{ from, to int }

// nameFirst are the responses that begin with a name:
// RFC 9051 section 7.3, RFC 9208, RFC 4314, RFC 5464, RFC 5257.
var nameFirst = []string{"STATUS", "QUOTAROOT", "ACL", "LISTRIGHTS", "MYRIGHTS", "METADATA", "ANNOTATION"}

var listedVerbs = append([]string{"LIST", "LSUB"}, nameFirst...)

// ParseListed takes a whole response apart, with the literals that are in it.
// It is lenient: a name with a TAB comes unquoted (docs/exchange.md#ex-21).
func ParseListed(resp []byte) (l Listed, ok bool) {
	rest, ok := bytes.CutPrefix(resp, []byte("* "))
	word, _, _ := bytes.Cut(rest, []byte(" "))
	if !ok || len(word) > 10 {
		return l, false
	}
	for _, verb := range listedVerbs {
		if len(word) == len(verb) && bytes.EqualFold(word, []byte(verb)) {
			l.Verb = verb
			break
		}
	}
	if l.Verb == "" {
		return l, false
	}
	at := len("* ") + len(word) + 1
	if l.Verb == "LIST" || l.Verb == "LSUB" {
		if at >= len(resp) || resp[at] != '(' {
			return l, false
		}
		n := bytes.IndexByte(resp[at:], ')')
		if n < 0 || !bytes.HasPrefix(resp[at+n:], []byte(") ")) {
			return l, false
		}
		l.attributes = span{at + 1, at + n}
		at += n + 2
		end := at
		for end < len(resp) && resp[end] != ' ' {
			end++
		}
		l.separator = span{at, end}
		if sep := string(resp[at:end]); !strings.EqualFold(sep, "NIL") && (len(sep) < 3 || sep[0] != '"' || sep[len(sep)-1] != '"') {
			return l, false
		}
		at = end + 1
	}
	if at >= len(resp) || resp[at] == ' ' {
		return l, false
	}
	l.name.from = at
	switch resp[at] {
	case '"':
		return l, l.quoted(resp)
	case '{':
		return l, l.literal(resp)
	}
	return l, l.atom(resp)
}

func (l *Listed) quoted(resp []byte) bool {
	from := l.name.from + 1
	if n := bytes.IndexByte(resp[from:], '"'); n >= 0 && bytes.IndexByte(resp[from:from+n], '\\') < 0 && bytes.IndexByte(resp[from:from+n], '\n') < 0 {
		l.name.to, l.Mailbox = from+n+1, resp[from:from+n] // most have no escapes
		return l.endsAt(resp)
	}
	var b []byte
	for i := from; i < len(resp); i++ {
		switch c := resp[i]; {
		case c == '"':
			l.name.to, l.Mailbox = i+1, b
			return l.endsAt(resp)
		case c == '\r' || c == '\n':
			return false
		case c == '\\' && i+1 < len(resp):
			i++
			b = append(b, resp[i])
		default:
			b = append(b, c)
		}
	}
	return false
}

// endsAt tells whether something may follow the name there.
func (l *Listed) endsAt(resp []byte) bool {
	return l.name.to == len(resp) || strings.IndexByte(" \r\n", resp[l.name.to]) >= 0
}

func (l *Listed) literal(resp []byte) bool {
	line := bytes.IndexByte(resp[l.name.from:], '\n')
	if line < 0 {
		return false
	}
	from := l.name.from + line + 1
	digits := strings.Trim(string(resp[l.name.from+1:from]), "}+\r\n")
	size, err := strconv.Atoi(digits)
	if err != nil || size < 0 || from+size > len(resp) {
		return false
	}
	l.name.to, l.Mailbox = from+size, resp[from:from+size]
	return true
}

// atom reads a name that is not quoted: to the end of the line or, where
// something in parentheses follows, to that.
func (l *Listed) atom(resp []byte) bool {
	text := bytes.TrimRight(resp[l.name.from:], "\r\n")
	end := len(text)
	switch {
	case l.Verb != "LIST" && l.Verb != "LSUB" && l.Verb != "STATUS":
		if n := bytes.IndexByte(text, ' '); n >= 0 {
			end = n
		}
	case bytes.HasSuffix(text, []byte(")")):
		if n := bytes.Index(text, []byte(" (")); n >= 0 {
			end = n
		} else if l.Verb == "STATUS" {
			return false
		}
	case l.Verb == "STATUS":
		return false
	}
	l.name.to, l.Mailbox = l.name.from+end, text[:end]
	l.bare = !wire.IsAtom(string(l.Mailbox))
	return end > 0
}

// listedEdit is what becomes of a listed response.
type listedEdit struct {
	mailbox   string // the name as the client shall have it
	attribute string // one more; ""
	separator string // ""
}

// appendTo appends the response edited.
func (l *Listed) appendTo(out, resp []byte, edit listedEdit) []byte {
	at := 0
	put := func(s span, text string) {
		out = append(append(out, resp[at:s.from]...), text...)
		at = s.to
	}
	if edit.attribute != "" && wire.IndexFold(resp[l.attributes.from:l.attributes.to], strings.ToUpper(edit.attribute)) < 0 {
		text := " " + edit.attribute
		if l.attributes.from == l.attributes.to {
			text = edit.attribute
		}
		put(span{l.attributes.to, l.attributes.to}, text)
	}
	if edit.separator != "" && l.separator.to > l.separator.from {
		put(l.separator, `"`+strings.ReplaceAll(edit.separator, `\`, `\\`)+`"`)
	}
	if edit.mailbox != string(l.Mailbox) || l.bare {
		put(l.name, wire.AString(edit.mailbox))
	}
	return append(out, resp[at:]...)
}

// AddListed adds what a LIST response names, and takes the separator from it.
func AddListed(list *folders.List, resp []byte, l *Listed) {
	if sep := l.separatorIn(resp); sep != "" {
		list.Separator = sep
	}
	list.AddWire(string(l.Mailbox))
}

// separatorIn is the separator that a LIST response tells; "" if there is none.
func (l *Listed) separatorIn(resp []byte) string {
	text := resp[l.separator.from:l.separator.to]
	if string(text) == `"/"` {
		return "/"
	}
	sep := strings.Trim(string(text), `"`)
	if sep == "" || strings.EqualFold(sep, "NIL") {
		return ""
	}
	return sep[len(sep)-1:] // "\\" is one
}
