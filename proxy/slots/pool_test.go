package slots

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// sitter is an owner whose idleness a test sets. It counts the requests to park.
type sitter struct {
	mu      sync.Mutex
	since   time.Time
	asked   int
	listens bool
}

func (s *sitter) IdleSince() (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.since, s.listens
}

func (s *sitter) set(since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since = since
}

func (s *sitter) times() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func (s *sitter) Park() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
}

// A pool that no other gateway counts with remembers nothing of accounts that have left.
func TestPoolForgetsAccounts(t *testing.T) {
	for name, p := range map[string]*Pool{"alone": NewPool(nil), "without limits": NewPool(noLeases{})} {
		p.SetLimits(Limits{})
		if name == "alone" {
			p.SetLimits(Limits{PerAccount: 2, PerLogin: 3})
		}
		for i := range 100 {
			slot, err := p.Take(t.Context(), new(sitter), fmt.Sprint("account", i), "admin")
			if err != nil {
				t.Fatal(err)
			}
			slot.Release()
		}
		if n := len(p.untold) + len(p.byAccount) + len(p.byLogin) + len(p.inUse); n != 0 {
			t.Errorf("%s: %d things are remembered", name, n)
		}
	}
}

// noLeases must not be told of slots.
type noLeases struct{ Leases }

func (noLeases) Gateways() int { return 2 }

func TestPool(t *testing.T) {
	for name, tt := range map[string]struct {
		limits   Limits
		accounts []string // they ask for a slot one after the other
		logins   []string
		granted  int
	}{
		"no bound":                         {Limits{}, []string{"a", "a", "a"}, []string{"x", "x", "x"}, 3},
		"one is kept for side connections": {Limits{PerAccount: 3}, []string{"a", "a", "a"}, []string{"x", "x", "x"}, 2},
		"per account": {
			Limits{PerAccount: 2}, []string{"a", "b", "c", "a"}, []string{"x", "x", "x", "x"}, 3,
		},
		"per login": {Limits{PerLogin: 2}, []string{"a", "b", "c"}, []string{"x", "x", "x"}, 2},
		"both": {
			Limits{PerAccount: 2, PerLogin: 2}, []string{"a", "a", "b", "c"}, []string{"x", "x", "x", "x"}, 2,
		},
		"others are not held up": {Limits{PerAccount: 2}, []string{"a", "a", "b"}, []string{"x", "x", "x"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := NewPool(nil)
				p.SetLimits(tt.limits)
				granted := 0
				for i := range tt.accounts {
					slot, err := p.Take(t.Context(), new(sitter), tt.accounts[i], tt.logins[i])
					if err == nil {
						granted++
						defer slot.Release()
					} else if !errors.Is(err, ErrNone) {
						t.Error(err)
					}
				}
				if granted != tt.granted {
					t.Errorf("%d were granted, want %d", granted, tt.granted)
				}
			})
		})
	}
}

func TestPoolInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool(nil)
		p.SetLimits(Limits{PerLogin: 1, MaxWait: time.Hour})
		first, err := p.Take(t.Context(), new(sitter), "a", "x")
		if err != nil {
			t.Fatal(err)
		}
		var order []string
		returned := p.enqueue(&Slot{pool: p, owner: new(sitter), account: "parked", login: "x"}, true,
			func() { order = append(order, "parked") })
		var waiting sync.WaitGroup
		for i := range 3 {
			waiting.Go(func() {
				time.Sleep(time.Duration(i) * time.Second)
				slot, err := p.Take(t.Context(), new(sitter), "a", "x")
				if err != nil {
					t.Error(err)
					return
				}
				order = append(order, fmt.Sprint(i))
				slot.Release()
			})
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, err := p.Take(ctx, new(sitter), "a", "x"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a client that has left got %v", err)
		}
		first.Release()
		first.Release() // does nothing
		waiting.Wait()
		if got := fmt.Sprint(order); got != "[0 1 2 parked]" {
			t.Errorf("slots granted in the order %s", got)
		}
		if p.withdraw(returned) {
			t.Error("the parked session was not granted its slot")
		}
		returned.slot.Release()
		if len(p.inUse)+len(p.byAccount)+len(p.byLogin)+len(p.queue) > 0 {
			t.Errorf("the pool is not empty in the end: %+v", p)
		}
	})
}

// The session that has been idle longest is asked to park, once, and no more
// sessions are asked than there are waiters.
func TestPoolAsksTheIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool(nil)
		p.SetLimits(Limits{PerLogin: 3, MaxWait: time.Minute, ParkAfter: 10 * time.Second})
		now := time.Now()
		owners := []*sitter{{since: now.Add(-time.Second)}, {since: now.Add(-2 * time.Second)}, {}}
		var taken []*Slot
		for _, o := range owners {
			slot, err := p.Take(t.Context(), o, "a", "x")
			if err != nil {
				t.Fatal(err)
			}
			taken = append(taken, slot)
		}
		got := make(chan *Slot)
		go func() {
			slot, err := p.Take(t.Context(), new(sitter), "a", "x")
			if err != nil {
				t.Error(err)
			}
			got <- slot
		}()
		asked := func(want ...int) {
			t.Helper()
			synctest.Wait()
			for i, o := range owners {
				if got := o.times(); got != want[i] {
					t.Errorf("after %s owner %d was asked %d times, want %d", time.Since(now), i, got, want[i])
				}
			}
		}
		time.Sleep(7 * time.Second)
		asked(0, 0, 0) // not yet
		time.Sleep(2 * time.Second)
		asked(0, 1, 0)
		owners[1].set(time.Time{}) // a command has come
		taken[1].Keep()
		time.Sleep(11 * time.Second)
		asked(1, 1, 0)
		time.Sleep(11 * time.Second)
		asked(1, 1, 0) // one waiter, and one session that was asked already
		taken[0].Release()
		(<-got).Release()
		taken[1].Release()
		taken[2].Release()
	})
}

// For a parked session that wants to listen again, a session in IDLE is not
// asked to park; another idle session is.
func TestPoolParksNoListenerForAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool(nil)
		p.SetLimits(Limits{PerLogin: 2, ParkAfter: time.Second})
		owners := []*sitter{{since: time.Now(), listens: true}, {since: time.Now()}}
		for _, o := range owners {
			slot, err := p.Take(t.Context(), o, "a", "x")
			if err != nil {
				t.Fatal(err)
			}
			defer slot.Release()
		}
		w := p.enqueue(&Slot{pool: p, owner: new(sitter), account: "a", login: "x"}, true, func() {})
		defer p.withdraw(w)
		if again, ok := p.makeRoom(w); !ok || again != time.Second {
			t.Errorf("the next try is due after %s, %t", again, ok)
		}
		time.Sleep(time.Second)
		p.makeRoom(w)
		if owners[0].times() != 0 || owners[1].times() != 1 {
			t.Errorf("asked: the listener %d times, the other %d times", owners[0].times(), owners[1].times())
		}
	})
}
