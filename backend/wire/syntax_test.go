package wire

import (
	"strings"
	"testing"
)

func TestMatchesPattern(t *testing.T) {
	for _, tt := range []struct {
		pattern, yes, no string
	}{
		{"*", "a a/b INBOX", ""},
		{"%", "a INBOX", "a/b"},
		{"a/%", "a/b", "a a/b/c b/a"},
		{"%/%", "a/b", "a a/b/c"},
		{"a*c", "abc a/b/c ac", "ab abcd"},
		{"*b%", "ab aba a/bc xb", "b/c"},
		{"%b*", "ab b/c/d", "a/b"},
		{"inbox", "INBOX", "INBOXES a"},
		{"InBox/%", "INBOX/a", "INBOX INBOX/a/b"},
		{"trash", "trash", "Trash"},
		{"a%*%a", "aa aba a/b/a", "ab"},
		{"", "", "a"},
	} {
		for name := range strings.FieldsSeq(tt.yes) {
			if !MatchesPattern(tt.pattern, name, "/") {
				t.Errorf("%q does not match %q", name, tt.pattern)
			}
		}
		for name := range strings.FieldsSeq(tt.no) {
			if MatchesPattern(tt.pattern, name, "/") {
				t.Errorf("%q matches %q", name, tt.pattern)
			}
		}
	}
	if MatchesPattern(strings.Repeat("%*", 2000)+"x", strings.Repeat("a/", 2000), "/") {
		t.Error("matches")
	}
}
