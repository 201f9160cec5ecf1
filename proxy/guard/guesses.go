// Package guard protects Exchange and the gateway from clients that take too
// much: guessed passwords, connections of one address, and logins that come back
// all at once.
package guard

import (
	"context"
	"math"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"exgate/backend"
)

// Guesses bound the failed logins that reach Exchange, where each counts
// towards a lock-out: by address, by name at one address, and by name. A
// failure is forgiven after forgiveAfter. The bound on a name is above that on
// an address, so that who guesses from one address locks nobody out elsewhere;
// when it is reached by many, those addresses still get in at which the name
// has logged in before.
type Guesses struct {
	now func() time.Time

	mu     sync.Mutex
	perIP  int // failures of one address; 0: no bound
	failed map[string]*count
	asking map[string]int       // logins whose outcome is not known yet
	over   chan struct{}        // closed when one of them is over
	known  map[string]time.Time // name at address: the last good login
}

// count is a count that runs down with time.
type count struct {
	n  float64
	at time.Time
}

const (
	forgiveAfter = time.Minute
	// The bounds on a name at one address and on a name, against that on an
	// address.
	perNameAtIP, perName = 0.25, 2.5
	// SlowAfter failures of an address its replies are delayed.
	SlowAfter = 3
	// knownFor is how long an address is known for a name.
	knownFor = 30 * 24 * time.Hour
	noBound  = 1e9
	// maxGuesses bounds the memory: the lowest counts are dropped first.
	maxGuesses = 100_000
)

func NewGuesses() *Guesses {
	return &Guesses{now: time.Now, failed: make(map[string]*count), asking: make(map[string]int), over: make(chan struct{}), known: make(map[string]time.Time)}
}

func (g *Guesses) SetLimit(perAddress int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.perIP = perAddress
}

// Guess is one login, by what its failure counts against.
type Guess struct{ address, name string }

// limit is a key of the counts with its bound.
type limit struct {
	key  string
	most float64
}

// keys are what the login counts against. g.mu is held.
func (g *Guesses) keys(who Guess) []limit {
	most := float64(g.perIP)
	both := limit{"b" + who.name + "\x00" + who.address, max(1, most*perNameAtIP)}
	name := limit{"n" + who.name, most * perName}
	if last, known := g.known[both.key]; known && g.now().Sub(last) <= knownFor {
		name.most = noBound
	}
	return []limit{{"a" + who.address, most}, both, name}
}

// NewGuess is the login of a claim from an address.
func NewGuess(remote net.Addr, claim backend.Claim) Guess {
	return Guess{address: AddressOf(remote), name: strings.ToLower(claim.Authcid)}
}

// Enter lets a login pass, or tells how long it is to be refused without
// asking anybody. While so many are being asked that their failures would reach
// a bound, it waits for the outcome of those. Each login that has passed leaves.
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

// Outcome is how a login that has passed ended.
type Outcome int

const (
	Inconclusive Outcome = iota // it says nothing about the password
	Succeeded
	Failed
)

// Leave ends a login that has passed, and returns the failures of its address
// if it is one more.
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

// wait is how long a count is at its bound. g.mu is held.
func (g *Guesses) wait(k limit) time.Duration {
	over := g.count(k.key) + 1 - k.most
	return max(0, time.Duration(over*float64(forgiveAfter)))
}

// count is the failures that are not forgiven yet. g.mu is held.
func (g *Guesses) count(key string) float64 {
	f := g.failed[key]
	if f == nil {
		return 0
	}
	return max(0, f.n-float64(g.now().Sub(f.at))/float64(forgiveAfter))
}

// failedOnce counts a failure, and returns those of the address. g.mu is held.
func (g *Guesses) failedOnce(who Guess) (failed int) {
	keys := g.keys(who)
	for _, k := range keys {
		g.failed[k.key] = &count{g.count(k.key) + 1, g.now()}
	}
	g.sweep()
	return int(math.Ceil(g.count(keys[0].key)))
}

// worked forgets the failures of the name at that address. g.mu is held.
func (g *Guesses) worked(who Guess) {
	both := g.keys(who)[1].key
	delete(g.failed, both)
	if len(g.known) >= maxGuesses {
		for key := range g.known { // any: it is only known less well
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

// countsAsGuess are the failures of a login that a guess may have had.
// "Authenticated but not connected" is one, too: some versions say it to a wrong password
// (docs/exchange.md#login-failures).
var countsAsGuess = []backend.Kind{
	backend.KindCredentials, backend.KindNotConnected, backend.KindAdminNotAllowed, backend.KindRefusedHere,
	backend.KindNotAllowed, backend.KindTokenRefused,
}

// IsGuess tells whether a login failed as a guess does. A server that is no
// Exchange refuses it in its own words, with RFC 5530's code or none; the other
// codes speak of other troubles.
func IsGuess(f backend.Failure) bool {
	if f.Kind != backend.KindOther || f.Word != "NO" {
		return slices.Contains(countsAsGuess, f.Kind)
	}
	return slices.Contains([]string{"", "AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED"}, strings.ToUpper(f.Code))
}
