package rewrite

import (
	"mime"
	"strings"
)

// mediaType is what the fixes need of a Content-Type field.
type mediaType struct {
	name     string // lower case, such as text/plain
	charset  string
	boundary string
}

// parseMediaType reads a Content-Type as far as it can be understood; what has
// no type/subtype is text/plain (RFC 2045 section 5.2).
func parseMediaType(value string) mediaType {
	name, params, err := mime.ParseMediaType(value)
	if err != nil {
		// Widespread faults that the library refuses: an unquoted boundary with
		// "=" in it, comments, a missing or doubled semicolon or parameter.
		name, params = lenientMediaType(value)
	}
	if !strings.Contains(name, "/") {
		name = "text/plain"
	}
	return mediaType{
		name:     name,
		charset:  strings.ToLower(params["charset"]),
		boundary: strings.TrimRight(params["boundary"], " \t"),
	}
}

// lenientMediaType reads words, and name=value with or without quotes,
// whatever stands between them. Of two parameters of a name the first counts.
func lenientMediaType(s string) (name string, params map[string]string) {
	const between = "; \t\r\n"
	word := func(stop string) string {
		n := strings.IndexAny(s, stop)
		if n < 0 {
			n = len(s)
		}
		w := s[:n]
		s = s[n:]
		return w
	}
	skip := func(set string) { s = strings.TrimLeft(s, set) }

	params = make(map[string]string)
	skip(between)
	name = strings.ToLower(word(between + "("))
	for skip(between); s != ""; skip(between) {
		key := strings.ToLower(word(between + "="))
		skip(" \t")
		if !strings.HasPrefix(s, "=") {
			continue
		}
		s = s[1:]
		skip(" \t")
		var v string
		if strings.HasPrefix(s, `"`) {
			v, s = quotedString(s[1:])
		} else {
			v = word(between)
		}
		if _, ok := params[key]; !ok {
			params[key] = v
		}
	}
	return name, params
}

// quotedString reads up to the closing quote (RFC 5322 section 3.2.4), or to
// the end if there is none.
func quotedString(s string) (value, rest string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), ""
}

func (t mediaType) isText() bool { return strings.HasPrefix(t.name, "text/") }

func (t mediaType) isMultipart() bool { return strings.HasPrefix(t.name, "multipart/") }

// isMessage reports whether the body is a message with a header of its own.
// Other message/* types hold fields, fragments or references.
func (t mediaType) isMessage() bool {
	switch t.name {
	case "message/rfc822", "message/global", "message/news":
		return true
	}
	return false
}

// isWide reports whether the charset has units of two or four bytes, in which a
// byte of 10 or 13 is no line end.
func (t mediaType) isWide() bool {
	squeezed := noLetters.ReplaceAllString(t.charset, "")
	for _, prefix := range []string{"utf16", "utf32", "ucs2", "ucs4", "iso10646ucs"} {
		if strings.HasPrefix(squeezed, prefix) {
			return true
		}
	}
	return t.charset == "unicode" // Microsoft's name for UTF-16
}

// isSealed reports whether a change may break a signature or what is encrypted
// (RFC 1847, RFC 8551).
func (t mediaType) isSealed() bool {
	switch t.name {
	case "multipart/signed", "multipart/encrypted",
		"application/pkcs7-mime", "application/x-pkcs7-mime":
		return true
	}
	return false
}
