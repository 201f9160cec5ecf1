package folders

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
)

// What is remembered of a list is what would be found out anew, however the
// list changes meanwhile, and whoever else asks.
func TestToldIsWhatTheMapperSays(t *testing.T) {
	for name, opts := range configurations {
		t.Run(name, func(t *testing.T) {
			opts.SpecialUse = true
			r := rand.New(rand.NewPCG(3, 4))
			other := newMapper(t, Options{Case: Apart, Characters: true})
			for range 60 {
				m, have := newMapper(t, opts), listOf("INBOX", "Trash", "Sent Items", "Calendar", "Contacts", "Drafts", "Notes")
				var wires []string
				for range 60 {
					switch what := r.IntN(10); {
					case what < 4 || len(wires) == 0:
						wires = append(wires, Encode(randomName(r)))
						have.AddWire(wires[len(wires)-1])
					case what < 5:
						have.Add(randomName(r))
					case what < 6:
						gone, _ := Decode(wires[r.IntN(len(wires))])
						have.Remove(gone)
					case what < 7:
						from, _ := Decode(wires[r.IntN(len(wires))])
						have.Rename(from, randomName(r))
					case what < 8:
						other.Told([]byte(wires[r.IntN(len(wires))]), have)
					}
					if len(wires) == 0 {
						continue
					}
					wire := wires[r.IntN(len(wires))]
					told := newMapper(t, opts).Told([]byte(wire), have) // of another session
					mailbox, _ := Decode(wire)
					client, ok := m.Client(mailbox, have)
					if !have.Has(mailbox) {
						t.Fatalf("%q was not added", mailbox)
					}
					want := &Told{}
					if ok {
						want = &Told{Client: client, Wire: Encode(client), Use: m.SpecialUse(mailbox, have)}
						if client == mailbox {
							want.Wire = wire
						}
					}
					if want.at = told.at; *told != *want {
						t.Fatalf("%q: told %+v, want %+v", wire, told, want)
					}
				}
			}
		})
	}
}

// After a pass the list has what came in it, and no more.
func TestPass(t *testing.T) {
	m := newMapper(t, exchange)
	r := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		have := NewList("")
		came := map[string]bool{}
		for range r.IntN(12) {
			have.AddWire(Encode(randomName(r)))
		}
		for _, wire := range slices.Sorted(maps.Keys(have.wires)) { // in an order, so that it repeats
			if r.IntN(4) > 0 {
				came[wire] = true
			}
		}
		for range r.IntN(3) {
			came[Encode(randomName(r))] = true // which may be one that was left out
		}
		gone := false
		for wire := range have.wires {
			gone = gone || !came[wire]
		}
		pass := have.Pass()
		for range 2 { // some servers repeat themselves
			for wire := range came {
				pass.Told(m, []byte(wire))
			}
		}
		list, ok := pass.End()
		if !ok || list == have == gone {
			t.Fatalf("gone %v: the same list %v, %v", gone, list == have, ok)
		}
		var want []string
		for wire := range came {
			name, _ := Decode(wire)
			want = append(want, name)
		}
		got := list.all()
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, slices.Compact(want)) {
			t.Fatalf("%q came, and %q is in the list", want, got)
		}
	}
}

// Who has changed the list during a pass knows more than the pass.
func TestPassAndOthers(t *testing.T) {
	m, have := newMapper(t, exchange), listOf()
	have.AddWire("a")
	have.AddWire("b")
	pass := have.Pass()
	pass.Told(m, []byte("a"))
	have.Add("c")
	if list, ok := pass.End(); ok || list != have || !have.Has("c") {
		t.Error("the pass forgets what was made during it")
	}
	pass = have.Pass()
	pass.Separator = "."
	for _, name := range []string{"a", "b", "c"} {
		pass.Told(m, []byte(name))
	}
	if list, ok := pass.End(); !ok || list == have || list.Separator != "." {
		t.Error("another separator")
	}
}

