package rewrite

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// shortLine is how long a line gets that cannot be folded further: well below
// what RFC 5322 section 2.1.1 allows.
const shortLine = 900

// short is the same, where the limit is even less.
func (f *field) short() int { return int(min(shortLine, f.header.limit-1)) }

// longHeader is the fix long-headers: a field with a line over the limit is
// folded where there are blanks (RFC 5322 section 2.2.3). What has none is
// encoded as its syntax allows: encoded words (RFC 2047), parameters in pieces
// (RFC 2231); a field of another syntax is kept under the name X-Broken-….
// Exchange takes such a line as it takes one of the body (quirk EX-05).
func (p *planner) longHeader(f *field) error {
	limit := p.options.LineLimit
	if limit == 0 {
		return nil
	}
	over := f.over
	if f.value != nil {
		over = tally{}
		if n := longestLine(fold(f.newName(), *f.value)); n > limit {
			over.add(int64(n))
		}
	} else if grown := f.length + int64(len(f.prefix)); f.length <= int64(limit) && grown > int64(limit) {
		over.add(grown)
	}
	if over.count == 0 {
		return nil
	}
	if !p.isOn(fixLongHeaders) || f.identifies() || f.header.sealed && p.options.Signed == SignedLeave {
		p.headLeft.addAll(over)
		return nil
	}
	value, ok, err := p.text(f)
	if err != nil {
		return err
	}
	if !ok {
		return f.unfoldable("it has %d bytes and a line of %d", f.size(), over.longest)
	}
	for _, shorten := range []func(*field, string) string{shortBlanks, shortTokens, lastResort} {
		value = shorten(f, value)
		if longestLine(fold(f.newName(), value)) <= limit {
			f.set(fixLongHeaders, value)
			return nil
		}
	}
	return f.unfoldable("a line of %d bytes has no place to fold it", over.longest)
}

func (f *field) unfoldable(why string, args ...any) error {
	return &RefusedError{fixes[fixLongHeaders].name,
		fmt.Sprintf("header field %.40q: ", f.name) + fmt.Sprintf(why, args...)}
}

// shortBlanks makes one blank of very many.
func shortBlanks(f *field, value string) string {
	var b strings.Builder
	for value != "" {
		n := strings.IndexAny(value, " \t")
		if n < 0 {
			n = len(value)
		}
		b.WriteString(value[:n])
		value = value[n:]
		if n = len(value) - len(strings.TrimLeft(value, " \t")); n > f.short()/2 {
			b.WriteByte(' ')
		} else {
			b.WriteString(value[:n])
		}
		value = value[n:]
	}
	return b.String()
}

// shortTokens puts blanks, or an encoding, where the syntax of the field allows.
func shortTokens(f *field, value string) string {
	switch {
	case f.namesEncoding(value):
		return " " + encodingName(value)
	case f.hasParams():
		head, params := parseParams(value)
		for i := range params {
			switch p := &params[i]; {
			case len(p.raw) <= f.short() || p.name == "boundary":
			case p.name == "charset" && !strings.Contains(p.raw, `"`): // as lenient readers take it
				word, _, _ := strings.Cut(strings.TrimSpace(p.value), " ")
				p.set(word)
			default:
				p.set(p.value)
			}
		}
		return joinParams(head, params)
	case f.isAddresses():
		var b strings.Builder
		for _, t := range addressTokens(value) {
			b.WriteString(t.text)
			if t.kind == tokenPunct {
				b.WriteByte(' ')
			}
		}
		return b.String()
	case f.isAny("References", "In-Reply-To"):
		return strings.ReplaceAll(value, "><", "> <")
	case f.hasTags():
		return eachToken(value, f.short(), foldTags)
	case f.isStructured():
		return value
	}
	// The whole of it, as it is read: a blank between two encoded words is not,
	// and they may share a character (RFC 2047 section 6.2).
	return " " + encodeText(readable(strings.TrimSpace(value), ""), f.column(1))
}

// hasTags reports whether the field is a list of tags, such as "b=…;" (RFC 6376
// section 3.2, RFC 8617 section 4.1).
func (f *field) hasTags() bool {
	return f.isAny("DKIM-Signature", "X-Google-DKIM-Signature", "ARC-Message-Signature", "ARC-Seal")
}

// foldTags puts blanks where they mean nothing in a list of tags: before each
// of them, within what is base64, and behind the colons and bars of a list.
// A tag's name stays whole.
func foldTags(list string) string {
	var b strings.Builder
	for tag := range strings.SplitAfterSeq(list, ";") {
		if tag == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		name, value, ok := strings.Cut(tag, "=")
		if name += "="; !ok { // it goes on from before
			name, value = "", tag
		}
		b.WriteString(name)
		for room := max(foldWidth-1-len(name), 1); len(value) > room; room = foldWidth - 1 {
			n := room
			if i := strings.LastIndexByte(value[:room], '|'); i >= 0 {
				n = i + 1
			} else if i := strings.LastIndexByte(value[:room], ':'); i >= 0 {
				n = i + 1
			} else if name != "" && name != "b=" && name != "bh=" || !isBase64Text(value[:room]) {
				break
			}
			b.WriteString(value[:n] + " ")
			value = value[n:]
		}
		b.WriteString(value)
	}
	return b.String()
}

// isBase64Text reports whether there is nothing but letters of base64.
func isBase64Text(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		return r >= utf8.RuneSelf || !isBase64(byte(r)) && r != '='
	})
}

// lastResort keeps a field that cannot be folded, under a name that nobody
// heeds. A message must have a From all the same (RFC 5322 section 3.6).
func lastResort(f *field, value string) string {
	if !f.isStructured() || f.hasParams() {
		return value
	}
	kept := encodeText(toUTF8(strings.TrimSpace(value), ""), len("X-Broken-")+len(f.name)+2)
	if f.is("From") {
		f.put("X-Broken-From", kept)
		return f.nobody()
	}
	f.prefix = "X-Broken-" + f.prefix
	return " " + kept
}

// eachToken replaces the tokens between blanks that are too long.
func eachToken(value string, most int, replace func(string) string) string {
	var b strings.Builder
	for value != "" {
		n := strings.IndexAny(value, " \t")
		if n < 0 {
			n = len(value)
		}
		if n > most {
			b.WriteString(replace(value[:n]))
		} else {
			b.WriteString(value[:n])
		}
		value = value[n:]
		blanks := len(value) - len(strings.TrimLeft(value, " \t"))
		b.WriteString(value[:blanks])
		value = value[blanks:]
	}
	return b.String()
}

// longestLine is the length of the longest line, without its end.
func longestLine(text string) int {
	longest := 0
	for line := range strings.Lines(text) {
		longest = max(longest, len(strings.TrimRight(line, "\r\n")))
	}
	return longest
}
