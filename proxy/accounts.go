package proxy

import (
	"strings"
	"sync"
	"time"

	"exgate/backend"
	"exgate/proxy/cluster"
	"exgate/proxy/mailbox"
	"exgate/proxy/names"
	"exgate/proxy/spool"
)

// account has the data that the sessions of one mailbox share.
type account struct {
	*backend.Account
	upstream, user string // user as its first session has spelt it
	registry       *backend.Accounts
	uploads        spool.Budget // bytes of the account in the spool
	side           *side
	known          names.Known // the mailboxes of the account
	seen           names.Known // those that clients have been listed, and have made, in mode: observe
	claims         *mailbox.Claims

	// Guarded by accounts.mu.
	sessions   int
	configured float64 // messages per second of the configuration
}

// accounts has the accounts with open sessions. backend.Accounts remembers the other
// accounts that are still paced or throttled.
type accounts struct {
	cluster    *cluster.Cluster // nil: the accounts are this gateway's own
	mu         sync.Mutex
	spool      int64 // limit on the bytes of one account in the spool; 0: no limit
	open       map[*backend.Account]*account
	registries map[registryKey]*backend.Accounts
	claims     map[claimsKey]*mailbox.Claims // also of accounts whose last session has ended
	paces      map[string]float64            // messages per second by order of the operator, by user in lower case
	sweepAt    int                           // size of claims at which those that nobody needs are dropped
}

// claimsKey identifies what one mailbox of one upstream is told of its APPENDs. It has
// neither the pace nor the spelling of the login.
type claimsKey struct{ upstream, user string }

// minClaims is the number of claims below which nothing is dropped. maxClaims limits the
// claims of accounts without a session.
const (
	minClaims = 64
	maxClaims = 10_000
)

// registryKey identifies a registry of accounts. Accounts of different registries share no
// pace. A change of the key starts an empty registry, which does not know earlier
// throttles.
type registryKey struct {
	upstream   string
	pace       backend.Pacing
	maxBackoff time.Duration
}

func newAccounts(shared *cluster.Cluster) *accounts {
	return &accounts{cluster: shared, open: make(map[*backend.Account]*account),
		registries: make(map[registryKey]*backend.Accounts),
		claims:     make(map[claimsKey]*mailbox.Claims), paces: make(map[string]float64), sweepAt: minClaims}
}

// setSpoolLimit sets the limit on the spool, in bytes, for accounts that are opened from
// now on.
func (a *accounts) setSpoolLimit(spool int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.spool = spool
}

// get returns the account of a user on an upstream for a new session. The session ends with
// close.
func (a *accounts) get(upstream, user string, pace backend.Pacing, maxBackoff time.Duration) *account {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := registryKey{upstream, pace, maxBackoff}
	registry := a.registries[key]
	if registry == nil {
		registry = a.cluster.Accounts(upstream, pace, maxBackoff)
		a.registries[key] = registry
	}
	known := registry.Open(user)
	shared := a.open[known]
	if shared == nil {
		claims := a.claimsOf(claimsKey{upstream, strings.ToLower(user)})
		shared = &account{
			Account: known, upstream: upstream, user: user, registry: registry, side: newSide(), claims: claims,
		}
		shared.uploads.SetMax(a.spool)
		a.open[known] = shared
	}
	shared.sessions++
	shared.configured = pace.Each.Messages
	shared.SetMessages(a.paceOf(shared))
	return shared
}

// claimsOf returns the claims of an account. They outlive its last session: a message that
// this session stored may show itself later, and must not pass for another one then. a.mu
// is held.
func (a *accounts) claimsOf(key claimsKey) *mailbox.Claims {
	if known := a.claims[key]; known != nil {
		return known
	}
	if len(a.claims) >= a.sweepAt {
		a.sweepClaims()
	}
	claims := mailbox.NewClaims(a.cluster.Peers(key.upstream, key.user))
	a.claims[key] = claims
	return claims
}

// sweepClaims drops the claims of accounts without a session if they have nothing to
// remember, or are too many. a.mu is held.
func (a *accounts) sweepClaims() {
	used := make(map[*mailbox.Claims]bool)
	for _, shared := range a.open {
		used[shared.claims] = true
	}
	idle := 0
	for key, claims := range a.claims {
		switch {
		case used[claims]:
		case idle >= maxClaims || claims.IsIdle():
			delete(a.claims, key)
		default:
			idle++
		}
	}
	a.sweepAt = max(minClaims, 2*len(a.claims))
}

// giveBack drops what open accounts need not know any more of their APPENDs. It returns the number of mailboxes of
// which something is kept.
func (a *accounts) giveBack() (kept int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, shared := range a.open {
		kept += shared.claims.Forget()
	}
	return kept
}

// close ends one session of the account. With the last one, it closes the side connection.
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
