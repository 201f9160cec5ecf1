package backend

import (
	"context"
	"regexp"
	"strconv"
	"sync"
	"time"
)

// Throttle holds back all sessions of an account for the back-off that Exchange
// asks for. It is safe for concurrent use.
type Throttle struct {
	maxBackoff time.Duration
	alarm      Alarm // nil: no other gateway is told

	mu    sync.Mutex
	until time.Time // zero: no throttle so far
	holds func()    // is called, without the lock, when the account is held back or slowed; nil: nobody asks
}

// NewThrottle returns a Throttle that holds back sessions for at most maxBackoff at
// a time; 0 is DefaultMaxBackoff.
func NewThrottle(maxBackoff time.Duration) *Throttle {
	if maxBackoff <= 0 {
		maxBackoff = DefaultMaxBackoff
	}
	return &Throttle{maxBackoff: maxBackoff}
}

// Alarm tells the other gateways of a throttle. Package cluster has one.
type Alarm interface {
	// Raise holds back the account's sessions at the other gateways for d. first reports
	// whether no back-off was active at this gateway before. begins reports whether none was
	// active at any gateway.
	Raise(d time.Duration, first bool) (begins bool)
}

// Share makes Block raise an alarm. It is called before the Throttle is used.
func (t *Throttle) Share(a Alarm) { t.alarm = a }

// Block holds back all sessions for d from now, also those at other gateways that share
// the throttle. It never shortens an earlier back-off. begins reports whether no back-off
// was active before.
func (t *Throttle) Block(d time.Duration) (begins bool) {
	begins = t.Extend(d)
	if t.alarm != nil {
		begins = t.alarm.Raise(min(d, t.maxBackoff), begins)
	}
	return begins
}

// Extend is Block for the sessions at this gateway.
func (t *Throttle) Extend(d time.Duration) (begins bool) {
	defer t.tell() // after the unlock
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	begins = !t.until.After(now)
	if until := now.Add(min(d, t.maxBackoff)); until.After(t.until) {
		t.until = until
	}
	return begins
}

// onHold has f called from now on when the account is held back or slowed. It is called at once if the
// account is held back already.
func (t *Throttle) onHold(f func()) {
	t.mu.Lock()
	t.holds = f
	t.mu.Unlock()
	if t.Remaining() > 0 {
		f()
	}
}

// tell calls the function of onHold.
func (t *Throttle) tell() {
	t.mu.Lock()
	holds := t.holds
	t.mu.Unlock()
	if holds != nil {
		holds()
	}
}

// Remaining returns the rest of the back-off.
func (t *Throttle) Remaining() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(0, time.Until(t.until))
}

// Wait waits until the back-off is over, even if it is prolonged meanwhile. When ctx
// ends, Wait returns the context's error at once.
func (t *Throttle) Wait(ctx context.Context) error {
	for {
		d := t.Remaining()
		if d == 0 {
			return ctx.Err()
		}
		if err := Sleep(ctx, d); err != nil {
			return err
		}
	}
}

// Sleep waits for d, or until ctx ends.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// backoffWords matches the text of Exchange Online in a NO to APPEND and FETCH and
// in a BAD (docs/exchange.md#throttling).
var backoffWords = regexp.MustCompile(`(?i)suggested backoff time: *(\d{1,18}) *milliseconds`)

const (
	// defaultBackoff applies if Exchange throttles and names no time.
	defaultBackoff = 60 * time.Second
	// maxSuggested is the longest time that exgate believes. MaxBackoff is the longest
	// time that it waits.
	maxSuggested = 24 * time.Hour
)

// suggestedBackoff returns the time in the text of a throttle.
func suggestedBackoff(text string) time.Duration {
	m := backoffWords.FindStringSubmatch(text)
	if m == nil {
		return defaultBackoff
	}
	ms, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return defaultBackoff
	}
	return time.Duration(min(ms, maxSuggested.Milliseconds())) * time.Millisecond
}
