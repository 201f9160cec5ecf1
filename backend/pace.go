package backend

import (
	"context"
	"time"
)

// Pace limits the messages, commands or bytes that pass per second. A throttle
// slows it, and it recovers with time. The zero value has no limit. It is safe for
// concurrent use.
type Pace struct{ meter Meter }

// Meter counts what passes at a pace, and says how long to wait. The meter in memory is
// bucket; package cluster has one that several gateways share. A Meter is safe for
// concurrent use.
type Meter interface {
	// HasLimit reports whether there is a limit.
	HasLimit() bool
	// SetRate replaces the rate, per second; 0 is no limit. A throttle before it counts no
	// more. SetRate does nothing if the rate is the same.
	SetRate(perSecond float64)
	// Rate returns the current rate, per second; 0 is no limit.
	Rate() float64
	// Take counts n, and returns the time until they may pass. undo takes them back.
	Take(n int) (wait time.Duration, undo func())
	// Passed counts one that has passed already, unless maxDebt is reached.
	Passed()
	// Slow reduces the rate after a throttle.
	Slow()
	// IsIdle reports whether a new Meter would behave the same.
	IsIdle() bool
}

// These numbers say how the pace adapts. Each throttle halves it, down to a
// sixteenth of the configured pace. Each minute without a throttle restores a tenth
// of the configured pace. The numbers are our own choice. A throttle of Exchange
// Online lasts 90 to 300 s (docs/exchange.md#throttling). A pace that is twice too fast is therefore corrected within a
// few throttles, and after a short shortage the pace is whole again within five
// minutes.
const (
	PaceSlower  = 0.5
	PaceFloor   = 1.0 / 16
	PaceRegains = 0.1 // per minute
)

// MaxDebt is how long the next messages wait at most for those that have already
// passed. One FETCH can bring a whole mailbox at once; if its client then waited for
// minutes, Exchange would not benefit.
const MaxDebt = 5 * time.Second

// NewPace returns a Pace of perSecond, which may be a fraction (0.33 messages per
// second are 1200 in an hour); 0 is no limit. A burst has at most the amount of one
// second, and at least one. If whole is not nil, everything that passes also counts
// against it.
func NewPace(perSecond float64, whole *Pace) *Pace {
	b := new(bucket)
	if whole != nil {
		b.whole = whole.meter
	}
	b.SetRate(perSecond)
	return PaceOf(b)
}

// PaceOf returns the Pace that a Meter keeps.
func PaceOf(m Meter) *Pace { return &Pace{meter: m} }

// SetRate replaces the rate that NewPace was given. A throttle before it counts no more.
// What waits already, waits as long as it was told before. SetRate does nothing if the
// rate is the same.
func (p *Pace) SetRate(perSecond float64) { p.meter.SetRate(perSecond) }

// HasLimit reports whether there is any limit.
func (p *Pace) HasLimit() bool { return p.meter != nil && p.meter.HasLimit() }

// Slow reduces the pace after a throttle.
func (p *Pace) Slow() { p.meter.Slow() }

// Rate returns the current limit of p itself, per second; 0 is no limit.
func (p *Pace) Rate() float64 { return p.meter.Rate() }

// Wait waits until n may pass, and counts them. If ctx ends first, Wait returns the
// context's error at once and counts nothing.
func (p *Pace) Wait(ctx context.Context, n int) error {
	if err := ctx.Err(); err != nil || !p.HasLimit() {
		return err
	}
	d, undo := p.meter.Take(n)
	if d == 0 {
		return nil
	}
	err := Sleep(ctx, d)
	if err != nil {
		undo()
	}
	return err
}

// Charge counts n, and returns the time to wait before they may pass.
func (p *Pace) Charge(n int) time.Duration {
	if !p.HasLimit() { // the usual case for commands
		return 0
	}
	d, _ := p.meter.Take(n)
	return d
}

// Passed counts a message that has already passed. The next messages wait for it,
// but no longer than MaxDebt.
func (p *Pace) Passed() {
	if p.HasLimit() {
		p.meter.Passed()
	}
}

// isIdle reports whether a new Pace would behave the same.
func (p *Pace) isIdle() bool { return p.meter.IsIdle() }
