package names

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"exgate/backend/folders"
)

func TestNew(t *testing.T) {
	ofBob := folders.Options{Users: []folders.UserPrefix{{User: "bob", Prefix: "b"}}}
	for _, tt := range []struct {
		name   string
		opts   folders.Options
		user   string
		prefix string // "none": no mapping
		wrong  bool
	}{
		{"no options", folders.Options{}, "bob", "none", false},
		{"case", folders.Options{Case: folders.Apart}, "bob", "", false},
		{"prefix", folders.Options{Prefix: "INBOX."}, "bob", "INBOX.", false},
		{"a user's prefix", ofBob, "bob@x.org", "b", false},
		{"another user's", ofBob, "alice", "none", false},
		{"a wrong pattern", folders.Options{Patterns: []folders.Pattern{{From: "("}}}, "bob", "", true},
	} {
		m, err := New(tt.opts, tt.user)
		switch {
		case (err != nil) != tt.wrong:
			t.Errorf("%s: %v", tt.name, err)
		case tt.wrong:
		case (m == nil) != (tt.prefix == "none"):
			t.Errorf("%s: %+v", tt.name, m)
		case m != nil && m.Options.Prefix != tt.prefix:
			t.Errorf("%s: the prefix is %q", tt.name, m.Options.Prefix)
		}
	}
}

func TestIsNewsOnceForEachName(t *testing.T) {
	m, err := New(folders.Options{Case: folders.Apart}, "bob")
	if err != nil {
		t.Fatal(err)
	}
	news := 0
	for range 2 {
		for i := range maxLogged + 10 {
			if m.IsNews(fmt.Sprint(i)) {
				news++
			}
		}
	}
	if news != maxLogged {
		t.Errorf("%d names are news, want %d", news, maxLogged)
	}
}

func TestKnownList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var k Known
		if list, age := k.Get(); list != nil || age <= FreshEnough {
			t.Errorf("before the first list: %v, %s old", list, age)
		}
		list := folders.NewList("")
		k.Set(list)
		time.Sleep(time.Minute)
		if got, age := k.Get(); got != list || age != time.Minute {
			t.Errorf("%v, %s old", got, age)
		}
		k.Forget()
		if got, _ := k.Get(); got != nil {
			t.Error("a forgotten list is still there")
		}
	})
}

func TestKnownExtend(t *testing.T) {
	part := func(names ...string) *folders.List {
		list := folders.NewList("")
		for _, name := range names {
			list.AddWire(name)
		}
		return list
	}
	var k Known
	k.Extend(part("INBOX", "a&-b"))
	k.Extend(part("a&b", "INBOX", "c"))
	list, _ := k.Get()
	got := list.Names()
	slices.Sort(got)
	if !slices.Equal(got, []string{"INBOX", "a&b", "c"}) || list.Wire("a&b") != "a&-b" {
		t.Errorf("%q are known, a&b as %q", got, list.Wire("a&b"))
	}
	k.Set(part("d"))
	k.Extend(part("e"))
	if list, _ = k.Get(); list.Has("c") || !list.Has("d") || !list.Has("e") {
		t.Errorf("%q are known", list.Names())
	}
}

func TestKnownMade(t *testing.T) {
	for _, tt := range []struct {
		has, made []string
		implied   []string // in the order of the names
	}{
		{nil, []string{"a"}, nil},
		{nil, []string{"a/b/c"}, []string{"a", "a/b"}},
		{[]string{"a"}, []string{"a/b/c"}, []string{"a/b"}},
		{[]string{"a/b"}, []string{"a/b/c"}, nil},
		{nil, []string{"a/b", "a/c"}, []string{"a"}},
	} {
		var k Known
		list := folders.NewList("/")
		for _, name := range tt.has {
			list.Add(name)
		}
		for _, name := range tt.made {
			k.Made(list, name)
			if !list.Has(name) {
				t.Errorf("%q is not in the list", name)
			}
		}
		var implied []string
		for _, name := range []string{"a", "a/b", "a/b/c", "a/c"} {
			if k.WasImplied(name) {
				implied = append(implied, name)
			}
			if k.WasImplied(name) {
				t.Errorf("%q is implied twice", name)
			}
		}
		if !slices.Equal(implied, tt.implied) {
			t.Errorf("%q made below %q: implied %q, want %q", tt.made, tt.has, implied, tt.implied)
		}
	}
}

func TestKnownAliases(t *testing.T) {
	var k Known
	for _, tt := range []struct {
		mailbox, name string
		all           []string
	}{
		{"Trash", "Trash", []string{"Trash"}},
		{"Trash", "trash", []string{"Trash", "trash"}},
		{"Trash", "Trash", []string{"Trash", "trash"}},
		{"Sent", "sent", []string{"sent"}},
	} {
		if got := k.Call(tt.mailbox, tt.name); !slices.Equal(got, tt.all) || !slices.Equal(k.Called(tt.mailbox), tt.all) {
			t.Errorf("%s called %s: %q, want %q", tt.mailbox, tt.name, got, tt.all)
		}
	}
	if got := k.Called("Drafts"); got != nil {
		t.Errorf("Drafts is called %q", got)
	}
}
