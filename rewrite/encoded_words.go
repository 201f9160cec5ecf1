package rewrite

import (
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// encodedWords is the fix encoded-words for header fields: encoded words in a
// charset or an encoding that nobody knows, or with a fault in them, are made
// readable (RFC 2047). Exchange refuses a message for one (quirk EX-09).
func (p *planner) encodedWords(f *field) error {
	if !f.encoded && f.longest <= maxHead || f.identifies() {
		return nil
	}
	value, ok, err := p.text(f)
	if !ok || err != nil {
		return err
	}
	var b strings.Builder
	at, changed := 0, false
	for _, g := range wordGroups(value) {
		if g.sound {
			continue
		}
		b.WriteString(value[at:g.start] + encodeText(g.text, f.column(g.start)))
		at, changed = g.end, true
	}
	if changed {
		f.set(fixEncodedWords, b.String()+value[at:])
	}
	return nil
}

// charsetFor is the same for the charset of a text: the one to name instead of
// one that nobody knows, or "" where there is nothing to mend.
func (p *planner) charsetFor(c content) (string, error) {
	if c.mediaType.charset == "" {
		return "", nil
	}
	if _, known := findCharset(c.mediaType.charset); known {
		return "", nil
	}
	if f, _, err := p.withCharset(c.header, "us-ascii"); f == nil || err != nil {
		return "", err
	}
	var (
		r    = p.decoder(c)
		buf  = p.buffer(1)
		kept = 0 // the beginning of a character
		best = "us-ascii"
	)
	for {
		n, err := r.Read(buf[kept:])
		b := buf[:kept+n]
		if has8bit(b) {
			best = "utf-8"
		}
		for len(b) > 0 {
			r, size := utf8.DecodeRune(b)
			if r == utf8.RuneError && size <= 1 {
				if !utf8.FullRune(b) && err == nil {
					break
				}
				return "windows-1252", nil
			}
			b = b[size:]
		}
		kept = copy(buf, b)
		if err == io.EOF {
			return best, nil
		}
		if err != nil {
			return best, err
		}
	}
}

// setCharset names another charset in the header of a text.
func (p *planner) setCharset(h *header, charset string) error {
	f, value, err := p.withCharset(h, charset)
	if f != nil {
		f.value = &value
	}
	return err
}

// withCharset is the Content-Type of a text with another charset. There is no
// field where that cannot be said: too many are before it, or it is too large.
func (p *planner) withCharset(h *header, charset string) (f *field, value string, err error) {
	i := slices.IndexFunc(h.held, func(f *field) bool { return f.is("Content-Type") })
	if i < 0 {
		return nil, "", nil
	}
	value, ok, err := p.text(h.held[i])
	if !ok || err != nil {
		return nil, "", err
	}
	head, params := parseParams(value)
	found := false
	for j := range params {
		if params[j].name == "charset" {
			params[j].set(charset)
			found = true
		}
	}
	if found {
		return h.held[i], joinParams(head, params), nil
	}
	// Without a semicolon before it, as lenient readers find it.
	if at := looseCharset.FindStringSubmatchIndex(value); at != nil {
		return h.held[i], value[:at[2]] + formatParam("charset", charset) + value[at[3]:], nil
	}
	return nil, "", nil
}

var looseCharset = regexp.MustCompile(`(?i)[;\s](charset[ \t]*=[ \t]*(?:"(?:\\.|[^"\\])*"?|[^;\s]*))`)
