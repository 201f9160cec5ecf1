package replies

import (
	"slices"
	"strings"
	"testing"
)

func TestCutSet(t *testing.T) {
	for _, tt := range []struct {
		set    string
		behind []uint32
		want   string
	}{
		{"1:10", []uint32{3, 6}, "1:3 4:6 7:10"},
		{"1:10", nil, "1:10"},
		{"5:1,9", []uint32{5}, "1:5 9"},
		{"1:3,2:8,8", []uint32{4}, "1:4 5:8"},
		{"1,3,5,7", []uint32{3}, "1,3 5,7"},
		{"1,3,5,7", []uint32{4, 4, 6}, "1,3 5 7"},
		{"20:30", []uint32{3, 25, 40}, "20:25 26:30"},
		{"18:*", []uint32{19}, "18:19 20"},
		{"30:*", nil, "20:30"}, // RFC 9051 section 9: a range to "*" has the last message
		{"*", []uint32{20}, "20"},
	} {
		spans, ok := ParseSet(tt.set, 20)
		if got := strings.Join(CutSet(spans, tt.behind), " "); !ok || got != tt.want {
			t.Errorf("%s behind %v: %s, want %s", tt.set, tt.behind, got, tt.want)
		}
	}
	for _, set := range []string{"", "0", "1,", "1:", "a", "$", "1:2:3", "4294967296", "-1"} {
		if spans, ok := ParseSet(set, 20); ok {
			t.Errorf("%q: %v", set, spans)
		}
	}
	if _, ok := ParseSet("1:*", 0); ok {
		t.Error("the last number is not known")
	}
}

// FuzzCutSet checks that no number of a set is lost or doubled.
func FuzzCutSet(f *testing.F) {
	f.Add("1:5,7,3:9,*", uint8(3), uint8(6))
	f.Fuzz(func(t *testing.T, set string, a, b uint8) {
		spans, ok := ParseSet(set, 12)
		if !ok {
			return
		}
		cuts := []uint32{uint32(a), uint32(b)}
		slices.Sort(cuts)
		again, ok := ParseSet(strings.Join(CutSet(spans, cuts), ","), 12)
		if !ok || size(again) != size(spans) || again[0].From != spans[0].From {
			t.Errorf("%q cut behind %v: %v, not %v", set, cuts, again, spans)
		}
	})
}

func size(spans []Span) (n uint64) {
	for _, s := range spans {
		n += uint64(s.To-s.From) + 1
	}
	return n
}
