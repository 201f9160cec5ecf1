package wire

import (
	"errors"
	"testing"
)

func TestFramingTakesOnlyWhatAllReadersAgreeOn(t *testing.T) {
	sync := func(n int64) *Literal { return &Literal{Size: n} }
	nonSync := func(n int64) *Literal { return &Literal{Size: n, NonSync: true} }
	taken := []struct {
		line, text string
		lit        *Literal
	}{
		{"", "", nil},
		{"a1 NOOP", "a1 NOOP", nil},
		{"DONE", "DONE", nil},
		{`a1 LOGIN "EXAMPLE\admin\bob" pw`, `a1 LOGIN "EXAMPLE\admin\bob" pw`, nil},
		{`a1 LOGIN "EXAMPLE\\bob" "a\"b"`, `a1 LOGIN "EXAMPLE\\bob" "a\"b"`, nil},
		{`a1 LOGIN EXAMPLE\bob pw\`, `a1 LOGIN EXAMPLE\bob pw\`, nil}, // no escapes outside quotes
		{"a1 LOGIN b\xf6b p\xe4ss", "a1 LOGIN b\xf6b p\xe4ss", nil},
		{`a1 CREATE ""`, `a1 CREATE ""`, nil},
		{`a1 CREATE "{5}"`, `a1 CREATE "{5}"`, nil}, // no literal inside quotes
		{"a1 SEARCH SUBJECT {5}x", "a1 SEARCH SUBJECT {5}x", nil},
		{"a1 LOGIN bob pass}", "a1 LOGIN bob pass}", nil}, // no literal without "{"
		{"}", "}", nil},
		{"a1 SEARCH SUBJECT {5} ", "a1 SEARCH SUBJECT {5} ", nil},
		{"a1 LOGIN {3}", "a1 LOGIN ", sync(3)},
		{"a1 LOGIN {3+}", "a1 LOGIN ", nonSync(3)},
		{"a1 CREATE {0}", "a1 CREATE ", sync(0)},
		{"a1 CREATE {0+}", "a1 CREATE ", nonSync(0)},
		{"a1 APPEND x {4294967295}", "a1 APPEND x ", sync(4294967295)},
		{"a1 APPEND x {9999999999+}", "a1 APPEND x ", nonSync(9999999999)},
		{"a1 APPEND x ~{12}", "a1 APPEND x ", &Literal{Size: 12, Binary: true}},
		{"a1 APPEND x ~{12+}", "a1 APPEND x ", &Literal{Size: 12, NonSync: true, Binary: true}},
		{`a1 X "{9}" {1}`, `a1 X "{9}" `, sync(1)},
		{"a1 SEARCH ({1}", "a1 SEARCH (", sync(1)},
		{" {1}", " ", sync(1)}, // the rest of a line after a literal
	}
	for _, tt := range taken {
		text, lit, err := CheckLine([]byte(tt.line))
		if err != nil || string(text) != tt.text {
			t.Errorf("%q: text %q, %v", tt.line, text, err)
		}
		if (lit == nil) != (tt.lit == nil) || (lit != nil && *lit != *tt.lit) {
			t.Errorf("%q: literal %+v, want %+v", tt.line, lit, tt.lit)
		}
	}
	refused := []struct{ line, why string }{
		{"a1 NOOP\x00", "the command contains a NUL byte"},
		{"\x00", "the command contains a NUL byte"},
		{"a1 NOOP\r", "the command contains a CR without LF"},
		{"a1 NOOP\ra2 LOGOUT", "the command contains a CR without LF"},
		{"a1 LOGIN \"a\rb\" c", "the command contains a CR without LF"},
		{`a1 LOGIN "bob`, "a quoted string has no closing quote"},
		{`a1 LOGIN "bob\"`, "a quoted string has no closing quote"},
		{`a1 LOGIN "bob\\" "`, "a quoted string has no closing quote"},
		{`a1 LOGIN bo"b pw`, "a quoted string has no closing quote"},
		{`a1 LOGIN "bob {5}`, "a quoted string has no closing quote"},
		{`a1 LOGIN "bob\`, "a quoted string has no closing quote"},
		{"a1 LOGIN {}", ""}, {"a1 LOGIN {+}", ""}, {"a1 LOGIN {-1}", ""}, {"a1 LOGIN {+1}", ""},
		{"a1 LOGIN {03}", ""}, {"a1 LOGIN {00}", ""}, {"a1 LOGIN {00+}", ""},
		{"a1 LOGIN {10000000000}", ""}, {"a1 LOGIN {99999999999999999999}", ""},
		{"a1 LOGIN { 3}", ""}, {"a1 LOGIN {3 }", ""}, {"a1 LOGIN {3++}", ""}, {"a1 LOGIN {3-}", ""},
		{"a1 LOGIN {0x3}", ""}, {"a1 LOGIN {3}}", ""}, {`a1 LOGIN "{" }`, ""}, {"a1 LOGIN {\xb2}", ""},
		{"a1 LOGIN{3}", ""}, {`a1 LOGIN "bob"{3}`, ""}, {"a1 LOGIN~{3}", ""}, {"a1 LOGIN ~~{3}", ""},
		{"{3}", ""}, {"{3+}", ""}, {"~{3}", ""},
	}
	for _, tt := range refused {
		text, lit, err := CheckLine([]byte(tt.line))
		var syntax SyntaxError
		if !errors.As(err, &syntax) || text != nil || lit != nil {
			t.Errorf("%q: got %q, %+v, %v", tt.line, text, lit, err)
			continue
		}
		if tt.why == "" {
			tt.why = "the literal at the end of the line is malformed: write {n} or {n+} after a space, with at most 10 digits"
		}
		if err.Error() != tt.why {
			t.Errorf("%q: %q, want %q", tt.line, err, tt.why)
		}
	}
}
