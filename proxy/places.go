package proxy

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

// ConnectionLimits bound the upstream connections of an account and of a login
// name, since Exchange refuses what is over its own limit (16 of one user by
// default, exchange-behaviour.md §4.1) in words that say something else. The
// zero value has no bound.
type ConnectionLimits struct {
	PerAccount int           // of one mailbox; one of them is kept for side connections; 0: no bound
	PerLogin   int           // of one login name, as an admin's; 0: no bound
	MaxWait    time.Duration // that a client waits for its turn; 0 is backend.DefaultMaxWait
	ParkAfter  time.Duration // a session that has idled so long gives its connection to one that waits; 0: never
}

// errNoPlace says that a client has waited in vain.
var errNoPlace = errors.New("all connections that exgate makes for this mailbox, or for this login, are in use: try again later, or close other programs that use the mailbox")

// places hands out the right to have an upstream connection, in the order in
// which it was asked for. It is safe for use by several goroutines.
type places struct {
	mu        sync.Mutex
	limits    ConnectionLimits
	byAccount map[string]int
	byLogin   map[string]int
	held      map[*place]struct{}
	queue     []*waiter // first come, first served
}

func newPlaces() *places {
	return &places{byAccount: make(map[string]int), byLogin: make(map[string]int), held: make(map[*place]struct{})}
}

// bound sets the limits, for what is asked for from now on.
func (p *places) bound(limits ConnectionLimits) {
	limits.MaxWait = cmp.Or(limits.MaxWait, backend.DefaultMaxWait)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limits = limits
	p.grant()
}

func (p *places) bounds() ConnectionLimits {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.limits
}

// owner is who has a place, or wants one. Its methods are called with locks
// held, and call nothing of places.
type owner interface {
	// idleSince tells since when it has had nothing to do (zero: it is busy),
	// and whether it is in IDLE, listening for news.
	idleSince() (since time.Time, listens bool)
	park() // the place is wanted back
}

// place is the right to one connection. Its owner gives it back by release.
type place struct {
	all            *places
	owner          owner
	account, login string
	asked          bool // to give it back; guarded by all.mu
}

// waiter waits for a place. patient ones, parked sessions that would like to
// have theirs back, come after all others.
type waiter struct {
	place   *place
	patient bool
	granted func() // called once, with places.mu held
}

// take waits for a place, in turn, for limits.MaxWait at most.
func (p *places) take(ctx context.Context, o owner, account, login string) (*place, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, p.bounds().MaxWait, errNoPlace)
	defer cancel()
	granted := make(chan struct{})
	w := p.ask(&place{all: p, owner: o, account: account, login: login}, false, func() { close(granted) })
	for {
		var again <-chan time.Time
		if d, ok := p.makeRoom(w); ok {
			timer := time.NewTimer(d)
			defer timer.Stop()
			again = timer.C
		}
		select {
		case <-granted:
			return w.place, nil
		case <-ctx.Done():
			if p.withdraw(w) {
				return nil, context.Cause(ctx)
			}
			return w.place, nil // it was granted just now
		case <-again:
		}
	}
}

// ask puts a waiter into the queue, or grants it a place at once.
func (p *places) ask(h *place, patient bool, granted func()) *waiter {
	w := &waiter{place: h, patient: patient, granted: granted}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue = append(p.queue, w)
	p.grant()
	return w
}

// withdraw takes a waiter out of the queue. It returns false if it has been
// granted its place.
func (p *places) withdraw(w *waiter) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.queue, w)
	if i < 0 {
		return false
	}
	p.queue = slices.Delete(p.queue, i, i+1)
	return true
}

// grant gives what is free to those who wait. p.mu is held.
func (p *places) grant() {
	for _, patient := range []bool{false, true} {
		p.queue = slices.DeleteFunc(p.queue, func(w *waiter) bool {
			if w.patient != patient || !p.free(w.place) {
				return false
			}
			p.byAccount[w.place.account]++
			p.byLogin[w.place.login]++
			p.held[w.place] = struct{}{}
			w.granted()
			return true
		})
	}
}

func (p *places) free(w *place) bool {
	account, login := p.limits.PerAccount, p.limits.PerLogin
	if account > 1 {
		account-- // for side connections
	}
	return (account == 0 || p.byAccount[w.account] < account) && (login == 0 || p.byLogin[w.login] < login)
}

// makeRoom asks the session that has idled longest to give its place to w: for
// a patient one, which would only listen, one that does not listen itself. It
// returns when to try again, if that may help.
func (p *places) makeRoom(w *waiter) (again time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.limits.ParkAfter <= 0 || !slices.Contains(p.queue, w) {
		return 0, false
	}
	// Those who came before have the first claim to what is on its way.
	claims := 0
	for _, other := range p.queue {
		if other.patient == w.patient && (other.place.account == w.place.account || other.place.login == w.place.login) {
			claims++
		}
		if other == w {
			break
		}
	}
	var longest *place
	var since time.Time
	for h := range p.held {
		if h.account != w.place.account && (p.limits.PerLogin == 0 || h.login != w.place.login) {
			continue // its place would not help
		}
		idle, listens := h.owner.idleSince()
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
	longest.owner.park()
	return p.limits.ParkAfter, true
}

// limited tells whether there is a bound.
func (p *places) limited() bool {
	limits := p.bounds()
	return limits.PerAccount > 0 || limits.PerLogin > 0
}

// release gives the place back. A nil place is none.
func (h *place) release() {
	if h == nil {
		return
	}
	p := h.all
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

// keep answers the question for the place: its owner is busy again. A nil place
// is none.
func (h *place) keep() {
	if h == nil {
		return
	}
	h.all.mu.Lock()
	defer h.all.mu.Unlock()
	h.asked = false
}

// waitingText is what a client is told that waits for a place.
func (p *places) waitingText() string {
	return fmt.Sprintf("all connections for this mailbox, or this login, are in use; it is your turn within %s", p.bounds().MaxWait)
}
