package exchangesim

import (
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/emersion/go-imap/v2"
)

// unconvertible is the header field by which a test says that an item is one
// that Exchange cannot make a message of.
const unconvertible = "X-Exchangesim-Unconvertible"

// cannotConvert reports whether the message has this field.
func cannotConvert(m *message) bool {
	for _, f := range parseEntity(m.received).header {
		if f.is(unconvertible) {
			return true
		}
	}
	return false
}

// convertible returns the message as FETCH gives it out; ok is false where it
// gives none (quirks EX-25 and EX-26).
func (c *conn) convertible(m *message, items []fetchItem) (*message, bool) {
	text := false
	for _, item := range items {
		text = text || item.section != nil && item.section.Specifier != imap.PartSpecifierHeader
	}
	substitutes := c.srv.quirks[quirkSubstitute]
	if !substitutes && !c.srv.quirks[quirkNoData] || !text && !substitutes || !cannotConvert(m) {
		return m, true
	}
	if !substitutes {
		return nil, false
	}
	other := m.clone()
	other.stored = fmt.Appendf(nil, "From: Microsoft Exchange Server 2010\r\n"+
		"Subject: Retrieval using the IMAP4 protocol failed for the following message: %d\r\n"+
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"+
		"The server couldn't retrieve the following message:\r\n", 20_000+m.uid)
	return other, true
}

// maxNameLength is the longest level of a name, in UTF-16 ([MS-ASCMD], section
// 2.2.3.47.4: "between 1 and 256 characters").
const maxNameLength = 256

// isTooLongName reports whether a level of a name, in modified UTF-7, is too long.
func (s *Server) isTooLongName(name string) bool {
	limit := int(s.limits[quirkNameLength])
	for level := range strings.SplitSeq(name, separator) {
		if len(level) > limit && nameLength(level) > limit {
			return true
		}
	}
	return false
}

// nameLength counts what modified UTF-7 stands for, without decoding it: base64
// holds 16 bits in each 8/3 of its characters.
func nameLength(level string) int {
	n := 0
	for level != "" {
		plain, rest, shifted := strings.Cut(level, "&")
		n += len(utf16.Encode([]rune(plain)))
		if !shifted {
			return n
		}
		encoded, after, _ := strings.Cut(rest, "-")
		if encoded == "" { // "&-"
			n++
		}
		n += len(encoded) * 6 / 16
		level = after
	}
	return n
}

// slash stands for a "/" inside a level of a name, as Outlook can make it.
const slash = "\x1f"

// MakeFolder makes a folder as Outlook does, level by level. One with a "/" in
// its name is hidden from IMAP (quirk EX-45).
func (s *Server) MakeFolder(user string, levels ...string) error {
	a := s.store.account(user)
	if a == nil {
		return fmt.Errorf("making a folder for %s: no such user", user)
	}
	name := s.outlookName(levels)
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	if a.find(name) == nil {
		s.store.create(a, name)
	}
	return nil
}

// RemoveFolder removes a folder as Outlook does, also one that is hidden from IMAP.
func (s *Server) RemoveFolder(user string, levels ...string) error {
	a := s.store.account(user)
	if a == nil {
		return fmt.Errorf("removing a folder of %s: no such user", user)
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	delete(a.mailboxes, a.key(s.outlookName(levels)))
	return nil
}

// outlookName joins the levels of a name.
func (s *Server) outlookName(levels []string) string {
	inside := separator
	if s.quirks[quirkSlashHidden] {
		inside = slash
	}
	var names []string
	for _, level := range levels {
		names = append(names, strings.ReplaceAll(level, separator, inside))
	}
	return strings.Join(names, separator)
}
