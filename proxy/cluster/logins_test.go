package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"exgate/backend"
	"exgate/proxy/guard"
	"exgate/proxy/testkit"
)

var guessers = map[string]func(t *testing.T) (a, b *guard.Guesses){
	"memory": func(*testing.T) (a, b *guard.Guesses) {
		g := guard.NewGuesses(nil)
		return g, g
	},
	"redis": func(t *testing.T) (a, b *guard.Guesses) {
		r := testkit.StartRedis(t)
		return join(t, r).Guesses(), join(t, r).Guesses()
	},
}

// try is a login at a gateway. It returns for how long it is refused.
func try(t *testing.T, g *guard.Guesses, address, account string, how guard.Outcome) time.Duration {
	t.Helper()
	who := guard.NewGuess(&net.TCPAddr{IP: net.ParseIP(address)}, account)
	refused, err := g.Enter(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	if refused == 0 {
		g.Leave(who, how)
	}
	return refused
}

// areCounts reports whether there are n counts, each of so many failures. A part of one has been forgiven meanwhile.
func areCounts(all []guard.Known, n int, failures float64) bool {
	isOther := func(one guard.Known) bool { return one.Before <= failures-1 || one.Before > failures }
	return len(all) == n && !slices.ContainsFunc(all, isOther)
}

// Logins that fail through two gateways in turn are as many as through one.
func TestFailedLoginsConform(t *testing.T) {
	const limit = 20
	same := func(s string) func(int) string { return func(int) string { return s } }
	numbered := func(format string) func(int) string { return func(i int) string { return fmt.Sprintf(format, i) } }
	type tries struct {
		address, account func(int) string
		pass             int // of 200
	}
	tests := map[string][]tries{
		"an account at one address":     {{same("192.0.2.1"), same("bob"), 5}},
		"an address":                    {{same("192.0.2.1"), same("bob"), 5}, {same("192.0.2.1"), numbered("user%d"), 15}},
		"an account from many":          {{numbered("192.0.2.%d"), same("bob"), 50}, {same("198.51.100.1"), same("alice"), 5}},
		"an IPv6 network":               {{numbered("2001:db8:0:%x::1"), numbered("user%d"), 160}},
		"the account's case is no name": {{same("192.0.2.1"), same("bob"), 5}, {same("192.0.2.1"), same("BOB"), 0}},
	}
	for how, open := range guessers {
		for name, all := range tests {
			t.Run(how+"/"+name, func(t *testing.T) {
				t.Parallel()
				a, b := open(t)
				gateways := []*guard.Guesses{a, b}
				a.SetLimit(limit)
				b.SetLimit(limit)
				for _, tt := range all {
					passed := 0
					for i := range 200 {
						if try(t, gateways[i%2], tt.address(i), tt.account(i), guard.Failed) == 0 {
							passed++
						}
					}
					if passed != tt.pass {
						t.Errorf("%d of 200 passed from %s as %s, want %d", passed, tt.address(0), tt.account(0), tt.pass)
					}
				}
			})
		}
		t.Run(how+"/no limit", func(t *testing.T) {
			t.Parallel()
			a, b := open(t)
			for range 100 {
				if try(t, a, "192.0.2.1", "bob", guard.Failed)+try(t, b, "192.0.2.1", "bob", guard.Failed) != 0 {
					t.Fatal("refused")
				}
			}
		})
		t.Run(how+"/an address that is known", func(t *testing.T) {
			t.Parallel()
			a, b := open(t)
			a.SetLimit(limit)
			b.SetLimit(limit)
			try(t, a, "198.51.100.1", "bob", guard.Succeeded)
			for i := range 60 {
				try(t, a, fmt.Sprintf("192.0.2.%d", i), "bob", guard.Failed)
			}
			if d := try(t, b, "198.51.100.1", "bob", guard.Succeeded); d != 0 {
				t.Errorf("refused for %s where bob has logged in before", d)
			}
			if d := try(t, b, "198.51.100.2", "bob", guard.Succeeded); d <= 0 || d > guard.ForgiveAfter {
				t.Errorf("elsewhere refused for %s", d)
			}
		})
		t.Run(how+"/a success forgives", func(t *testing.T) {
			t.Parallel()
			a, b := open(t)
			a.SetLimit(100)
			b.SetLimit(100)
			for i := range 3 { // 20 failures, a success
				for range 20 {
					if d := try(t, a, "192.0.2.1", "bob", guard.Failed); d != 0 {
						t.Fatalf("refused for %s", d)
					}
				}
				if d := try(t, b, "192.0.2.1", "bob", guard.Succeeded); d != 0 {
					t.Fatalf("the right password is refused for %s", d)
				}
				// The counts of the address and of the account stay.
				// The counts of the address and of the account stay.
				failures := float64(20 * (i + 1))
				for _, g := range []*guard.Guesses{a, b} {
					testkit.Eventually(t, "the gateway knows", func() bool { return areCounts(g.Known(1), 2, failures) })
				}
			}
		})
		t.Run(how+"/a login waits for the outcome of others", func(t *testing.T) {
			t.Parallel()
			a, b := open(t)
			a.SetLimit(limit)
			b.SetLimit(limit)
			var pending []guard.Guess
			for range 5 {
				who := guard.NewGuess(&net.TCPAddr{IP: net.ParseIP("192.0.2.1")}, "bob")
				if d, err := a.Enter(t.Context(), who); d != 0 || err != nil {
					t.Fatal(d, err)
				}
				pending = append(pending, who)
			}
			soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			who := guard.NewGuess(&net.TCPAddr{IP: net.ParseIP("192.0.2.1")}, "bob")
			if d, err := b.Enter(soon, who); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal("the sixth does not wait:", d, err)
			}
			passed := make(chan error)
			go func() {
				_, err := b.Enter(t.Context(), who)
				passed <- err
			}()
			a.Leave(pending[0], guard.Succeeded)
			if err := <-passed; err != nil {
				t.Error(err)
			}
			b.Leave(who, guard.Failed)
			for _, one := range pending[1:] {
				a.Leave(one, guard.Failed)
			}
			if try(t, b, "192.0.2.1", "bob", guard.Failed) == 0 {
				t.Error("the sixth failure passed")
			}
		})
		t.Run(how+"/many at once", func(t *testing.T) {
			t.Parallel()
			a, b := open(t)
			a.SetLimit(limit)
			b.SetLimit(limit)
			var passed atomic.Int32
			var all sync.WaitGroup
			for i := range 60 {
				all.Go(func() {
					if try(t, []*guard.Guesses{a, b}[i%2], "192.0.2.1", "bob", guard.Failed) == 0 {
						passed.Add(1)
					}
				})
			}
			all.Wait()
			if n := passed.Load(); n != 5 {
				t.Errorf("%d passed", n)
			}
		})
	}
}

