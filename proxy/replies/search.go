package replies

import (
	"bytes"
	"strings"

	"exgate/backend/wire"
)

// SplitSet splits a message set at its commas into parts of at most size bytes. A
// single range that is longer stays whole, and with it the rest of the set.
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

// SearchResults is the Editor of a SEARCH that exgate has split into several. It
// joins their results into one response.
type SearchResults struct {
	numbers []byte // with a blank before each number
	Last    bool   // the next result is that of the last part
}

// maxNumbers is the limit of the joined numbers in bytes, enough for half a
// million messages. Further numbers go to the client as another response, which
// RFC 3501 section 7.2.5 does not forbid.
const maxNumbers = 4 << 20

// Wants implements Editor.
func (s *SearchResults) Wants(line []byte) bool {
	return wire.IsUntagged(line, "SEARCH") || bytes.EqualFold(bytes.TrimRight(line, "\r\n"), []byte("* SEARCH"))
}

// Edit implements Editor.
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
