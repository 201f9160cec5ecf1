package wire

import (
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", ""},
		{"Command Argument Error. 11", "Command Argument Error. 11"},
		{"Größe überschritten", "Größe überschritten"},
		{"<html><body>Dear John", "..."},
		{"Bad request <html><body>Dear John", "Bad request..."},
		{"one\r\ntwo", "one..."},
		{"one\ttwo", "one..."},
		{"one\x00two", "one..."},
		{"one\u0085two", "one..."},
		{"one\xfftwo", "one?two"},
		{strings.Repeat("x", maxWords), strings.Repeat("x", maxWords)},
		{strings.Repeat("x", maxWords+1), strings.Repeat("x", maxWords) + "..."},
		{strings.Repeat("x", maxWords-1) + "ü", strings.Repeat("x", maxWords-1) + "?..."},
	} {
		if got := Words(tt.text); got != tt.want {
			t.Errorf("Words(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
	for s, want := range map[Status]string{
		{Word: "NO", Text: "busy"}:                   "NO busy",
		{Word: "BAD"}:                                "BAD",
		{Tag: "<body", Word: "BAD", Text: "<p>Dear"}: "BAD ...",
	} {
		if got := s.Words(); got != want {
			t.Errorf("%+v: %q, want %q", s, got, want)
		}
	}
}