// Without Redis each gateway counts a failure as one of each gateway. When Redis is back, with or without its data, all
// know of all.
func TestFailedLoginsWithoutRedis(t *testing.T) {
	r := testkit.StartRedis(t)
	first, second := join(t, r), join(t, r)
	a, b := first.Guesses(), second.Guesses()
	a.SetLimit(20)
	b.SetLimit(20)
	fail := func(g *guard.Guesses, n int) (passed int) {
		for i := range n {
			if try(t, g, "192.0.2.1", fmt.Sprint("user", i), guard.Failed) == 0 {
				passed++
			}
		}
		return passed
	}
	testkit.Eventually(t, "both know each other", func() bool { return first.State().Gateways == 2 && second.State().Gateways == 2 })
	if fail(a, 8) != 8 {
		t.Fatal("8 failures do not pass")
	}
	try(t, a, "198.51.100.1", "alice", guard.Succeeded)
	for i := range 60 {
		try(t, a, fmt.Sprintf("203.0.113.%d", i), "alice", guard.Failed)
	}
	testkit.Eventually(t, "the other gateway has heard of them", func() bool { return len(b.Known(1)) == 1+8+8+1+50+50 })
	r.Kill()
	testkit.Eventually(t, "both have lost Redis", func() bool { return !first.hasRedis() && !second.hasRedis() })
	if d := try(t, b, "198.51.100.1", "alice", guard.Inconclusive); d != 0 {
		t.Errorf("refused for %s where alice has logged in through the other gateway", d)
	}
	if n, m := fail(a, 30), fail(b, 30); n != 6 || m != 6 {
		t.Errorf("%d and %d passed without Redis, want the 12 that are left, by halves", n, m)
	}
	r.Start() // without data
	both := []*Cluster{first, second}
	for _, c := range both {
		testkit.Eventually(t, "Redis is back", c.hasRedis)
	}
	testkit.Eventually(t, "Redis knows of all failures", func() bool {
		now, err := first.client.Time(t.Context()).Result()
		if err != nil {
			t.Fatal(err)
		}
		ms, err := first.client.ZScore(t.Context(), first.keys.failures(), peers{first}.Key("a192.0.2.1")).Result()
		return err == nil && ms > float64(now.Add(19*guard.ForgiveAfter).UnixMilli())
	})
	if n := fail(a, 3) + fail(b, 3); n != 0 {
		t.Errorf("%d passed when Redis was back", n)
	}
	third := join(t, r).Guesses()
	third.SetLimit(20)
	if n := fail(third, 3); n != 0 {
		t.Errorf("%d passed through a new gateway", n)
	}
}

