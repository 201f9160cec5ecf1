package wire

import (
	"slices"
	"testing"
)

// argsOf makes Args of texts with literals between them.
func argsOf(pieces ...string) *Args {
	a := new(Args)
	for i, p := range pieces {
		if i%2 == 0 {
			a.AddText([]byte(p))
		} else {
			a.AddLiteral([]byte(p))
		}
	}
	return a
}

func TestArgsString(t *testing.T) {
	for _, tt := range []struct {
		in   []string
		want []string
	}{
		{[]string{`bob secret`}, []string{"bob", "secret"}},
		{[]string{`"EXAMPLE\admin\bob" secret`}, []string{`EXAMPLE\admin\bob`, "secret"}},
		{[]string{`"EXAMPLE\\admin\\bob" secret`}, []string{`EXAMPLE\admin\bob`, "secret"}},
		{[]string{`"EXAMPLE\\admin\bob" secret`}, []string{`EXAMPLE\admin\bob`, "secret"}},
		{[]string{`EXAMPLE\admin\bob secret`}, []string{`EXAMPLE\admin\bob`, "secret"}},
		{[]string{`EXAMPLE\\bob secret`}, []string{`EXAMPLE\\bob`, "secret"}}, // an atom has no escapes
		{[]string{`bob "a\"b\\c"`}, []string{"bob", `a"b\c`}},
		{[]string{`bob "\"\\"`}, []string{"bob", `"\`}},
		{[]string{`"" ""`}, []string{"", ""}},
		{[]string{`bob p(a){s}%*w"]`}, []string{"bob", `p(a){s}%*w"]`}}, // FAQ.Exchange, "LOGIN failed" R4
		{[]string{"b\xf6b \"p\xe4ss w\xf6rd\""}, []string{"b\xf6b", "p\xe4ss w\xf6rd"}},
		{[]string{`  bob   secret`}, []string{"bob", "secret"}}, // extra spaces: docs/exchange.md#untagged-data
		{[]string{"", "bob", " ", "p \"w\\\r\n", ""}, []string{"bob", "p \"w\\\r\n"}},
		{[]string{"", "", " ", "", ""}, []string{"", ""}},
		{[]string{"bob ", "secret", ""}, []string{"bob", "secret"}},
		{[]string{"", "bob", " secret"}, []string{"bob", "secret"}},
	} {
		a := argsOf(tt.in...)
		var got []string
		a.Space()
		for !a.IsEmpty() {
			s, ok := a.String()
			if !ok {
				t.Errorf("%q: stops after %q", tt.in, got)
				break
			}
			got = append(got, s)
			if !a.Space() && !a.IsEmpty() {
				t.Errorf("%q: no blank after %q", tt.in, got)
				break
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestArgsStringNone(t *testing.T) {
	for _, in := range [][]string{nil, {""}, {" "}, {`"bob`}, {`"bob\"`}, {`"`}} {
		if s, ok := argsOf(in...).String(); ok {
			t.Errorf("%q: got %q", in, s)
		}
	}
	a := argsOf("", "bob", "")
	if _, ok := a.String(); !ok || !a.IsEmpty() {
		t.Error("a literal does not end the arguments")
	}
	if _, ok := a.String(); ok {
		t.Error("one literal read twice")
	}
	// Two arguments want a blank between them, which is for the caller to see.
	a = argsOf(`"a"b`)
	if s, ok := a.String(); s != "a" || !ok || a.Space() || a.Peek() != 'b' {
		t.Errorf(`"a"b: %q, %v`, s, ok)
	}
}

func TestArgsAtom(t *testing.T) {
	for _, tt := range []struct{ in, want, rest string }{
		{`\Seen)`, `\Seen`, ")"},
		{"foo[1] x", "foo[1]", " x"},
		{"$Forwarded", "$Forwarded", ""},
		{"BODY.PEEK[HEADER.FIELDS (DATE)]", "BODY.PEEK[HEADER.FIELDS", " (DATE)]"},
		{`a"b`, `a"b`, ""},
		{"\xfc~{", "\xfc~{", ""},
		{"(x", "", "(x"}, {")", "", ")"}, {"", "", ""}, {" x", "", " x"},
	} {
		a := argsOf(tt.in)
		got, ok := a.Atom()
		if got != tt.want || ok != (tt.want != "") || string(a.text[0]) != tt.rest {
			t.Errorf("%q: %q, %v, rest %q", tt.in, got, ok, a.text[0])
		}
	}
	if got, ok := new(Args).Atom(); ok {
		t.Errorf("nothing: %q", got)
	}
}

func TestArgsList(t *testing.T) {
	for _, tt := range []struct {
		in, rest string
		want     []string
		ok       bool
	}{
		{`(\Seen \Flagged) "date"`, ` "date"`, []string{`\Seen`, `\Flagged`}, true},
		{`()`, "", nil, true},
		{`(  )x`, "x", nil, true},
		{`( \Seen  foo[1] ) {5}`, " {5}", []string{`\Seen`, "foo[1]"}, true},
		{`{5}`, "{5}", nil, true}, // none
		{``, "", nil, true},
		{`(`, "", nil, false},
		{`(\Seen`, "", nil, false},
		{`(\Seen (a))`, "(a))", nil, false},
	} {
		a := argsOf(tt.in)
		got, ok := a.List()
		if !slices.Equal(got, tt.want) || ok != tt.ok || string(a.text[0]) != tt.rest {
			t.Errorf("%q: %q, %v, rest %q", tt.in, got, ok, a.text[0])
		}
	}
	if _, ok := argsOf("(a ", "b", ")").List(); ok {
		t.Error("a literal in a list of atoms")
	}
}

// Args keeps no part of the line, which the next read overwrites.
func TestArgsKeepsItsOwn(t *testing.T) {
	line := []byte("bob secret")
	a := new(Args)
	a.AddText(line)
	copy(line, "XXXXXXXXXX")
	if s, _ := a.String(); s != "bob" {
		t.Errorf("got %q", s)
	}
}
