package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"exgate/backend"
	"exgate/proxy/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// join returns a gateway of the cluster of a Redis.
func join(t *testing.T, r *testkit.Redis) *Cluster {
	t.Helper()
	return joinAs(t, r, "")
}

// joinAs returns a gateway of the cluster of a Redis with a password.
func joinAs(t *testing.T, r *testkit.Redis, password string) *Cluster {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.WaitLimit)
	defer cancel()
	o := Options{Address: r.Address, Name: "test", Log: slog.New(slog.DiscardHandler)}
	if password != "" {
		o.Password = backend.NewSecret(password)
	}
	c, err := Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Log("close:", err) // Redis may be gone
		}
	})
	return c
}

// A pair of gateways is what the conformance test runs with: two that share their state, or one that is alone.
type pair struct{ a, b *backend.Accounts }

var pairs = map[string]func(t *testing.T, pace backend.Pacing, maxBackoff time.Duration) pair{
	"memory": func(_ *testing.T, pace backend.Pacing, maxBackoff time.Duration) pair {
		one := backend.NewAccounts(pace, maxBackoff)
		return pair{one, one}
	},
	"redis": func(t *testing.T, pace backend.Pacing, maxBackoff time.Duration) pair {
		r := testkit.StartRedis(t)
		a, b := join(t, r), join(t, r)
		long := time.Now().Add(-time.Hour).UnixMilli() // Redis has had its data for long: what it does not have is full
		if err := a.client.Set(t.Context(), a.keys.born(), long, 0).Err(); err != nil {
			t.Fatal(err)
		}
		return pair{a.Accounts("", pace, maxBackoff), b.Accounts("", pace, maxBackoff)}
	},
}

