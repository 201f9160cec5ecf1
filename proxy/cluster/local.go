package cluster

import (
	"math"
	"sync"
	"time"
)

// local is the token bucket of a gateway that has lost Redis, for its share of a pace. It begins empty, and holds a
// part of the burst: together the gateways let no more through than one gateway would have until then.
type local struct {
	mu     sync.Mutex
	since  time.Time // when it began to fill
	tokens float64
	at     time.Time // of tokens
}

// take takes n at a rate, and returns the time until they may pass. The bucket begins to fill at the time since.
func (l *local) take(n int, perSecond, burst float64, since time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fill(perSecond, burst, since)
	l.tokens = min(burst, l.tokens-float64(n))
	return time.Duration(max(0, -l.tokens/perSecond) * float64(time.Second))
}

// pass takes n that have passed already, of which the next ones need not wait for longer than debt.
func (l *local) pass(n int, perSecond, burst float64, since time.Time, debt time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fill(perSecond, burst, since)
	if least := -debt.Seconds() * perSecond; l.tokens > least {
		l.tokens = max(l.tokens-float64(n), least-1)
	}
}

// owes returns how many were taken that may not have passed yet, at a rate.
func (l *local) owes(perSecond float64) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.since.IsZero() {
		return 0
	}
	return int(math.Ceil(max(0, -l.tokens-time.Since(l.at).Seconds()*perSecond)))
}

// isFull reports whether a new bucket would be as full.
func (l *local) isFull(perSecond, burst float64, since time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.since.Equal(since) {
		return true
	}
	l.fill(perSecond, burst, since)
	return l.tokens >= burst
}

// fill adds what has come since the last call. A bucket that begins to fill later has less than nothing until then.
// l.mu is held.
func (l *local) fill(perSecond, burst float64, since time.Time) {
	if !l.since.Equal(since) {
		l.since, l.tokens, l.at = since, 0, since
	}
	now := time.Now()
	l.tokens = min(burst, l.tokens+now.Sub(l.at).Seconds()*perSecond)
	l.at = now
}
