package folders

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestDecode(t *testing.T) {
	for _, tt := range []struct {
		wire, name string
		ok         bool
		again      string // "": wire
	}{
		{"INBOX", "INBOX", true, ""},
		{"Entw&APw-rfe", "Entwürfe", true, ""},
		{"R&-D", "R&D", true, ""},
		{"R&D", "R&D", true, "R&-D"},                   // what clients mean
		{"&AC8-", "&AC8-", true, "&-AC8-"},             // a "/" must not come in this way
		{"Entwürfe", "Entwürfe", true, "Entw&APw-rfe"}, // UTF-8, as clients send it all the same
		{"&2Dzfig-", "🎊", true, ""},
		{"&2Dw-", "&2Dw-", true, "&-2Dw-"}, // half a surrogate pair
		{"a\tb", "a\tb", true, "a&AAk-b"},
		{"&000000-", "퍍㓓", true, "&00000w-"},               // bits left over
		{"&AOQ-&APw-", "&AOQ-&APw-", true, "&-AOQ-&-APw-"}, // a shift too many
		{"caf\xe9", "caf\xe9", false, "caf\xe9"},
		{"", "", true, ""},
	} {
		name, ok := Decode(tt.wire)
		if name != tt.name || ok != tt.ok {
			t.Errorf("%q: %q, %v", tt.wire, name, ok)
		}
		want := tt.again
		if want == "" {
			want = tt.wire
		}
		if again := Encode(name); again != want {
			t.Errorf("%q: encoded %q, want %q", tt.wire, again, want)
		}
	}
}

func FuzzWire(f *testing.F) {
	f.Add("Entw&APw-rfe")
	f.Add("R&D &2Dw- \x00\xff")
	f.Fuzz(func(t *testing.T, wire string) {
		name, ok := Decode(wire)
		if !ok {
			return
		}
		again := Encode(name)
		if !isASCII(again) || strings.ContainsAny(again, "\r\n\x00") {
			t.Fatalf("%q is written as %q", name, again)
		}
		if _, same, _ := decode(wire); same && again != wire {
			t.Fatalf("%q is written again as %q", wire, again)
		}
		if twice, _ := Decode(again); twice != name {
			t.Fatalf("%q, encoded %q, reads %q", name, again, twice)
		}
	})
}

// FuzzListed lists two mailboxes: the name that a client is told of one opens
// that one.
func FuzzListed(f *testing.F) {
	f.Add("&000000-", "&00000w-", uint8(0))
	f.Add("R&D", "R&-D", uint8(1))
	f.Add("Foo ", "caf\xe9", uint8(2))
	keys := slices.Sorted(maps.Keys(configurations))
	f.Fuzz(func(t *testing.T, a, b string, which uint8) {
		m, have := newMapper(t, configurations[keys[int(which)%len(keys)]]), NewList("")
		have.AddWire(a)
		have.AddWire(b)
		for _, wire := range []string{a, b} {
			told := m.Told([]byte(wire), have)
			if told.Client == "" {
				continue
			}
			client, _ := Decode(told.Wire)
			if client != told.Client {
				t.Fatalf("%q is told as %q, which reads %q and not %q", wire, told.Wire, client, told.Client)
			}
			if up, err := m.Upstream(client, have); err != nil || have.Wire(up) != wire {
				t.Fatalf("%q is told as %q, which opens %q, %v", wire, told.Wire, have.Wire(up), err)
			}
		}
	})
}

func TestFold(t *testing.T) {
	for _, same := range [][2]string{{"Trash", "tRASH"}, {"Ärger", "äRGER"}, {"ß", "ẞ"}, {"k", "\u212a"}, {"ſ", "S"}, {"Σ", "ς"}} {
		if fold(same[0]) != fold(same[1]) {
			t.Errorf("%q and %q are not the same", same[0], same[1])
		}
	}
	for _, apart := range [][2]string{{"a", "b"}, {"a", "ä"}, {"ss", "ß"}} {
		if fold(apart[0]) == fold(apart[1]) {
			t.Errorf("%q and %q are the same", apart[0], apart[1])
		}
	}
}

func TestList(t *testing.T) {
	l := NewList("")
	if name := l.AddWire("Entw&APw-rfe"); name != "Entwürfe" {
		t.Fatal(name)
	}
	l.AddWire("R&D")
	if l.Wire("R&D") != "R&D" || l.Wire("Entwürfe") != "Entw&APw-rfe" || l.Wire("ü") != "&APw-" {
		t.Error("a name is written otherwise than Exchange does")
	}
	l.Add("a/b/c")
	for _, name := range []string{"a", "a/b", "a/b/c"} {
		if !l.Has(name) {
			t.Errorf("%q was not made", name)
		}
	}
	l.Add("A")
	if spelt, ok := l.Spelling("A"); !ok || spelt != "a" || !l.Has("A") {
		t.Error("two of one case")
	}
	l.Remove("a")
	if spelt, ok := l.Spelling("a"); !ok || spelt != "A" || l.Has("a") {
		t.Error("the other one is lost")
	}
	l.Rename("a/b", "x/y")
	if !l.Has("x/y/c") || !l.Has("x") || l.Has("a/b/c") || l.Has("a/b") {
		t.Error("renamed wrongly")
	}
	var none *List
	if none.Has("x") || none.Wire("ü") != "&APw-" {
		t.Error("an empty list")
	}
}
