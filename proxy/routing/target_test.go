package routing

import (
	"testing"
)

func TestMatchesFold(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"bob", "BOB", true}, {"bob", "bobby", false}, {"*", "", true}, {"*", "bob", true},
		{"*@example.com", "bob@Example.com", true}, {"*@example.com", "bob@example.com.evil.org", false},
		{"*@example.com", "example.com", false},
		{`CLOUD\*`, `cloud\bob`, true}, {`CLOUD\*`, `other\bob`, false},
		{"b*b", "b", false}, {"b*b", "bb", true}, {"a*b*c", "a1b2c", true}, {"a*b*c", "acb", false},
		{"a*b*b", "ab", false},
	} {
		if got := matchesFold(tt.pattern, tt.name); got != tt.want {
			t.Errorf("%q, %q: %v", tt.pattern, tt.name, got)
		}
	}
}
