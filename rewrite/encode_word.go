package rewrite

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxWord is the longest encoded word (RFC 2047 section 2).
const maxWord = 75

// encodeText makes encoded words of a text, as many as it takes, whether it
// needs them or not. They are separated by blanks, which readers leave out.
// The first stands behind so many bytes of a line, which has 76 at most
// (RFC 2047 section 2).
func encodeText(text string, behind int) string {
	const frame = len("=?utf-8?B??=")
	escapes := 0
	for _, c := range []byte(text) {
		if !isPlainInQ(c) && c != ' ' {
			escapes++
		}
	}
	encoding := "Q"
	if escapes > len(text)/4 {
		encoding = "B"
	}
	var words []string
	for text != "" {
		room := max(maxWord-frame-behind, 4*utf8.UTFMax) // three of the longest letters in base64
		behind = 0
		as := encoding
		n := wordLength(text, as, room)
		if as == "B" && n < len(text) && n%3 > 0 { // padded: GMime 3.2.13 reads no further words behind it
			as = "Q"
			n = wordLength(text, as, room)
		}
		payload := base64.StdEncoding.EncodeToString([]byte(text[:n]))
		if as == "Q" {
			payload = escapeQ(text[:n])
		}
		words = append(words, "=?utf-8?"+as+"?"+payload+"?=")
		text = text[n:]
	}
	return strings.Join(words, " ")
}

// wordLength returns how many bytes of the text an encoded word takes that has so much room. In
// base64 it is a multiple of three, where letters end there.
func wordLength(text, encoding string, room int) int {
	if encoding == "B" {
		room = room / 4 * 3
	}
	n, cost, whole := 0, 0, 0
	for n < len(text) {
		_, size := utf8.DecodeRuneInString(text[n:])
		more := size
		if encoding == "Q" && (size > 1 || !isPlainInQ(text[n]) && text[n] != ' ') {
			more = 3 * size
		}
		if cost+more > room {
			break
		}
		if n, cost = n+size, cost+more; n%3 == 0 {
			whole = n
		}
	}
	if encoding == "B" && n < len(text) && whole > 0 {
		return whole
	}
	return n
}

// isPlainInQ reports whether a byte stands for itself in an encoded word in a
// phrase (RFC 2047 section 5 rule 3), which is the narrowest place.
func isPlainInQ(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!*+-/", c) >= 0
}

func escapeQ(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		switch {
		case c == ' ':
			b.WriteByte('_')
		case isPlainInQ(c):
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "=%02X", c)
		}
	}
	return b.String()
}

// encodedWord finds what looks like an encoded word.
var encodedWord = regexp.MustCompile(`=\?([^?\s]+)\?([A-Za-z])\?([^?]*)\?=`)

// wordGroup are encoded words beside each other, which are read as one text
// where their charset and encoding are the same.
type wordGroup struct {
	start, end int // in the value
	text       string
	sound      bool // readers agree on the text
}

// wordGroups finds the encoded words of a value.
func wordGroups(value string) []wordGroup {
	var groups []wordGroup
	var charset string
	var content []byte
	sound := true
	end := func() {
		if n := len(groups); n > 0 && charset != "" {
			text, known := decodeCharset(content, charset)
			groups[n-1].text, groups[n-1].sound = text, sound && known && isPlain(charset)
		}
		charset, content, sound = "", nil, true
	}
	for _, m := range encodedWord.FindAllStringSubmatchIndex(value, -1) {
		label := strings.ToLower(value[m[2]:m[3]])
		bytes, ok := wordContent(value[m[4]:m[5]], value[m[6]:m[7]])
		n := len(groups)
		if n > 0 && label == charset && strings.Trim(value[groups[n-1].end:m[0]], " \t") == "" {
			groups[n-1].end = m[1]
		} else {
			end()
			groups = append(groups, wordGroup{start: m[0], end: m[1]})
			charset = label
		}
		content = append(content, bytes...)
		sound = sound && ok
	}
	end()
	return groups
}

// wordContent takes the encoding off; ok is false where it had a fault.
func wordContent(encoding, payload string) (content []byte, ok bool) {
	switch encoding {
	case "B", "b":
		if b, err := base64.StdEncoding.DecodeString(payload); err == nil {
			return b, true
		}
		return decodeLenient(payload), false
	case "Q", "q":
		return decodeQ(payload)
	}
	return []byte(payload), false
}

func decodeQ(payload string) (content []byte, ok bool) {
	ok = true
	for i := 0; i < len(payload); i++ {
		switch c := payload[i]; {
		case c == '_':
			content = append(content, ' ')
		case c == '=' && i+2 < len(payload) && isHex(payload[i+1]) && isHex(payload[i+2]):
			content = append(content, unhex(payload[i+1])<<4|unhex(payload[i+2]))
			i += 2
		default:
			ok = ok && c > ' ' && c < 0x7f && c != '='
			content = append(content, c)
		}
	}
	return content, ok
}

func unhex(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}

// decodeLenient reads base64 as far as there is any.
func decodeLenient(payload string) []byte {
	var kept []byte
	for _, c := range []byte(payload) {
		if isBase64(c) {
			kept = append(kept, c)
		}
	}
	if len(kept)%4 == 1 {
		kept = kept[:len(kept)-1]
	}
	b, _ := base64.RawStdEncoding.DecodeString(string(kept)) // all of its letters are valid
	return b
}

func isBase64(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '+' || c == '/'
}

// decodeText reads the encoded words of a value.
func decodeText(value string) string {
	var b strings.Builder
	at, between := 0, ""
	for i, g := range wordGroups(value) {
		between = value[at:g.start]
		if i == 0 || strings.Trim(between, " \t") != "" {
			b.WriteString(between)
		}
		b.WriteString(g.text)
		at = g.end
	}
	b.WriteString(value[at:])
	return b.String()
}
