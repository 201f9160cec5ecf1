package backend

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestAccountsShare(t *testing.T) {
	r := NewAccounts(perMessage(4), 0)
	a, b := r.Open("Bob@example.com"), r.Open("bob@EXAMPLE.com")
	if a != b {
		t.Error("two accounts for one name in two cases")
	}
	if r.Open("carol") == a {
		t.Error("one account for two names")
	}
}

// Neither a throttle nor a pace is escaped by connecting anew.
func TestAccountsOutliveSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewAccounts(perMessage(1), time.Minute)
		throttled, paced := r.Open("throttled"), r.Open("paced")
		throttled.Throttle.Block(time.Hour)
		paced.Appends.Charge(21)
		r.Close(throttled)
		r.Close(paced)
		for i := range sweepMin { // enough to sweep
			r.Close(r.Open(fmt.Sprint("user", i)))
		}
		if got := r.Open("throttled").Throttle.Remaining(); got != time.Minute {
			t.Errorf("throttled for %s", got)
		}
		begin := time.Now()
		again := r.Open("paced")
		if err := again.Wait(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		if got := time.Since(begin).Round(time.Millisecond); got != 21*time.Second {
			t.Errorf("paced for %s", got)
		}
	})
}

// The next gateway asks for the accounts that are held back or slowed, ten times in a second. The others are not looked at.
func TestHeldAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewAccounts(perMessage(4), 0)
		accounts := map[string]*Account{}
		for _, user := range []string{"throttled", "inherited", "slowed", "told by another gateway", "free"} {
			accounts[user] = r.Open(user)
		}
		accounts["throttled"].Throttled(time.Minute)
		accounts["inherited"].Inherit(time.Minute, 1)
		accounts["slowed"].Inherit(0, 0.5)
		accounts["told by another gateway"].Throttle.Extend(time.Minute)
		for _, step := range []struct {
			wait time.Duration
			want []string
		}{
			{0, []string{"inherited", "slowed", "throttled", "told by another gateway"}},
			{61 * time.Second, []string{"inherited", "slowed", "throttled", "told by another gateway"}}, // are looked at once more
			{0, []string{"slowed", "throttled"}},                                                        // their pace is lower still
			{time.Hour, []string{"slowed", "throttled"}},
			{0, nil},
		} {
			time.Sleep(step.wait) // of synctest
			var looked []string
			r.Held(func(user string, a *Account) bool {
				looked = append(looked, user)
				return a.Throttle.Remaining() > 0 || a.Appends.Rate() < 4
			})
			if slices.Sort(looked); !slices.Equal(looked, step.want) {
				t.Errorf("looked at %q, want %q", looked, step.want)
			}
		}
		accounts["free"].Throttled(time.Second)
		r.Close(accounts["free"])
		time.Sleep(time.Hour)
		for i := range sweepMin { // enough to sweep
			r.Close(r.Open(fmt.Sprint("user", i)))
		}
		if n := len(r.held.all()); n > 0 {
			t.Errorf("%d of the accounts that are forgotten are kept as held", n)
		}
	})
}

// A look at an account that is over must not take the next account of the same user for looked at.
func TestHeldAgainIsNotForgotten(t *testing.T) {
	var h heldAccounts
	h.add("alice")
	looked := h.all()
	h.drop("alice")
	h.add("alice")
	for user, last := range looked {
		h.forget(user, last)
	}
	if len(h.all()) != 1 {
		t.Error("an account that is held is forgotten")
	}
}

func TestAccountsDoNotGrow(t *testing.T) {
	r := NewAccounts(perMessage(4), 0)
	held := r.Open("held")
	for i := range 10_000 {
		r.Close(r.Open(fmt.Sprint("user", i)))
	}
	if n := len(r.open); n > 2*sweepMin {
		t.Errorf("%d accounts kept", n)
	}
	if r.Open("held") != held {
		t.Error("an account with a session was dropped")
	}
}

// The wait of an account is for both, and for a throttle that comes while the
// pace is waited for.
func TestAccountWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := NewAccounts(perMessage(1), 0).Open("bob")
		a.Throttle.Block(10 * time.Second)
		a.Appends.Charge(16) // 15 s behind
		a.Fetches.Charge(99) // costs an APPEND nothing
		begin := time.Now()
		var session sync.WaitGroup
		session.Go(func() {
			if err := a.Wait(t.Context(), 1); err != nil {
				t.Error(err)
			}
		})
		if err := Sleep(t.Context(), 12*time.Second); err != nil { // of the bubble's clock: now the pace is waited for
			t.Fatal(err)
		}
		a.Throttle.Block(30 * time.Second)
		session.Wait()
		if got := time.Since(begin).Round(time.Millisecond); got != 42*time.Second {
			t.Errorf("waited %s, want 42s", got)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if a.Wait(ctx, 1) == nil {
			t.Error("the context had ended")
		}
	})
}
