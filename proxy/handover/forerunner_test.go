package handover

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"exgate/proxy/status"
)

// will is an Heir that notes what it adopts.
type will struct {
	mu    sync.Mutex
	notes []string
}

func (w *will) note(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notes = append(w.notes, what)
}

func (w *will) Adopt(upstream, account string) { w.note(upstream + "/" + account) }
func (w *will) AdoptRest()                     { w.note("rest") }

// An account waits until the old process drains and has no session of it, and is adopted once before anybody goes on.
func TestForerunner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		drain, askErr := status.Drain{Open: []status.Owner{{Upstream: "u", User: "Bob"}}}, errors.New("not yet")
		set := func(change func()) {
			mu.Lock()
			change()
			mu.Unlock()
			time.Sleep(2 * askEvery)
			synctest.Wait()
		}
		heir := new(will)
		f := NewForerunner(func(context.Context) (status.Drain, error) {
			mu.Lock()
			defer mu.Unlock()
			return drain, askErr
		}, heir, slog.New(slog.DiscardHandler))
		ended := make(chan struct{})
		var work sync.WaitGroup
		work.Go(func() { f.Follow(t.Context(), ended) })
		passed := make(map[string]int)
		wait := func(account string) {
			work.Go(func() {
				if err := f.Await(t.Context(), "u", account); err != nil {
					t.Error(err)
				}
				mu.Lock()
				passed[account]++
				mu.Unlock()
			})
		}
		for _, account := range []string{"bob", "BOB", "eve"} {
			wait(account)
		}
		set(func() {})
		want := func(n int, notes ...string) {
			t.Helper()
			mu.Lock()
			defer mu.Unlock()
			if len(passed) != n || !slices.Equal(heir.notes, notes) {
				t.Errorf("%v may go on, and %q is adopted; want %d and %q", passed, heir.notes, n, notes)
			}
		}
		want(0) // the old process cannot be asked
		set(func() { askErr = nil })
		want(0) // it does not drain: eve may come to it
		set(func() {
			drain.Draining = true
			drain.Throttled = []status.Throttled{
				{Owner: status.Owner{Upstream: "u", User: "EVE"}, Until: time.Now().Add(time.Minute), Part: 0.5},
				{Owner: status.Owner{Upstream: "u", User: "old"}, Until: time.Now().Add(time.Minute)},
			}
		})
		want(1, "u/eve")
		for _, tt := range []struct {
			user        string
			isThrottled bool
			part        float64
		}{{"eve", true, 0.5}, {"Eve", true, 1}, {"bob", false, 1}, {"old", true, 1}} {
			if left, part := f.Throttled("u", tt.user); left > 50*time.Second != tt.isThrottled || part != tt.part {
				t.Errorf("%s is throttled for %v, with %v of its pace", tt.user, left, part)
			}
		}
		if n := f.Sessions("u", "BOB"); n != 1 || f.Sessions("u", "eve") != 0 {
			t.Errorf("bob has %d sessions, eve %d", n, f.Sessions("u", "eve"))
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := f.Await(short, "u", "bob"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a wait that is given up: %v", err)
		}
		if f.HasLeft("u", "bob") || !f.HasLeft("u", "Eve") {
			t.Error("the wrong account has left")
		}
		set(func() { drain.Open = nil })
		mu.Lock()
		if len(heir.notes) != 2 || strings.ToLower(heir.notes[1]) != "u/bob" {
			t.Errorf("adopted %q, want bob after that", heir.notes)
		}
		mu.Unlock()
		wait("joe")
		close(ended)
		work.Wait()
		if !slices.Contains(heir.notes, "rest") || !f.HasLeft("u", "ann") || len(passed) != 4 {
			t.Errorf("at the end: %q, %v", heir.notes, passed)
		}
	})
}

func TestNoForerunner(t *testing.T) {
	var f *Forerunner
	left, part := f.Throttled("u", "bob")
	if !f.HasLeft("u", "bob") || f.Await(t.Context(), "u", "bob") != nil || left != 0 || part != 1 {
		t.Error("what is not there holds up a session")
	}
}
