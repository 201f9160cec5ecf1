// Package guard protects Exchange and the gateway from clients that take too
// much. It limits failed logins, which count towards a lock-out in Active
// Directory, the connections of one address, and the sessions that log in again
// after a restart of Exchange. It also keeps refusals from filling the log.
// Package proxy asks it before each connection, login and reconnect.
package guard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"exgate/backend"
)

// Guesses limits the failed logins that reach Exchange. It counts them for each
// address, for each IPv6 network, for each account, and for each account at one
// address. Each count goes down by one every forgiveAfter.
//
// The limit on an account is above the limit on an address. So guesses from a single
// address do not keep the owner of the account out at another address. When guesses
// from many addresses reach the limit on an account, the account can still log in
// from an address where it has logged in within knownFor.
//
// Guesses is safe for use by several goroutines.
type Guesses struct {
	now func() time.Time

	mu         sync.Mutex
	perAddress int // failures of one address; 0: no limit
	failed     map[string]*count
	pending    map[string]int       // logins without an outcome yet
	ended      chan struct{}        // closed when the next pending login ends
	succeeded  map[string]time.Time // by account at address: the last successful login
}

// count is a number of failures at a time. It goes down as time passes.
type count struct {
	n  float64
	at time.Time
}

const (
	forgiveAfter = time.Minute
	// The limits on an account at one address and on an account, as multiples of
	// the limit on an address.
	perNameAtAddress, perName = 0.25, 2.5
	// SlowAfter is the number of failures of one address above which the
	// replies to its failed logins are delayed.
	SlowAfter = 3
	// knownFor is how long a successful login makes an address known for an account.
	knownFor = 30 * 24 * time.Hour
	noLimit  = 1e9
	// maxGuesses limits the counts and the known addresses in memory. The lowest counts are
	// dropped first.
	maxGuesses = 100_000
	// maxName is the longest name in these keys, in bytes. A longer name is replaced by its
	// hash.
	maxName = 64
)

// NewGuesses returns Guesses without a limit.
func NewGuesses() *Guesses {
	return &Guesses{
		now: time.Now, failed: make(map[string]*count), pending: make(map[string]int), ended: make(chan struct{}),
		succeeded: make(map[string]time.Time),
	}
}

// SetLimit sets the number of failed logins of one address, from which the other
// limits follow; 0 is no limit.
func (g *Guesses) SetLimit(perAddress int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.perAddress = perAddress
}

// Guess identifies the counts that a login belongs to: its client's address and
// IPv6 network, and its account.
type Guess struct{ address, network, name string }

// limit is the key of a count, and the failures that the count may reach.
type limit struct {
	key string
	max float64
}

// limitsOf returns the limits that a login counts against: first on its address, then
// on its account at this address. g.mu is held.
func (g *Guesses) limitsOf(who Guess) []limit {
	perAddress := float64(g.perAddress)
	nameAtAddress := limit{"b" + who.name + "\x00" + who.address, max(1, perAddress*perNameAtAddress)}
	name := limit{"n" + who.name, perAddress * perName}
	if last, isKnown := g.succeeded[nameAtAddress.key]; isKnown && g.now().Sub(last) <= knownFor {
		name.max = noLimit
	}
	limits := []limit{{"a" + who.address, perAddress}, nameAtAddress, name}
	if who.network != "" {
		limits = append(limits, limit{"a" + who.network, perAddress * failuresPerNetwork})
	}
	return limits
}

// NewGuess returns the counts of a login from remote that tries the password of an
// account (backend.LoginOptions.Account). Accounts are compared without regard to
// case.
func NewGuess(remote net.Addr, account string) Guess {
	name := strings.ToLower(account)
	if len(name) > maxName {
		sum := sha256.Sum256([]byte(name))
		name = hex.EncodeToString(sum[:])
	}
	return Guess{address: AddressOf(remote), network: networkOf(remote), name: name}
}

