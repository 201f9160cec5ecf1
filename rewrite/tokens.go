package rewrite

import (
	"regexp"
	"strings"
)

// tokenKind is a piece of the syntax of addresses (RFC 5322 section 3.4).
type tokenKind int

const (
	tokenBlank   tokenKind = iota
	tokenWord              // an atom, or an address without brackets
	tokenQuoted            // "…"
	tokenComment           // (…)
	tokenAngle             // <…>
	tokenPunct             // , ; or :
)

type token struct {
	kind tokenKind
	text string // as it stands there
}

// addressTokens cuts a list of addresses into pieces, which together are the
// value. What has no end goes to the end of the value.
func addressTokens(value string) []token {
	var tokens []token
	for value != "" {
		t := token{tokenWord, ""}
		n := 0
		switch c := value[0]; {
		case isBlank(c):
			t.kind, n = tokenBlank, len(value)-len(strings.TrimLeft(value, " \t"))
		case c == '"':
			t.kind, n = tokenQuoted, quotedLength(value)
		case c == '(':
			t.kind, n = tokenComment, commentLength(value)
		case c == '<':
			t.kind, n = tokenAngle, strings.IndexByte(value, '>')+1
			if n == 0 {
				n = len(value)
			}
		case c == '=' && encodedWordFirst.MatchString(value): // which may hold a comma, against RFC 2047 section 5
			n = len(encodedWordFirst.FindString(value))
		case strings.IndexByte(",;:", c) >= 0:
			t.kind, n = tokenPunct, 1
		default:
			if n = strings.IndexAny(value, " \t\"(<,;:"); n < 0 {
				n = len(value)
			}
		}
		t.text, value = value[:n], value[n:]
		tokens = append(tokens, t)
	}
	return tokens
}

var encodedWordFirst = regexp.MustCompile(`^=\?[^?\s]+\?[A-Za-z]\?[^?\s]*\?=`)

// quotedLength is the length of the quoted string at the start of s.
func quotedLength(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

// commentLength is the length of the comment at the start of s. Comments are
// nested.
func commentLength(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// splitOutside splits at separators outside of quoted strings. There is always
// one piece at least.
func splitOutside(s string, separator byte) []string {
	var pieces []string
	start := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			i += quotedLength(s[i:]) - 1
		case separator:
			pieces, start = append(pieces, s[start:i]), i+1
		}
	}
	return append(pieces, s[start:])
}
