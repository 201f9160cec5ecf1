package guard

import (
	"context"
	"math/rand/v2"
	"time"

	"exgate/backend"
)

// MaxReconnects is the number of sessions that log in again at the same time.
// When Exchange restarts, all sessions lose their connections at once.
const MaxReconnects = 8

// Gate lets as many goroutines pass at a time as the channel has capacity.
type Gate chan struct{}

// Enter waits for a random part of spread, and then until the gate has room. The
// random part distributes goroutines that come at the same moment. The caller
// calls done to make room for the next. err is the cause of ctx if ctx ends
// first.
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
