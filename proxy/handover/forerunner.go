package handover

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"exgate/proxy/status"
)

// askEvery is the pause between two questions to the old process.
const askEvery = 100 * time.Millisecond

// Heir takes from the old process what it knows of accounts. The ledger is one.
type Heir interface {
	// Adopt takes what the old process knows of an account, of which it has no session any more.
	Adopt(upstream, account string)
	// AdoptRest takes the rest when the old process has ended.
	AdoptRest()
}

// Forerunner is the old process, while it drains, as the new one sees it. A nil Forerunner has ended. It is safe for
// concurrent use.
type Forerunner struct {
	ask  func(context.Context) (status.Drain, error)
	heir Heir
	log  *slog.Logger

	adopting sync.Mutex // held while the heir adopts; taken before mu

	mu        sync.Mutex
	draining  bool                 // the old process begins no new command: its accounts only become fewer
	open      map[status.Owner]int // sessions
	throttled map[status.Owner]status.Throttled
	slowed    map[status.Owner]bool // the pace of the account was slowed here as there
	adopted   map[status.Owner]bool
	over      bool
	changed   chan struct{} // closed at each change
}

// NewForerunner returns the old process. ask returns what it says of its drain. Nothing is known of it before Follow.
func NewForerunner(ask func(context.Context) (status.Drain, error), heir Heir, log *slog.Logger) *Forerunner {
	return &Forerunner{ask: ask, heir: heir, log: log, adopted: make(map[status.Owner]bool),
		throttled: make(map[status.Owner]status.Throttled), slowed: make(map[status.Owner]bool),
		changed: make(chan struct{})}
}

// Follow asks the old process until it has ended, or until ctx ends.
func (f *Forerunner) Follow(ctx context.Context, ended <-chan struct{}) {
	began := time.Now()
	ticks := time.NewTicker(askEvery)
	defer ticks.Stop()
	for {
		if drain, err := f.ask(ctx); err == nil {
			f.Learn(drain)
		}
		select {
		case <-ended:
			f.finish()
			f.log.Info("the exgate before this one has ended", "after", time.Since(began).Round(time.Millisecond))
			return
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
	}
}

// Learn takes what the old process says.
func (f *Forerunner) Learn(drain status.Drain) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.draining = drain.Draining
	f.open = make(map[status.Owner]int)
	for _, o := range drain.Open {
		f.open[fold(o)]++
	}
	f.throttled = make(map[status.Owner]status.Throttled)
	for _, t := range drain.Throttled {
		f.throttled[fold(t.Owner)] = t
	}
	f.tell()
}

// finish notes that the old process has ended.
func (f *Forerunner) finish() {
	f.adopting.Lock()
	defer f.adopting.Unlock()
	f.heir.AdoptRest()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.over, f.open = true, nil
	f.tell()
}

// tell wakes those who wait. f.mu is held.
func (f *Forerunner) tell() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// HasLeft reports whether the old process has nothing to do with an account any more.
func (f *Forerunner) HasLeft(upstream, account string) bool {
	if f == nil {
		return true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.over || f.adopted[fold(status.Owner{Upstream: upstream, User: account})]
}

// Sessions returns how many sessions of an account the old process has, as far as is known.
func (f *Forerunner) Sessions(upstream, account string) int {
	if f == nil {
		return 0
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open[fold(status.Owner{Upstream: upstream, User: account})]
}

// Await waits until the old process has no session of an account, and the heir has adopted the account.
func (f *Forerunner) Await(ctx context.Context, upstream, account string) error {
	o := fold(status.Owner{Upstream: upstream, User: account})
	for !f.HasLeft(upstream, account) {
		f.mu.Lock()
		gone, changed := f.draining && f.open[o] == 0, f.changed
		f.mu.Unlock()
		if gone {
			f.adopt(o, upstream, account)
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// adopt has the heir adopt an account, once.
func (f *Forerunner) adopt(o status.Owner, upstream, account string) {
	f.adopting.Lock()
	defer f.adopting.Unlock()
	if f.HasLeft(upstream, account) {
		return
	}
	f.heir.Adopt(upstream, account)
	f.mu.Lock()
	f.adopted[o] = true
	f.mu.Unlock()
}

// Throttled returns how long Exchange still throttles an account, as far as the old process knows, and the part of its
// pace that messages had there: 1 if the account was told before.
func (f *Forerunner) Throttled(upstream, account string) (left time.Duration, part float64) {
	if f == nil {
		return 0, 1
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	o := fold(status.Owner{Upstream: upstream, User: account})
	t, ok := f.throttled[o]
	left, part = max(0, time.Until(t.Until)), t.Part
	if !ok || part == 0 || f.slowed[o] {
		part = 1
	}
	f.slowed[o] = f.slowed[o] || part < 1
	return left, part
}

// fold makes the names of one account equal.
func fold(o status.Owner) status.Owner {
	o.User = strings.ToLower(o.User)
	return o
}
