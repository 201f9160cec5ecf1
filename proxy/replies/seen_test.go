package replies

import (
	"fmt"
	"testing"
)

func TestNumbers(t *testing.T) {
	for _, tt := range []struct {
		set, seen string
		highest   uint32
		limit     int
		want      string
	}{
		{"1:5", "1,3", 9, 10, "[2 4 5] true"},
		{"1:5", "3,1,2", 9, 10, "[4 5] true"},
		{"5:1", "1:4", 9, 10, "[5] true"},
		{"1:*", "1,2", 3, 10, "[3] true"},
		{"7:*", "1", 3, 10, "[3] true"},
		{"4,2,9", "2", 5, 10, "[4] true"},
		{"1:100", "50", 100, 2, "[1 2] false"},
		{"1,2", "1,2", 9, 2, "[] true"},
		{"4294967290:4294967295", "4294967291:4294967294", 0, 9, "[4294967290 4294967295] true"},
		{"*", "1", 0, 9, "no set"},
		{"0", "1", 5, 9, "no set"},
		{"a", "1", 5, 9, "no set"},
		{"1:", "1", 5, 9, "no set"},
	} {
		got := "no set"
		if set, ok := ParseNumbers(tt.set, tt.highest); ok {
			seen, _ := ParseNumbers(tt.seen, 0)
			rest, all := set.Without(&seen, tt.limit)
			got = fmt.Sprintf("%v %v", rest, all)
		}
		if got != tt.want {
			t.Errorf("%s without %s, of %d: %s, want %s", tt.set, tt.seen, tt.highest, got, tt.want)
		}
	}
	var odd Numbers
	for i := uint32(1); i <= maxRanges; i++ {
		if !odd.Add(2 * i) {
			t.Fatal("no room")
		}
	}
	if odd.Add(2*maxRanges + 2) {
		t.Error("a set grows without end")
	}
	if !odd.Add(3) {
		t.Error("a number between two ranges needs no room")
	}
}
