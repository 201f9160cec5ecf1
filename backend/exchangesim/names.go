package exchangesim

import "strings"

// separator between the levels of a mailbox name.
const separator = "/"

// foldName makes names that differ only in ASCII case equal, but for the parts
// in modified base64, where case is content (RFC 3501 section 5.1.3).
func foldName(name string) string {
	var b strings.Builder
	shifted := false
	for _, c := range []byte(name) {
		switch {
		case shifted:
			shifted = c != '-'
		case c == '&':
			shifted = true
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}

func parentName(name string) string {
	if i := strings.LastIndex(name, separator); i > 0 {
		return name[:i]
	}
	return ""
}

// matchName reports whether a name fits a LIST pattern: "*" is anything, "%"
// anything within one level (RFC 3501 section 6.3.8).
func matchName(pattern, name string) bool {
	// The classic two-pointer match, with one point of return for "*" and one
	// for "%": linear in memory and never exponential in time.
	type point struct{ p, n int }
	star, percent := point{-1, 0}, point{-1, 0}
	p, n := 0, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, percent = point{p, n}, point{-1, 0}
			p++
		case p < len(pattern) && pattern[p] == '%':
			percent = point{p, n}
			p++
		case p < len(pattern) && pattern[p] == name[n]:
			p++
			n++
		case percent.p >= 0 && name[percent.n] != separator[0]:
			percent.n++
			p, n = percent.p+1, percent.n
		case star.p >= 0:
			star.n++
			percent = point{-1, 0}
			p, n = star.p+1, star.n
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*%") == ""
}