// The logins of a gateway that has ended are not waited for.
func TestPendingLoginsOfADeadGateway(t *testing.T) {
	r := testkit.StartRedis(t)
	dead := join(t, r)
	a, b := dead.Guesses(), join(t, r).Guesses()
	a.SetLimit(4)
	b.SetLimit(4)
	if d, err := a.Enter(t.Context(), guard.NewGuess(&net.TCPAddr{IP: net.ParseIP("192.0.2.1")}, "bob")); d != 0 || err != nil {
		t.Fatal(d, err)
	}
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	if d := try(t, b, "192.0.2.1", "bob", guard.Succeeded); d != 0 {
		t.Errorf("refused for %s", d)
	}
}

// What stands in Redis of logins shows neither names nor passwords.
func TestLoginsAreHashed(t *testing.T) {
	r := testkit.StartRedis(t, "--requirepass", "secret")
	c := joinAs(t, r, "secret")
	g, p := c.Guesses(), c.Proofs()
	g.SetLimit(20)
	try(t, g, "192.0.2.1", "hunter2", guard.Failed)
	try(t, g, "192.0.2.1", "hunter2", guard.Succeeded)
	p.Add("", "admin", backend.NewSecret("hunter2"), true)
	keys, err := c.client.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) < 5 {
		t.Fatal(keys, err)
	}
	for _, key := range keys {
		value, err := c.client.Dump(t.Context(), key).Result()
		if err != nil {
			t.Error(err)
		}
		for _, secret := range []string{"hunter2", "192.0.2.1", "admin"} {
			if contains(errors.New(key+value), secret) {
				t.Errorf("%s shows %q", key, secret)
			}
		}
	}
}

var provers = map[string]func(t *testing.T) (a, b *guard.Proofs){
	"memory": func(*testing.T) (a, b *guard.Proofs) {
		p := guard.NewProofs(nil)
		return p, p
	},
	"redis": func(t *testing.T) (a, b *guard.Proofs) {
		r := testkit.StartRedis(t, "--requirepass", "secret")
		return joinAs(t, r, "secret").Proofs(), joinAs(t, r, "secret").Proofs()
	},
}

// A password that was accepted through one gateway excuses as many failures through two.
func TestProofsConform(t *testing.T) {
	right, wrong := backend.NewSecret("right"), backend.NewSecret("wrong")
	for how, open := range provers {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			a, b := open(t)
			excused := func(n int, password backend.Secret) (excused int) {
				for i := range n {
					if []*guard.Proofs{a, b}[i%2].Miss("", "admin", password) {
						excused++
					}
				}
				return excused
			}
			if n := excused(4, right); n != 0 {
				t.Errorf("%d failures excused before a proof", n)
			}
			a.Add("", "admin", right, true)
			if n, m := excused(300, right), excused(4, wrong); n != 200 || m != 0 {
				t.Errorf("%d failures excused, and %d of a wrong password", n, m)
			}
			b.Add("", "admin", right, true)
			if n := excused(4, right); n != 4 {
				t.Errorf("%d failures excused after another proof", n)
			}
		})
	}
}

// Without Redis a gateway excuses its share, and what it knows of a password outlasts the data of Redis.
func TestProofsWithoutRedis(t *testing.T) {
	r := testkit.StartRedis(t, "--requirepass", "secret")
	first, second := joinAs(t, r, "secret"), joinAs(t, r, "secret")
	testkit.Eventually(t, "both know each other", func() bool { return first.State().Gateways == 2 })
	p, password := first.Proofs(), backend.NewSecret("right")
	p.Add("", "admin", password, true)
	r.Kill()
	excused := func(p *guard.Proofs) (n int) {
		for range 300 {
			if p.Miss("", "admin", password) {
				n++
			}
		}
		return n
	}
	if n := excused(p); n != 100 {
		t.Errorf("%d excused without Redis", n)
	}
	r.Start()
	testkit.Eventually(t, "Redis is back", func() bool { return first.hasRedis() && second.hasRedis() })
	if n := excused(p); n != 100 {
		t.Errorf("%d more excused", n)
	}
	if n := excused(second.Proofs()); n != 0 {
		t.Errorf("%d more excused through the other gateway", n)
	}
	if alone := join(t, testkit.StartRedis(t)).Proofs(); alone.Miss("", "admin", password) {
		t.Error("a cluster without a password shares proofs")
	}
}
