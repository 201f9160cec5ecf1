package folders

import (
	"fmt"
	"testing"
)

func TestFates(t *testing.T) {
	full := exchange
	full.SpecialUse, full.Hide, full.Reserved = true, []Class{Calendar, Notes}, []string{"Files"}
	trash := "trash_exgate_" + hash("trash")
	with := func(change func(*Options)) Options { o := full; change(&o); return o }
	for _, tt := range []struct {
		name     string
		opts     Options
		have     []string
		upstream string
		want     Fate
	}{
		{"as it is", full, nil, "Projects", Fate{Client: "Projects"}},
		{"its own use", full, nil, "Sent Items", Fate{Client: "Sent Items", SpecialUse: `\Sent`}},
		{"hidden", full, nil, "Calendar", Fate{Holds: Calendar, By: []string{"hide"}}},
		{"below a hidden one", full, []string{"Calendar/Work"}, "Calendar/Work", Fate{Holds: Calendar, By: []string{"hide"}}},
		{"shown by choice", with(func(o *Options) { o.Hide = nil }), nil, "Calendar", Fate{Client: "Calendar"}},
		{"by case", full, []string{"Trash", trash}, trash, Fate{Client: "trash", By: []string{"apart"}}},
		{"reserved", full, []string{"Files_renamed_by_imapsync"}, "Files_renamed_by_imapsync", Fate{Client: "Files", By: []string{"reserved"}}},
		{"characters", full, []string{"Foo␣"}, "Foo␣", Fate{Client: "Foo ", By: []string{"characters"}}},
		{"two that read alike", full, []string{"Foo␣", "Foo "}, "Foo ", Fate{By: []string{"characters"}}},
		{"list", with(func(o *Options) { o.List = []Pair{{From: "Sent", To: "Sent Items"}} }), nil, "Sent Items",
			Fate{Client: "Sent", SpecialUse: `\Sent`, By: []string{"list"}}},
		{"below the prefix", with(func(o *Options) { o.Prefix = "bob" }), []string{"bob", "bob/Mail"}, "bob/Mail", Fate{Client: "Mail", By: []string{"prefix"}}},
		{"outside the prefix", with(func(o *Options) { o.Prefix = "bob" }), []string{"bob", "Mail"}, "Mail", Fate{By: []string{"prefix"}}},
		{"a hidden one, outside the prefix", with(func(o *Options) { o.Prefix = "bob" }), []string{"bob"}, "Calendar", Fate{By: []string{"prefix"}}},
		{"nothing is mapped", Options{}, []string{trash}, trash, Fate{Client: trash}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			have := listOf(append([]string{"INBOX", "Calendar", "Contacts", "Notes", "Sent Items", "Projects"}, tt.have...)...)
			got, err := Fates(tt.opts, []string{tt.upstream}, have)
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Upstream = tt.upstream
			if len(got) != 1 || fmt.Sprintf("%q", got[0]) != fmt.Sprintf("%q", tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	if _, err := Fates(Options{Prefix: "/"}, nil, listOf()); err == nil {
		t.Error("a prefix that is none")
	}
}
