package wire

import (
	"bytes"
	"strings"
)

// Args reads the arguments of a complete command. Like Exchange, it is lenient: it
// accepts forms that the RFC forbids if their meaning is clear.
type Args struct {
	// text holds the lines of the command after its verb; literals[i] stands
	// between text[i] and text[i+1].
	text     [][]byte
	literals [][]byte
}

// AddText appends a piece of a line.
func (a *Args) AddText(p []byte) { a.text = append(a.text, bytes.Clone(p)) }

// AddLiteral appends the literal that follows the last text.
func (a *Args) AddLiteral(p []byte) { a.literals = append(a.literals, p) }

// Space skips blanks, and reports whether there were any.
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

// Empty reports whether all arguments have been read.
func (a *Args) Empty() bool {
	return len(a.literals) == 0 && (len(a.text) == 0 || len(a.text[0]) == 0)
}

// Left returns the number of texts that have not been read to their end, and the
// remaining bytes of the first of them.
func (a *Args) Left() (texts, bytes int) {
	if len(a.text) == 0 {
		return 0, 0
	}
	return len(a.text), len(a.text[0])
}

// Peek returns the next byte, or 0 at the end of a text.
func (a *Args) Peek() byte {
	if len(a.text) == 0 || len(a.text[0]) == 0 {
		return 0
	}
	return a.text[0][0]
}

// String reads an astring: an atom, a quoted string or a literal (RFC 9051
// section 4.3). In a quoted string a backslash before anything but " and \
// stands for itself: clients send "EXAMPLE\admin\bob" and mean it (FAQ.Exchange,
// "2007/2010/2013 with an admin"). An atom ends at a blank: passwords come
// unquoted with all kinds of characters in them (FAQ.Exchange, "LOGIN failed").
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

// Atom reads up to a blank or a parenthesis. It accepts all other characters, because
// clients send flags such as foo[1], which are not atoms in the RFC.
func (a *Args) Atom() (string, bool) { return a.atom(" ()") }

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

func (a *Args) literal() (string, bool) {
	if len(a.literals) == 0 {
		return "", false
	}
	s := string(a.literals[0])
	a.literals, a.text = a.literals[1:], a.text[1:]
	return s, true
}

// Strings reads a parenthesized list of astrings.
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

// List reads a parenthesized list of atoms. If there is no list, it returns nil and
// true.
func (a *Args) List() (list []string, ok bool) {
	if a.Peek() != '(' {
		return nil, true
	}
	return a.list(a.Atom)
}

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
