package proxy

import (
	"context"
	"fmt"
	"math"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"

	"exgate/backend"
)

// guesses bound the failed logins that reach Exchange, where each counts
// towards a lock-out: by address, by name at one address, and by name. A
// failure is forgiven after forgiveAfter. The bound on a name is above that on
// an address, so that who guesses from one address locks nobody out elsewhere;
// when it is reached by many, those addresses still get in at which the name
// has logged in before.
type guesses struct {
	now func() time.Time

	mu     sync.Mutex
	perIP  int // failures of one address; 0: no bound
	failed map[string]*failures
	asking map[string]int       // logins whose outcome is not known yet
	over   chan struct{}        // closed when one of them is over
	known  map[string]time.Time // name at address: the last good login
}

// failures is a count that runs down with time.
type failures struct {
	count float64
	at    time.Time
}

const (
	forgiveAfter = time.Minute
	// The bounds on a name at one address and on a name, against that on an
	// address.
	perNameAtIP, perName = 0.25, 2.5
	// slowAfter failures of an address its replies are delayed.
	slowAfter = 3
	// knownFor is how long an address is known for a name.
	knownFor = 30 * 24 * time.Hour
	noBound  = 1e9
	// maxGuesses bounds the memory: the lowest counts are dropped first.
	maxGuesses = 100_000
)

func newGuesses() *guesses {
	return &guesses{now: time.Now, failed: make(map[string]*failures), asking: make(map[string]int), over: make(chan struct{}), known: make(map[string]time.Time)}
}

func (g *guesses) bound(perAddress int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.perIP = perAddress
}

// guess is one login, by what its failure counts against.
type guess struct{ address, name string }

// bounded is a key of the counts with its bound.
type bounded struct {
	key   string
	bound float64
}

// keys are what the login counts against. g.mu is held.
func (g *guesses) keys(who guess) []bounded {
	most := float64(g.perIP)
	both := bounded{"b" + who.name + "\x00" + who.address, max(1, most*perNameAtIP)}
	name := bounded{"n" + who.name, most * perName}
	if last, known := g.known[both.key]; known && g.now().Sub(last) <= knownFor {
		name.bound = noBound
	}
	return []bounded{{"a" + who.address, most}, both, name}
}

// newGuess is the login of a claim from an address.
func newGuess(remote net.Addr, claim backend.Claim) guess {
	return guess{address: addressOf(remote), name: strings.ToLower(claim.Authcid)}
}

// enter lets a login pass, or tells how long it is to be refused without
// asking anybody. While so many are being asked that their failures would reach
// a bound, it waits for the outcome of those. Each login that has passed leaves.
func (g *guesses) enter(ctx context.Context, who guess) (refused time.Duration, err error) {
	for {
		g.mu.Lock()
		if g.perIP == 0 {
			g.mu.Unlock()
			return 0, nil
		}
		full, keys := false, g.keys(who)
		for _, k := range keys {
			refused = max(refused, g.wait(k))
			full = full || g.count(k.key)+float64(g.asking[k.key])+1 > k.bound
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

// outcome is how a login that has passed ended.
type outcome int

const (
	noGuess outcome = iota // it says nothing about the password
	goodLogin
	badLogin
)

// leave ends a login that has passed, and returns the failures of its address
// if it is one more.
func (g *guesses) leave(who guess, how outcome) (failed int) {
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
	case how == goodLogin:
		g.worked(who)
	case how == badLogin && g.perIP > 0:
		return g.failedOnce(who)
	}
	return 0
}

// wait is how long a count is at its bound. g.mu is held.
func (g *guesses) wait(k bounded) time.Duration {
	over := g.count(k.key) + 1 - k.bound
	return max(0, time.Duration(over*float64(forgiveAfter)))
}

// count is the failures that are not forgiven yet. g.mu is held.
func (g *guesses) count(key string) float64 {
	f := g.failed[key]
	if f == nil {
		return 0
	}
	return max(0, f.count-float64(g.now().Sub(f.at))/float64(forgiveAfter))
}

// failedOnce counts a failure, and returns those of the address. g.mu is held.
func (g *guesses) failedOnce(who guess) (failed int) {
	keys := g.keys(who)
	for _, k := range keys {
		g.failed[k.key] = &failures{g.count(k.key) + 1, g.now()}
	}
	g.sweep()
	return int(math.Ceil(g.count(keys[0].key)))
}

// worked forgets the failures of the name at that address. g.mu is held.
func (g *guesses) worked(who guess) {
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
func (g *guesses) sweep() {
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
// "Authenticated but not connected" is one, too: some versions say it to a
// wrong password (requirements.md S32).
var countsAsGuess = []backend.Kind{
	backend.KindCredentials, backend.KindNotConnected, backend.KindAdminNotAllowed, backend.KindRefusedHere,
	backend.KindNotAllowed, backend.KindTokenRefused,
}

// mayBeGuess tells whether a login failed as a guess does. A server that is no
// Exchange refuses it in its own words, with RFC 5530's code or none; the other
// codes speak of other troubles.
func mayBeGuess(f backend.Failure) bool {
	if f.Kind != backend.KindOther || f.Word != "NO" {
		return slices.Contains(countsAsGuess, f.Kind)
	}
	return slices.Contains([]string{"", "AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED"}, strings.ToUpper(f.Code))
}

// bounded runs a login unless its address or name has failed too often.
func (c *conn) bounded(claim backend.Claim, logIn func() error) error {
	who := newGuess(c.tcp.RemoteAddr(), claim)
	var refused time.Duration
	err := c.patiently(func(ctx context.Context) (err error) {
		refused, err = c.srv.guesses.enter(ctx, who)
		return err
	})
	if err != nil {
		return interrupted("log in again later")
	}
	if refused > 0 {
		c.turnedAway = true
		if c.refused(refusedGuesses) {
			c.log.Warn("login refused here: too many have failed", "claim", claim, "for", refused.Round(time.Second))
		}
		return &imap.Error{
			Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeUnavailable,
			Text: fmt.Sprintf("too many logins have failed: try again in %s (exgate did not ask Exchange)", refused.Round(time.Second)),
		}
	}
	how := noGuess // also of a panic
	defer func() { c.slowDown(c.srv.guesses.leave(who, how)) }()
	err = logIn()
	switch {
	case err == nil:
		how = goodLogin
	case c.guess:
		how = badLogin
	}
	return err
}

// slowDown delays the reply to a failed login, twice as long each time.
func (c *conn) slowDown(failed int) {
	if c.srv.limits.Slow == 0 || failed <= slowAfter {
		return
	}
	c.srv.totals.refusals.count(refusedSlowed)
	if err := c.sleep(min(c.srv.limits.MaxSlow, c.srv.limits.Slow<<min(failed-slowAfter-1, 10))); err != nil {
		c.log.Debug("the client did not wait for its refusal", "err", err)
	}
}
