// Package slots limits the connections to an upstream: each of them needs a
// slot, and clients that find none wait in turn.
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

// Limits bound the upstream connections of an account and of a login
// name, since Exchange refuses what is over its own limit (16 of one user by
// default, docs/exchange.md#connections) in words that say something else. The
// zero value has no bound.
type Limits struct {
	PerAccount int           // of one mailbox; one of them is kept for side connections; 0: no bound
	PerLogin   int           // of one login name, as an admin's; 0: no bound
	MaxWait    time.Duration // that a client waits for its turn; 0 is backend.DefaultMaxWait
	ParkAfter  time.Duration // a session that has idled so long gives its connection to one that waits; 0: never
}

// ErrNone says that a client has waited in vain.
var ErrNone = errors.New("all connections that exgate makes for this mailbox, or for this login, are in use: try again later, or close other programs that use the mailbox")

// Pool hands out the right to have an upstream connection, in the order in
// which it was asked for. It is safe for use by several goroutines.
type Pool struct {
	mu        sync.Mutex
	limits    Limits
	byAccount map[string]int
	byLogin   map[string]int
	held      map[*Slot]struct{}
	queue     []*Waiter // first come, first served
}

func NewPool() *Pool {
	return &Pool{byAccount: make(map[string]int), byLogin: make(map[string]int), held: make(map[*Slot]struct{})}
}

// SetLimits sets the limits, for what is asked for from now on.
func (p *Pool) SetLimits(limits Limits) {
	limits.MaxWait = cmp.Or(limits.MaxWait, backend.DefaultMaxWait)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limits = limits
	p.grant()
}

func (p *Pool) Limits() Limits {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.limits
}

// Owner is who has a place, or wants one. Its methods are called with locks
// held, and call nothing of places.
type Owner interface {
	// IdleSince tells since when it has had nothing to do (zero: it is busy),
	// and whether it is in IDLE, listening for news.
	IdleSince() (since time.Time, listens bool)
	Park() // the place is wanted back
}

// Slot is the right to one connection. Its owner gives it back by release.
type Slot struct {
	pool           *Pool
	owner          Owner
	account, login string
	asked          bool // to give it back; guarded by all.mu
}

// Waiter waits for a place. patient ones, parked sessions that would like to
// have theirs back, come after all others.
type Waiter struct {
	slot    *Slot
	patient bool
	granted func() // called once, with places.mu held
}

// Take waits for a place, in turn, for limits.MaxWait at most.
func (p *Pool) Take(ctx context.Context, o Owner, account, login string) (*Slot, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, p.Limits().MaxWait, ErrNone)
	defer cancel()
	granted := make(chan struct{})
	w := p.ask(&Slot{pool: p, owner: o, account: account, login: login}, false, func() { close(granted) })
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
			return w.slot, nil // it was granted just now
		case <-again:
		}
	}
}

// ask puts a waiter into the queue, or grants it a place at once.
func (p *Pool) ask(h *Slot, patient bool, granted func()) *Waiter {
	w := &Waiter{slot: h, patient: patient, granted: granted}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue = append(p.queue, w)
	p.grant()
	return w
}

// Queued is the number of those who wait for a slot.
func (p *Pool) Queued() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.queue)
}

// withdraw takes a waiter out of the queue. It returns false if it has been
// granted its place.
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

// Withdraw takes the waiter out of the queue. It returns false if the waiter has
// been granted its slot.
func (w *Waiter) Withdraw() bool { return w.slot.pool.withdraw(w) }

// MakeRoom asks the session that has idled longest to give up its slot for this
// waiter. It returns how long to wait before the next try, if one may help.
func (w *Waiter) MakeRoom() (again time.Duration, ok bool) { return w.slot.pool.makeRoom(w) }

// Slot is what the waiter is granted.
func (w *Waiter) Slot() *Slot { return w.slot }

// grant gives what is free to those who wait. p.mu is held.
func (p *Pool) grant() {
	for _, patient := range []bool{false, true} {
		p.queue = slices.DeleteFunc(p.queue, func(w *Waiter) bool {
			if w.patient != patient || !p.free(w.slot) {
				return false
			}
			p.byAccount[w.slot.account]++
			p.byLogin[w.slot.login]++
			p.held[w.slot] = struct{}{}
			w.granted()
			return true
		})
	}
}

func (p *Pool) free(w *Slot) bool {
	account, login := p.limits.PerAccount, p.limits.PerLogin
	if account > 1 {
		account-- // for side connections
	}
	return (account == 0 || p.byAccount[w.account] < account) && (login == 0 || p.byLogin[w.login] < login)
}

// makeRoom asks the session that has idled longest to give its place to w: for
// a patient one, which would only listen, one that does not listen itself. It
// returns when to try again, if that may help.
func (p *Pool) makeRoom(w *Waiter) (again time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.limits.ParkAfter <= 0 || !slices.Contains(p.queue, w) {
		return 0, false
	}
	// Those who came before have the first claim to what is on its way.
	claims := 0
	for _, other := range p.queue {
		if other.patient == w.patient && (other.slot.account == w.slot.account || other.slot.login == w.slot.login) {
			claims++
		}
		if other == w {
			break
		}
	}
	var longest *Slot
	var since time.Time
	for h := range p.held {
		if h.account != w.slot.account && (p.limits.PerLogin == 0 || h.login != w.slot.login) {
			continue // its place would not help
		}
		idle, listens := h.owner.IdleSince()
		switch {
		case h.asked:
			claims--
		case w.patient && listens:
		case !idle.IsZero() && (longest == nil || idle.Before(since)):
			longest, since = h, idle
		}
	}
	if longest == nil || claims <= 0 { // one that was asked may have become busy meanwhile
		return p.limits.ParkAfter, true
	}
	if d := p.limits.ParkAfter - time.Since(since); d > 0 {
		return d, true
	}
	longest.asked = true
	longest.owner.Park()
	return p.limits.ParkAfter, true
}

// limited tells whether there is a bound.
func (p *Pool) limited() bool {
	limits := p.Limits()
	return limits.PerAccount > 0 || limits.PerLogin > 0
}

// AskAgain puts the owner of a slot that was given up into the queue for another
// one, as a patient waiter. granted is called once, with the pool's lock held.
func (h *Slot) AskAgain(granted func()) *Waiter {
	return h.pool.ask(&Slot{pool: h.pool, owner: h.owner, account: h.account, login: h.login}, true, granted)
}

// IsLimited reports whether the pool that the slot is from has a limit. A nil
// slot has none.
func (h *Slot) IsLimited() bool { return h != nil && h.pool.limited() }

// Release gives the place back. A nil place is none.
func (h *Slot) Release() {
	if h == nil {
		return
	}
	p := h.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, held := p.held[h]; !held {
		return
	}
	delete(p.held, h)
	less(p.byAccount, h.account)
	less(p.byLogin, h.login)
	p.grant()
}

func less(counts map[string]int, name string) {
	if counts[name]--; counts[name] == 0 {
		delete(counts, name)
	}
}

// Keep answers the question for the place: its owner is busy again. A nil place
// is none.
func (h *Slot) Keep() {
	if h == nil {
		return
	}
	h.pool.mu.Lock()
	defer h.pool.mu.Unlock()
	h.asked = false
}

// WaitingText is what a client is told that waits for a place.
func (p *Pool) WaitingText() string {
	return fmt.Sprintf("all connections for this mailbox, or this login, are in use; it is your turn within %s", p.Limits().MaxWait)
}
