package folders

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-imap/utf7"
)

// Decode decodes a name on the wire, in modified UTF-7 (RFC 3501 section 5.1.3). It is
// lenient: a "&" that begins no base64 stands for itself, and a name may be in UTF-8. If it
// is neither, ok is false, and the name is returned as bytes without a known charset.
func Decode(wire string) (name string, ok bool) {
	name, _, ok = decode(wire)
	return name, ok
}

// decode does the work of Decode. again reports whether Encode would return wire.
func decode(wire string) (name string, again, ok bool) {
	switch {
	case canonical(wire):
		return wire, true, true
	case !utf8.ValidString(wire):
		return wire, true, false
	case !strings.Contains(wire, "&") || !isASCII(wire):
		return wire, false, true
	}
	name, err := utf7.Encoding.NewDecoder().String(wire)
	if err != nil {
		return wire, false, true
	}
	// The decoder passes over bits that are left at the end of base64, and over
	// a shift that was not needed (RFC 3501 section 5.1.3 permits neither).
	return name, Encode(name) == wire, true
}

// Encode writes a name in modified UTF-7.
func Encode(name string) string {
	if canonical(name) || !utf8.ValidString(name) { // bytes that are no text
		return name
	}
	wire, err := utf7.Encoding.NewEncoder().String(name)
	if err != nil {
		return name
	}
	return wire
}

// canonical is a fast test that returns true only if Encode does not change the name.
func canonical(wire string) bool {
	for i := range len(wire) {
		if c := wire[i]; c < ' ' || c >= 0x7f || c == '&' {
			return false
		}
	}
	return true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// fold makes names equal that differ only in case, by Unicode's simple folding. It must
// include all names that Exchange treats as equal. If Exchange distinguishes more names,
// the unneeded suffix does no harm.
func fold(name string) string {
	if isASCII(name) {
		return strings.ToLower(name)
	}
	return strings.Map(foldRune, name)
}

// foldASCII appends the folded name to buf, if it fits and is all ASCII. This avoids an
// allocation for most look-ups.
func foldASCII(buf []byte, name string) ([]byte, bool) {
	if len(name) > cap(buf) {
		return nil, false
	}
	for i := range len(name) {
		c := name[i]
		if c >= utf8.RuneSelf {
			return nil, false
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		buf = append(buf, c)
	}
	return buf, true
}

// foldRune returns the smallest of the runes that differ from r only in case.
func foldRune(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + 'a' - 'A'
	}
	if r < utf8.RuneSelf {
		return r
	}
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	if 'A' <= least && least <= 'Z' { // such as K for the Kelvin sign
		least += 'a' - 'A'
	}
	return least
}
