package proxy

import (
	"sync"
	"time"

	"exgate/backend"
	"exgate/proxy/mailbox"
	"exgate/proxy/names"
	"exgate/proxy/spool"
)

// account is what the sessions of one mailbox share.
type account struct {
	*backend.Account
	registry *backend.Accounts
	uploads  spool.Budget // bytes in the spool
	side     *side
	known    names.Known // its mailboxes
	claims   *mailbox.Claims
	sessions int // guarded by accounts.mu
}

// accounts are the mailboxes that have sessions. Those that are still paced or
// throttled are remembered by backend.Accounts.
type accounts struct {
	mu         sync.Mutex
	spool      int64 // bytes of one account in the spool; 0: no bound
	open       map[*backend.Account]*account
	registries map[registryKey]*backend.Accounts
}

// registryKey tells apart accounts that share no pace. Where it changes, what
// was known of throttles is forgotten.
type registryKey struct {
	upstream   string
	pace       backend.Pacing
	maxBackoff time.Duration
}

func newAccounts() *accounts {
	return &accounts{open: make(map[*backend.Account]*account), registries: make(map[registryKey]*backend.Accounts)}
}

// setSpoolLimit sets what holds for accounts that are opened from now on.
func (a *accounts) setSpoolLimit(spool int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.spool = spool
}

// get returns the account of a user on an upstream, for one session more.
func (a *accounts) get(upstream, user string, pace backend.Pacing, maxBackoff time.Duration) *account {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := registryKey{upstream, pace, maxBackoff}
	registry := a.registries[key]
	if registry == nil {
		registry = backend.NewAccounts(pace, maxBackoff)
		a.registries[key] = registry
	}
	known := registry.Open(user)
	shared := a.open[known]
	if shared == nil {
		shared = &account{Account: known, registry: registry, side: newSide(), claims: mailbox.NewClaims()}
		shared.uploads.SetMax(a.spool)
		a.open[known] = shared
	}
	shared.sessions++
	return shared
}

// close ends one session of the account.
func (a *accounts) close(shared *account) {
	a.mu.Lock()
	shared.registry.Close(shared.Account)
	shared.sessions--
	last := shared.sessions == 0
	if last {
		delete(a.open, shared.Account)
	}
	a.mu.Unlock()
	if last {
		shared.side.close()
	}
}
