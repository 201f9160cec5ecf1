// Package leaktest looks for secrets in what a program has written: for a
// secret whole or in part, in every encoding in which it travels or is printed.
// Tests use it.
package leaktest

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"math"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf16"
)

// piece is how many bytes of a secret are a leak: fewer come up by chance.
const piece = 7

// Finder knows the forms of some secrets. Case is not told apart: a verb is
// printed in capitals, whatever it was.
type Finder struct {
	windows map[int]map[string]string // by length, then text: its secret
}

// New returns a Finder. Each secret has at least 7 bytes, and none of them is
// like what the program writes of itself.
func New(secrets ...string) *Finder {
	f := &Finder{windows: map[int]map[string]string{}}
	for _, secret := range secrets {
		if len(secret) < piece {
			panic(fmt.Sprintf("leaktest: %q is too short to be looked for", secret))
		}
		for _, e := range encodings {
			for _, form := range e.forms(secret) {
				f.add(form, int(math.Ceil(piece*e.size)), fmt.Sprintf("%s of %q", e.name, secret))
			}
		}
	}
	return f
}

// add makes Find look for all parts of a form of size bytes.
func (f *Finder) add(form string, size int, what string) {
	form = lower(form)
	size = min(size, len(form))
	of := f.windows[size]
	if of == nil {
		of = map[string]string{}
		f.windows[size] = of
	}
	for i := range len(form) - size + 1 {
		part := form[i : i+size]
		if of[part] == "" {
			of[part] = what
		}
	}
}

// Find returns a line for each place where text has a part of a secret, and
// none if it has none.
func (f *Finder) Find(text []byte) (leaks []string) {
	low := lower(string(text))
	for size, of := range f.windows {
		for i := 0; i+size <= len(low); i++ {
			what, ok := of[low[i:i+size]]
			if !ok {
				continue
			}
			leaks = append(leaks, fmt.Sprintf("%s: ...%q...", what, text[max(0, i-60):min(len(text), i+size+20)]))
			if end := bytes.IndexByte(text[i:], '\n'); end > 0 {
				i += end // one for each line
			} else {
				break
			}
		}
	}
	return leaks
}

// lower is strings.ToLower for ASCII, which leaves other bytes in their places.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// encoding is a way in which text is written.
type encoding struct {
	name  string
	size  float64 // bytes written for one of the text
	forms func(secret string) []string
}

// encodings are those that the protocols, the logs and fmt use.
var encodings = []encoding{
	{"the text", 1, one(func(s string) string { return s })},
	{"quoted string", 1, one(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace)},
	{
		"Go string",
		1,
		func(s string) []string { return []string{inside(strconv.Quote(s)), inside(strconv.QuoteToASCII(s))} },
	},
	{"JSON", 1, jsonForms},
	{"URL", 1, func(s string) []string { return []string{url.QueryEscape(s), url.PathEscape(s)} }},
	{"HTML", 1, one(html.EscapeString)},
	{"base64", 4.0 / 3, base64Forms},
	{"hexadecimal", 2, one(func(s string) string { return hex.EncodeToString([]byte(s)) })},
	{"hexadecimal, spaced", 3, one(func(s string) string { return fmt.Sprintf("% x", s) })},
	{"numbers of bytes", 3, one(func(s string) string { return inside(fmt.Sprint([]byte(s))) })},
	{"UTF-16", 2, utf16Forms},
}

func one(form func(string) string) func(string) []string {
	return func(s string) []string { return []string{form(s)} }
}

// inside takes the quotes or brackets off.
func inside(s string) string { return s[1 : len(s)-1] }

// jsonForms are with and without HTML's characters escaped, as encoding/json
// and slog do.
func jsonForms(s string) []string {
	var plain strings.Builder
	enc := json.NewEncoder(&plain)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic(err) // a string can always be written
	}
	escaped, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return []string{inside(string(escaped)), inside(strings.TrimSpace(plain.String()))}
}

// base64Forms are those in a longer text, which a secret enters at any of three
// places, less the characters at its ends that its neighbours have a part in.
func base64Forms(s string) (forms []string) {
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		for before := range 3 {
			text := e.EncodeToString([]byte(strings.Repeat("\x00", before) + s))
			forms = append(forms, text[(before*8+5)/6:(before+len(s))*8/6])
		}
	}
	return forms
}

func utf16Forms(s string) []string {
	var little, big []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		little = binary.LittleEndian.AppendUint16(little, unit)
		big = binary.BigEndian.AppendUint16(big, unit)
	}
	return []string{string(little), string(big)}
}