// Two gateways that share their state behave as one.
func TestConformance(t *testing.T) {
	messages := func(perSecond float64) backend.Pacing {
		return backend.Pacing{Each: backend.Rates{Messages: perSecond}}
	}
	tests := map[string]struct {
		pace       backend.Pacing
		maxBackoff time.Duration
		run        func(t *testing.T, a, b *backend.Account, p pair)
	}{
		"no limit": {run: func(t *testing.T, a, b *backend.Account, _ pair) {
			for _, pace := range []*backend.Pace{a.Appends, b.Fetches, a.Commands, b.In, a.Out} {
				if pace.HasLimit() || pace.Charge(1e6) != 0 || pace.Rate() != 0 {
					t.Error("there is a limit")
				}
			}
		}},
		"a pace is one for both": {pace: messages(4), run: func(t *testing.T, a, b *backend.Account, _ pair) {
			began := time.Now()
			last := chargeInTurn(4+8, a.Appends, b.Appends)
			near(t, "the last of 12", last, 2*time.Second, began)
			began = time.Now()
			near(t, "a FETCH", b.Fetches.Charge(4), 0, began)
		}},
		"a fraction": {pace: messages(0.5), run: func(t *testing.T, a, b *backend.Account, _ pair) {
			began := time.Now()
			near(t, "the third", chargeInTurn(3, a.Appends, b.Appends), 4*time.Second, began)
		}},
		"more than a burst": {pace: messages(2), run: func(t *testing.T, a, b *backend.Account, _ pair) {
			began := time.Now()
			near(t, "22", a.Appends.Charge(22), 10*time.Second, began)
			near(t, "then 3", b.Appends.Charge(3), 11500*time.Millisecond, began)
		}},
		"bytes": {pace: backend.Pacing{Each: backend.Rates{Bytes: 100_000}}, run: func(t *testing.T, a, b *backend.Account, _ pair) {
			began := time.Now()
			last := chargeInTurn(100, paceOf(a.Out, 2000), paceOf(b.Out, 2000))
			near(t, "200,000 bytes", last, time.Second, began)
		}},
		"commands in batches": {pace: backend.Pacing{Each: backend.Rates{Commands: 200}}, run: func(t *testing.T, a, b *backend.Account, _ pair) {
			began := time.Now()
			near(t, "600 commands", chargeInTurn(600, a.Commands, b.Commands), 2*time.Second, began)
		}},
		"all accounts together": {
			pace: backend.Pacing{Each: backend.Rates{Messages: 100}, All: backend.Rates{Messages: 4}},
			run: func(t *testing.T, a, b *backend.Account, p pair) {
				other := p.b.Open("other")
				began := time.Now()
				near(t, "the last of 12", chargeInTurn(12, a.Appends, other.Appends), 2*time.Second, began)
			}},
		"a wait that is given up counts nothing": {pace: messages(2), run: func(t *testing.T, a, b *backend.Account, _ pair) {
			began := time.Now()
			a.Appends.Charge(2)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			if err := b.Appends.Wait(ctx, 20); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			near(t, "one", a.Appends.Charge(1), 500*time.Millisecond, began)
		}},
		"what has passed delays a little": {pace: messages(4), run: func(t *testing.T, a, b *backend.Account, _ pair) {
			began := time.Now()
			for range 400 {
				a.Fetches.Passed()
			}
			next := -1
			var wait time.Duration
			testkit.Eventually(t, "the other gateway knows", func() bool {
				next++
				wait = b.Fetches.Charge(1)
				return wait > 4*time.Second
			})
			// MaxDebt, what passed beyond it at most, and this one.
			most := backend.MaxDebt + time.Duration(2+next)*250*time.Millisecond
			if wait < backend.MaxDebt-time.Since(began) || wait > most {
				t.Errorf("the next waits for %s, want %s at most", wait, most)
			}
		}},
		"a throttle stops both": {pace: messages(4), run: func(t *testing.T, a, b *backend.Account, _ pair) {
			a.Throttled(time.Minute)
			testkit.Eventually(t, "the other gateway is throttled", func() bool { return b.Throttle.Remaining() > 55*time.Second })
			a.Throttled(time.Second)
			if d := b.Throttle.Remaining(); d < 50*time.Second {
				t.Errorf("a shorter throttle has shortened it to %s", d)
			}
		}},
		"a throttle halves the pace once": {pace: messages(4), run: func(t *testing.T, a, b *backend.Account, _ pair) {
			a.Throttled(time.Minute)
			b.Throttled(time.Minute)
			a.Throttled(time.Minute)
			testkit.Eventually(t, "both have half of the pace", func() bool {
				return math.Abs(a.Appends.Rate()-2) < 0.1 && math.Abs(b.Appends.Rate()-2) < 0.1
			})
			a.Appends.Charge(4)
			began := time.Now()
			near(t, "four more", b.Appends.Charge(4), 2*time.Second, began)
		}},
		"a throttle has its bound": {pace: messages(4), maxBackoff: 10 * time.Second, run: func(t *testing.T, a, b *backend.Account, _ pair) {
			a.Throttled(time.Hour)
			testkit.Eventually(t, "the other gateway is throttled", func() bool { return b.Throttle.Remaining() > 5*time.Second })
			if d := b.Throttle.Remaining(); d > 10*time.Second {
				t.Errorf("throttled for %s", d)
			}
		}},
		"a throttle without a pace": {run: func(t *testing.T, a, b *backend.Account, p pair) {
			a.Throttled(time.Minute)
			testkit.Eventually(t, "the other gateway is throttled", func() bool { return b.Throttle.Remaining() > 0 })
			p.b.Close(b)
			for i := range 200 { // enough to sweep
				p.b.Close(p.b.Open(fmt.Sprint("user", i)))
			}
			again := p.b.Open("bob@example.com")
			testkit.Eventually(t, "a later session is throttled", func() bool { return again.Throttle.Remaining() > 50*time.Second })
		}},
		"another rate forgets the throttle": {pace: messages(4), run: func(t *testing.T, a, b *backend.Account, _ pair) {
			a.Throttled(time.Minute)
			a.SetMessages(8)
			b.SetMessages(8)
			testkit.Eventually(t, "the rate is whole", func() bool { return a.Appends.Rate() == 8 && b.Appends.Rate() == 8 })
		}},
		"another account is not held back": {pace: messages(1), run: func(t *testing.T, a, b *backend.Account, p pair) {
			other := p.b.Open("carol@example.com")
			a.Throttled(time.Minute)
			testkit.Eventually(t, "the other gateway is throttled", func() bool { return b.Throttle.Remaining() > 0 })
			a.Appends.Charge(10)
			if d := other.Throttle.Remaining() + other.Appends.Charge(1); d != 0 {
				t.Errorf("held back for %s", d)
			}
		}},
	}
	for how, open := range pairs {
		for name, tt := range tests {
			t.Run(how+"/"+name, func(t *testing.T) {
				t.Parallel()
				p := open(t, tt.pace, tt.maxBackoff)
				tt.run(t, p.a.Open("Bob@example.com"), p.b.Open("bob@EXAMPLE.com"), p)
			})
		}
	}
}

