package folders

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// exchange is what the Exchange profiles do.
var exchange = Options{Case: Apart, Characters: true, Longest: 250}

func newMapper(t testing.TB, o Options) *Mapper {
	t.Helper()
	m, err := NewMapper(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func listOf(names ...string) *List {
	l := NewList("")
	for _, name := range names {
		l.Add(name)
	}
	return l
}

func TestUpstream(t *testing.T) {
	with := func(change func(*Options)) Options { o := exchange; change(&o); return o }
	for _, tt := range []struct {
		name   string
		opts   Options
		have   []string
		client string
		want   string
	}{
		{"off", Options{}, []string{"Trash"}, "trash ", "trash "},
		{"plain", exchange, nil, "Projects/2026", "Projects/2026"},
		{"exact", exchange, []string{"Trash"}, "Trash", "Trash"},
		{"INBOX in any case", exchange, nil, "inbox", "INBOX"},
		{"below INBOX", exchange, nil, "Inbox/a", "INBOX/a"},
		{"apart", exchange, []string{"Trash"}, "trash", "trash_exgate_" + hash("trash")},
		{"apart already", exchange, []string{"Trash", "trash_exgate_" + hash("trash")}, "trash", "trash_exgate_" + hash("trash")},
		{"the other is gone", exchange, []string{"trash_exgate_" + hash("trash")}, "trash", "trash_exgate_" + hash("trash")},
		{"the other comes again", exchange, []string{"trash_exgate_" + hash("trash")}, "Trash", "Trash"},
		{"a third", exchange, []string{"Trash", "trash_exgate_" + hash("trash")}, "TRASH", "TRASH_exgate_" + hash("TRASH")},
		{"the parent apart", exchange, []string{"Trash"}, "trash/old", "trash_exgate_" + hash("trash") + "/old"},
		{"a child apart", exchange, []string{"Trash/Old"}, "Trash/old", "Trash/old_exgate_" + hash("old")},
		{"apart, not ASCII", exchange, []string{"Ärger"}, "ärger", "ärger_exgate_" + hash("ärger")},
		{"reads like a suffix", exchange, nil, "trash_exgate_" + hash("trash"), "trash_exgate_" + hash("trash") + "_exgate_" + hash("trash_exgate_"+hash("trash"))},
		{"only looks like a suffix", exchange, nil, "trash_exgate_aaaaaaa", "trash_exgate_aaaaaaa"},
		{"merge", with(func(o *Options) { o.Case = Merge }), []string{"Trash"}, "trash", "Trash"},
		{"merge below", with(func(o *Options) { o.Case = Merge }), []string{"Trash/Old"}, "trash/old", "Trash/Old"},
		{"a case-sensitive server", exchange, []string{"trash", "Trash"}, "trash", "trash"},
		{"a case-sensitive server's parents", exchange, []string{"trash", "Trash/old"}, "trash/old", "trash/old"},
		{"blank at the end", exchange, nil, "Foo ", "Foo␣"},
		{"blanks at both ends", exchange, nil, "  Foo bar  ", "␣␣Foo bar␣␣"},
		{"only blanks", exchange, nil, "  /x", "␣␣/x"},
		{"blank at the end, there already", exchange, []string{"Foo "}, "Foo ", "Foo "},
		{"the picture itself", exchange, nil, "Foo␣", "Foo␛␣"},
		{"the picture there already", exchange, []string{"Foo␣bar"}, "Foo␣bar", "Foo␣bar"},
		{"control characters", exchange, nil, "a\tb\x00\x1b\x7f", "a␉b␀␛[␡"},
		{"a TAB there already", exchange, []string{"a\tb"}, "a\tb", "a\tb"},
		{"emoji", exchange, nil, "🎉", "🎉"},
		{"reserved", with(func(o *Options) { o.Reserved = []string{"Files"} }), nil, "Files", "Files_renamed_by_imapsync"},
		{"reserved, any case", with(func(o *Options) { o.Reserved = []string{"Files"} }), nil, "files", "files_renamed_by_imapsync"},
		{"reserved, Exchange's own there", with(func(o *Options) { o.Reserved = []string{"Files"} }), []string{"Files"}, "Files", "Files_renamed_by_imapsync"},
		{"reserved at the top only", with(func(o *Options) { o.Reserved = []string{"Files"} }), nil, "a/Files", "a/Files"},
		{"what the reserved one is called", with(func(o *Options) { o.Reserved = []string{"Files"} }), nil, "Files_renamed_by_imapsync", "Files_renamed_by_imapsync_exgate_" + hash("Files_renamed_by_imapsync")},
		{"hidden", with(func(o *Options) { o.Hide = []Class{Calendar} }), []string{"Calendar", "Contacts", "Tasks"}, "Calendar", "Calendar_exgate_" + hash("Calendar")},
		{"below a hidden one", with(func(o *Options) { o.Hide = []Class{Contacts} }), []string{"Calendar", "Contacts/x", "Tasks"}, "Contacts/x", "Contacts_exgate_" + hash("Contacts") + "/x"},
		{"prefix", with(func(o *Options) { o.Prefix = "INBOX." }), nil, "Foo", "INBOX/Foo"},
		{"prefix below INBOX leaves it", with(func(o *Options) { o.Prefix = "INBOX/" }), nil, "INBOX", "INBOX"},
		{"prefix elsewhere takes it along", with(func(o *Options) { o.Prefix = "backup/bob" }), nil, "INBOX", "backup/bob/INBOX"},
		{"INBOX below a prefix, in another case", Options{Prefix: "bob"}, []string{"bob/INBOX"}, "inbox", "bob/INBOX"},
		{"INBOX below a prefix, names apart", Options{Prefix: "bob", Case: Apart}, []string{"bob/INBOX"}, "inbox", "bob/INBOX"},
		{"INBOX below a prefix, in Exchange's case", Options{Prefix: "bob"}, []string{"bob/Inbox"}, "INBOX", "bob/Inbox"},
		{"below INBOX below a prefix", Options{Prefix: "bob"}, []string{"bob/INBOX"}, "Inbox/x", "bob/INBOX/x"},
		{"separator inside", with(func(o *Options) { o.Separator = "." }), nil, "a/b.c", "a∕b/c"},
		{"list", with(func(o *Options) { o.List = []Pair{{"Sent", "Sent Items"}} }), nil, "Sent/2026", "Sent Items/2026"},
		{"what the list gave away", with(func(o *Options) { o.List = []Pair{{"Sent", "Sent Items"}} }), []string{"Sent Items"}, "Sent Items", "Sent Items_exgate_" + hash("Sent Items")},
		{"pattern", with(func(o *Options) { o.Patterns = []Pattern{{From: "^trash$", To: "Trash"}} }), nil, "trash", "Trash"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, have := newMapper(t, tt.opts), listOf(tt.have...)
			got, err := m.Upstream(tt.client, have)
			if err != nil || got != tt.want {
				t.Fatalf("%q: %q, %v\nwant %q", tt.client, got, err, tt.want)
			}
			have.Add(got)
			back, ok := m.Client(got, have)
			if want := strings.Replace(tt.client, "Inbox", "INBOX", 1); tt.opts.Patterns == nil && (!ok || !strings.EqualFold(back, "INBOX") && back != want) && tt.opts.Case != Merge {
				t.Errorf("back: %q, %v", back, ok)
			}
		})
	}
}

func TestClient(t *testing.T) {
	suffixed := "trash_exgate_" + hash("trash")
	for _, tt := range []struct {
		name     string
		opts     Options
		have     []string
		upstream string
		want     string // "": not shown
	}{
		{"apart", exchange, []string{"Trash", suffixed}, suffixed, "trash"},
		{"both by other hands", exchange, []string{"trash", suffixed}, suffixed, suffixed},
		{"the plain one beside it", exchange, []string{"trash", suffixed}, "trash", "trash"},
		{"a blank at the end and its picture", exchange, []string{"Foo ", "Foo␣"}, "Foo␣", "Foo "},
		{"is hidden beside its picture", exchange, []string{"Foo ", "Foo␣"}, "Foo ", ""},
		{"outside the prefix", Options{Prefix: "bob/"}, []string{"alice/x"}, "alice/x", ""},
		{"the prefix itself", Options{Prefix: "bob/"}, []string{"bob"}, "bob", ""},
		{"INBOX below a prefix, in another case", Options{Prefix: "bob"}, []string{"bob/Inbox"}, "bob/Inbox", "INBOX"},
		{"a second INBOX below a prefix", Options{Prefix: "bob"}, []string{"bob/INBOX", "bob/inbox"}, "bob/inbox", ""},
		{"what the list takes away", Options{List: []Pair{{"A", "B"}}}, []string{"A", "B"}, "A", ""},
		{"list", Options{List: []Pair{{"A", "B"}}}, []string{"A", "B/c"}, "B/c", "A/c"},
		{"no way back", Options{Patterns: []Pattern{{From: "^(.*)$", To: "Old/$1"}}}, nil, "Old/x", ""},
		{"a way back", Options{Patterns: []Pattern{{"^(.*)$", "Old/$1", "^Old/(.*)$", "$1"}}}, nil, "Old/x", "x"},
		{"Exchange's own Files", Options{Reserved: []string{"Files"}}, []string{"Files"}, "Files", ""},
		{"hidden", Options{Hide: []Class{Contacts}}, []string{"Calendar", "Contacts/x", "Tasks"}, "Contacts/x", ""},
		{"separator", Options{Separator: "."}, nil, "a/b", "a.b"},
		{"a dot inside", Options{Separator: "."}, []string{"v1.2"}, "v1.2", "v1․2"},
		{"what looks like a dot", Options{Separator: "."}, []string{"v1․2"}, "v1․2", "v1․2"},
		{"both", Options{Separator: "."}, []string{"v1․2", "v1.2"}, "v1․2", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := newMapper(t, tt.opts).Client(tt.upstream, listOf(tt.have...))
			if got != tt.want || ok != (tt.want != "") {
				t.Errorf("%q: %q, %v, want %q", tt.upstream, got, ok, tt.want)
			}
		})
	}
}

