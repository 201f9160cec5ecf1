package replies

import (
	"strings"
	"testing"
)

func TestSplitSet(t *testing.T) {
	for _, set := range []string{"1", "1,2,3", "1:5,7,9:*", strings.Repeat("12345,", 500) + "9"} {
		for _, size := range []int{1, 3, 6, 100, 10_000} {
			parts := SplitSet(set, size)
			if strings.Join(parts, ",") != set {
				t.Errorf("%q by %d: %q", set, size, parts)
			}
			for _, p := range parts {
				if len(p) > size && strings.Contains(p, ",") && size > 6 {
					t.Errorf("%q by %d: a part of %d", set, size, len(p))
				}
			}
		}
	}
}
