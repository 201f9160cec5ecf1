package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestPrintable(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", ""},
		{"all is well\n\ta table\n", "all is well\n\ta table\n"},
		{"Entwürfe 日本 🎉 e\u0301 ❤️", "Entwürfe 日本 🎉 e\u0301 ❤️"},
		{"\x1b[2J\x1b]0;title\x07", `\u001b[2J\u001b]0;title\u0007`},
		{"over\rwritten\b\x7f", `over\u000dwritten\u0008\u007f`},
		{"\u009b31m", `\u009b31m`},
		{"\x9b31m", `\u009b31m`}, // C1 as a byte
		{"\x00\v\f", `\u0000\u000b\u000c`},
		{"safe\u202egnp.exe", `safe\u202egnp.exe`},
		{"a\u2028b\u200bc\ufeff", `a\u2028b\u200bc\ufeff`},
		{"\U000e0041", `\udb40\udc41`}, // a tag character
		{"\xff\ufffd", "\\u00ff\ufffd"},
	} {
		if got := printable(tt.text); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.text, got, tt.want)
		}
		if again := printable(printable(tt.text)); again != printable(tt.text) {
			t.Errorf("%q: twice %q", tt.text, again)
		}
	}
}

// JSON says the same after it.
func TestPrintableJSON(t *testing.T) {
	want := "\x1b[2J\x7f\u009b\u202e\U000e0041 ü\n"
	var out strings.Builder
	if err := encodeJSON(printableWriter{&out}, want); err != nil {
		t.Fatal(err)
	}
	var got string
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil || got != want || strings.ContainsFunc(out.String(), isUnprintable) {
		t.Errorf("%q: %q, %v", out.String(), got, err)
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("\x1b[2J\x9b\u009b\U000e0041\xff")
	f.Fuzz(func(t *testing.T, text string) {
		if got := printable(text); strings.ContainsFunc(got, isUnprintable) {
			t.Errorf("%q: %q", text, got)
		}
	})
}
