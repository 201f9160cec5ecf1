package rewrite

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
)

// undecoded are charsets that Windows knows and the library does not.
var undecoded = map[string]bool{
	"utf-7": true, "unicode-1-1-utf-7": true, "iso-2022-kr": true, "iso-2022-cn": true, "unicode": true,
	"x-mac-japanese": true, "x-mac-ce": true, "x-mac-roman": true, "x-euc-tw": true, "ks_c_5601-1987": true, "johab": true,
}

// findCharset returns the decoder of a charset. known is true also for some
// that have none here.
func findCharset(label string) (e encoding.Encoding, known bool) {
	label = strings.ToLower(strings.TrimSpace(label))
	switch label {
	case "us-ascii", "ascii", "utf-8", "utf8":
		return nil, true
	}
	if e, err := ianaindex.IANA.Encoding(label); err == nil && e != nil {
		return e, true
	}
	if e, err := htmlindex.Get(label); err == nil {
		return e, true
	}
	return nil, undecoded[label]
}

// decodeCharset reads bytes in a charset. ok is false where they are not of
// it, or nobody knows it: the text is then the best guess.
func decodeCharset(b []byte, label string) (text string, ok bool) {
	e, known := findCharset(label)
	switch {
	case known && e != nil:
		if decoded, err := e.NewDecoder().Bytes(b); err == nil {
			return string(decoded), true
		}
	case known && undecoded[label]:
		return string(b), true
	case known && utf8.Valid(b):
		return string(b), true
	case known && strings.HasPrefix(label, "utf"):
		return strings.ToValidUTF8(string(b), "\uFFFD"), false
	}
	return toUTF8(string(b), ""), false
}

// toUTF8 reads text of which no charset is known, but perhaps that of the
// words beside it. What is not UTF-8 is most often of a Windows code page.
func toUTF8(s, beside string) string {
	if utf8.ValidString(s) {
		return s
	}
	e, _ := findCharset(beside)
	if e == nil {
		e = charmap.Windows1252
	}
	decoded, err := e.NewDecoder().String(s)
	if err != nil {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	return decoded
}
