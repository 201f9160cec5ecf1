package rewrite

import (
	"bufio"
	"bytes"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/transform"
)

// encodedWords is the fix encoded-words for header fields: encoded words in a
// charset or an encoding that nobody knows, or with a fault in them, are made
// readable (RFC 2047). Exchange refuses a message for one (quirk EX-09).
func (p *planner) encodedWords(f *field) error {
	if !f.encoded && f.longest <= maxHead || f.identifies() || f.asText {
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
// one that nobody knows, or that is written in a way of its own; or "" where
// there is nothing to mend. The bytes stay as they are, but of UTF-7.
func (p *planner) charsetFor(c content) (string, error) {
	label := c.mediaType.charset
	if label == "" || isPlain(label) {
		return "", nil
	}
	if f, _, err := p.withCharset(c.header, "us-ascii"); f == nil || err != nil {
		return "", err
	}
	switch name, _, known := findCharset(label); {
	case name == "utf-7":
		return "utf-8", nil
	case known && name != "us-ascii":
		return name, nil
	}
	return p.guessCharset(c)
}

// guessCharset goes by the bytes of a text. Those of UTF-8 can hardly be
// anything else; for others nobody knows, and the label stays.
func (p *planner) guessCharset(c content) (string, error) {
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
		if bytes.ContainsAny(b, "\x0e\x0f\x1b") {
			return "", nil // what switches to another charset (ISO 2022)
		}
		for len(b) > 0 {
			r, size := utf8.DecodeRune(b)
			if r == utf8.RuneError && size <= 1 {
				if !utf8.FullRune(b) && err == nil {
					break
				}
				return "", nil
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

// fromUTF7 writes a text in UTF-7 as one in UTF-8, in the encoding of that
// name.
func fromUTF7(from, to string) recoding {
	return func(w *bufio.Writer, body *io.SectionReader) error {
		text := transform.NewReader(decoder(from, body), new(utf7))
		if to == "base64" {
			return base64Encoder{}.encode(w, text, body.Size())
		}
		return encodeQuotedPrintable(w, bufio.NewReaderSize(text, bufferSize))
	}
}

// unshiftUTF7 gives a text in UTF-7 the bytes of UTF-8, in the encoding that it
// has, or quoted-printable.
func (p *planner) unshiftUTF7(c content) error {
	encoding := c.encoding
	if !c.isEncoded() {
		encoding = "quoted-printable"
		if err := p.setEncoding(c.header, c.encoding, encoding); err != nil {
			return err
		}
	}
	recode := fromUTF7(c.encoding, encoding)
	size, err := measure(recode, p.section(c.start, c.end), math.MaxInt64)
	if err != nil {
		return err
	}
	return p.add(fixes[fixEncodedWords].name, edit{span: c.span, whole: true, recode: recode, size: size})
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
