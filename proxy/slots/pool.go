// Package slots limits the connections to an upstream. A slot is the right to
// one upstream connection; clients that find no free slot queue for one.
// Exchange refuses connections above its own limit with errors that do not name
// the limit, so exgate stays below it. Package proxy takes a slot at a login and
// releases it when the session leaves its connection.
package slots

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"exgate/backend"
)

// Limits are the limits on the connections to one upstream. Exchange itself
// allows 16 connections of one user by default (docs/exchange.md#connections).
// The zero value has no limit.
type Limits struct {
	PerAccount int           // connections to one mailbox; each gateway has one reserved for itself; 0: no limit
	PerLogin   int           // connections of one login name, such as an admin's; 0: no limit
	MaxWait    time.Duration // how long a client queues at most; 0: backend.DefaultMaxWait
	ParkAfter  time.Duration // an idle session gives up its slot to a waiter after this time; 0: never
}

// ErrNone is the error of a client that queued for Limits.MaxWait without being
// granted a slot.
var ErrNone = errors.New("all connections that exgate may open for this mailbox or this login are in use: " +
	"try again later, close other programs that use the mailbox, or raise " +
	"upstream.pace.connections_per_account or upstream.pace.connections_per_login")

// Pool grants the slots of one upstream, first come, first served. Parked
// sessions come after all others. A waiter is not held up by waiters for another
// account or login. A Pool is safe for use by several goroutines.
type Pool struct {
	leases Leases // nil: no other gateway counts

	mu        sync.Mutex
	limits    Limits
	byAccount map[string]int // slots in use
	byLogin   map[string]int
	inUse     map[*Slot]struct{}
	queue     []*Waiter         // in the order in which they came
	untold    map[pair]struct{} // whose slots have changed since leases were told
	isCounted bool              // by leases, or was before the limits changed: untold is kept
	// waitingText is written once for the limits, since each login takes it along.
	waitingText string
}

// NewPool returns a pool without limits. Other gateways count with it by leases; nil: there are none.
func NewPool(leases Leases) *Pool {
	return &Pool{
		leases: leases, byAccount: make(map[string]int), byLogin: make(map[string]int),
		inUse: make(map[*Slot]struct{}), untold: make(map[pair]struct{}),
	}
}

// SetLimits replaces the limits. Slots in use stay in use, even above the new
// limits.
func (p *Pool) SetLimits(limits Limits) {
	limits.MaxWait = cmp.Or(limits.MaxWait, backend.DefaultMaxWait)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limits = limits
	p.waitingText = fmt.Sprintf("all connections for this mailbox, or this login, are in use; "+
		"exgate waits for one for up to %s", limits.MaxWait)
	p.isCounted = p.isCounted || p.isShared()
	p.forgetTold()
	p.grant()
}

// Limits returns the limits that SetLimits has set. MaxWait is never 0.
func (p *Pool) Limits() Limits {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.limits
}

// Owner is a session that has a slot, or waits for one. The pool calls its
// methods with the pool's lock held, so they must not call the pool.
type Owner interface {
	// IdleSince returns when the session became idle; the zero time means that
	// it is busy. listens reports whether the session is in IDLE.
	IdleSince() (since time.Time, listens bool)
	// Park asks the session to give up its slot for a waiter. The session
	// answers with Slot.Release, or with Slot.Keep if it has become busy.
	Park()
}

// Slot is the right to one upstream connection. Its owner gives it back with
// Release.
type Slot struct {
	pool           *Pool
	owner          Owner
	account, login string
	isWanted       bool // the owner was asked to park; guarded by pool.mu
}

// Waiter is a place in the queue for a slot.
type Waiter struct {
	slot      *Slot
	isPatient bool   // a parked session that wants to listen again: served after all others
	onGrant   func() // called once, with pool.mu held
}

// Take waits for a slot to a mailbox (account) for a login name. It returns
// ErrNone after Limits.MaxWait, and the cause of ctx if ctx ends earlier.
func (p *Pool) Take(ctx context.Context, o Owner, account, login string) (*Slot, error) {
	granted := make(chan struct{})
	w := p.enqueue(&Slot{pool: p, owner: o, account: account, login: login}, false, func() { close(granted) })
	select {
	case <-granted: // as nearly always: nothing is prepared for a wait
		return w.slot, nil
	default:
	}
	ctx, cancel := context.WithTimeoutCause(ctx, p.Limits().MaxWait, ErrNone)
	defer cancel()
	for {
		var again <-chan time.Time
		if d, ok := p.makeRoom(w); ok {
			timer := time.NewTimer(d)
			defer timer.Stop()
			again = timer.C
		}
		select {
		case <-granted:
			return w.slot, nil
		case <-ctx.Done():
			if p.withdraw(w) {
				return nil, context.Cause(ctx)
			}
			return w.slot, nil // granted at the same moment
		case <-again:
		}
	}
}

// enqueue adds a waiter to the queue. If a slot is free, the waiter is granted it
// at once and onGrant is called before enqueue returns.
func (p *Pool) enqueue(s *Slot, isPatient bool, onGrant func()) *Waiter {
	w := &Waiter{slot: s, isPatient: isPatient, onGrant: onGrant}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue = append(p.queue, w)
	p.grant()
	return w
}

// Used returns the number of slots in use.
func (p *Pool) Used() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.inUse)
}

// Queued returns the number of waiters.
func (p *Pool) Queued() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queue)
}

// withdraw removes a waiter from the queue. It reports whether the waiter was
// still queued, and so has not been granted its slot.
func (p *Pool) withdraw(w *Waiter) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.queue, w)
	if i < 0 {
		return false
	}
	p.queue = slices.Delete(p.queue, i, i+1)
	return true
}