// A name that is too long for one level goes on in the next, and nothing shows
// of the one between.
func TestLong(t *testing.T) {
	m, have := newMapper(t, exchange), listOf("INBOX")
	for _, client := range []string{
		strings.Repeat("abcdefghi ", 60), strings.Repeat("🎉", 300), strings.Repeat("x", 251), strings.Repeat("A", 1000) + "/below", strings.Repeat("a", 1000) + "/below",
	} {
		up, err := m.Upstream(client, have)
		if err != nil {
			t.Fatal(err)
		}
		have.Add(up)
		for level := range strings.SplitSeq(up, "/") {
			if isLonger(level, 250) || strings.HasPrefix(level, " ") || strings.HasSuffix(level, " ") {
				t.Errorf("a level that Exchange does not take: %q", level)
			}
		}
		if got, ok := m.Client(up, have); !ok || got != client {
			t.Errorf("%q: back %q, %v", client, got, ok)
		}
		first, _, _ := strings.Cut(up, "/")
		if got, ok := m.Client(first, have); ok {
			t.Errorf("%q is shown as %q", first, got)
		}
	}
	if up, err := m.Upstream("x"+strings.Repeat(" ", 500)+"x", nil); err == nil {
		t.Errorf("cut to %q", up)
	}
}

// alphabet has all that the mapping cares for.
var alphabet = []rune("aAbBkKKſsSéÉßẞ \t\x00\x1b\x7f␣␛␀[∕/._Files&-🎉日٠İıi~")

