package backend

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// The tests of what waits run in a synctest bubble: its clock jumps to the next
// timer when all goroutines wait, so that exact times are compared and no time
// passes.

func TestThrottle(t *testing.T) {
	tests := []struct {
		name   string
		max    time.Duration
		blocks []time.Duration
		want   time.Duration
	}{
		{"never blocked", 0, nil, 0},
		{"once", 0, []time.Duration{3 * time.Second}, 3 * time.Second},
		{"longer", 0, []time.Duration{3 * time.Second, 5 * time.Second}, 5 * time.Second},
		{"never shorter", 0, []time.Duration{5 * time.Second, 3 * time.Second, 0, -time.Hour}, 5 * time.Second},
		{"bounded by default", 0, []time.Duration{24 * time.Hour}, DefaultMaxBackoff},
		{"bounded", time.Minute, []time.Duration{299961 * time.Millisecond}, time.Minute},
		{"nonsense", 0, []time.Duration{-time.Second}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				th := NewThrottle(tt.max)
				for _, d := range tt.blocks {
					th.Block(d)
				}
				if got := th.Remaining(); got != tt.want {
					t.Errorf("remaining %s, want %s", got, tt.want)
				}
				begin := time.Now()
				if err := th.Wait(t.Context()); err != nil {
					t.Error(err)
				}
				if got := time.Since(begin); got != tt.want {
					t.Errorf("waited %s, want %s", got, tt.want)
				}
			})
		})
	}
}

// One session's throttle holds back all, also those that wait already.
func TestThrottleIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := NewThrottle(0)
		begin := time.Now()
		th.Block(10 * time.Second)
		var sessions sync.WaitGroup
		for range 5 {
			sessions.Go(func() {
				if err := th.Wait(t.Context()); err != nil {
					t.Error(err)
				}
				if got := time.Since(begin); got != 25*time.Second {
					t.Errorf("went on after %s", got)
				}
			})
		}
		if err := Sleep(t.Context(), 5*time.Second); err != nil { // of the bubble's clock
			t.Fatal(err)
		}
		th.Block(20 * time.Second)
		sessions.Wait()
	})
}

func TestThrottleWaitEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := NewThrottle(0)
		th.Block(time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		begin := time.Now()
		if err := th.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if got := time.Since(begin); got != 2*time.Second {
			t.Errorf("ended after %s", got)
		}
		if got := th.Remaining(); got != 58*time.Second {
			t.Errorf("remaining %s", got)
		}
		free := NewThrottle(0)
		if err := free.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("nothing to wait for, context ended: got %v", err)
		}
	})
}
