package backend

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestPace(t *testing.T) {
	tests := []struct {
		name      string
		perSecond float64
		messages  int
		want      time.Duration // until the last may pass
	}{
		{"no limit", 0, 100_000, 0},
		{"nonsense is no limit", -1, 10, 0},
		{"a burst of one second", 4, 4, 0},
		{"then by the clock", 4, 5, 250 * time.Millisecond},
		{"4 per second", 4, 44, 10 * time.Second},
		{"one in three seconds", 1.0 / 3, 5, 12 * time.Second},
		{"half", 2.5, 13, 4 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := NewPace(tt.perSecond, nil)
				begin := time.Now()
				for range tt.messages {
					if err := p.Wait(t.Context(), 1); err != nil {
						t.Fatal(err)
					}
				}
				if got := time.Since(begin).Round(time.Millisecond); got != tt.want {
					t.Errorf("took %s, want %s", got, tt.want)
				}
				// What has passed already counts the same, however many at once.
				charged := NewPace(tt.perSecond, nil).Charge(tt.messages).Round(time.Millisecond)
				if charged != tt.want {
					t.Errorf("charged %s, want %s", charged, tt.want)
				}
			})
		})
	}
}

func TestPaceCharge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPace(2, nil)
		p.Charge(22) // the first two are free, the others take 10 s
		begin := time.Now()
		if err := p.Wait(t.Context(), 3); err != nil {
			t.Fatal(err)
		}
		if got := time.Since(begin).Round(time.Millisecond); got != 11500*time.Millisecond {
			t.Errorf("waited %s", got)
		}
	})
}

// A mailbox that one FETCH has brought holds its client back for a while, not
// for as long as its messages would have taken one by one.
func TestPacePassed(t *testing.T) {
	for perSecond, want := range map[float64]time.Duration{
		0:   0,
		4:   MaxDebt + 250*time.Millisecond, // and the message asked for next
		0.1: 20 * time.Second,               // at least one message is owed
	} {
		synctest.Test(t, func(t *testing.T) {
			p := NewPace(perSecond, nil)
			for range 800 {
				p.Passed()
			}
			if got := p.Charge(1).Round(time.Millisecond); got != want {
				t.Errorf("%v a second: waits %s, want %s", perSecond, got, want)
			}
		})
	}
}

// A wait that is given up has counted nothing.
func TestPaceWaitEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPace(2, nil)
		p.Charge(2)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		begin := time.Now()
		if err := p.Wait(ctx, 7); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if err := p.Wait(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("context had ended: got %v", err)
		}
		if got := time.Since(begin); got != 100*time.Millisecond {
			t.Errorf("ended after %s", got)
		}
		if got := p.Charge(1).Round(time.Millisecond); got != 400*time.Millisecond {
			t.Errorf("then a message waits %s, want 400ms: something was counted", got)
		}
	})
}

// Each throttle halves the pace, and each minute without one gives a tenth of
// it back.
func TestPaceAdapts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPace(4, nil)
		steps := []struct {
			after time.Duration
			slow  bool
			want  float64
		}{
			{0, false, 4},
			{0, true, 2},
			{time.Minute, false, 2.4},
			{0, true, 1.2},
			{2 * time.Minute, false, 2},
			{0, true, 1}, {0, true, 0.5}, {0, true, 0.25}, {0, true, 0.25}, // the floor
			{5 * time.Minute, false, 2.25},
			{time.Hour, false, 4},
		}
		for i, s := range steps {
			time.Sleep(s.after)
			if s.slow {
				p.Slow()
			}
			if got := p.Rate(); math.Abs(got-s.want) > 1e-9 {
				t.Errorf("step %d: %v messages per second, want %v", i, got, s.want)
			}
		}
		unlimited := NewPace(0, nil)
		unlimited.Slow()
		if unlimited.Rate() != 0 {
			t.Error("no limit has become one")
		}
	})
}

// A throttle that all sessions of an account are told of counts once.
func TestThrottledCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := NewAccounts(perMessage(4), 0).Open("alice")
		a.Throttled(time.Minute)
		a.Throttled(2 * time.Minute)
		if got := a.Appends.Rate(); got != 2 {
			t.Errorf("%v messages per second, want 2", got)
		}
		time.Sleep(2 * time.Minute)
		a.Throttled(time.Minute)
		if got := a.Fetches.Rate(); math.Abs(got-1.4) > 1e-9 { // (2 + 2 * 0.4) / 2
			t.Errorf("%v messages per second, want 1.4", got)
		}
	})
}

// perMessage is the pacing of each account's messages alone.
func perMessage(perSecond float64) Pacing { return Pacing{Each: Rates{Messages: perSecond}} }

// The accounts of an upstream keep to their own pace and, together, to that of
// all.
func TestPaceOfAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewAccounts(Pacing{Each: Rates{Messages: 4, Commands: 100}, All: Rates{Messages: 6}}, 0)
		began := time.Now()
		var accounts sync.WaitGroup
		for i := range 10 { // alone each would take no time for its 3
			account := r.Open(fmt.Sprint("user", i))
			accounts.Go(func() {
				for range 3 {
					if err := account.Wait(t.Context(), 1); err != nil {
						t.Error(err)
					}
				}
			})
		}
		accounts.Wait()
		if got := time.Since(began).Round(time.Millisecond); got != 4*time.Second { // 30 messages less the burst of 6, 6 per second
			t.Errorf("took %s, want 4s", got)
		}
		alone := r.Open("alone")
		Sleep(t.Context(), time.Minute)
		if got := alone.Appends.Charge(8).Round(time.Millisecond); got != time.Second {
			t.Errorf("an account alone waits %s, want 1s by its own pace", got)
		}
		alone.Throttled(time.Second)
		if got := r.Open("other").Appends.Rate(); got != 4 {
			t.Errorf("the throttle of one account makes another's pace %v, want 4", got)
		}
	})
}

func TestPaceLimits(t *testing.T) {
	none, some := NewPace(0, nil), NewPace(1, nil)
	for name, tt := range map[string]struct {
		pace *Pace
		want bool
	}{
		"none": {none, false}, "own": {some, true}, "of none": {NewPace(0, none), false}, "of the whole": {NewPace(0, some), true},
	} {
		if got := tt.pace.HasLimit(); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// SetRate puts another rate in force at once. A throttle before it counts no more.
func TestPaceSetRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPace(4, nil)
		for _, rate := range []float64{1, 0, 8, 0.5} {
			p.Slow()
			p.SetRate(rate)
			if got := p.Rate(); got != rate || p.HasLimit() != (rate > 0) || !p.isIdle() {
				t.Errorf("%v messages per second, want %v", got, rate)
			}
		}
		p.Charge(1)
		p.SetRate(0.5) // the same: the bucket is not filled again
		if got := p.Charge(1); got != 2*time.Second {
			t.Errorf("a message waits %s, want 2s", got)
		}
		p.SetRate(0)
		if got := p.Charge(1000); got != 0 {
			t.Errorf("without a limit a message waits %s", got)
		}
	})
}

// The rate may change while others count and wait.
func TestPaceSetRateMeanwhile(t *testing.T) {
	p := NewPace(1000, NewPace(0, nil))
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 200 {
				switch i {
				case 0:
					p.SetRate(float64(n % 3 * 1000))
				case 1:
					p.Slow()
					p.Rate()
				case 2:
					p.Charge(1)
					p.HasLimit()
				case 3:
					p.Passed()
					p.isIdle()
				}
			}
		})
	}
	all.Wait()
}
