package backend

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Pace limits what passes per second: messages, commands or bytes. After a
// throttle it is slower, and comes back by and by. It is safe for use by
// several goroutines.
type Pace struct {
	bucket    *rate.Limiter // nil: no limit of its own
	perSecond float64
	whole     *Pace // what passes counts against this one too; nil: there is none

	mu     sync.Mutex
	factor float64   // of perSecond that held at since
	since  time.Time // of the last throttle; zero: none
}

// How the pace adapts: each throttle halves it, down to a sixteenth of what is
// configured; each minute without one gives a tenth of that back. The numbers
// are ours. A throttle of Exchange Online lasts 90 to 300 s
// (docs/exchange.md#throttling), so that a pace that was twice too fast is found within
// a few of them, and one that met a passing shortage is whole after five
// minutes.
const (
	paceSlower  = 0.5
	paceFloor   = 1.0 / 16
	paceRegains = 0.1 // per minute
)

// NewPace returns a Pace of perSecond, which may be a fraction (0.33 messages
// are 1200 in an hour); 0 is no limit. At most one second's, or one, pass in a
// burst. whole, unless it is nil, is a Pace that this one is a part of.
func NewPace(perSecond float64, whole *Pace) *Pace {
	p := &Pace{whole: whole}
	if perSecond > 0 {
		burst := int(min(math.Ceil(perSecond), math.MaxInt32))
		p.bucket, p.perSecond = rate.NewLimiter(rate.Limit(perSecond), burst), perSecond
	}
	return p
}

// Limits tells whether there is any limit.
func (p *Pace) Limits() bool { return p.bucket != nil || p.whole != nil && p.whole.Limits() }

// Slow makes the pace slower, for a throttle.
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

// Rate returns what passes per second now, by the limit of its own; 0 is none.
func (p *Pace) Rate() float64 {
	if p.bucket == nil {
		return 0
	}
	p.adapt(time.Now())
	return float64(p.bucket.Limit())
}

// adapt gives the pace back what it has regained.
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

// part is what holds of perSecond. p.mu is held.
func (p *Pace) part(now time.Time) float64 {
	if p.since.IsZero() {
		return 1
	}
	return min(1, p.factor+paceRegains*now.Sub(p.since).Minutes())
}

// Wait waits until n may pass, and counts them. If ctx ends first it
// returns the context's error at once and nothing is counted.
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

// Charge counts n, and returns how long to wait before they pass.
func (p *Pace) Charge(n int) time.Duration {
	_, d := p.reserve(n)
	return d
}

// Passed counts a message that has passed already, for which those that come
// next will wait: maxDebt at most. One FETCH can bring a whole mailbox at
// once; to let its client wait for minutes then would spare Exchange nothing.
func (p *Pace) Passed() {
	for ; p != nil; p = p.whole {
		if p.bucket != nil && p.bucket.Tokens() > -maxDebt.Seconds()*float64(p.bucket.Limit()) {
			p.take(1, time.Now())
		}
	}
}

const maxDebt = 5 * time.Second

// reserve takes n out of the bucket and out of those that it is a part of, and
// returns how long it takes until all are filled up again to where they were
// empty.
func (p *Pace) reserve(n int) (reserved []*rate.Reservation, d time.Duration) {
	if !p.Limits() { // as for each command where none is set
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

// take takes n out of the bucket alone, which may go below empty. A Limiter
// gives no more than its burst at a time.
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

// idle tells whether the bucket is full and the pace whole: nothing would be
// lost with it.
func (p *Pace) idle() bool {
	return p.bucket == nil || p.Rate() == p.perSecond && p.bucket.Tokens() >= float64(p.bucket.Burst())
}
