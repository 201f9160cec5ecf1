package rewrite

import (
	"strings"
	"unicode/utf16"
)

// maxSubject is the longest subject that Exchange Online takes, in characters
// (docs/exchange.md#ex-32).
const maxSubject = 255

// subject is the fix of that name: a longer one is cut; all of it is kept in
// X-Original-Subject.
func (p *planner) subject(f *field) error {
	if !f.is("Subject") || f.size() <= maxSubject {
		return nil
	}
	value, ok, err := p.text(f)
	if !ok || err != nil {
		return err
	}
	text := strings.TrimSpace(decodeText(value))
	if utf16Length(text) <= maxSubject {
		return nil
	}
	if text = cutUTF16(text, maxSubject-1) + "…"; f.header.ofMessage {
		f.insert(fixSubject, "X-Original-Subject", value)
	}
	f.set(fixSubject, " "+encodeText(text, f.column(1)))
	return nil
}

// utf16Length is the length of a text as Windows counts it.
func utf16Length(s string) int {
	n := 0
	for _, r := range s {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}

// cutUTF16 is the beginning of a text, of that many units at most.
func cutUTF16(s string, most int) string {
	n := 0
	for i, r := range s {
		if n += max(utf16.RuneLen(r), 1); n > most {
			return s[:i]
		}
	}
	return s
}
