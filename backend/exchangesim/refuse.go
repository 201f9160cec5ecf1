package exchangesim

import (
	"io"
	"mime"
	"regexp"
	"strings"

	"github.com/emersion/go-message/charset"
)

// encodedWord is RFC 2047's, loosely.
var encodedWord = regexp.MustCompile(`=\?[^?\s]+\?[bBqQ]\?[^?\s]*\?=`)

// refuseContent says why Exchange does not take a message, or "" (quirk
// EX-09): it must turn it into properties, and some cannot be.
func refuseContent(msg []byte) string { return parseEntity(msg).refuse() }

func (e *entity) refuse() string {
	if e.typ == "message/partial" {
		return "message/partial"
	}
	words := mime.WordDecoder{CharsetReader: func(name string, r io.Reader) (io.Reader, error) {
		return charset.Reader(name, r)
	}}
	for _, f := range e.header {
		// Fields without meaning to Exchange are kept as they are.
		if !f.is("Subject") && !f.is("From") && !f.is("To") && !f.is("Cc") {
			continue
		}
		for _, w := range encodedWord.FindAllString(f.value(), -1) {
			if _, err := words.Decode(w); err != nil {
				return f.name + " holds " + strings.TrimSpace(w) + ", which cannot be decoded"
			}
		}
	}
	for _, child := range e.children {
		if why := child.refuse(); why != "" {
			return why
		}
	}
	return ""
}
