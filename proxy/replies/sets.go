package replies

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Span is the numbers from From to To of a message set.
type Span struct{ From, To uint32 }

// ParseSet reads a message set (RFC 9051 section 9, sequence-set). last takes the place
// of "*". The spans are in order, and no number is in two of them. ok is false for what
// is no such set.
func ParseSet(set string, last uint32) (spans []Span, ok bool) {
	for part := range strings.SplitSeq(set, ",") {
		span, ok := parseSpan(part, last)
		if !ok {
			return nil, false
		}
		spans = append(spans, span)
	}
	slices.SortFunc(spans, func(a, b Span) int { return cmp.Compare(a.From, b.From) })
	joined := spans[:1]
	for _, s := range spans[1:] {
		if end := &joined[len(joined)-1]; s.From <= end.To {
			end.To = max(end.To, s.To)
		} else {
			joined = append(joined, s)
		}
	}
	return joined, true
}

// parseSpan reads one number or range of a message set, the ends of which may be in either order.
// last takes the place of "*"; 0: it is not known.
func parseSpan(part string, last uint32) (span Span, ok bool) {
	first, second, isRange := strings.Cut(part, ":")
	if !isRange {
		second = first
	}
	from, fromOK := parseSetNumber(first, last)
	to, toOK := parseSetNumber(second, last)
	return Span{min(from, to), max(from, to)}, fromOK && toOK
}

func parseSetNumber(text string, last uint32) (n uint32, ok bool) {
	if text == "*" {
		return last, last > 0
	}
	n64, err := strconv.ParseUint(text, 10, 32)
	return uint32(n64), err == nil && n64 > 0
}

// CutSet cuts spans behind each of the numbers, which are in order. Each number of the
// spans is in one of the parts.
func CutSet(spans []Span, behind []uint32) (parts []string) {
	var part []string
	end := func() {
		if len(part) > 0 {
			parts = append(parts, strings.Join(part, ","))
			part = nil
		}
	}
	for _, s := range spans {
		for len(behind) > 0 && behind[0] < s.To {
			cut := behind[0]
			behind = behind[1:]
			if cut >= s.From {
				part = append(part, Span{s.From, cut}.String())
				s.From = cut + 1
			}
			end()
		}
		part = append(part, s.String())
	}
	end()
	return parts
}

func (s Span) String() string {
	from := strconv.FormatUint(uint64(s.From), 10)
	if s.From == s.To {
		return from
	}
	return from + ":" + strconv.FormatUint(uint64(s.To), 10)
}
