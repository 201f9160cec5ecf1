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

func TestAString(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		isAtom     bool
	}{
		{"INBOX", "INBOX", true},
		{"a]b", "a]b", true},
		{"a b", `"a b"`, false},
		{`a"\`, `"a\"\\"`, false},
		{"", `""`, false},
		{"nil", `"nil"`, false},
		{"a\tb", "\"a\tb\"", false},
		{"a\r\nb", "{4}\r\na\r\nb", false},
		{"\xfc", "{1}\r\n\xfc", false},
	} {
		if got := AString(tt.name); got != tt.want || IsAtom(tt.name) != tt.isAtom {
			t.Errorf("%q: %q, is an atom: %v", tt.name, got, IsAtom(tt.name))
		}
	}
}

func TestIsUntagged(t *testing.T) {
	for _, tt := range []struct {
		line string
		want bool
	}{
		{"* LIST () \"/\" a", true}, {"* lsub x", true}, {"* LIST", false}, {"* LISTRIGHTS a", false},
		{"a LIST x", false}, {"*", false}, {"", false}, {"* 1 FETCH (x)", false},
	} {
		if got := IsUntagged([]byte(tt.line), "LIST", "LSUB"); got != tt.want {
			t.Errorf("%q: %v", tt.line, got)
		}
	}
}

func TestSplitVerb(t *testing.T) {
	for _, tt := range []struct{ rest, verb, args string }{
		{"noop", "NOOP", ""},
		{"Fetch 1 FLAGS", "FETCH", "1 FLAGS"},
		{"uid fetch 1 FLAGS", "UID FETCH", "1 FLAGS"},
		{"UID", "UID ", ""},
		{"", "", ""},
	} {
		if verb, args := SplitVerb(tt.rest); verb != tt.verb || args != tt.args {
			t.Errorf("%q: %q and %q", tt.rest, verb, args)
		}
	}
}

func TestParseNumbered(t *testing.T) {
	for _, tt := range []struct {
		line, word string // word "": ok is false
		n          uint32
	}{
		{"* 3 EXISTS\r\n", "EXISTS", 3},
		{"* 3 expunge", "EXPUNGE", 3},
		{"* 4294967289 EXISTS", "EXISTS", 4294967289},
		{"* 4294967300 EXISTS", "", 0},
		{"* 3 RECENT\r\n", "", 0},
		{"* 3 FETCH (FLAGS ())\r\n", "", 0},
		{"* EXISTS EXISTS", "", 0},
		{"* 3 EXISTSX", "", 0},
		{"a 3 EXISTS", "EXISTS", 3}, // the caller knows that the response is untagged
		{"", "", 0},
	} {
		if n, word, ok := ParseNumbered([]byte(tt.line)); n != tt.n || word != tt.word || ok != (tt.word != "") {
			t.Errorf("%q: %d %q, %v", tt.line, n, word, ok)
		}
	}
}

func TestAnnouncedSize(t *testing.T) {
	for _, tt := range []struct {
		line string
		size int // -1: none
	}{
		{"* 1 FETCH (BODY[] {120}\r\n", 120}, {"x {0+}\r\n", 0}, {"* 1 FETCH (FLAGS ())\r\n", -1}, {"x {a}\r\n", -1},
		{"x {1} {2}", 2},
	} {
		if size, ok := AnnouncedSize([]byte(tt.line)); ok != (tt.size >= 0) || ok && size != tt.size {
			t.Errorf("%q: %d, %v", tt.line, size, ok)
		}
	}
}

func TestSmallSyntax(t *testing.T) {
	for s, want := range map[string]uint32{
		"1": 1, "4294967295": 4294967295, "4294967296": 0, "0": 0, "": 0, "-1": 0, "1x": 0,
	} {
		if got := ParseNumber(s); got != want {
			t.Errorf("number %q: %d", s, got)
		}
	}
	for s, want := range map[string]bool{
		"a1": true, "": false, "a+": false, "a b": false, "]": true, "a\\": false, "\xfc": false,
	} {
		if got := IsTag(s); got != want {
			t.Errorf("tag %q: %v", s, got)
		}
	}
	for s, want := range map[string]int{"x [capability A]": 3, "CAPABILITY": 0, "CAPABILIT": -1, "": -1} {
		if got := IndexFold([]byte(s), "CAPABILITY"); got != want {
			t.Errorf("index in %q: %d", s, got)
		}
	}
}
