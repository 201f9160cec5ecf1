package exchangesim

import (
	"fmt"
	"mime"
	"strings"
	"unicode/utf16"

	"github.com/emersion/go-message/charset"
)

// The limits of Exchange Online on what a message is made of, and those of the
// Cambridge converter (docs/exchange.md#refused-content). How APPEND is refused then is
// not known; here, as for all other content.
const (
	maxSubject       = 255
	maxFileName      = 255
	maxParts         = 250
	maxMessages      = 30
	maxReferences    = 485
	maxReferenceSize = 40_000
	maxAddress       = 1950
)

// contentRule is a quirk that refuses a message for an entity in it.
type contentRule struct {
	quirk  string
	refuse func(e *entity) string // why, or ""
}

// contentRules returns the rules of a server with these limits.
func contentRules(limits map[string]int64) []contentRule {
	over := func(n int, quirk string) bool { return int64(n) > limits[quirk] }
	return []contentRule{
		{quirkEightBit, (*entity).rawEightBit},
		{quirkBrokenEncoding, func(e *entity) string {
			if _, ok := e.decoded(); !ok && len(e.children) == 0 {
				return "a body in " + e.encoding() + " does not decode"
			}
			return ""
		}},
		{quirkLongSubject, func(e *entity) string {
			if n := characters(e.header.get("Subject")); over(n, quirkLongSubject) {
				return fmt.Sprintf("a subject of %d characters", n)
			}
			return ""
		}},
		{quirkLongReferences, func(e *entity) string {
			v := e.header.get("References")
			if len(v) > maxReferenceSize || over(len(strings.Fields(v)), quirkLongReferences) {
				return fmt.Sprintf("References of %d bytes", len(v))
			}
			return ""
		}},
		{quirkLongAddress, func(e *entity) string { return e.longAddress(limits[quirkLongAddress]) }},
		{quirkLongFileName, func(e *entity) string { return e.longFileName(limits[quirkLongFileName]) }},
		{quirkAppleDouble, func(e *entity) string {
			if e.typ == "multipart/appledouble" {
				return e.typ
			}
			return ""
		}},
		{quirkUnknownCharset, func(e *entity) string {
			name := e.params["charset"]
			if _, err := charset.Reader(name, strings.NewReader("")); name != "" && strings.HasPrefix(e.typ, "text/") &&
				err != nil {
				return "charset " + name
			}
			return ""
		}},
		{quirkManyParts, func(e *entity) string {
			if n := e.countLeaves(); over(n, quirkManyParts) {
				return fmt.Sprintf("%d parts", n)
			}
			return ""
		}},
		{quirkDeepNesting, func(e *entity) string {
			if n := e.countMessages(); over(n, quirkDeepNesting) {
				return fmt.Sprintf("messages %d deep", n)
			}
			return ""
		}},
	}
}

// refuseByRule returns the content rule that a message breaks, or "".
func (s *Server) refuseByRule(msg []byte) string {
	var why string
	root := parseEntity(msg)
	for _, rule := range contentRules(s.limits) {
		if !s.quirks[rule.quirk] {
			continue
		}
		root.each(func(e *entity) {
			if found := rule.refuse(e); found != "" && why == "" {
				why = "quirk " + idOf(rule.quirk) + ": " + found
			}
		})
	}
	return why
}

func (e *entity) each(visit func(*entity)) {
	visit(e)
	for _, child := range e.children {
		child.each(visit)
	}
}

func (e *entity) countLeaves() int {
	if len(e.children) == 0 {
		return 1
	}
	n := 0
	for _, child := range e.children {
		n += child.countLeaves()
	}
	return n
}

// countMessages returns the depth of messages inside each other.
func (e *entity) countMessages() int {
	most := 0
	for _, child := range e.children {
		n := child.countMessages()
		if e.typ == "message/rfc822" {
			n++
		}
		most = max(most, n)
	}
	if len(e.children) == 0 && e.typ == "message/rfc822" {
		return 1 // deeper than parts are told apart
	}
	return most
}

func (e *entity) rawEightBit() string {
	for _, f := range e.header {
		if hasEightBit(f.raw) {
			return f.name + " has bytes over 127"
		}
	}
	if len(e.children) == 0 && !e.isEncoded() && !strings.HasPrefix(e.typ, "message/") && hasEightBit(e.body) {
		return "a body has bytes over 127"
	}
	return ""
}

func hasEightBit(b []byte) bool {
	for _, c := range b {
		if c > 127 {
			return true
		}
	}
	return false
}

func (e *entity) longAddress(limit int64) string {
	for _, f := range e.header {
		if !f.is("To") && !f.is("Cc") && !f.is("Bcc") && !f.is("From") && !f.is("Reply-To") {
			continue
		}
		quoted, escaped, length := false, false, int64(0)
		for _, c := range []byte(f.value()) {
			if c == '"' && !escaped {
				quoted = !quoted
			}
			escaped = c == '\\' && quoted && !escaped // RFC 5322 section 3.2.4
			if length++; c == ',' && !quoted {
				length = 0
			}
			if length > limit {
				return f.name + " has an element that is too long"
			}
		}
	}
	return ""
}

// characters counts those of a text with encoded words in it, as Windows does.
// File names have such words, too, against RFC 2047 section 5. What cannot be
// decoded counts as it stands there.
func characters(text string) int {
	if decoded, err := (&mime.WordDecoder{CharsetReader: charset.Reader}).DecodeHeader(text); err == nil {
		text = decoded
	}
	return len(utf16.Encode([]rune(text)))
}

func (e *entity) longFileName(limit int64) string {
	_, disposition, _ := mime.ParseMediaType(e.header.get("Content-Disposition"))
	for _, name := range []string{e.params["name"], disposition["filename"]} {
		if n := characters(name); int64(n) > limit {
			return fmt.Sprintf("a file name of %d characters", n)
		}
	}
	return ""
}
