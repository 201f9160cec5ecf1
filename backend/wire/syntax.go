package wire

import (
	"bytes"
	"strconv"
	"strings"
)

// IsUntagged reports whether the line is an untagged response that begins with one
// of the words and a blank. The words are compared without regard to case.
func IsUntagged(line []byte, words ...string) bool {
	if len(line) < 4 || line[0] != '*' || line[1] != ' ' {
		return false
	}
	for _, word := range words {
		end := 2 + len(word)
		if len(line) > end && line[end] == ' ' && strings.EqualFold(string(line[2:end]), word) {
			return true
		}
	}
	return false
}

// IndexFold returns the index of the first occurrence of word in line, without
// regard to case, or -1 if there is none.
func IndexFold(line []byte, word string) int {
	for i := 0; i+len(word) <= len(line); i++ {
		// Most bytes differ from the first letter of the word in either case.
		if word != "" && line[i]|0x20 != word[0]|0x20 {
			continue
		}
		if bytes.EqualFold(line[i:i+len(word)], []byte(word)) {
			return i
		}
	}
	return -1
}

// LastIndexFold returns the index of the last occurrence of word in line, without
// regard to case, or -1 if there is none.
func LastIndexFold(line []byte, word string) int {
	for i := len(line) - len(word); i >= 0; i-- {
		if bytes.EqualFold(line[i:i+len(word)], []byte(word)) {
			return i
		}
	}
	return -1
}

// ParseNumber parses an nz-number (RFC 9051 section 9). It returns 0 if s is none.
func ParseNumber(s string) uint32 {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}

// IsAtom reports whether s may be written as an astring without quotes: it has only
// characters of ASTRING-CHAR (RFC 9051 section 9), and is not NIL.
func IsAtom(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`(){%*"\`, c) >= 0 {
			return false
		}
	}
	return s != "" && !strings.EqualFold(s, "NIL")
}

// AString returns the name as an astring: an atom, a quoted string, or a literal if
// the name has bytes that a quoted string must not have (RFC 9051 section 9).
func AString(name string) string {
	switch {
	case IsAtom(name):
		return name
	case NeedsLiteral(name):
		return "{" + strconv.Itoa(len(name)) + "}\r\n" + name
	}
	return Quote(name)
}

// NeedsLiteral reports whether only a literal can carry s: it has bytes that a quoted
// string must not have.
func NeedsLiteral(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r == 0 || r == '\r' || r == '\n' || r >= 0x7f })
}

// NeedsEscape reports whether s has a quote or a backslash, which a quoted string has
// to escape (RFC 9051 section 9, quoted-specials).
func NeedsEscape(s string) bool { return strings.ContainsAny(s, `"\\`) }

// Quote returns s as a quoted string (RFC 9051 section 4.3). s must not contain CR,
// LF or NUL.
func Quote(s string) string { return `"` + escapeQuoted.Replace(s) + `"` }

// Unescape returns s without the backslashes that escape quotes and backslashes in a quoted
// string. ok is false if s has none.
func Unescape(s string) (plain string, ok bool) {
	plain = unescapeQuoted.Replace(s)
	return plain, plain != s
}

// unescapeQuoted is the inverse of escapeQuoted.
var unescapeQuoted = strings.NewReplacer(`\\`, `\`, `\"`, `"`)

// escapeQuoted escapes backslashes and quotes.
var escapeQuoted = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// MatchesPattern reports whether a pattern of LIST matches the mailbox. "*" stands
// for any characters, "%" for any characters within one level of the hierarchy
// (RFC 9051 section 6.3.9). INBOX at the beginning is compared without regard to
// case.
func MatchesPattern(pattern, mailbox, separator string) bool {
	if pattern == "*" {
		return true
	}
	if hasInbox(mailbox) && hasInbox(pattern) {
		pattern, mailbox = pattern[len(inbox):], mailbox[len(inbox):]
	}
	// After a mismatch, the last "*" or "%" takes one more character: star and
	// percent are their positions in the pattern, starAt and percentAt the
	// positions in the mailbox after the characters that they stand for.
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

// inbox is the name that all clients may write in any case (RFC 9051 section 5.1).
const inbox = "INBOX"

// hasInbox reports whether name begins with INBOX in any case.
func hasInbox(name string) bool {
	return len(name) >= len(inbox) && strings.EqualFold(name[:len(inbox)], inbox)
}

// HasWildcard reports whether a pattern of LIST has a "*" or "%".
func HasWildcard(pattern string) bool { return strings.ContainsAny(pattern, "*%") }

// SplitVerb splits a command line without its tag into the name of the command, in
// upper case, and the arguments. The name of a UID command has two words, as in
// "UID FETCH".
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

// AnnouncedSize returns the size in bytes of the literal that the line of a server
// announces. ok is false if the line ends in no announcement.
func AnnouncedSize(line []byte) (size int, ok bool) {
	open := bytes.LastIndexByte(line, '{')
	if open < 0 {
		return 0, false
	}
	size, err := strconv.Atoi(strings.Trim(string(line[open:]), "{}+\r\n"))
	return size, err == nil
}

// ParseNumbered parses the responses "* n EXISTS" and "* n EXPUNGE", which change
// the message sequence numbers. word is EXISTS or EXPUNGE. ok is false for any
// other response; for FETCH, the most frequent one, this is quick.
func ParseNumbered(line []byte) (n uint32, word string, ok bool) {
	if len(line) < len("* 1 EXISTS") || line[1] != ' ' {
		return 0, "", false
	}
	n, i, ok := messageNumber(line)
	if !ok || len(line) < i+4 || line[i] != ' ' || line[i+1]|0x20 != 'e' || line[i+2]|0x20 != 'x' {
		return 0, "", false
	}
	switch word := strings.ToUpper(strings.TrimRight(string(line[i+1:]), " \r\n")); word {
	case "EXISTS", "EXPUNGE":
		return n, word, true
	}
	return 0, "", false
}

// messageNumber reads the number after "* ". end is the index after it.
func messageNumber(line []byte) (n uint32, end int, ok bool) {
	end = len("* ")
	for ; end < len(line) && '0' <= line[end] && line[end] <= '9'; end++ {
		if n > (1<<32-10)/10 {
			return 0, end, false
		}
		n = n*10 + uint32(line[end]-'0')
	}
	return n, end, end > len("* ")
}
