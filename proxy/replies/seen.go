package replies

import (
	"slices"
	"strings"
)

// Numbers is a set of message numbers or UIDs, as ranges in ascending order.
type Numbers struct{ ranges []Span }

// maxRanges limits what is remembered of a set. A FETCH mostly answers in ascending order.
const maxRanges = 10_000

// ParseNumbers parses a message set. highest stands for "*", and no number is above it. ok is
// false if the text is no set, or if it needs "*" and highest is 0.
func ParseNumbers(set string, highest uint32) (n Numbers, ok bool) {
	for part := range strings.SplitSeq(set, ",") {
		span, ok := parseSpan(part, highest)
		if !ok {
			return Numbers{}, false
		}
		if highest > 0 {
			span.To = min(span.To, highest)
		}
		if span.From > span.To {
			continue
		}
		if !n.addRange(span.From, span.To) {
			return Numbers{}, false
		}
	}
	return n, true
}

// Add adds a number. It returns false if the set has no room for it.
func (n *Numbers) Add(number uint32) bool { return n.addRange(number, number) }

func (n *Numbers) addRange(from, to uint32) bool {
	// at is the first range that the new one touches, or the place of the new one.
	at, _ := slices.BinarySearchFunc(n.ranges, from, func(r Span, from uint32) int {
		if uint64(r.To)+1 < uint64(from) {
			return -1
		}
		return 1
	})
	end := at
	for end < len(n.ranges) && uint64(n.ranges[end].From) <= uint64(to)+1 {
		from, to = min(from, n.ranges[end].From), max(to, n.ranges[end].To)
		end++
	}
	if end == at && len(n.ranges) >= maxRanges {
		return false
	}
	n.ranges = slices.Replace(n.ranges, at, end, Span{from, to})
	return true
}

// Count returns how many numbers the set has.
func (n *Numbers) Count() (count int) {
	for _, r := range n.ranges {
		count += int(r.To-r.From) + 1
	}
	return count
}

// Has reports whether the set has the number.
func (n *Numbers) Has(number uint32) bool {
	_, found := slices.BinarySearchFunc(n.ranges, number, func(r Span, number uint32) int {
		switch {
		case r.To < number:
			return -1
		case r.From > number:
			return 1
		}
		return 0
	})
	return found
}

// Without returns at most limit numbers of the set that are not in other, and reports whether
// these are all.
func (n *Numbers) Without(other *Numbers, limit int) (rest []uint32, all bool) {
	at := 0
	for _, r := range n.ranges {
		for number := uint64(r.From); number <= uint64(r.To); {
			for at < len(other.ranges) && uint64(other.ranges[at].To) < number {
				at++
			}
			if at < len(other.ranges) && uint64(other.ranges[at].From) <= number {
				number = uint64(other.ranges[at].To) + 1
				continue
			}
			if len(rest) == limit {
				return rest, false
			}
			rest = append(rest, uint32(number))
			number++
		}
	}
	return rest, true
}
