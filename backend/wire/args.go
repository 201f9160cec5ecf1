package wire

import (
	"bytes"
	"slices"
	"strings"
)

// Args reads the arguments of one complete command. It is lenient, as Exchange is:
// it accepts what clients send, beyond the grammar of RFC 9051 section 9.
type Args struct {
	// text has the lines of the command after its verb that are not read yet.
	// literals[i] comes between text[i] and text[i+1].
	text     [][]byte
	literals [][]byte
}

// AddText appends a line, or the part of a line before a literal, without the
// literal's announcement. Args copies p.
func (a *Args) AddText(p []byte) { a.text = append(a.text, bytes.Clone(p)) }

// AddLiteral appends the literal that follows the last text. Args keeps p.
func (a *Args) AddLiteral(p []byte) { a.literals = append(a.literals, p) }

// Clone returns a copy, so that the arguments can be read more than once.
func (a *Args) Clone() *Args {
	return &Args{text: slices.Clone(a.text), literals: slices.Clone(a.literals)}
}

// Space skips blanks, and reports whether there was at least one.
func (a *Args) Space() bool {
	n := 0
	for len(a.text) > 0 && n < len(a.text[0]) && a.text[0][n] == ' ' {
		n++
	}
	if n > 0 {
		a.text[0] = a.text[0][n:]
	}
	return n > 0
}

// IsEmpty reports whether all arguments have been read.
func (a *Args) IsEmpty() bool {
	return len(a.literals) == 0 && (len(a.text) == 0 || len(a.text[0]) == 0)
}

// Left returns how much remains to be read: the number of texts, and the number of
// bytes of the first of them.
func (a *Args) Left() (texts, bytes int) {
	if len(a.text) == 0 {
		return 0, 0
	}
	return len(a.text), len(a.text[0])
}

// Peek returns the next byte without reading it. It returns 0 at the end of a
// text, where a literal or nothing follows.
func (a *Args) Peek() byte {
	if len(a.text) == 0 || len(a.text[0]) == 0 {
		return 0
	}
	return a.text[0][0]
}

// Take reads the next byte if it is c, and reports whether it was.
func (a *Args) Take(c byte) bool {
	if a.Peek() != c {
		return false
	}
	a.text[0] = a.text[0][1:]
	return true
}

// String reads an astring: an atom, a quoted string or a literal (RFC 9051
// sections 4.1 and 4.3). The result is false if no astring follows. In a quoted
// string, a backslash before a character other than " and \ is a character like
// others: clients send the login name "EXAMPLE\admin\bob" this way (FAQ.Exchange,
// "2007/2010/2013 with an admin"). An atom ends only at a blank: clients send
// passwords without quotes, whatever characters they contain (FAQ.Exchange,
// "LOGIN failed").
func (a *Args) String() (string, bool) {
	switch c := a.Peek(); {
	case c == 0:
		return a.literal()
	case c == '"':
		return a.quoted()
	default:
		return a.atom(" ")
	}
}

// Atom reads the bytes up to a blank or a parenthesis. The result is false if there
// are none. Atom accepts more than an atom of RFC 9051 section 9, since clients
// send flags such as foo[1].
func (a *Args) Atom() (string, bool) { return a.atom(" ()") }

// atom reads the bytes up to one of those in stop.
func (a *Args) atom(stop string) (string, bool) {
	if len(a.text) == 0 {
		return "", false
	}
	n := bytes.IndexAny(a.text[0], stop)
	if n < 0 {
		n = len(a.text[0])
	}
	if n == 0 {
		return "", false
	}
	s := string(a.text[0][:n])
	a.text[0] = a.text[0][n:]
	return s, true
}

// quoted reads a quoted string.
func (a *Args) quoted() (string, bool) {
	p := a.text[0][1:]
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		switch c := p[i]; {
		case c == '"':
			a.text[0] = p[i+1:]
			return b.String(), true
		case c == '\\' && i+1 < len(p) && (p[i+1] == '"' || p[i+1] == '\\'):
			i++
			b.WriteByte(p[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

// literal reads the literal after the current text, which has been read.
func (a *Args) literal() (string, bool) {
	if len(a.literals) == 0 {
		return "", false
	}
	s := string(a.literals[0])
	a.literals, a.text = a.literals[1:], a.text[1:]
	return s, true
}

// Strings reads a parenthesized list of astrings. ok is false if no such list
// follows.
func (a *Args) Strings() (list []string, ok bool) {
	if a.Peek() != '(' {
		return nil, false
	}
	return a.list(func() (string, bool) {
		if c := a.Peek(); c == 0 || c == '"' {
			return a.String()
		}
		return a.Atom()
	})
}

// List reads an optional parenthesized list of atoms. If no parenthesis follows, it
// returns a nil list and ok is true.
func (a *Args) List() (list []string, ok bool) {
	if a.Peek() != '(' {
		return nil, true
	}
	return a.list(a.Atom)
}

// list reads a parenthesized list, each element with next.
func (a *Args) list(next func() (string, bool)) (list []string, ok bool) {
	a.text[0] = a.text[0][1:]
	for {
		a.Space()
		if a.Peek() == ')' {
			a.text[0] = a.text[0][1:]
			return list, true
		}
		item, ok := next()
		if !ok {
			return nil, false
		}
		list = append(list, item)
	}
}
