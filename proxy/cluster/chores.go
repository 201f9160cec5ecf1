package cluster

import "sync"

// chore is something that is asked of Redis or told to it later, so that nobody waits for it.
type chore interface{ do() }

// chores are those that wait. Each waits once, so that there are not more than accounts and paces.
type chores struct {
	mu      sync.Mutex
	waiting map[chore]struct{}
	bell    chan struct{}
}

func newChores() chores {
	return chores{waiting: make(map[chore]struct{}), bell: make(chan struct{}, 1)}
}

// add has a chore done soon.
func (c *chores) add(one chore) {
	c.mu.Lock()
	c.waiting[one] = struct{}{}
	c.mu.Unlock()
	select {
	case c.bell <- struct{}{}:
	default: // it rings already
	}
}

// take returns the chores that wait.
func (c *chores) take() map[chore]struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.waiting
	c.waiting = make(map[chore]struct{})
	return all
}

// do does chores until the cluster is closed.
func (c *Cluster) do(all *chores) {
	for {
		select {
		case <-all.bell:
		case <-c.ctx.Done():
			return
		}
		for one := range all.take() {
			one.do()
		}
	}
}
