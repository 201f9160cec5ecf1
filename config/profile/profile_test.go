package profile

import (
	"slices"
	"testing"

	"exgate/backend"
	"exgate/backend/folders"
	"exgate/rewrite"
)

func TestNamed(t *testing.T) {
	names := Names()
	if len(names) != len(table) || names[len(names)-1] != Auto {
		t.Errorf("the profiles are %q", names)
	}
	for _, name := range names {
		if p := Named(name); p.Name != name || len(p.Forms) == 0 {
			t.Errorf("the profile of %q is %q, with the forms %q", name, p.Name, p.Forms)
		}
	}
	for _, special := range []string{Auto, Plain, Online} {
		if !slices.Contains(names, special) {
			t.Errorf("the table has no %q", special)
		}
	}
	if p := Named("exchange1999"); p.Name != Auto {
		t.Errorf("an unknown name gives %q", p.Name)
	}
}

func TestHasAppendFix(t *testing.T) {
	for _, tt := range []struct {
		name string
		p    Profile
		want bool
	}{
		{"none", Profile{Pipeline: 5, LiteralPlus: true, Verify: true}, false},
		{"commands only", Profile{Pace: backend.Pacing{Each: backend.Rates{Commands: 4}}}, false},
		{"limit", Profile{MessageLimit: 1}, true},
		{"message", Profile{Message: rewrite.Options{LongLines: rewrite.LongLinesRecode, LineLimit: 9900}}, true},
		{"flagged", Profile{Flagged: true}, true},
		{"keywords", Profile{Keywords: true}, true},
		{"date", Profile{InternalDate: true}, true},
		{"messages", Profile{Pace: backend.Pacing{Each: backend.Rates{Messages: 4}}}, true},
		{"names", Profile{Names: folders.Options{Prefix: "INBOX."}}, true},
	} {
		if got := tt.p.HasAppendFix(); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestLimits(t *testing.T) {
	for _, tt := range []struct {
		limit, size int64
		isTooBig    bool
	}{{0, 1 << 40, false}, {10, 10, false}, {10, 11, true}} {
		if p := (Profile{MessageLimit: tt.limit}); p.IsTooBig(tt.size) != tt.isTooBig {
			t.Errorf("limit %d, size %d: %v", tt.limit, tt.size, !tt.isTooBig)
		}
	}
	for pipeline, want := range map[int]int{0: 1, 1: 1, 7: 7} {
		if p := (Profile{Pipeline: pipeline}); p.InFlight() != want {
			t.Errorf("pipeline %d: %d in flight", pipeline, p.InFlight())
		}
	}
	for how, want := range map[backend.Substitute]bool{
		"": false, backend.SubstituteLeave: false, backend.SubstituteMark: true, backend.SubstituteRefuse: true,
	} {
		if p := (Profile{Replies: backend.Replies{Substitute: how}}); p.Replies.Has(backend.FixSubstitute) != want {
			t.Errorf("substitute %q: %v", how, !want)
		}
	}
}
