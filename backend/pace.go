package backend

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Pace limits the messages, commands or bytes that pass per second. A throttle
// slows it, and it recovers with time. It is safe for concurrent use.
type Pace struct {
	bucket    *rate.Limiter // nil: no limit of its own
	perSecond float64
	whole     *Pace // everything that passes also counts against whole; may be nil

	mu     sync.Mutex
	factor float64   // the part of perSecond that applied at since
	since  time.Time // the time of the last throttle; zero: none
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
	if perSecond > 0 {
		burst := int(min(math.Ceil(perSecond), math.MaxInt32))
		p.bucket, p.perSecond = rate.NewLimiter(rate.Limit(perSecond), burst), perSecond
	}
	return p
}

// Limits reports whether there is any limit.
func (p *Pace) Limits() bool { return p.bucket != nil || p.whole != nil && p.whole.Limits() }

// Slow reduces the pace after a throttle.
func (p *Pace) Slow() {
	if p.bucket == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.factor, p.since = max(p.part(now)*paceSlower, paceFloor), now
	p.bucket.SetLimitAt(now, rate.Limit(p.perSecond*p.factor))
}

// Rate returns the current limit of p itself, per second; 0 is no limit.
func (p *Pace) Rate() float64 {
	if p.bucket == nil {
		return 0
	}
	p.adapt(time.Now())
	return float64(p.bucket.Limit())
}

// adapt raises the pace by the part that it has regained since the last throttle.
func (p *Pace) adapt(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.since.IsZero() {
		return
	}
	part := p.part(now)
	p.bucket.SetLimitAt(now, rate.Limit(p.perSecond*part))
	if part == 1 {
		p.since = time.Time{}
	}
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
		if p.bucket != nil && p.bucket.Tokens() > -maxDebt.Seconds()*float64(p.bucket.Limit()) {
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
	if p.bucket == nil {
		return nil, 0
	}
	p.adapt(now)
	for n > 0 {
		k := min(n, p.bucket.Burst())
		r := p.bucket.ReserveN(now, k)
		taken = append(taken, r)
		d = r.DelayFrom(now)
		n -= k
	}
	return taken, d
}

// isIdle reports whether the bucket is full and the pace is not reduced.
func (p *Pace) isIdle() bool {
	return p.bucket == nil || p.Rate() == p.perSecond && p.bucket.Tokens() >= float64(p.bucket.Burst())
}
