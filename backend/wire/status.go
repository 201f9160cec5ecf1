package wire

import "strings"

// Status is a parsed status response (RFC 9051 section 7.1).
type Status struct {
	Tag  string // "*" where untagged
	Word string // OK, NO, BAD, BYE or PREAUTH
	Code string // response code and its arguments, without brackets; "" if none
	Text string // human-readable text
}

// ParseStatus parses a status line; ok is false for any other line.
func ParseStatus(line []byte) (s Status, ok bool) {
	line = trimEOL(line)
	tag, rest, found := strings.Cut(string(line), " ")
	if !found {
		return s, false
	}
	word := statusWord([]byte(rest))
	if word == "" {
		return s, false
	}
	s.Tag, s.Word = tag, word
	s.Code, s.Text = cutCode(strings.TrimPrefix(rest[len(word):], " "))
	return s, true
}

// cutCode splits "[CODE args] text". A bracket inside a quoted string does not
// end the code: Exchange was seen to send [Error="...:Cross Server access ..."]
// in an OK (docs/exchange.md#error-code).
func cutCode(s string) (code, text string) {
	if !strings.HasPrefix(s, "[") {
		return "", s
	}
	quoted := false
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ']' && !quoted:
			return s[1:i], strings.TrimPrefix(s[i+1:], " ")
		}
	}
	return "", s
}

// CodeArgs returns the arguments of the response code if it is name.
func (s Status) CodeArgs(name string) (args string, ok bool) {
	code, args, _ := strings.Cut(s.Code, " ")
	return args, strings.EqualFold(code, name)
}
