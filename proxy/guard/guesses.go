// Package guard protects Exchange and the gateway from clients that take too
// much. It limits failed logins, which count towards a lock-out in Active
// Directory, the connections of one address, and the sessions that log in again
// after a restart of Exchange. It also keeps refusals from filling the log.
// Package proxy asks it before each connection, login and reconnect.
package guard

import (
	"context"
	"crypto/rand"
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
// address. Each count goes down by one every ForgiveAfter.
//
// The limit on an account is above the limit on an address. So guesses from a single
// address do not keep the owner of the account out at another address. When guesses
// from many addresses reach the limit on an account, the account can still log in
// from an address where it has logged in within KnownFor.
//
// Guesses is safe for use by several goroutines.
type Guesses struct {
	now   func() time.Time
	peers Peers // nil: no other gateway counts

	mu         sync.Mutex
	perAddress int // failures of one address; 0: no limit
	failed     map[string]*count
	pending    map[string]int       // logins without an outcome yet
	ended      chan struct{}        // closed when the next pending login ends
	succeeded  map[string]time.Time // by account at address: the last successful login
}

// count is a number of failures at a time. It goes down as time passes.
type count struct {
	n      float64
	at     time.Time
	untold int // failures in n that the peers do not know of; each counts as one of each gateway
}

const (
	ForgiveAfter = time.Minute
	// The limits on an account at one address and on an account, as multiples of
	// the limit on an address.
	perNameAtAddress, perName = 0.25, 2.5
	// SlowAfter is the number of failures of one address above which the
	// replies to its failed logins are delayed.
	SlowAfter = 3
	// KnownFor is how long a successful login makes an address known for an account.
	KnownFor = 30 * 24 * time.Hour
	noLimit  = 1e9
	// MaxGuesses limits the counts and the known addresses in memory. The lowest counts are
	// dropped first.
	MaxGuesses = 100_000
	// maxName is the longest name in these keys, in bytes. A longer name is replaced by its
	// hash.
	maxName = 64
)

// NewGuesses returns Guesses without a limit. Without peers, the gateway counts alone.
func NewGuesses(peers Peers) *Guesses {
	return &Guesses{
		now: time.Now, peers: peers, failed: make(map[string]*count), pending: make(map[string]int),
		ended: make(chan struct{}), succeeded: make(map[string]time.Time),
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
type Guess struct {
	address, network, name string
	id                     string // of the login, for the peers
}

// ofAccount is the index of the limit on an account in those of limitsOf.
const ofAccount = 2

// limitsOf returns the limits that a login counts against: first on its address, then
// on its account at this address. g.mu is held.
func (g *Guesses) limitsOf(who Guess) []Limit {
	perAddress := float64(g.perAddress)
	nameAtAddress := Limit{g.key("b" + who.name + "\x00" + who.address), max(1, perAddress*perNameAtAddress)}
	name := Limit{g.key("n" + who.name), perAddress * perName}
	if last, isKnown := g.succeeded[nameAtAddress.Key]; isKnown && g.now().Sub(last) <= KnownFor {
		name.Max = noLimit
	}
	limits := []Limit{{g.key("a" + who.address), perAddress}, nameAtAddress, name}
	if who.network != "" {
		limits = append(limits, Limit{g.key("a" + who.network), perAddress * failuresPerNetwork})
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
	return Guess{address: AddressOf(remote), network: networkOf(remote), name: name, id: rand.Text()[:12]}
}

// Enter lets a login pass, or returns for how long such logins are refused
// without asking Exchange. While the logins without an outcome could reach a
// limit by failing, Enter waits for their outcomes. err is the cause of ctx if
// ctx ends meanwhile. If refused is 0 and err nil, the login has passed and the
// caller calls Leave once.
func (g *Guesses) Enter(ctx context.Context, who Guess) (refused time.Duration, err error) {
	for {
		weight, isAlone := g.weight()
		refused, ended := g.enter(who, weight, isAlone)
		if refused == 0 && ended == nil && !isAlone {
			ok := false
			if refused, ended, ok = g.enterShared(who); !ok {
				continue // the peers are lost: this gateway is alone now
			}
		}
		if refused > 0 || ended == nil {
			return refused, nil
		}
		if err := g.await(ctx, ended); err != nil {
			return 0, err
		}
	}
}

// enter lets a login pass as far as this gateway knows. Each of its failures counts as
// weight. If the login must wait, ended is closed when another login ends. A gateway that is
// not alone leaves the limit on the account to its peers: only they know for sure whether the
// account has logged in at this address.
func (g *Guesses) enter(who Guess, weight float64, isAlone bool) (refused time.Duration, ended <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.perAddress == 0 {
		return 0, nil
	}
	isFull, limits := false, g.limitsOf(who)
	for i, l := range limits {
		if i == ofAccount && !isAlone {
			continue
		}
		most := max(l.Max, weight) // one login may be tried always
		refused = max(refused, time.Duration((g.failures(l.Key)+weight-most)*float64(ForgiveAfter)))
		isFull = isFull || g.failures(l.Key)+float64(g.pending[l.Key]+1)*weight > most
	}
	switch {
	case refused > 0:
		return refused, nil
	case isFull:
		return 0, g.ended
	}
	for _, l := range limits {
		g.pending[l.Key]++
	}
	return 0, nil
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
	told, isTold := g.leaveShared(who, how)
	weight, _ := g.weight()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.leave(who)
	g.wake()
	switch {
	case how == Succeeded:
		g.addSuccess(who)
	case how == Failed && g.perAddress > 0:
		limits := g.limitsOf(who)
		for _, l := range limits {
			if isTold {
				g.add(l.Key, 1, 0)
			} else {
				g.add(l.Key, weight, 1)
			}
		}
		g.dropLowest()
		return max(told, int(math.Ceil(g.failures(limits[0].Key))))
	}
	return 0
}

// leave notes that a login is not pending any more. g.mu is held.
func (g *Guesses) leave(who Guess) {
	for _, l := range g.limitsOf(who) {
		if g.pending[l.Key]--; g.pending[l.Key] <= 0 {
			delete(g.pending, l.Key)
		}
	}
}

// wake has the logins that wait try again. g.mu is held.
func (g *Guesses) wake() {
	close(g.ended)
	g.ended = make(chan struct{})
}

// failures returns the failures that are not forgiven yet. g.mu is held.
func (g *Guesses) failures(key string) float64 {
	f := g.failed[key]
	if f == nil {
		return 0
	}
	return max(0, f.n-float64(g.now().Sub(f.at))/float64(ForgiveAfter))
}

// add adds failures to a count, of which the peers do not know some. g.mu is held.
func (g *Guesses) add(key string, n float64, untold int) {
	f := g.failed[key]
	if f == nil {
		f = new(count)
		g.failed[key] = f
	}
	before := g.failures(key)
	if before == 0 {
		f.untold = 0 // forgiven
	}
	f.n, f.at, f.untold = before+n, g.now(), f.untold+untold
}

// addSuccess forgets the failures of the account at this address, and makes the
// address known for the account. g.mu is held.
func (g *Guesses) addSuccess(who Guess) {
	g.know(g.limitsOf(who)[1].Key)
}

// know forgets the failures of an account at an address, and makes the address known for the
// account. g.mu is held.
func (g *Guesses) know(nameAtAddress string) {
	delete(g.failed, nameAtAddress)
	if len(g.succeeded) >= MaxGuesses {
		for key := range g.succeeded { // which one does not matter: its account only loses an exception to the limit
			delete(g.succeeded, key)
			break
		}
	}
	g.succeeded[nameAtAddress] = g.now()
}

// dropLowest halves the counts if there are more than MaxGuesses. It drops the counts of 0
// first, and then the lowest ones. g.mu is held.
func (g *Guesses) dropLowest() {
	if len(g.failed) <= MaxGuesses {
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
	for _, key := range keys[:max(0, len(keys)-MaxGuesses/2)] {
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