var words = []string{"Calendar", "Tasks", "notes", "Files", "files", "_renamed_by_imapsync", "_exgate_", "_exgate_more_", "trash", "Trash", "INBOX", "inbox", " "}

func randomName(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(6) {
		switch r.IntN(4) {
		case 0:
			b.WriteString(words[r.IntN(len(words))])
		case 1:
			s := words[r.IntN(len(words))]
			b.WriteString(s + apartMark + hash(s))
		case 2:
			b.WriteString(strings.Repeat(string(alphabet[r.IntN(len(alphabet))]), r.IntN(90)))
		default:
			b.WriteRune(alphabet[r.IntN(len(alphabet))])
		}
	}
	levels := strings.Split(b.String(), "/")
	levels = slices.DeleteFunc(levels, func(l string) bool { return l == "" })
	if len(levels) == 0 {
		return "x"
	}
	if strings.EqualFold(levels[0], "INBOX") {
		levels[0] = "INBOX"
	}
	return strings.Join(levels, "/")
}

// configurations are those of the property tests.
var configurations = map[string]Options{
	"exchange":  exchange,
	"online":    {Case: Apart, Characters: true, Longest: 250, Reserved: []string{"Files"}},
	"short":     {Case: Apart, Characters: true, Longest: 64, Reserved: []string{"Files"}, Prefix: "INBOX."},
	"list":      {Case: Apart, Characters: true, Longest: 64, List: []Pair{{"trash", "Trash"}, {"a/b", "B"}}},
	"subfolder": {Case: Apart, Characters: true, Prefix: "backup/bob"},
	"hidden":    {Case: Apart, Characters: true, Longest: 250, Hide: []Class{Calendar, Contacts, Tasks, Notes}},
	"dot":       {Case: Apart, Characters: true, Separator: "."},
}