// What there is no room to remember is looked at each time; a mailbox that
// there is no room for is not shown.
func TestListIsBounded(t *testing.T) {
	m := newMapper(t, Options{Case: Apart}) // which is quick with long names
	t.Run("what is remembered", func(t *testing.T) {
		have := NewList("")
		have.wires = make(map[string]*entry)
		for i := range maxNames {
			have.wires[fmt.Sprint(i)] = &entry{}
		}
		for range 2 {
			if told := m.Told([]byte("Work"), have); told.Client != "Work" || len(have.wires) != maxNames {
				t.Errorf("%+v, %d", told, len(have.wires))
			}
		}
		if n := len(have.spelling); n != 1 {
			t.Errorf("%d mailboxes", n)
		}
	})
	for _, tt := range []struct {
		what string
		name func(i int) string
		n    int
	}{
		{"names", func(i int) string { return fmt.Sprint(i) }, maxNames},
		{"names in two cases", func(i int) string { return []string{"x", "X"}[i%2] + fmt.Sprint(i/2) }, maxNames},
		{"bytes", func(i int) string { return fmt.Sprintf("%08d", i) + strings.Repeat("x", 1<<20-8) }, maxBytes >> 20},
	} {
		t.Run(tt.what, func(t *testing.T) {
			have := NewList("")
			pass := have.Pass()
			for i := range tt.n + 50 {
				name := tt.name(i)
				told := pass.Told(m, []byte(name))
				if shown := i < tt.n; have.Has(name) != shown || !shown && told.Client != "" {
					t.Fatalf("mailbox %d: in the list %v, told %q", i, have.Has(name), told.Client)
				}
			}
			if n := len(have.spelling) + len(have.others); n != tt.n || len(have.wires) > tt.n {
				t.Errorf("%d mailboxes, %d spellings", n, len(have.wires))
			}
			if _, ok := pass.End(); ok {
				t.Error("a pass that could not remember all says what is gone")
			}
			last := tt.name(tt.n)
			have.Remove(tt.name(0))
			if m.Told([]byte(last), have); !have.Has(last) {
				t.Error("no room after one is gone")
			}
		})
	}
}

// Where two mailboxes read the same, one is shown, and by its name that one is
// opened: the same one in whatever order they come.
func TestTwoSpellingsOfOneName(t *testing.T) {
	for _, tt := range []struct {
		wires []string
		shown string
	}{
		{[]string{"&000000-", "&00000w-"}, "&00000w-"},
		{[]string{"R&D", "R&-D"}, "R&-D"},
		{[]string{"Entw&APw-rfe", "Entwürfe"}, "Entw&APw-rfe"},
		{[]string{"&000000-", "&000001-"}, "&000000-"},
		{[]string{"a&AAk-", "a\t"}, "a&AAk-"},
	} {
		for range 2 {
			slices.Reverse(tt.wires)
			for _, opts := range configurations {
				m, have := newMapper(t, opts), NewList("")
				for _, wire := range tt.wires {
					have.AddWire(wire)
				}
				for _, wire := range tt.wires {
					if told := m.Told([]byte(wire), have); told.Client != "" && wire != tt.shown {
						t.Errorf("%q: %q is shown as %q", tt.wires, wire, told.Client)
					}
				}
				pass := have.Pass()
				for _, wire := range tt.wires {
					pass.Told(m, []byte(wire))
				}
				if list, ok := pass.End(); list != have || !ok {
					t.Errorf("%q: a pass finds that something is gone", tt.wires)
				}
				have.Remove(have.AddWire(tt.wires[0]))
				have.AddWire(tt.wires[0])
				if name, _ := Decode(tt.wires[0]); have.Wire(name) != tt.wires[0] {
					t.Errorf("%q: alone it is written as %q", tt.wires[0], have.Wire(name))
				}
			}
		}
	}
}

// Sessions of one account read and change its list at the same time; in the end
// all are told the same.
func TestToldToSeveral(t *testing.T) {
	have := listOf("INBOX", "Trash")
	m := newMapper(t, exchange)
	var names [][]byte
	r := rand.New(rand.NewPCG(7, 8))
	for range 50 {
		names = append(names, []byte(Encode(randomName(r))))
	}
	var sessions sync.WaitGroup
	for i := range 4 {
		sessions.Go(func() {
			own := newMapper(t, exchange)
			for range 20 {
				pass := have.Pass()
				for _, name := range names {
					pass.Told(own, name)
				}
				pass.End()
				have.Add(fmt.Sprintf("made by %d", i))
				have.Remove(fmt.Sprintf("made by %d", i))
			}
		})
	}
	sessions.Wait()
	for _, name := range names {
		mailbox, _ := Decode(string(name))
		client, _ := m.Client(mailbox, have)
		if told := m.Told(name, have); told.Client != client {
			t.Errorf("%q: told %q, is %q", name, told.Client, client)
		}
	}
}
