package folders

import "strings"

// Characters that Exchange refuses or drops are replaced by similar ones, so that people
// can still read the name in Outlook:
//
//	blanks at the ends       ␣ U+2423, since Exchange drops them, and 2007 closes
//	                         the connection over one (docs/exchange.md#blank-end)
//	control characters       their pictures, U+2400 to U+2421
//	the separator, where     ∕ U+2215, since a "/" inside a name hides it from
//	clients see another      IMAP (docs/exchange.md#slash)
//
// Where the client's name holds one of those itself, ␛ U+241B stands before it;
// the escape character is written ␛[.
const (
	openBox       = '␣'
	escape        = '␛'
	pictures      = '␀' // and the 31 after it
	pictureDelete = '␡'
	escapeControl = '[' // behind escape: the control character ESC
)

// alike has the replacement of each separator inside a name.
var alike = map[string]rune{"/": '∕', ".": '․', `\`: '∖'}

// escaper replaces characters within one level. The zero value replaces nothing.
type escaper struct {
	characters bool
	// A client's level may contain the upstream's separator: Exchange gets instead in
	// its place. An upstream's level may contain clientSeparator: the client gets
	// clientInstead in its place. All four are 0 if no separator has to be replaced.
	separator, instead             rune
	clientSeparator, clientInstead rune
}

// newEscaper returns an escaper for an upstream's and a client's separator.
func newEscaper(characters bool, upstream, client string) escaper {
	e := escaper{characters: characters}
	if instead := alike[upstream]; upstream != client && instead != 0 {
		e.separator, e.instead = rune(upstream[0]), instead
		e.clientSeparator, e.clientInstead = rune(client[0]), alike[client]
	}
	return e
}

// isSpecial reports whether r in a client's name needs an escape, because it is itself a
// replacement.
func (e escaper) isSpecial(r rune) bool {
	return e.characters && (r >= pictures && r <= pictureDelete || r == openBox) ||
		e.separator != 0 && (r == e.instead || r == escape)
}

// escape returns the level in a form that Exchange accepts.
func (e escaper) escape(level string) string {
	if !e.isNeeded(level) {
		return level
	}
	blanks := func(s string) int { return len(s) - len(strings.TrimLeft(s, " ")) }
	first, last := 0, len(level)
	if e.characters {
		first = blanks(level)
		last = max(first, len(strings.TrimRight(level, " ")))
	}
	var b strings.Builder
	for i, r := range level {
		switch {
		case i < first || i >= last:
			b.WriteRune(openBox)
		case e.separator != 0 && r == e.separator:
			b.WriteRune(e.instead)
		case e.separator != 0 && r == e.clientInstead:
			b.WriteRune(e.clientSeparator)
		case e.isSpecial(r):
			b.WriteRune(escape)
			b.WriteRune(r)
		case e.characters && r == 0x1b:
			b.WriteRune(escape)
			b.WriteRune(escapeControl)
		case e.characters && r < ' ':
			b.WriteRune(pictures + r)
		case e.characters && r == 0x7f:
			b.WriteRune(pictureDelete)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isNeeded reports whether escape changes the level.
func (e escaper) isNeeded(level string) bool {
	if e.characters && (strings.HasPrefix(level, " ") || strings.HasSuffix(level, " ")) {
		return true
	}
	return strings.ContainsFunc(level, func(r rune) bool {
		return e.isSpecial(r) || e.separator != 0 && (r == e.separator || r == e.clientInstead) ||
			e.characters && (r < ' ' || r == 0x7f)
	})
}

// unescape undoes escape. If level is not a result of escape, escaping the result does
// not give level again.
func (e escaper) unescape(level string) string {
	theirs := func(r rune) bool { return e.separator != 0 && r == e.clientSeparator }
	if !strings.ContainsFunc(level, func(r rune) bool { return e.isSpecial(r) || theirs(r) }) {
		return level
	}
	var b strings.Builder
	escaped := false
	for _, r := range level {
		switch {
		case escaped:
			escaped = false
			if r == escapeControl {
				r = 0x1b
			}
			b.WriteRune(r)
		case theirs(r):
			b.WriteRune(e.clientInstead)
		case !e.isSpecial(r):
			b.WriteRune(r)
		case r == escape:
			escaped = true
		case r == e.instead && e.separator != 0:
			b.WriteRune(e.separator)
		case r == openBox:
			b.WriteByte(' ')
		case r == pictureDelete:
			b.WriteByte(0x7f)
		default:
			b.WriteRune(r - pictures)
		}
	}
	return b.String()
}