// charger is a pace, with what is charged at a time.
type charger interface{ Charge(n int) time.Duration }

type scaled struct {
	pace  *backend.Pace
	times int
}

func paceOf(p *backend.Pace, times int) charger { return scaled{p, times} }

func (s scaled) Charge(n int) time.Duration { return s.pace.Charge(n * s.times) }

// chargeInTurn charges n one by one, in turn, and returns when the last may pass, from now on.
func chargeInTurn(n int, paces ...charger) (last time.Duration) {
	for i := range n {
		last = max(last, paces[i%len(paces)].Charge(1))
	}
	return last
}

// near compares a wait with what it must be. The time that has passed since it began shortens it.
func near(t *testing.T, what string, got, want time.Duration, began time.Time) {
	t.Helper()
	const batch = 2 * batchTime // of each gateway
	if least := want - time.Since(began) - 10*time.Millisecond; got < least || got > want+batch {
		t.Errorf("%s: wait %s, want %s, or %s less", what, got, want, time.Since(began))
	}
}

// Without Redis each gateway keeps to its share, and begins with an empty bucket. Together they let no more through than
// one gateway, also when Redis is back.
func TestRedisIsLost(t *testing.T) {
	r := testkit.StartRedis(t)
	pace := backend.Pacing{Each: backend.Rates{Messages: 4}, All: backend.Rates{Messages: 8}}
	var clusters []*Cluster
	var accounts []*backend.Account
	for range 2 {
		c := join(t, r)
		clusters, accounts = append(clusters, c), append(accounts, c.Accounts("", pace, 0).Open("bob"))
	}
	both := func(what string, is func(*Cluster) bool) {
		t.Helper()
		testkit.Eventually(t, what, func() bool { return is(clusters[0]) && is(clusters[1]) })
	}
	both("both know each other", func(c *Cluster) bool { return c.State().Gateways == 2 })

	r.Kill()
	both("both have lost Redis", func(c *Cluster) bool { return !c.State().LostAt.IsZero() })
	began := time.Now()
	accounts[0].Throttled(3 * time.Second)
	for i, a := range accounts {
		link := clusters[i].now()
		pause := time.Until(link.alone())
		if pause < silentAfter/2 {
			t.Fatalf("alone in %s already", pause)
		}
		rate := 2.0 // half of 4
		if i == 0 {
			rate = 1 // throttled
		}
		if got := a.Appends.Rate(); math.Abs(got-rate) > 0.05 {
			t.Errorf("gateway %d: %v messages per second, want %v", i, got, rate)
		}
		near(t, "four", a.Appends.Charge(4), pause+time.Duration(4/rate*float64(time.Second)), began)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		if err := a.Appends.Wait(ctx, 40); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		cancel()
		for range 100 {
			a.Fetches.Passed()
		}
	}

	r.Start() // without data
	both("Redis is back", func(c *Cluster) bool { return c.State().LostAt.IsZero() && c.State().Gateways == 2 })
	testkit.Eventually(t, "the other gateway knows of the throttle", func() bool { return accounts[1].Throttle.Remaining() > 0 })
	testkit.Eventually(t, "both are slow", func() bool { return math.Abs(accounts[1].Appends.Rate()-2) < 0.1 })
	last := chargeInTurn(8, accounts[0].Appends, accounts[1].Appends)
	if last < 3*time.Second {
		t.Errorf("after the loss, the last of 8 waits for %s only", last)
	}
}

