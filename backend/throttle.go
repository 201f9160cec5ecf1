package backend

import (
	"context"
	"regexp"
	"strconv"
	"sync"
	"time"
)

// Throttle holds back all sessions of an account while Exchange asks for that.
// It is safe for use by several goroutines.
type Throttle struct {
	maxBackoff time.Duration

	mu    sync.Mutex
	until time.Time // zero: never blocked
}

// NewThrottle returns a Throttle that holds nothing back for longer than
// maxBackoff at a time; 0 is DefaultMaxBackoff.
func NewThrottle(maxBackoff time.Duration) *Throttle {
	if maxBackoff <= 0 {
		maxBackoff = DefaultMaxBackoff
	}
	return &Throttle{maxBackoff: maxBackoff}
}

// Block holds back what waits now or later for d from now. It never shortens
// a wait that another session has begun. begins tells whether nothing was held
// back before.
func (t *Throttle) Block(d time.Duration) (begins bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	begins = !t.until.After(now)
	if until := now.Add(min(d, t.maxBackoff)); until.After(t.until) {
		t.until = until
	}
	return begins
}

// Remaining returns how long the account is still held back.
func (t *Throttle) Remaining() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(0, time.Until(t.until))
}

// Wait waits until the account is no longer held back, also when that is
// prolonged meanwhile. It ends at once, with the context's error, when ctx does.
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

// backoffWords is what Exchange Online says in a NO to APPEND and FETCH and in
// a BAD (docs/exchange.md#throttling).
var backoffWords = regexp.MustCompile(`(?i)suggested backoff time: *(\d{1,18}) *milliseconds`)

const (
	// defaultBackoff is waited where Exchange throttles and names no time.
	defaultBackoff = 60 * time.Second
	// maxSuggested bounds what is believed; MaxBackoff bounds what is waited.
	maxSuggested = 24 * time.Hour
)

// suggestedBackoff reads the time out of the text of a throttle.
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
