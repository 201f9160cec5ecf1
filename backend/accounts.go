package backend

import (
	"context"
	"maps"
	"strings"
	"sync"
	"time"
)

// Account is the state that the sessions of one mailbox on one upstream share.
type Account struct {
	*Paces
	Throttle *Throttle

	sessions int // guarded by the mutex of its Accounts
}

// Wait waits until Exchange no longer throttles the account, and the pace allows n
// messages to be appended, with one command for each. It counts them. It returns
// at once when ctx ends.
func (a *Account) Wait(ctx context.Context, n int) error {
	if err := a.Throttle.Wait(ctx); err != nil {
		return err
	}
	for _, pace := range []*Pace{a.Commands, a.Appends} {
		if err := pace.Wait(ctx, n); err != nil {
			return err
		}
	}
	return a.Throttle.Wait(ctx) // Exchange may have throttled another session meanwhile
}

// Throttled holds back the account's sessions for the time that Exchange asks for,
// and slows their pace. If Exchange throttles several sessions at once, the pace is
// slowed only once.
func (a *Account) Throttled(backoff time.Duration) {
	if a.Throttle.Block(backoff) {
		a.Paces.slow()
		a.Throttle.tell()
	}
}

// Inherit has the account go on as a gateway before this one has left it: Exchange throttles it for so long, and its
// messages have this part of their pace, or less: Inherit halves the pace as throttles do.
func (a *Account) Inherit(backoff time.Duration, part float64) {
	a.Throttle.Extend(backoff)
	for has := 1.0; has > part && has > PaceFloor; has *= PaceSlower {
		a.Paces.slow()
	}
	a.Throttle.tell()
}

// Accounts has the accounts of one upstream that have sessions. It also keeps
// accounts without sessions while they are paced or throttled, so that a client
// cannot escape by connecting again. Use NewAccounts. It is safe for concurrent
// use.
type Accounts struct {
	keeper Keeper
	held   heldAccounts

	mu      sync.Mutex
	open    map[string]*Account
	sweepAt int // size of open at which the idle ones are dropped
}

// maxIdleAccounts bounds the accounts that have no session, and are kept since
// they are paced or throttled still. What goes beyond it is forgotten.
const maxIdleAccounts = 10_000

// sweepMin is the number of accounts below which sweep does nothing.
const sweepMin = 64

// Keeper keeps the paces and the throttles of the accounts of one upstream. The keeper in
// memory is memory; package cluster has one that several gateways share. Accounts calls
// it with its lock held.
type Keeper interface {
	// Open returns what the account of a user, in lower case, is held to. Until Drop, Open is
	// not called again for the user.
	Open(user string) (*Paces, *Throttle)
	// Drop forgets an account without sessions whose paces and throttle are idle, or which
	// there is no room for.
	Drop(user string)
}

// memory is the Keeper of a gateway that shares nothing.
type memory struct {
	each       Rates
	all        *Paces
	maxBackoff time.Duration
}

// Open implements Keeper.
func (m *memory) Open(string) (*Paces, *Throttle) {
	return newPaces(m.each, m.all), NewThrottle(m.maxBackoff)
}

// Drop implements Keeper.
func (m *memory) Drop(string) {}

// NewAccounts returns an empty registry. pace limits each of its accounts, and all
// of them together. A throttle holds back an account for at most maxBackoff (0:
// DefaultMaxBackoff).
func NewAccounts(pace Pacing, maxBackoff time.Duration) *Accounts {
	return AccountsOf(&memory{each: pace.Each, all: newPaces(pace.All, new(Paces)), maxBackoff: maxBackoff})
}

// AccountsOf returns an empty registry of accounts that k keeps.
func AccountsOf(k Keeper) *Accounts {
	return &Accounts{keeper: k, open: make(map[string]*Account), sweepAt: sweepMin}
}

// Open returns the account of a user for a new session. The case of the name does
// not matter. At its end, the session must call Close with the account.
func (r *Accounts) Open(user string) *Account {
	name := strings.ToLower(user)
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.open[name]
	if a == nil {
		r.sweep()
		paces, throttle := r.keeper.Open(name)
		a = &Account{Paces: paces, Throttle: throttle}
		r.open[name] = a
		throttle.onHold(func() { r.held.add(name) })
	}
	a.sessions++
	return a
}

// Held calls is for each account that was throttled or slowed, by its user in lower case, until is reports that
// it is so no longer. The accounts may be very many, and few of them are held.
func (r *Accounts) Held(is func(user string, a *Account) bool) {
	for user, last := range r.held.all() {
		r.mu.Lock()
		a := r.open[user]
		r.mu.Unlock()
		if a == nil || !is(user, a) {
			r.held.forget(user, last)
		}
	}
}

// heldAccounts are the accounts that were throttled or slowed. The zero value has none.
type heldAccounts struct {
	mu    sync.Mutex
	added int            // of all users
	last  map[string]int // what added was when a user was added last
}

func (h *heldAccounts) add(user string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.last == nil {
		h.last = make(map[string]int)
	}
	h.added++
	h.last[user] = h.added
}

func (h *heldAccounts) all() map[string]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.last)
}

// drop drops a user whose account is forgotten.
func (h *heldAccounts) drop(user string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.last, user)
}

// forget drops a user, unless it was added again since all returned last.
func (h *heldAccounts) forget(user string, last int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.last[user] == last {
		delete(h.last, user)
	}
}

// Close ends one session of the account.
func (r *Accounts) Close(a *Account) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a.sessions--
}

// sweep drops the accounts that have no session and are no longer paced or
// throttled. It works only when the number of accounts has doubled, so that its
// cost per Open is constant.
func (r *Accounts) sweep() {
	if len(r.open) < r.sweepAt {
		return
	}
	idle := 0
	for name, a := range r.open {
		switch {
		case a.sessions > 0:
		case idle >= maxIdleAccounts || a.Throttle.Remaining() == 0 && a.Paces.isIdle():
			delete(r.open, name)
			r.keeper.Drop(name)
			r.held.drop(name)
		default:
			idle++
		}
	}
	r.sweepAt = max(sweepMin, 2*len(r.open))
}
