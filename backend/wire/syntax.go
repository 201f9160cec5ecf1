package wire

import (
	"bytes"
	"strconv"
	"strings"
)

// IsUntagged tells whether a response begins with one of the words.
func IsUntagged(line []byte, words ...string) bool {
	if len(line) < 4 || line[0] != '*' || line[1] != ' ' {
		return false
	}
	for _, word := range words {
		if end := 2 + len(word); len(line) > end && line[end] == ' ' && strings.EqualFold(string(line[2:end]), word) {
			return true
		}
	}
	return false
}

// IndexFold is bytes.Index for an upper-case ASCII word in any case.
func IndexFold(line []byte, word string) int {
	for i := 0; i+len(word) <= len(line); i++ {
		if bytes.EqualFold(line[i:i+len(word)], []byte(word)) {
			return i
		}
	}
	return -1
}

// ParseNumber reads an nz-number of RFC 9051 section 9, or 0.
func ParseNumber(s string) uint32 {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}

// IsAtom tells whether a name may stand bare where Exchange writes it: with
// what an astring allows (RFC 9051 section 9, ASTRING-CHAR).
func IsAtom(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`(){%*"\`, c) >= 0 {
			return false
		}
	}
	return s != "" && !strings.EqualFold(s, "NIL")
}

// AString writes a name as the wire wants it.
func AString(name string) string {
	switch {
	case IsAtom(name):
		return name
	case strings.ContainsFunc(name, func(r rune) bool { return r == 0 || r == '\r' || r == '\n' || r >= 0x7f }):
		return "{" + strconv.Itoa(len(name)) + "}\r\n" + name
	}
	return Quote(name)
}

// Quote writes s as a quoted string (RFC 9051 section 4.3).
func Quote(s string) string { return `"` + escapeQuoted.Replace(s) + `"` }

// escapeQuoted escapes what a quoted string is made of.
var escapeQuoted = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// MatchesPattern tells whether a mailbox fits a pattern of LIST: "*" is anything,
// "%" anything within one level (RFC 9051 section 6.3.9).
func MatchesPattern(pattern, mailbox, separator string) bool {
	if pattern == "*" {
		return true
	}
	if len(mailbox) >= 5 && strings.EqualFold(mailbox[:5], "INBOX") && len(pattern) >= 5 &&
		strings.EqualFold(pattern[:5], "INBOX") {
		pattern, mailbox = pattern[5:], mailbox[5:]
	}
	// The places to go on from where what was tried does not fit: behind the
	// last "*" and the last "%".
	star, percent := -1, -1
	starAt, percentAt := 0, 0
	p, m := 0, 0
	for m < len(mailbox) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, starAt, percent = p, m, -1
			p++
		case p < len(pattern) && pattern[p] == '%':
			percent, percentAt = p, m
			p++
		case p < len(pattern) && pattern[p] == mailbox[m]:
			p++
			m++
		case percent >= 0 && !strings.HasPrefix(mailbox[percentAt:], separator):
			percentAt++
			p, m = percent+1, percentAt
		case star >= 0:
			starAt++
			p, m, percent = star+1, starAt, -1
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*%") == ""
}

// HasWildcard tells whether a pattern of LIST has any.
func HasWildcard(pattern string) bool { return strings.ContainsAny(pattern, "*%") }

// SplitVerb splits a command line, after its tag, into its name in upper case and
// its arguments. UID is part of the name.
func SplitVerb(rest string) (verb, args string) {
	verb, args, _ = strings.Cut(rest, " ")
	verb = strings.ToUpper(verb)
	if verb == "UID" {
		sub, subArgs, _ := strings.Cut(args, " ")
		return verb + " " + strings.ToUpper(sub), subArgs
	}
	return verb, args
}

// IsTag reports whether s may be a tag (RFC 9051 section 9).
func IsTag(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`(){%*"\+`, c) >= 0 {
			return false
		}
	}
	return true
}

// AnnouncedSize is the size of the literal that a line announces.
func AnnouncedSize(line []byte) (size int, ok bool) {
	open := bytes.LastIndexByte(line, '{')
	if open < 0 {
		return 0, false
	}
	size, err := strconv.Atoi(strings.Trim(string(line[open:]), "{}+\r\n"))
	return size, err == nil
}

// ParseNumbered reads "* n WORD" off the beginning of a response. Only the words
// that change the numbering are of interest, which keeps a FETCH cheap.
func ParseNumbered(line []byte) (n uint32, word string, ok bool) {
	if len(line) < len("* 1 EXISTS") || line[1] != ' ' {
		return 0, "", false
	}
	i := 2
	for ; i < len(line) && '0' <= line[i] && line[i] <= '9'; i++ {
		if n > (1<<32-10)/10 {
			return 0, "", false
		}
		n = n*10 + uint32(line[i]-'0')
	}
	if i == 2 || line[i] != ' ' || len(line) < i+4 || line[i+1]|0x20 != 'e' || line[i+2]|0x20 != 'x' {
		return 0, "", false
	}
	switch word := strings.ToUpper(strings.TrimRight(string(line[i+1:]), " \r\n")); word {
	case "EXISTS", "EXPUNGE":
		return n, word, true
	}
	return 0, "", false
}