// Withdraw removes the waiter from the queue. It returns false if the waiter has
// been granted its slot already; the caller then owns the slot.
func (w *Waiter) Withdraw() bool { return w.slot.pool.withdraw(w) }

// MakeRoom asks the session that has been idle longest to give up its slot for
// this waiter. again is how long to wait before the next call. ok is false if
// another call cannot help.
func (w *Waiter) MakeRoom() (again time.Duration, ok bool) { return w.slot.pool.makeRoom(w) }

// Slot returns the slot of the waiter. The slot is valid once it is granted.
func (w *Waiter) Slot() *Slot { return w.slot }

// grant gives the free slots to waiters, to patient ones last. Where other gateways count, Settle does that. p.mu is
// held.
func (p *Pool) grant() {
	if p.isShared() {
		p.leases.Wake(p)
		return
	}
	for _, isPatient := range []bool{false, true} {
		p.queue = slices.DeleteFunc(p.queue, func(w *Waiter) bool {
			if w.isPatient != isPatient || !p.hasRoom(w.slot) {
				return false
			}
			p.give(w)
			return true
		})
	}
}

// give gives a slot to a waiter. p.mu is held.
func (p *Pool) give(w *Waiter) {
	p.byAccount[w.slot.account]++
	p.byLogin[w.slot.login]++
	p.inUse[w.slot] = struct{}{}
	w.onGrant()
}

// most returns the slots that an account and a login may have; 0: no limit. p.mu is held.
func (p *Pool) most() (account, login int) {
	account, login = p.limits.PerAccount, p.limits.PerLogin
	sides := 1 // reserved for the side connection of each gateway
	if p.leases != nil {
		sides = p.leases.Gateways()
	}
	if account > 0 {
		account = max(1, account-sides)
	}
	return account, login
}

// hasRoom reports whether the limits allow another slot like s. p.mu is held.
func (p *Pool) hasRoom(s *Slot) bool {
	account, login := p.most()
	return (account == 0 || p.byAccount[s.account] < account) && (login == 0 || p.byLogin[s.login] < login)
}

// makeRoom asks the session that has been idle longest to park in favour of w.
// If w is patient, makeRoom does not ask a session in IDLE: w itself only wants
// its slot for IDLE. makeRoom returns how long to wait before the next try; ok is
// false if another try cannot help.
func (p *Pool) makeRoom(w *Waiter) (again time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.limits.ParkAfter <= 0 || !slices.Contains(p.queue, w) {
		return 0, false
	}
	// Each waiter up to w claims one of the slots that parking sessions give up.
	claims := 0
	for _, other := range p.queue {
		if other.isPatient == w.isPatient &&
			(other.slot.account == w.slot.account || other.slot.login == w.slot.login) {
			claims++
		}
		if other == w {
			break
		}
	}
	var longest *Slot
	var since time.Time
	for s := range p.inUse {
		if s.account != w.slot.account && (p.limits.PerLogin == 0 || s.login != w.slot.login) {
			continue // this slot would not help w
		}
		idle, listens := s.owner.IdleSince()
		switch {
		case s.isWanted:
			claims--
		case w.isPatient && listens:
		case !idle.IsZero() && (longest == nil || idle.Before(since)):
			longest, since = s, idle
		}
	}
	if longest == nil || claims <= 0 { // try again: a session that was asked may answer that it is busy
		return p.limits.ParkAfter, true
	}
	if d := p.limits.ParkAfter - time.Since(since); d > 0 {
		return d, true
	}
	longest.isWanted = true
	longest.owner.Park()
	return p.limits.ParkAfter, true
}

// OfLogin returns the slots in use of the login name of s, s included; 0 for a nil slot.
func (s *Slot) OfLogin() int {
	if s == nil {
		return 0
	}
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	return s.pool.byLogin[s.login]
}

// isLimited reports whether any limit is set.
func (p *Pool) isLimited() bool {
	limits := p.Limits()
	return limits.PerAccount > 0 || limits.PerLogin > 0
}

// AskAgain queues the owner of a slot that was given up for another slot, behind
// all waiters that are not parked. granted is called once, with the pool's lock
// held.
func (s *Slot) AskAgain(granted func()) *Waiter {
	return s.pool.enqueue(&Slot{pool: s.pool, owner: s.owner, account: s.account, login: s.login}, true, granted)
}

// IsLimited reports whether the pool of the slot has a limit. It returns false
// for a nil slot.
func (s *Slot) IsLimited() bool { return s != nil && s.pool.isLimited() }

// Release gives the slot back to its pool. It does nothing if the slot is nil or
// was released before.
func (s *Slot) Release() {
	if s == nil {
		return
	}
	p := s.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, isInUse := p.inUse[s]; !isInUse {
		return
	}
	delete(p.inUse, s)
	decrement(p.byAccount, s.account)
	decrement(p.byLogin, s.login)
	if p.isCounted { // else nobody takes it out: it would grow with each account
		p.untold[s.pair()] = struct{}{}
	}
	p.grant()
}

// decrement subtracts one from the count of name, and deletes a count of zero.
func decrement(counts map[string]int, name string) {
	if counts[name]--; counts[name] == 0 {
		delete(counts, name)
	}
}

// Keep declines the request to give up the slot: its owner is busy again. It does
// nothing if the slot is nil.
func (s *Slot) Keep() {
	if s == nil {
		return
	}
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	s.isWanted = false
}

// WaitingText returns the text that tells a client why its login waits, and how
// long it waits at most.
func (p *Pool) WaitingText() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waitingText
}
