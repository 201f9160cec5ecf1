package guard

import (
	"context"
	"math/rand/v2"
	"time"

	"exgate/backend"
)

// MaxReconnects is how many sessions log in to one server again at a time: when
// Exchange restarts, all of them have lost their connections at once.
const MaxReconnects = 8

// Gate lets a few pass at a time.
type Gate chan struct{}

// Enter waits for a random part of spread, and then for a place, which done
// gives back.
func (g Gate) Enter(ctx context.Context, spread time.Duration) (done func(), err error) {
	if err := backend.Sleep(ctx, rand.N(spread+1)); err != nil {
		return nil, err
	}
	select {
	case g <- struct{}{}:
		return func() { <-g }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
