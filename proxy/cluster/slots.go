package cluster

import (
	"cmp"
	"time"

	"exgate/proxy/slots"
)

const (
	// leaseLife is the time without a heartbeat after which a gateway loses its slots but those of its share.
	leaseLife = 30 * time.Second
	// keptSlots is how long Redis keeps the numbers of slots. retellEvery is how often a gateway tells them.
	keptSlots, retellEvery = time.Hour, 10 * time.Minute
)

// Pool returns the pool of the slots of an upstream.
func (c *Cluster) Pool(upstream string) *slots.Pool {
	if c == nil {
		return slots.NewPool(nil)
	}
	l := &leases{c: c, upstream: cmp.Or(upstream, "default")}
	p := slots.NewPool(l)
	l.pool = p
	c.leases.add(l)
	return p
}

// leases implements slots.Leases for one upstream.
type leases struct {
	c        *Cluster
	upstream string
	pool     *slots.Pool
}

// Wake implements slots.Leases.
func (l *leases) Wake(*slots.Pool) { l.c.seating.add(l) }

// do implements chore.
func (l *leases) do() { l.pool.Settle() }

// Take implements slots.Leases. A gateway that has lost Redis has its share.
func (l *leases) Take(claim slots.Claim) bool {
	if counted, ok := l.run(claim, true); ok {
		return counted
	}
	link := l.c.now()
	isWithin := func(n, limit int) bool { return limit == 0 || n <= limit/max(1, len(link.gateways)) }
	return !time.Now().Before(link.alone()) && isWithin(claim.OfAccount, claim.MostAccount) &&
		isWithin(claim.OfLogin, claim.MostLogin)
}

// Gateways implements slots.Leases.
func (l *leases) Gateways() int {
	link := l.c.now()
	return max(1, len(link.gateways))
}

// Tell implements slots.Leases. What cannot be told is told when Redis is back.
func (l *leases) Tell(claim slots.Claim) (ok bool) {
	_, ok = l.run(claim, false)
	return ok
}

// run counts the slots of a claim at Redis. ok is false if Redis is lost.
func (l *leases) run(claim slots.Claim, takes bool) (counted, ok bool) {
	c := l.c
	cmd, ok := c.run(slotsScript,
		[]string{
			c.keys.slots(l.upstream, "account", claim.Account), c.keys.slots(l.upstream, "login", claim.Login),
			c.keys.gateways(),
		},
		silentAfter.Milliseconds(), leaseLife.Milliseconds(), c.id, claim.OfAccount, claim.OfLogin, claim.MostAccount,
		claim.MostLogin, flag(takes), keptSlots.Milliseconds(), c.keys.news(), c.newsOf(newsSlots, l.upstream, 0))
	if !ok {
		return false, false
	}
	n, err := cmd.Int()
	return n == 1 && err == nil, true
}

// lookForSlots has the pools look again that have waiters. News may have been lost, or a gateway may have ended.
func (c *Cluster) lookForSlots() {
	for _, l := range c.leases.all() {
		if l.pool.Queued() > 0 {
			c.seating.add(l)
		}
	}
}

// retellSlots has all slots told again.
func (c *Cluster) retellSlots() {
	for _, l := range c.leases.all() {
		l.pool.Retell()
	}
}
