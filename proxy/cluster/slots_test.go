package cluster

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"exgate/proxy/slots"
	"exgate/proxy/testkit"
)

// busy is an owner that never idles.
type busy struct{}

func (busy) IdleSince() (time.Time, bool) { return time.Time{}, false }

func (busy) Park() {}

var pools = map[string]func(t *testing.T) (a, b *slots.Pool){
	"memory": func(*testing.T) (a, b *slots.Pool) {
		p := slots.NewPool(nil)
		return p, p
	},
	"redis": func(t *testing.T) (a, b *slots.Pool) {
		r := testkit.StartRedis(t)
		return join(t, r).Pool(""), join(t, r).Pool("")
	},
}

// Two gateways that share their slots grant as many as one.
func TestSlotsConform(t *testing.T) {
	type ask struct{ account, login string }
	tests := map[string]struct {
		limits slots.Limits
		asks   []ask // in turn at the two gateways
		last   error // of the last one
	}{
		"no limit":               {slots.Limits{}, []ask{{"a", "x"}, {"a", "x"}, {"a", "x"}}, nil},
		"an account":             {slots.Limits{PerAccount: 4}, []ask{{"a", "x"}, {"a", "y"}, {"a", "z"}, {"a", "x"}}, slots.ErrNone},
		"an account has room":    {slots.Limits{PerAccount: 4}, []ask{{"a", "x"}, {"a", "x"}, {"a", "x"}}, nil},
		"a login":                {slots.Limits{PerLogin: 2}, []ask{{"a", "x"}, {"b", "x"}, {"c", "x"}}, slots.ErrNone},
		"others are not held up": {slots.Limits{PerAccount: 2, PerLogin: 3}, []ask{{"a", "x"}, {"b", "y"}, {"c", "x"}}, nil},
	}
	for how, open := range pools {
		for name, tt := range tests {
			t.Run(how+"/"+name, func(t *testing.T) {
				t.Parallel()
				a, b := open(t)
				tt.limits.MaxWait = 300 * time.Millisecond
				gateways := []*slots.Pool{a, b}
				for i, ask := range tt.asks {
					gateways[i%2].SetLimits(tt.limits)
					want := error(nil)
					if i == len(tt.asks)-1 {
						want = tt.last
					} else {
						tt := tt.limits
						tt.MaxWait = testkit.WaitLimit
						gateways[i%2].SetLimits(tt)
					}
					if _, err := gateways[i%2].Take(t.Context(), busy{}, ask.account, ask.login); !errors.Is(err, want) {
						t.Errorf("%d, %v: %v, want %v", i, ask, err, want)
					}
				}
			})
		}
		t.Run(how+"/a waiter gets the slot that another leaves", func(t *testing.T) {
			t.Parallel()
			a, b := open(t)
			limits := slots.Limits{PerLogin: 1, MaxWait: testkit.WaitLimit}
			a.SetLimits(limits)
			b.SetLimits(limits)
			first, err := a.Take(t.Context(), busy{}, "a", "x")
			if err != nil {
				t.Fatal(err)
			}
			given, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			leaves, gone := context.WithCancel(t.Context())
			left := make(chan error)
			go func() {
				_, err := b.Take(leaves, busy{}, "c", "x") // leaves the queue before its turn
				left <- err
			}()
			testkit.Eventually(t, "one waits", func() bool { return b.Queued() == 1 })
			go func() {
				_, err := b.Take(given, busy{}, "b", "x")
				cancel(err)
			}()
			testkit.Eventually(t, "two wait", func() bool { return b.Queued() == 2 })
			gone()
			if err := <-left; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			first.Release()
			<-given.Done()
			if err := context.Cause(given); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
}

// A gateway that has lost Redis grants its share, and tells it when Redis is back. One that ends loses its slots.
func TestSlotsWithoutRedis(t *testing.T) {
	r := testkit.StartRedis(t)
	first, second := join(t, r), join(t, r)
	limits := slots.Limits{PerLogin: 4, MaxWait: time.Minute}
	a, b := first.Pool(""), second.Pool("")
	a.SetLimits(limits)
	b.SetLimits(limits)
	take := func(p *slots.Pool, n int) {
		t.Helper()
		for range n {
			if _, err := p.Take(t.Context(), busy{}, "a", "x"); err != nil {
				t.Fatal(err)
			}
		}
	}
	take(a, 1)
	testkit.Eventually(t, "both know each other", func() bool { return first.State().Gateways == 2 && second.State().Gateways == 2 })
	r.Kill()
	testkit.Eventually(t, "both have lost Redis", func() bool { return !first.hasRedis() && !second.hasRedis() })
	take(a, 1)
	take(b, 2)
	short := limits
	short.MaxWait = 1500 * time.Millisecond
	for _, p := range []*slots.Pool{a, b} {
		p.SetLimits(short)
		if _, err := p.Take(t.Context(), busy{}, "a", "x"); !errors.Is(err, slots.ErrNone) {
			t.Errorf("beyond the share: %v", err)
		}
		p.SetLimits(limits)
	}
	r.Start() // without data
	for _, c := range []*Cluster{first, second} {
		testkit.Eventually(t, "the slots are told", func() bool {
			n, err := first.client.HGet(t.Context(), first.keys.slots("default", "login", "x"), c.id).Int()
			return err == nil && n == 2
		})
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	take(a, 2)
}

// The others count a silent gateway with what it has and may take alone, and then with its share.
func TestSilentGatewaysSlots(t *testing.T) {
	for name, tt := range map[string]struct {
		age        time.Duration
		has, grant int
	}{
		"alive":               {0, 3, 3},
		"alive, few":          {0, 1, 5},
		"silent":              {silentAfter + time.Second, 4, 2},
		"silent, few":         {silentAfter + time.Second, 1, 3},
		"its lease has ended": {leaseLife + time.Second, 5, 3},
		"dead":                {deadAfter + time.Second, 5, 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := join(t, testkit.StartRedis(t))
			now, err := c.client.Time(t.Context()).Result()
			if err != nil {
				t.Fatal(err)
			}
			// A little in the future: the test may be slow.
			beat := float64(now.Add(500*time.Millisecond - tt.age).UnixMilli())
			if tt.age == 0 {
				beat = float64(now.Add(time.Hour).UnixMilli())
			}
			if err := errors.Join(
				c.client.ZAdd(t.Context(), c.keys.gateways(), redis.Z{Score: beat, Member: "other"}).Err(),
				c.client.HSet(t.Context(), c.keys.slots("default", "login", "x"), "other", tt.has).Err(),
			); err != nil {
				t.Fatal(err)
			}
			if tt.age > deadAfter {
				testkit.Eventually(t, "it is forgotten", func() bool {
					return errors.Is(c.client.ZScore(t.Context(), c.keys.gateways(), "other").Err(), redis.Nil)
				})
			}
			l := &leases{c: c, upstream: "default"}
			granted := 0
			for l.Take(slots.Claim{Account: "a", Login: "x", OfAccount: granted + 1, OfLogin: granted + 1, MostLogin: 6}) {
				granted++
			}
			if granted != tt.grant {
				t.Errorf("%d slots granted, want %d", granted, tt.grant)
			}
		})
	}
}