// TestOneToOne makes mailboxes of random names in random orders on a server
// that folds case, as Exchange does, and finds each of them again: under its
// own name, apart from all others, for a mapper that was not there when they
// were made.
func TestOneToOne(t *testing.T) {
	for name, opts := range configurations {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			refused := 0
			for range 400 {
				m, have := newMapper(t, opts), listOf("INBOX", "Trash", "Sent Items", "Calendar", "Contacts", "Drafts", "Notes")
				made := map[string]string{}
				for range 12 {
					client := randomName(r)
					if opts.Separator == "." {
						client = strings.ReplaceAll(client, "..", ".")
						client = strings.Trim(client, ".")
						if client == "" {
							continue
						}
					}
					up, err := m.Upstream(client, have)
					if err != nil {
						refused++
						continue
					}
					if spelt, exists := have.Spelling(up); exists && spelt != up {
						t.Fatalf("%q would be merged into %q", client, spelt)
					}
					have.Add(up)
					made[client] = up
				}
				again := newMapper(t, opts)
				seen := map[string]string{}
				for client, up := range made {
					if got, err := again.Upstream(client, have); err != nil || got != up {
						t.Fatalf("%q was %q and now is %q, %v", client, up, got, err)
					}
					if other, ok := seen[up]; ok && other != client {
						t.Fatalf("%q and %q are both %q", client, other, up)
					}
					seen[up] = client
					if got, ok := again.Client(up, have); !ok || got != client {
						t.Fatalf("%q (%q) is shown as %q, %v", client, up, got, ok)
					}
				}
				oneToOne(t, again, have)
			}
			if refused > 400 {
				t.Errorf("%d names refused", refused)
			}
		})
	}
}

// oneToOne checks that what is shown leads back, each to its own.
func oneToOne(t *testing.T, m *Mapper, have *List) {
	t.Helper()
	shown := map[string]string{}
	for _, up := range have.all() {
		client, ok := m.Client(up, have)
		if !ok {
			continue
		}
		if other, twice := shown[client]; twice {
			t.Fatalf("%q and %q are both shown as %q", up, other, client)
		}
		shown[client] = up
		if again, err := m.Upstream(client, have); err != nil || again != up {
			t.Fatalf("%q is shown as %q, which leads to %q, %v", up, client, again, err)
		}
	}
}

// Whatever others have made upstream, what is shown leads back.
func TestOthersNames(t *testing.T) {
	for name, opts := range configurations {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(3, 4))
			for range 400 {
				have := listOf("INBOX")
				for range 12 {
					have.Add(randomName(r))
				}
				oneToOne(t, newMapper(t, opts), have)
			}
		})
	}
}

// In whatever order two gateways make the same names, each finds what the
// other has made.
func TestTwoGateways(t *testing.T) {
	names := []string{"trash", "Trash", "TRASH", "Trash/a", "trash/A", "trash/a", "Files", "files", "a ", "A ", "a"}
	r := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		m := [2]*Mapper{newMapper(t, exchange), newMapper(t, exchange)}
		have := listOf("INBOX")
		for _, i := range r.Perm(len(names)) {
			up, err := m[i%2].Upstream(names[i], have)
			if err != nil {
				t.Fatal(err)
			}
			have.Add(up)
		}
		seen := map[string]bool{}
		for _, name := range names {
			a, _ := m[0].Upstream(name, have)
			b, _ := m[1].Upstream(name, have)
			if a != b || seen[a] {
				t.Fatalf("%q is %q and %q; in use: %v", name, a, b, seen[a])
			}
			seen[a] = true
		}
	}
}

// A level without a name, and bytes that are no text, lead to what the upstream
// has in that very spelling, and to nothing else.
func TestOnlyAsItIs(t *testing.T) {
	odd := []string{"/", "/a", "a//b", "//", "/INBOX", "/Files", "x/b//", "caf\xe9", "caf\xe9 ", "caf\xe9/Files"}
	for name, opts := range configurations {
		if opts.Separator != "" || opts.Prefix != "" {
			continue // their upstream names are others
		}
		t.Run(name, func(t *testing.T) {
			m := newMapper(t, opts)
			for _, client := range odd {
				if up, err := m.Upstream(client, listOf("a", "a/b", "INBOX", "caf\ufffd")); err == nil && up != strings.TrimSuffix(client, "/") {
					t.Errorf("%q is made, as %q", client, up)
				}
				have := listOf("a", "a/b", "INBOX", client)
				if up, err := m.Upstream(client, have); err != nil || up != client {
					t.Errorf("%q is there, and leads to %q, %v", client, up, err)
				}
				if got, ok := m.Client(client, have); !ok || got != client {
					t.Errorf("%q is shown as %q, %v", client, got, ok)
				}
			}
		})
	}
	m := newMapper(t, configurations["list"])
	for _, client := range []string{"", "/", "trash//", "//trash"} {
		if up, err := m.Upstream(client, listOf("INBOX")); err == nil {
			t.Errorf("%q is made, as %q", client, up)
		}
	}
	if got, ok := m.Client("B/", listOf("B", "B/")); ok && got == "a/b" {
		t.Error("what stands below the list's mailbox is shown as that one")
	}
	for client, want := range map[string]string{"a/": "a", "trash/": "Trash", "INBOX/": "INBOX"} { // RFC 9051 section 6.3.4
		if up, err := m.Upstream(client, listOf("INBOX")); err != nil || up != want {
			t.Errorf("%q is %q, %v", client, up, err)
		}
	}
}

