package testkit

import (
	"sync"
	"time"
)

// Clock is a clock that a test moves. It is safe for use by several goroutines.
type Clock struct {
	T time.Time // where it begins

	mu sync.Mutex
}

// Now is the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.T
}

// Add moves the clock on by d.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.T = c.T.Add(d)
}
