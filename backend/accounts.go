package backend

import (
	"context"
	"strings"
	"sync"
	"time"
)

// Account is what the sessions of one mailbox on one upstream share.
type Account struct {
	*Paces
	Throttle *Throttle

	sessions int // guarded by the mutex of its Accounts
}

// Wait waits until Exchange no longer throttles the account and n messages may
// be appended, a command each, and counts them. It ends at once when ctx does.
func (a *Account) Wait(ctx context.Context, n int) error {
	if err := a.Throttle.Wait(ctx); err != nil {
		return err
	}
	for _, pace := range []*Pace{a.Commands, a.Appends} {
		if err := pace.Wait(ctx, n); err != nil {
			return err
		}
	}
	return a.Throttle.Wait(ctx) // another session may have been throttled meanwhile
}

// Throttled holds the account's sessions back for as long as Exchange asks,
// and makes their pace slower, once however many of them Exchange tells.
func (a *Account) Throttled(backoff time.Duration) {
	if a.Throttle.Block(backoff) {
		a.Paces.slow()
	}
}

// Accounts are the accounts of one upstream that have sessions, or had them
// and are still paced or throttled, so that nobody escapes that by connecting
// anew. Use NewAccounts. It is safe for use by several goroutines.
type Accounts struct {
	each       Rates
	all        *Paces
	maxBackoff time.Duration

	mu      sync.Mutex
	open    map[string]*Account
	sweepAt int // size of open at which the idle ones are dropped
}

// maxIdleAccounts bounds the accounts that have no session, and are kept since
// they are paced or throttled still. What goes beyond it is forgotten.
const maxIdleAccounts = 10_000

// sweepMin is the number of accounts below which sweeping is not worth it.
const sweepMin = 64

// NewAccounts returns an empty registry, whose accounts are paced so, each and
// all together, and are held back for maxBackoff at most (0:
// DefaultMaxBackoff).
func NewAccounts(pace Pacing, maxBackoff time.Duration) *Accounts {
	return &Accounts{
		each:       pace.Each,
		all:        newPaces(pace.All, new(Paces)),
		maxBackoff: maxBackoff,
		open:       make(map[string]*Account),
		sweepAt:    sweepMin,
	}
}

// Open returns the account of a user, whose name is taken in any case, for one
// session more. The session calls Close with it at its end.
func (r *Accounts) Open(user string) *Account {
	name := strings.ToLower(user)
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.open[name]
	if a == nil {
		r.sweep()
		a = &Account{Paces: newPaces(r.each, r.all), Throttle: NewThrottle(r.maxBackoff)}
		r.open[name] = a
	}
	a.sessions++
	return a
}

// Close ends one session of the account.
func (r *Accounts) Close(a *Account) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a.sessions--
}

// sweep drops the accounts without a session whose pace and throttle are over,
// each time that their number has doubled: the cost per Open stays constant.
func (r *Accounts) sweep() {
	if len(r.open) < r.sweepAt {
		return
	}
	idle := 0
	for name, a := range r.open {
		switch {
		case a.sessions > 0:
		case idle >= maxIdleAccounts || a.Throttle.Remaining() == 0 && a.Paces.idle():
			delete(r.open, name)
		default:
			idle++
		}
	}
	r.sweepAt = max(sweepMin, 2*len(r.open))
}