// Enter lets a login pass, or returns for how long such logins are refused
// without asking Exchange. While the logins without an outcome could reach a
// limit by failing, Enter waits for their outcomes. err is the cause of ctx if
// ctx ends meanwhile. If refused is 0 and err nil, the login has passed and the
// caller calls Leave once.
func (g *Guesses) Enter(ctx context.Context, who Guess) (refused time.Duration, err error) {
	for {
		g.mu.Lock()
		if g.perAddress == 0 {
			g.mu.Unlock()
			return 0, nil
		}
		isFull, limits := false, g.limitsOf(who)
		for _, l := range limits {
			refused = max(refused, g.refusedFor(l))
			isFull = isFull || g.failures(l.key)+float64(g.pending[l.key])+1 > l.max
		}
		if refused > 0 {
			g.mu.Unlock()
			return refused, nil
		}
		if !isFull {
			for _, l := range limits {
				g.pending[l.key]++
			}
			g.mu.Unlock()
			return 0, nil
		}
		ended := g.ended
		g.mu.Unlock()
		select {
		case <-ended:
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

// Outcome is the result of a login that has passed Enter.
type Outcome int

// The outcomes of a login.
const (
	Inconclusive Outcome = iota // the login ended without an answer about the password
	Succeeded
	Failed
)

// Leave ends a login that has passed Enter. If the login has failed, Leave
// returns the number of recent failures of its address, and 0 otherwise.
func (g *Guesses) Leave(who Guess, how Outcome) (failed int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, l := range g.limitsOf(who) {
		if g.pending[l.key]--; g.pending[l.key] <= 0 {
			delete(g.pending, l.key)
		}
	}
	close(g.ended)
	g.ended = make(chan struct{})
	switch {
	case how == Succeeded:
		g.addSuccess(who)
	case how == Failed && g.perAddress > 0:
		return g.addFailure(who)
	}
	return 0
}

// refusedFor returns how long a count stays at its limit. g.mu is held.
func (g *Guesses) refusedFor(l limit) time.Duration {
	excess := g.failures(l.key) + 1 - l.max
	return max(0, time.Duration(excess*float64(forgiveAfter)))
}

// failures returns the failures that are not forgiven yet. g.mu is held.
func (g *Guesses) failures(key string) float64 {
	f := g.failed[key]
	if f == nil {
		return 0
	}
	return max(0, f.n-float64(g.now().Sub(f.at))/float64(forgiveAfter))
}

// addFailure counts a failed login, and returns the failures of its address.
// g.mu is held.
func (g *Guesses) addFailure(who Guess) (failed int) {
	limits := g.limitsOf(who)
	for _, l := range limits {
		g.failed[l.key] = &count{g.failures(l.key) + 1, g.now()}
	}
	g.dropLowest()
	return int(math.Ceil(g.failures(limits[0].key)))
}

// addSuccess forgets the failures of the account at this address, and makes the
// address known for the account. g.mu is held.
func (g *Guesses) addSuccess(who Guess) {
	nameAtAddress := g.limitsOf(who)[1].key
	delete(g.failed, nameAtAddress)
	if len(g.succeeded) >= maxGuesses {
		for key := range g.succeeded { // which one does not matter: its account only loses an exception to the limit
			delete(g.succeeded, key)
			break
		}
	}
	g.succeeded[nameAtAddress] = g.now()
}

// dropLowest halves the counts if there are more than maxGuesses. It drops the counts of 0
// first, and then the lowest ones. g.mu is held.
func (g *Guesses) dropLowest() {
	if len(g.failed) <= maxGuesses {
		return
	}
	keys := make([]string, 0, len(g.failed))
	for key := range g.failed {
		if g.failures(key) == 0 {
			delete(g.failed, key)
		} else {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b string) int { return int(g.failures(a) - g.failures(b)) })
	for _, key := range keys[:max(0, len(keys)-maxGuesses/2)] {
		delete(g.failed, key)
	}
}

// guessKinds are the failures that a guessed password may cause. "Authenticated
// but not connected" is one of them: some versions of Exchange answer a wrong
// password with it (docs/exchange.md#login-failures).
var guessKinds = []backend.Kind{
	backend.KindNameRefused, backend.KindLoginNotRead, backend.KindTokenNotTaken,
	backend.KindCredentials, backend.KindNotConnected, backend.KindAdminNotAllowed, backend.KindRefusedHere,
	backend.KindNotAllowed, backend.KindTokenRefused,
}

// IsGuess reports whether a login may have failed because its password was
// guessed. Servers other than Exchange refuse a wrong password in words of their
// own, without a response code or with AUTHENTICATIONFAILED or
// AUTHORIZATIONFAILED (RFC 5530 section 3). Their other codes report other causes.
func IsGuess(f backend.Failure) bool {
	if f.Kind != backend.KindOther || f.Word != "NO" {
		return slices.Contains(guessKinds, f.Kind)
	}
	return slices.Contains([]string{"", "AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED"}, strings.ToUpper(f.Code))
}
