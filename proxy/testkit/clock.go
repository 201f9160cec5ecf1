package testkit

import (
	"sync"
	"time"
)

// Clock is a clock that moves only when a test moves it. It is safe for use by
// several goroutines.
type Clock struct {
	T time.Time // the time at the start; use Now and Add afterwards

	mu sync.Mutex
}

// Now returns the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.T
}

// Add moves the clock forward by d.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.T = c.T.Add(d)
}
