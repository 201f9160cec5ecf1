package counters

import (
	"maps"
	"testing"
	"time"
)

// Each counter but Waited has a name of its own.
func TestNames(t *testing.T) {
	seen := make(map[string]bool)
	for i, name := range Names {
		if name == "" || seen[name] {
			t.Errorf("counter %d is called %q", i, name)
		}
		seen[name] = true
	}
}

func TestGatewayAddsUpDifferences(t *testing.T) {
	var g Gateway
	for _, step := range []struct {
		now, before Values
		stored      int64
		waited      time.Duration
	}{
		{Values{Stored: 2, Waited: int64(time.Second)}, Values{}, 2, time.Second},
		{Values{Stored: 2, Waited: int64(time.Second)}, Values{Stored: 2, Waited: int64(time.Second)}, 2, time.Second},
		{Values{Stored: 5, Waited: int64(time.Minute)}, Values{Stored: 2, Waited: int64(time.Second)}, 5, time.Minute},
		{Values{Stored: 1}, Values{}, 6, time.Minute}, // another session
	} {
		g.Add(&step.now, &step.before)
		totals := g.Report()
		if n := totals.Counters[Names[Stored]]; n != step.stored || totals.Waited != step.waited {
			t.Errorf("after %+v: %d stored, waited %s", step.now, n, totals.Waited)
		}
		if len(totals.Counters) != len(Names) {
			t.Errorf("%d counters are reported, want %d", len(totals.Counters), len(Names))
		}
	}
}

// Each count by name appears in its own field of the report, and a report does
// not change afterwards.
func TestReportByName(t *testing.T) {
	var g Gateway
	for _, tt := range []struct {
		name  string
		by    *ByName
		field func(Totals) map[string]int64
	}{
		{"logins", &g.Logins, func(t Totals) map[string]int64 { return t.Logins }},
		{"fixes", &g.Fixes, func(t Totals) map[string]int64 { return t.Fixes }},
		{"turned", &g.Turned, func(t Totals) map[string]int64 { return t.MessagesRefused }},
		{"failures", &g.Failures, func(t Totals) map[string]int64 { return t.Failures }},
		{"refusals", &g.Refusals, func(t Totals) map[string]int64 { return t.Refusals }},
	} {
		before := g.Report()
		if got := tt.field(before); got == nil || len(got) != 0 {
			t.Errorf("%s before the first count: %v", tt.name, got)
		}
		tt.by.Count("a")
		tt.by.Count("b")
		tt.by.Count("a")
		if got := tt.field(g.Report()); !maps.Equal(got, map[string]int64{"a": 2, "b": 1}) {
			t.Errorf("%s: %v", tt.name, got)
		}
		if got := tt.field(before); len(got) != 0 {
			t.Errorf("%s: an earlier report became %v", tt.name, got)
		}
	}
}

func TestFixes(t *testing.T) {
	var s Session
	s.Fixes.Count()
	s.Fixes.Count("names", "structure")
	s.Fixes.Count("names")
	if want := (Fixes{"names": 2, "structure": 1}); !maps.Equal(s.Fixes, want) {
		t.Errorf("got %v, want %v", s.Fixes, want)
	}
}
