// Package guard protects Exchange and the gateway from clients that take too
// much: guessed passwords, connections of one address, and logins that come back
// all at once.
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

// Guesses bounds the failed logins that reach Exchange, where each of them counts
// towards a lock-out. Failures are counted by address, by IPv6 network, by account
// at one address, and by account. A failure is forgiven after forgiveAfter.
//
// The bound on an account is above the bound on an address, so that guesses from
// one address lock nobody out elsewhere. When many addresses have reached the
// bound on an account, the account still gets in at the addresses where it has
// logged in before.
type Guesses struct {
	now func() time.Time

	mu     sync.Mutex
	perIP  int // failures of one address; 0: no bound
	failed map[string]*count
	asking map[string]int       // logins whose outcome is not known yet
	over   chan struct{}        // closed when one of them is over
	known  map[string]time.Time // account at address: the last good login
}

// count is a number of failures, which runs down with time.
type count struct {
	n  float64
	at time.Time
}

const (
	forgiveAfter = time.Minute
	// The bounds on an account at one address and on an account, against the
	// bound on an address.
	perNameAtIP, perName = 0.25, 2.5
	// SlowAfter is the number of failures of an address after which its replies
	// are delayed.
	SlowAfter = 3
	// knownFor is how long an address is known for an account.
	knownFor = 30 * 24 * time.Hour
	noBound  = 1e9
	// maxGuesses bounds the entries of failed and of known. Of failed the lowest
	// counts are dropped first.
	maxGuesses = 100_000
	// maxName bounds the bytes of a name in them: a longer one is kept as its
	// hash.
	maxName = 64
)

// NewGuesses returns Guesses without failures and without a bound.
func NewGuesses() *Guesses {
	return &Guesses{
		now: time.Now, failed: make(map[string]*count), asking: make(map[string]int),
		over: make(chan struct{}), known: make(map[string]time.Time),
	}
}

// SetLimit sets how many failures one address may have; 0 is no bound.
func (g *Guesses) SetLimit(perAddress int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.perIP = perAddress
}

// Guess is one login, by what its failure counts against.
type Guess struct{ address, network, name string }

// limit is a key of the counts with its bound.
type limit struct {
	key  string
	most float64
}

// keys returns what the login counts against: first its address, then its
// account at that address. g.mu is held.
func (g *Guesses) keys(who Guess) []limit {
	most := float64(g.perIP)
	both := limit{"b" + who.name + "\x00" + who.address, max(1, most*perNameAtIP)}
	name := limit{"n" + who.name, most * perName}
	if last, known := g.known[both.key]; known && g.now().Sub(last) <= knownFor {
		name.most = noBound
	}
	keys := []limit{{"a" + who.address, most}, both, name}
	if who.network != "" {
		keys = append(keys, limit{"a" + who.network, most * failuresPerNetwork})
	}
	return keys
}

// NewGuess is a login from an address that tries the password of an account
// (backend.LoginOptions.Account).
func NewGuess(remote net.Addr, account string) Guess {
	name := strings.ToLower(account)
	if len(name) > maxName {
		sum := sha256.Sum256([]byte(name))
		name = hex.EncodeToString(sum[:])
	}
	return Guess{address: AddressOf(remote), network: networkOf(remote), name: name}
}

// Enter lets a login pass, or returns for how long it is refused without asking
// Exchange. While so many logins are under way that their failures would reach a
// bound, it waits for their outcome. Each login that has passed ends with Leave.
func (g *Guesses) Enter(ctx context.Context, who Guess) (refused time.Duration, err error) {
	for {
		g.mu.Lock()
		if g.perIP == 0 {
			g.mu.Unlock()
			return 0, nil
		}
		full, keys := false, g.keys(who)
		for _, k := range keys {
			refused = max(refused, g.wait(k))
			full = full || g.count(k.key)+float64(g.asking[k.key])+1 > k.most
		}
		if refused > 0 {
			g.mu.Unlock()
			return refused, nil
		}
		if !full {
			for _, k := range keys {
				g.asking[k.key]++
			}
			g.mu.Unlock()
			return 0, nil
		}
		over := g.over
		g.mu.Unlock()
		select {
		case <-over:
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

// Outcome is how a login ended that had passed.
type Outcome int

const (
	Inconclusive Outcome = iota // it says nothing about the password
	Succeeded
	Failed
)

// Leave ends a login that has passed. Of a failed one it returns the failures of
// the address.
func (g *Guesses) Leave(who Guess, how Outcome) (failed int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, k := range g.keys(who) {
		if g.asking[k.key]--; g.asking[k.key] <= 0 {
			delete(g.asking, k.key)
		}
	}
	close(g.over)
	g.over = make(chan struct{})
	switch {
	case how == Succeeded:
		g.worked(who)
	case how == Failed && g.perIP > 0:
		return g.failedOnce(who)
	}
	return 0
}

// wait returns how long a count stays at its bound. g.mu is held.
func (g *Guesses) wait(k limit) time.Duration {
	over := g.count(k.key) + 1 - k.most
	return max(0, time.Duration(over*float64(forgiveAfter)))
}

// count returns the failures that are not forgiven yet. g.mu is held.
func (g *Guesses) count(key string) float64 {
	f := g.failed[key]
	if f == nil {
		return 0
	}
	return max(0, f.n-float64(g.now().Sub(f.at))/float64(forgiveAfter))
}

// failedOnce counts a failure, and returns the failures of the address. g.mu is
// held.
func (g *Guesses) failedOnce(who Guess) (failed int) {
	keys := g.keys(who)
	for _, k := range keys {
		g.failed[k.key] = &count{g.count(k.key) + 1, g.now()}
	}
	g.sweep()
	return int(math.Ceil(g.count(keys[0].key)))
}

// worked forgets the failures of the account at that address. g.mu is held.
func (g *Guesses) worked(who Guess) {
	both := g.keys(who)[1].key
	delete(g.failed, both)
	if len(g.known) >= maxGuesses {
		for key := range g.known { // any one: its account only becomes known anew
			delete(g.known, key)
			break
		}
	}
	g.known[both] = g.now()
}

// sweep bounds the memory. g.mu is held.
func (g *Guesses) sweep() {
	if len(g.failed) <= maxGuesses {
		return
	}
	keys := make([]string, 0, len(g.failed))
	for key := range g.failed {
		if g.count(key) == 0 {
			delete(g.failed, key)
		} else {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b string) int { return int(g.count(a) - g.count(b)) })
	for _, key := range keys[:max(0, len(keys)-maxGuesses/2)] {
		delete(g.failed, key)
	}
}

// countsAsGuess are the failures that a guessed password may have. "Authenticated
// but not connected" is one of them: some versions say it to a wrong password
// (docs/exchange.md#login-failures).
var countsAsGuess = []backend.Kind{
	backend.KindCredentials, backend.KindNotConnected, backend.KindAdminNotAllowed, backend.KindRefusedHere,
	backend.KindNotAllowed, backend.KindTokenRefused,
}

// IsGuess reports whether a login failed as a guessed password does. A server
// other than Exchange refuses it in its own words, with a code of RFC 5530 or
// without one; the other codes of RFC 5530 speak of other troubles.
func IsGuess(f backend.Failure) bool {
	if f.Kind != backend.KindOther || f.Word != "NO" {
		return slices.Contains(countsAsGuess, f.Kind)
	}
	return slices.Contains([]string{"", "AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED"}, strings.ToUpper(f.Code))
}
