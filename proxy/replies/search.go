package replies

import (
	"bytes"
	"strings"

	"exgate/backend/wire"
)

// SplitSet cuts a set of messages into parts of at most size bytes.
func SplitSet(set string, size int) (parts []string) {
	for len(set) > size {
		at := strings.LastIndexByte(set[:size+1], ',')
		if at <= 0 {
			return append(parts, set)
		}
		parts = append(parts, set[:at])
		set = set[at+1:]
	}
	return append(parts, set)
}

// SearchResults is the reply editor that makes one result of several.
type SearchResults struct {
	numbers []byte
	Last    bool // those of the last part come now
}

// maxNumbers bounds what is kept of results: half a million messages. What is
// more is given to the client as a response of its own, which
// RFC 3501 section 7.2.5 does not forbid.
const maxNumbers = 4 << 20

// Wants implements replyEditor.
func (s *SearchResults) Wants(line []byte) bool {
	return wire.IsUntagged(line, "SEARCH") || bytes.EqualFold(bytes.TrimRight(line, "\r\n"), []byte("* SEARCH"))
}

// Edit implements replyEditor.
func (s *SearchResults) Edit(out []byte, f wire.Fragment) (edited []byte, same bool) {
	data := bytes.TrimRight(f.Data, "\r\n")
	if f.First {
		data = data[len("* SEARCH"):]
	}
	s.numbers = append(s.numbers, data...)
	if !f.Last || !s.Last && len(s.numbers) < maxNumbers {
		return out, false
	}
	out = append(append(append(out, "* SEARCH"...), s.numbers...), "\r\n"...)
	s.numbers = s.numbers[:0]
	return out, false
}
