package cluster

import (
	"cmp"
	"sync"
	"time"

	"exgate/backend"
)

// Accounts returns a registry of the accounts of an upstream. Its accounts share their paces and throttles with those
// of other gateways and registries, for the same name of the upstream.
func (c *Cluster) Accounts(upstream string, pace backend.Pacing, maxBackoff time.Duration) *backend.Accounts {
	if c == nil {
		return backend.NewAccounts(pace, maxBackoff)
	}
	k := &keeper{c: c, upstream: c.upstream(cmp.Or(upstream, "default")), pace: pace, maxBackoff: maxBackoff,
		open: make(map[string]*account)}
	c.keepers.add(k)
	return backend.AccountsOf(k)
}

// upstream is a server of the configuration.
type upstream struct {
	c    *Cluster
	name string

	mu    sync.Mutex
	alone map[string]*local // of all accounts, by name of the pace
	known map[string]int    // the losses of Redis before a pace was last asked for
}

func (c *Cluster) upstream(name string) *upstream {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := c.upstreams[name]
	if u == nil {
		u = &upstream{c: c, name: name, alone: make(map[string]*local), known: make(map[string]int)}
		c.upstreams[name] = u
	}
	return u
}

// local returns the bucket of a pace of all accounts, for a gateway that has lost Redis.
func (u *upstream) local(pace string) *local {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.alone[pace] == nil {
		u.alone[pace] = new(local)
	}
	return u.alone[pace]
}

// isBehind reports whether Redis was lost since it was last asked for a pace of all accounts.
func (u *upstream) isBehind(pace string, losses int) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.known[pace] < losses
}

// note notes that Redis was asked for a pace of all accounts after that many losses.
func (u *upstream) note(pace string, losses int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.known[pace] = max(u.known[pace], losses)
}

// keeper implements backend.Keeper.
type keeper struct {
	c          *Cluster
	upstream   *upstream
	pace       backend.Pacing
	maxBackoff time.Duration

	mu   sync.Mutex
	open map[string]*account
}

// Open implements backend.Keeper. It does not wait for Redis: what Redis knows of the account comes a moment later, and
// with each answer about its pace.
func (k *keeper) Open(user string) (*backend.Paces, *backend.Throttle) {
	a := &account{
		c: k.c, upstream: k.upstream, name: k.upstream.name + " " + user, throttle: backend.NewThrottle(k.maxBackoff),
	}
	a.throttle.Share(a)
	link := k.c.now()
	losses := link.losses
	if !link.lost.IsZero() {
		losses-- // what passes until Redis is back is unknown to it
	}
	pace := func(name string, each, all float64) *backend.Pace {
		m := &meter{a: a, name: name, each: each, all: all, losses: losses}
		a.meters = append(a.meters, m)
		return backend.PaceOf(m)
	}
	each, all := k.pace.Each, k.pace.All
	paces := &backend.Paces{
		Appends: pace("appends", each.Messages, all.Messages), Fetches: pace("fetches", each.Messages, all.Messages),
		Commands: pace("commands", each.Commands, all.Commands),
		In:       pace("in", each.Bytes, all.Bytes), Out: pace("out", each.Bytes, all.Bytes),
	}
	k.mu.Lock()
	k.open[user] = a
	k.mu.Unlock()
	k.c.chores.add(a)
	return paces, a.throttle
}

// Drop implements backend.Keeper.
func (k *keeper) Drop(user string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.open, user)
}

// accounts returns the accounts of all keepers.
func (c *Cluster) accounts() (all []*account) {
	for _, k := range c.keepers.all() {
		k.mu.Lock()
		for _, a := range k.open {
			all = append(all, a)
		}
		k.mu.Unlock()
	}
	return all
}

// account is what a gateway knows of an account.
type account struct {
	c        *Cluster
	upstream *upstream
	name     string // the upstream's, which has no blank, and the user's
	throttle *backend.Throttle
	meters   []*meter
}

// Raise implements backend.Alarm.
func (a *account) Raise(d time.Duration, first bool) (begins bool) {
	begins, ok := a.raise(d, 0)
	return first && (begins || !ok) // retell tells the others, if Redis is lost
}

// raise tells Redis and the other gateways of a throttle that outlasts the one that Redis knows by more than slack.
// begins reports whether Redis has known of none. ok is false if Redis is lost.
func (a *account) raise(d, slack time.Duration) (begins, ok bool) {
	cmd, ok := a.c.run(raiseScript, []string{a.c.keys.account(a.name)}, d.Milliseconds(), slack.Milliseconds(),
		a.c.keys.news(), a.c.newsOf(newsThrottle, a.name, d))
	if !ok {
		return false, false
	}
	n, err := cmd.Int()
	return n == 1 && err == nil, true
}

// do implements chore: it asks what applies to the account.
func (a *account) do() {
	asked := false
	for _, m := range a.meters {
		if m.HasLimit() {
			m.do()
			asked = true
		}
	}
	if !asked {
		a.meters[0].do() // for the throttle
	}
}

// retell is a chore: it tells of the account's throttle what Redis may not know, and asks what applies to the account.
type retell struct{ a *account }

// retellSlack is above the time that a piece of news takes. Gateways that heard of the same throttle at different times
// would otherwise prolong it in turn.
const retellSlack = time.Second

func (r retell) do() {
	if d := r.a.throttle.Remaining(); d > 0 {
		r.a.raise(d, retellSlack)
	}
	r.a.do()
}