// A name of many levels costs its length squared, so that their number is
// bounded.
func TestManyLevels(t *testing.T) {
	for name, opts := range configurations {
		m := newMapper(t, opts)
		client := strings.Repeat("a"+m.Separator(nil), maxLevels) + "a"
		if up, err := m.Upstream(client, listOf()); err == nil {
			t.Errorf("%s: %d levels are made, as %.20q", name, maxLevels+1, up)
		}
		up := strings.Repeat("a/", maxLevels) + "a"
		if got, ok := m.Client(up, listOf(up)); ok {
			t.Errorf("%s: %d levels are shown, as %.20q", name, maxLevels+1, got)
		}
		if opts.Prefix != "" {
			continue // whose levels count, too
		}
		client = client[:len(client)-2]
		up, err := m.Upstream(client, listOf())
		if err != nil {
			t.Fatalf("%s: %d levels: %v", name, maxLevels, err)
		}
		if got, ok := m.Client(up, listOf(up)); !ok || got != client {
			t.Errorf("%s: %d levels are shown as %.20q, %v", name, maxLevels, got, ok)
		}
	}
}

// Where nothing looks like the upstream's separator, a client's level cannot
// have it in it.
func TestUnknownSeparator(t *testing.T) {
	m := newMapper(t, configurations["dot"])
	have := NewList("^")
	if up, err := m.Upstream("a.b", have); err != nil || up != "a^b" {
		t.Errorf("%q, %v", up, err)
	}
	if up, err := m.Upstream("a^b", have); err == nil {
		t.Errorf("two levels: %q", up)
	}
}

// FuzzOneToOne makes two mailboxes beside one that is there: each is found
// again, no two are one, and what is shown leads back.
func FuzzOneToOne(f *testing.F) {
	f.Add("trash", "Trash", "Trash", uint8(0))
	f.Add("Foo ", "Foo␣", "Foo ", uint8(1))
	f.Add("a/ b", "A/ B", "a", uint8(2))
	f.Add(strings.Repeat("x", 300), "trash_exgate_"+hash("trash"), "files_renamed_by_imapsync", uint8(3))
	f.Add("a^b.c", "a.b", "a∕b", uint8(16))
	keys := slices.Sorted(maps.Keys(configurations))
	separators := []string{"/", ".", "^"}
	f.Fuzz(func(t *testing.T, a, b, there string, which uint8) {
		m := newMapper(t, configurations[keys[int(which)%len(keys)]])
		have := NewList(separators[int(which)/len(keys)%len(separators)])
		have.Add("INBOX")
		have.Add(there)
		for _, client := range []string{a, b} {
			if up, err := m.Upstream(client, have); err == nil {
				if spelt, exists := have.Spelling(up); exists && spelt != up && fold(client) != "inbox" {
					t.Fatalf("%q would be merged into %q", client, spelt)
				}
				have.Add(up)
				if again, err := m.Upstream(client, have); err != nil || again != up {
					t.Fatalf("%q was %q and now is %q, %v", client, up, again, err)
				}
			}
		}
		oneToOne(t, m, have)
		x, errX := m.Upstream(a, have)
		y, errY := m.Upstream(b, have)
		sep := m.Separator(have)
		if errX == nil && errY == nil && x == y && sameName(a, sep) != sameName(b, sep) {
			t.Fatalf("%q and %q are both %q", a, b, x)
		}
	})
}

// sameName is what names have in common that are one: INBOX is one in any case,
// and a separator at the end belongs to no name (RFC 9051 sections 5.1 and
// 6.3.4).
func sameName(client, sep string) string {
	client = strings.TrimSuffix(client, sep)
	if top, below, _ := strings.Cut(client, sep); strings.EqualFold(top, inbox) {
		return inbox + sep + below
	}
	return client
}
