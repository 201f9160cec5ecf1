package guard

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := make(Gate, 2)
		start := time.Now()
		var dones []func()
		for range cap(g) {
			done, err := g.Enter(t.Context(), time.Second)
			if err != nil {
				t.Fatal(err)
			}
			dones = append(dones, done)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("two passed after %s, later than the spread", took)
		}
		left := errors.New("the client has left")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(left) })
		if _, err := g.Enter(ctx, 0); err != left {
			t.Errorf("a third passed a gate of two: %v", err)
		}
		time.AfterFunc(time.Minute, dones[0])
		if _, err := g.Enter(t.Context(), 0); err != nil {
			t.Errorf("the gate has room again: %v", err)
		}
	})
}
