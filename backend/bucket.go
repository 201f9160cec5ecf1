package backend

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// bucket is the Meter in memory: a token bucket. It may go below empty.
type bucket struct {
	tokens atomic.Pointer[rate.Limiter] // nil: no limit of its own
	whole  Meter                        // everything that passes also counts against whole; may be nil

	mu        sync.Mutex
	perSecond float64
	factor    float64   // the part of perSecond that applied at since
	since     time.Time // the time of the last throttle; zero: none
}

// SetRate implements Meter.
func (b *bucket) SetRate(perSecond float64) {
	if !(perSecond > 0) {
		perSecond = 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.perSecond == perSecond {
		return
	}
	b.perSecond, b.since = perSecond, time.Time{}
	if perSecond == 0 {
		b.tokens.Store(nil)
		return
	}
	b.tokens.Store(rate.NewLimiter(rate.Limit(perSecond), Burst(perSecond)))
}

// Burst returns how many may pass at once at a pace: the amount of one second, and at least one.
func Burst(perSecond float64) int { return int(max(1, min(math.Ceil(perSecond), math.MaxInt32))) }

// HasLimit implements Meter.
func (b *bucket) HasLimit() bool {
	return b.tokens.Load() != nil || b.whole != nil && b.whole.HasLimit()
}

// Slow implements Meter.
func (b *bucket) Slow() {
	b.mu.Lock()
	defer b.mu.Unlock()
	tokens, now := b.tokens.Load(), time.Now()
	if tokens == nil {
		return
	}
	b.factor, b.since = max(b.part(now)*PaceSlower, PaceFloor), now
	tokens.SetLimitAt(now, rate.Limit(b.perSecond*b.factor))
}

// Rate implements Meter.
func (b *bucket) Rate() float64 {
	tokens := b.adapt(time.Now())
	if tokens == nil {
		return 0
	}
	return float64(tokens.Limit())
}

// adapt raises the pace by the part that it has regained since the last throttle. It
// returns the tokens; nil if b has no limit of its own.
func (b *bucket) adapt(now time.Time) *rate.Limiter {
	b.mu.Lock()
	defer b.mu.Unlock()
	tokens := b.tokens.Load()
	if tokens == nil || b.since.IsZero() {
		return tokens
	}
	part := b.part(now)
	tokens.SetLimitAt(now, rate.Limit(b.perSecond*part))
	if part == 1 {
		b.since = time.Time{}
	}
	return tokens
}

// part returns the part of perSecond that applies now. The caller holds b.mu.
func (b *bucket) part(now time.Time) float64 {
	if b.since.IsZero() {
		return 1
	}
	return min(1, b.factor+PaceRegains*now.Sub(b.since).Minutes())
}

// Passed implements Meter.
func (b *bucket) Passed() {
	if tokens := b.tokens.Load(); tokens != nil && tokens.Tokens() > -MaxDebt.Seconds()*float64(tokens.Limit()) {
		b.take(1, time.Now())
	}
	if b.whole != nil {
		b.whole.Passed()
	}
}

// Take implements Meter.
func (b *bucket) Take(n int) (wait time.Duration, undo func()) {
	wait, own := b.take(n, time.Now())
	if b.whole == nil {
		return wait, own
	}
	longer, others := b.whole.Take(n)
	return max(wait, longer), func() { others(); own() }
}

// take takes n tokens of b alone. A Limiter allows no more than its burst at a time, so
// take may need several reservations. undo takes a negative number of tokens, because
// Cancel of several reservations gives back too few when their times are rounded.
func (b *bucket) take(n int, now time.Time) (wait time.Duration, undo func()) {
	tokens := b.adapt(now)
	if tokens == nil {
		return 0, func() {}
	}
	for left := n; left > 0; left -= tokens.Burst() {
		wait = tokens.ReserveN(now, min(left, tokens.Burst())).DelayFrom(now)
	}
	return wait, func() { tokens.ReserveN(time.Now(), -n) }
}

// IsIdle implements Meter: the bucket is full and the pace is not reduced.
func (b *bucket) IsIdle() bool {
	tokens := b.adapt(time.Now())
	if tokens == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.since.IsZero() && tokens.Tokens() >= float64(tokens.Burst())
}
