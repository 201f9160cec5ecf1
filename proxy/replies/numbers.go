package replies

import (
	"bytes"
	"slices"

	"exgate/backend/wire"
)

// FetchNumber returns the message number of a FETCH response; 0 if the line begins none.
func FetchNumber(line []byte) uint32 {
	if len(line) < len("* 1 FETCH") || line[0] != '*' || !isDigit(line[2]) {
		return 0
	}
	number, rest, _ := bytes.Cut(line[2:min(len(line), 32)], []byte(" "))
	if len(rest) < 5 || !bytes.EqualFold(rest[:5], []byte("FETCH")) {
		return 0
	}
	return wire.ParseNumber(string(number))
}

// SearchNumbers removes the message numbers above Max from the responses to a SEARCH. Exchange is
// known to send them (docs/exchange.md#ex-79). The zero value removes none.
type SearchNumbers struct {
	Max     uint32
	Removed int
	isIn    bool   // in a SEARCH response
	rest    []byte // the digits at the end of the last fragment
}

// Edit removes numbers from a fragment. changed reports whether the fragment is another now.
func (s *SearchNumbers) Edit(f wire.Fragment) (text []byte, changed bool) {
	if f.First {
		s.rest = s.rest[:0]
		s.isIn = s.Max > 0 && !f.Literal && wire.IsUntagged(f.Data, "SEARCH")
	}
	if !s.isIn {
		return f.Data, false
	}
	data := slices.Concat(s.rest, f.Data)
	s.rest = s.rest[:0]
	if !f.Last {
		at := bytes.LastIndexByte(data, ' ')
		s.rest = append(s.rest, data[max(at, 0):]...)
		data = data[:max(at, 0)]
	}
	out := make([]byte, 0, len(data))
	for len(data) > 0 {
		end := bytes.IndexAny(data[1:], " \r\n") + 1
		if end == 0 {
			end = len(data)
		}
		word := data[:end]
		data = data[end:]
		if word[0] == ' ' && len(word) > 1 && wire.ParseNumber(string(word[1:])) > s.Max {
			s.Removed++
			continue
		}
		out = append(out, word...)
	}
	return out, true
}