// A gateway that is silent may be alive without Redis: the others leave it its share.
func TestSilentGateway(t *testing.T) {
	r := testkit.StartRedis(t)
	c := join(t, r)
	account := c.Accounts("", backend.Pacing{Each: backend.Rates{Messages: 4}}, 0).Open("bob")
	now, err := c.client.Time(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	silent := now.Add(-silentAfter - time.Second)
	if err := c.client.ZAdd(t.Context(), c.keys.gateways(), redis.Z{Score: float64(silent.UnixMilli()), Member: "other"}).Err(); err != nil {
		t.Fatal(err)
	}
	account.Appends.Charge(8) // more than the bucket can have
	began := time.Now()
	before := account.Appends.Charge(1)
	near(t, "four more", account.Appends.Charge(4), before+2*time.Second, began)
	testkit.Eventually(t, "the silent gateway counts", func() bool { return c.State().Gateways == 2 })
	dead := now.Add(-deadAfter - time.Second)
	if err := c.client.ZAdd(t.Context(), c.keys.gateways(), redis.Z{Score: float64(dead.UnixMilli()), Member: "other"}).Err(); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the dead gateway counts no more", func() bool { return c.State().Gateways == 1 })
}

// A gateway that ends is no silent one.
func TestClose(t *testing.T) {
	r := testkit.StartRedis(t)
	a, b := join(t, r), join(t, r)
	testkit.Eventually(t, "both are known", func() bool { return a.State().Gateways == 2 })
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "one is left", func() bool { return a.State().Gateways == 1 })
	var none *Cluster
	if none.State() != nil || none.Close() != nil || none.Accounts("", backend.Pacing{}, 0) == nil {
		t.Error("no cluster is one")
	}
}

func TestOpenFails(t *testing.T) {
	r := testkit.StartRedis(t, "--requirepass", "secret")
	open := func(address string, password string) error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		o := Options{Address: address, Name: "test", Log: slog.New(slog.DiscardHandler)}
		if password != "" {
			o.Password = backend.NewSecret(password)
		}
		c, err := Open(ctx, o)
		if err == nil {
			return c.Close()
		}
		return err
	}
	if err := open(r.Address, "secret"); err != nil {
		t.Error(err)
	}
	for password, want := range map[string]string{"": "NOAUTH", "wrong": "WRONGPASS"} {
		began := time.Now()
		if err := open(r.Address, password); err == nil || !contains(err, want) || time.Since(began) > 900*time.Millisecond {
			t.Errorf("password %q: %v after %s", password, err, time.Since(began))
		}
	}
	free := testkit.Listen(t)
	free.Close()
	if err := open(free.Addr().String(), ""); err == nil || !contains(err, "cannot reach Redis") {
		t.Error(err)
	}
}

// contains reports whether an error has a text.
func contains(err error, text string) bool { return err != nil && strings.Contains(err.Error(), text) }

// A gateway that ends while more news come than the library's queue takes leaves no goroutine behind.
func TestCloseWithNewsUnderWay(t *testing.T) {
	r := testkit.StartRedis(t)
	before := goleak.IgnoreCurrent()
	c := join(t, r)
	c.guesses.mu.Lock() // nobody hears
	for range 300 {
		if err := c.client.Publish(t.Context(), c.keys.news(), newsLogins+" another 0 -").Err(); err != nil {
			t.Fatal(err)
		}
	}
	closed := make(chan error)
	go func() { closed <- c.Close() }()
	<-c.ctx.Done()
	c.guesses.mu.Unlock()
	if err := <-closed; err != nil {
		t.Error(err)
	}
	goleak.VerifyNone(t, before)
}
