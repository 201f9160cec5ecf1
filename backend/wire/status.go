package wire

import (
	"bytes"
	"strings"
)

// Status is a parsed status response (RFC 9051 section 7.1).
type Status struct {
	Tag  string // "*" if untagged
	Word string // OK, NO, BAD, BYE or PREAUTH
	Code string // response code with its arguments, without the brackets; "": none
	Text string // human-readable text
}

// ParseStatus parses a status response, with any number of blanks before and between its words. ok is
// false for any other line.
func ParseStatus(line []byte) (s Status, ok bool) {
	tag, rest, found := strings.Cut(string(bytes.TrimLeft(trimEOL(line), " ")), " ")
	if !found {
		return s, false
	}
	rest = strings.TrimLeft(rest, " ")
	word := statusWord([]byte(rest))
	if word == "" {
		return s, false
	}
	s.Tag, s.Word = tag, word
	s.Code, s.Text = cutCode(strings.TrimLeft(rest[len(word):], " "))
	return s, true
}

// cutCode splits "[CODE args] text". A bracket inside a quoted string does not end
// the code, since Exchange sends codes like [Error="...:Cross Server access ..."]
// (docs/exchange.md#error-code).
func cutCode(s string) (code, text string) {
	if !strings.HasPrefix(s, "[") {
		return "", s
	}
	isQuoted := false
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			isQuoted = !isQuoted
		case s[i] == ']' && !isQuoted:
			return s[1:i], strings.TrimPrefix(s[i+1:], " ")
		}
	}
	return "", s
}

// CodeArgs returns the arguments of the response code called name, in any case. ok
// is false if the response has another code or none.
func (s Status) CodeArgs(name string) (args string, ok bool) {
	code, args, _ := strings.Cut(s.Code, " ")
	return args, strings.EqualFold(code, name)
}
