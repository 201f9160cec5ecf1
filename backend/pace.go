package backend

import (
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Pace limits the messages, commands or bytes that pass per second. A throttle
// slows it, and it recovers with time. It is safe for concurrent use.
type Pace struct {
	bucket atomic.Pointer[rate.Limiter] // nil: no limit of its own
	whole  *Pace                        // everything that passes also counts against whole; may be nil

	mu        sync.Mutex
	perSecond float64
	factor    float64   // the part of perSecond that applied at since
	since     time.Time // the time of the last throttle; zero: none
}

// These numbers say how the pace adapts. Each throttle halves it, down to a
// sixteenth of the configured pace. Each minute without a throttle restores a tenth
// of the configured pace. The numbers are our own choice. A throttle of Exchange
// Online lasts 90 to 300 s (docs/exchange.md#throttling). A pace that is twice too fast is therefore corrected within a
// few throttles, and after a short shortage the pace is whole again within five
// minutes.
const (
	paceSlower  = 0.5
	paceFloor   = 1.0 / 16
	paceRegains = 0.1 // per minute
)

// NewPace returns a Pace of perSecond, which may be a fraction (0.33 messages per
// second are 1200 in an hour); 0 is no limit. A burst has at most the amount of one
// second, and at least one. If whole is not nil, everything that passes also counts
// against it.
func NewPace(perSecond float64, whole *Pace) *Pace {
	p := &Pace{whole: whole}
	p.SetRate(perSecond)
	return p
}

// SetRate replaces the rate that NewPace was given. A throttle before it counts no more.
// What waits already, waits as long as it was told before. SetRate does nothing if the
// rate is the same.
func (p *Pace) SetRate(perSecond float64) {
	if !(perSecond > 0) {
		perSecond = 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.perSecond == perSecond {
		return
	}
	p.perSecond, p.since = perSecond, time.Time{}
	if perSecond == 0 {
		p.bucket.Store(nil)
		return
	}
	burst := int(min(math.Ceil(perSecond), math.MaxInt32))
	p.bucket.Store(rate.NewLimiter(rate.Limit(perSecond), burst))
}

// Limits reports whether there is any limit.
func (p *Pace) Limits() bool { return p.bucket.Load() != nil || p.whole != nil && p.whole.Limits() }

// Slow reduces the pace after a throttle.
func (p *Pace) Slow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	bucket, now := p.bucket.Load(), time.Now()
	if bucket == nil {
		return
	}
	p.factor, p.since = max(p.part(now)*paceSlower, paceFloor), now
	bucket.SetLimitAt(now, rate.Limit(p.perSecond*p.factor))
}

// Rate returns the current limit of p itself, per second; 0 is no limit.
func (p *Pace) Rate() float64 {
	bucket := p.adapt(time.Now())
	if bucket == nil {
		return 0
	}
	return float64(bucket.Limit())
}

// adapt raises the pace by the part that it has regained since the last throttle. It
// returns the bucket; nil if p has no limit of its own.
func (p *Pace) adapt(now time.Time) *rate.Limiter {
	p.mu.Lock()
	defer p.mu.Unlock()
	bucket := p.bucket.Load()
	if bucket == nil || p.since.IsZero() {
		return bucket
	}
	part := p.part(now)
	bucket.SetLimitAt(now, rate.Limit(p.perSecond*part))
	if part == 1 {
		p.since = time.Time{}
	}
	return bucket
}

// part returns the part of perSecond that applies now. The caller holds p.mu.
func (p *Pace) part(now time.Time) float64 {
	if p.since.IsZero() {
		return 1
	}
	return min(1, p.factor+paceRegains*now.Sub(p.since).Minutes())
}

// Wait waits until n may pass, and counts them. If ctx ends first, Wait returns the
// context's error at once and counts nothing.
func (p *Pace) Wait(ctx context.Context, n int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	reserved, d := p.reserve(n)
	if d == 0 {
		return nil
	}
	err := Sleep(ctx, d)
	if err != nil {
		for _, r := range slices.Backward(reserved) { // the bucket undoes only its last
			r.Cancel()
		}
	}
	return err
}

// Charge counts n, and returns the time to wait before they may pass.
func (p *Pace) Charge(n int) time.Duration {
	_, d := p.reserve(n)
	return d
}

// Passed counts a message that has already passed. The next messages wait for it,
// but no longer than maxDebt. One FETCH can bring a whole mailbox at once; if its
// client then waited for minutes, Exchange would not benefit.
func (p *Pace) Passed() {
	for ; p != nil; p = p.whole {
		if bucket := p.bucket.Load(); bucket != nil &&
			bucket.Tokens() > -maxDebt.Seconds()*float64(bucket.Limit()) {
			p.take(1, time.Now())
		}
	}
}

const maxDebt = 5 * time.Second

// reserve takes n from the bucket of p and from the buckets of whole, and returns
// the time until none of them is below empty.
func (p *Pace) reserve(n int) (reserved []*rate.Reservation, d time.Duration) {
	if !p.Limits() { // the usual case for commands
		return nil, 0
	}
	now := time.Now()
	for ; p != nil; p = p.whole {
		taken, wait := p.take(n, now)
		reserved = append(reserved, taken...)
		d = max(d, wait)
	}
	return reserved, d
}

// take takes n from the bucket of p alone, which may go below empty. A Limiter
// allows no more than its burst at a time, so take may need several reservations.
func (p *Pace) take(n int, now time.Time) (taken []*rate.Reservation, d time.Duration) {
	bucket := p.adapt(now)
	if bucket == nil {
		return nil, 0
	}
	for n > 0 {
		k := min(n, bucket.Burst())
		r := bucket.ReserveN(now, k)
		taken = append(taken, r)
		d = r.DelayFrom(now)
		n -= k
	}
	return taken, d
}

// isIdle reports whether the bucket is full and the pace is not reduced.
func (p *Pace) isIdle() bool {
	bucket := p.adapt(time.Now())
	if bucket == nil {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.since.IsZero() && bucket.Tokens() >= float64(bucket.Burst())
}
