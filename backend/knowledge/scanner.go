package knowledge

import (
	"cmp"
	"slices"
)

// scanner looks for phrases in a sequence of words, wherever the lines end. Of
// two matches of which one is part of the other the longer counts: "<body BAD
// Command Error. 10" says more than "Command Error. 10".
type scanner struct {
	tree  *node
	line  int            // from 1
	words int            // taken so far
	begun []match        // in the order of their starts
	whole []match        // until nothing that is begun can take them in
	found map[int]*tally // by number of the entry
}

// match is a phrase that was found, or the beginning of one.
type match struct {
	node  *node
	start int // number of its first word
	line  int // which that is on
}

// word takes the next word of the text; html reports whether it begins an HTML
// tag.
func (s *scanner) word(word []byte, html bool) {
	begun := s.begun[:0]
	for _, m := range s.begun {
		if child := m.node.next[string(word)]; child != nil {
			begun = append(begun, match{child, m.start, m.line})
		}
	}
	if child := s.tree.next[string(word)]; child != nil {
		begun = append(begun, match{child, s.words, s.line})
	}
	if child := s.tree.next[anyTag]; html && child != nil {
		begun = append(begun, match{child, s.words, s.line})
	}
	s.words++
	s.begun = begun

	ended := false // the longest of those that end here has been taken
	for _, m := range begun {
		if m.node.entry >= 0 && !ended {
			ended = true
			s.whole = slices.DeleteFunc(s.whole, func(w match) bool { return w.start >= m.start })
			s.whole = append(s.whole, m)
		}
	}
	if len(s.whole) > 0 {
		s.settle()
	}
}

// settle counts the matches that cannot become part of a longer one any more.
func (s *scanner) settle() {
	s.whole = slices.DeleteFunc(s.whole, func(m match) bool {
		if len(s.begun) > 0 && s.begun[0].start <= m.start {
			return false
		}
		s.count(m)
		return true
	})
}

// count counts a line once for each entry that it speaks of.
func (s *scanner) count(m match) {
	f := s.found[m.node.entry]
	if f == nil {
		f = &tally{first: m.line}
		s.found[m.node.entry] = f
	}
	if f.last != m.line {
		f.last = m.line
		f.lines++
	}
}

// tally counts the lines that speak of one entry.
type tally struct{ first, last, lines int }

// report lists what was found in the order of the first lines.
func (s *scanner) report() []Found {
	all := Entries()
	var found []Found
	for entry, f := range s.found {
		found = append(found, Found{Entry: all[entry], First: f.first, Lines: f.lines})
	}
	slices.SortFunc(found, func(a, b Found) int {
		return cmp.Or(a.First-b.First, cmp.Compare(a.Entry.ID, b.Entry.ID))
	})
	return found
}
