package guard

import (
	"context"
	"time"
)

// Peers are the other gateways that count failed logins with this one. Package cluster has
// some.
type Peers interface {
	// Key returns the name under which something is counted. The name does not tell what it is.
	Key(of string) string
	// Weight returns as how many a failure counts: as 1, or as one of each gateway while this
	// gateway is alone, since it cannot ask the others.
	Weight() (n int, isAlone bool)
	// Enter asks whether a login may pass, and notes that it is pending. Its limits are those
	// of its address, of its account there, of its account, and of its network if it has one.
	// refused is for how long it may not. isFull says that it must wait for the outcome of
	// others. ok is false if the others cannot be asked.
	Enter(login string, limits []Limit) (refused time.Duration, isFull, ok bool)
	// Leave tells the outcome of a login that has passed. failed are the failures of its
	// address. ok is false if the others cannot be told.
	Leave(login string, limits []Limit, how Outcome) (failed int, ok bool)
}

// Limit is the key of a count, and the failures that the count may reach.
type Limit struct {
	Key string
	Max float64
}

// lookAgain is after how long a login that waits asks again, since news of the peers may be
// lost.
const lookAgain = time.Second

// key returns the key of a count.
func (g *Guesses) key(of string) string {
	if g.peers == nil {
		return of
	}
	return g.peers.Key(of)
}

// weight returns as how many a failure counts, and whether this gateway counts alone.
func (g *Guesses) weight() (weight float64, isAlone bool) {
	if g.peers == nil {
		return 1, true
	}
	n, isAlone := g.peers.Weight()
	return float64(n), isAlone
}

// sharedLimits returns the limits of a login that count for the peers, too; nil if there are
// none. ended is closed when another login ends from now on.
func (g *Guesses) sharedLimits(who Guess) (limits []Limit, ended <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.peers == nil || g.perAddress == 0 {
		return nil, g.ended
	}
	return g.limitsOf(who), g.ended
}

// enterShared asks the peers whether a login may pass that this gateway lets pass. If it may
// not, it is not pending here any more.
func (g *Guesses) enterShared(who Guess) (refused time.Duration, ended <-chan struct{}, ok bool) {
	limits, ended := g.sharedLimits(who)
	if limits == nil {
		return 0, nil, true
	}
	refused, isFull, ok := g.peers.Enter(who.id, limits)
	if ok && refused == 0 && !isFull {
		return 0, nil, true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.leave(who)
	return refused, ended, ok
}

// leaveShared tells the peers the outcome of a login.
func (g *Guesses) leaveShared(who Guess, how Outcome) (failed int, ok bool) {
	limits, _ := g.sharedLimits(who)
	if limits == nil {
		return 0, true
	}
	return g.peers.Leave(who.id, limits, how)
}

// await waits until a login ends here, or the peers may have news.
func (g *Guesses) await(ctx context.Context, ended <-chan struct{}) error {
	var again <-chan time.Time
	if g.peers != nil {
		timer := time.NewTimer(lookAgain)
		defer timer.Stop()
		again = timer.C
	}
	select {
	case <-ended:
	case <-again:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// Heard counts failures of peers.
func (g *Guesses) Heard(key string, failures int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.add(key, float64(failures), 0)
	g.dropLowest()
	g.wake()
}

// Now returns the time by the clock of the counts.
func (g *Guesses) Now() time.Time { return g.now() }

// Learn sets a count that all peers have counted to n, if it is less. The peers were asked at the time asked: a login
// that has succeeded since has ended the count.
func (g *Guesses) Learn(key string, n float64, asked time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.succeeded[key].Before(asked) {
		return
	}
	if more := n - g.failures(key); more > 0 {
		g.add(key, more, 0)
		g.dropLowest()
	}
}

// Forgive notes that an account has logged in at an address through a peer.
func (g *Guesses) Forgive(key string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.know(key)
	g.wake()
}

// Wake has the logins that wait ask again.
func (g *Guesses) Wake() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wake()
}

// Known is a count for peers that may not know of it.
type Known struct {
	Key    string
	Before float64 // failures that all have known of
	Untold int     // failures since then
}

// Known returns all counts. weight is as how many the failures count that the peers do not
// know of.
func (g *Guesses) Known(weight int) (all []Known) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for key, f := range g.failed {
		if n := g.failures(key); n > 0 {
			all = append(all, Known{key, max(0, n-float64(weight*f.untold)), f.untold})
		}
	}
	return all
}

// Told notes that the peers know of counts. weight is that of Known.
func (g *Guesses) Told(all []Known, weight int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, one := range all {
		if f := g.failed[one.Key]; f != nil {
			f.n, f.at = max(0, g.failures(one.Key)-float64((weight-1)*one.Untold)), g.now()
			f.untold = max(0, f.untold-one.Untold)
		}
	}
}
