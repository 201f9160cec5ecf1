package proxy

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"exgate/backend"
)

// A session whose client idles may be parked: it gives its upstream connection
// to a client that waits for one, and is resumed like one that has lost it. A
// session in IDLE comes back by itself when nobody waits any more; until then
// its client hears of no new mail.

// errParked is the end of a connection that was given away.
var errParked = errors.New("it was given to another session while this one idled")

// loginName is the name that logs in, whose connections Exchange may count.
func loginName(id backend.Identity) string { return fold(cmp.Or(id.Admin, id.User)) }

// IdleSince implements owner.
func (c *conn) IdleSince() (since time.Time, listens bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.upErr != nil || c.bound != "" {
		return time.Time{}, false
	}
	return c.rested, len(c.flight) > 0
}

// Park implements owner.
func (c *conn) Park() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.parkAsked = true
	c.alarm()
}

// rests notes that the session has nothing to do. c.mu is held.
func (c *conn) rests() { c.rested = time.Now() }

// works notes that it has.
func (c *conn) works() {
	c.mu.Lock()
	asked := c.parkAsked
	c.rested, c.parkAsked = time.Time{}, false
	c.mu.Unlock()
	if asked {
		c.place.Keep()
	}
}

// takePlace waits for the right to an upstream connection, unless the session
// has it.
func (c *conn) takePlace(to *target, id backend.Identity) error {
	if c.place != nil {
		return nil
	}
	c.waiting.set(to.places.WaitingText(), time.Time{})
	return c.patiently(func(ctx context.Context) (err error) {
		c.place, err = to.places.Take(ctx, c, fold(id.User), loginName(id))
		return err
	})
}

// giveAway closes the upstream connection for another session, if this one
// idles.
func (c *conn) giveAway() {
	c.mu.Lock()
	idles := !c.rested.IsZero() && c.upErr == nil
	c.parkAsked = false
	if idles {
		c.upErr = errParked
		c.relay.Store(nil)
	}
	c.mu.Unlock()
	if !idles {
		c.place.Keep()
		return
	}
	c.up.Leave()
	c.stats.parked++
	c.log.Info("session parked: its connection goes to a client that waits", "idle", c.idle != nil)
	left := c.place
	c.leavePlace()
	if c.idle != nil {
		c.comeback = left.AskAgain(func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.mayReturn = true
			c.alarm()
		})
	}
}

// lookForRoom asks, now and then, whether another session rests that could
// give its place to this one, which listens.
func (c *conn) lookForRoom() (next time.Time) {
	if c.comeback == nil {
		return time.Time{}
	}
	again, ok := c.comeback.MakeRoom()
	if !ok {
		return time.Time{}
	}
	return time.Now().Add(max(again, roomPause))
}

// roomPause is the least time between two looks for room, which interrupt the
// reading of the client.
const roomPause = 100 * time.Millisecond

// leavePlace gives up the session's place, and its waiting for one.
func (c *conn) leavePlace() {
	if w := c.comeback; w != nil {
		c.comeback = nil
		if !w.Withdraw() {
			w.Slot().Release()
		}
		c.mu.Lock()
		c.mayReturn = false
		c.mu.Unlock()
	}
	c.place.Release()
	c.place = nil
}

// comesBack makes the place that a parked session has been granted its own.
func (c *conn) comesBack() {
	if c.comeback == nil {
		return
	}
	c.place, c.comeback = c.comeback.Slot(), nil
	c.mu.Lock()
	c.mayReturn = false
	c.mu.Unlock()
}

// parkedIdle tells whether the session waits in IDLE for a place to come back
// to. c.mu is held.
func (c *conn) parkedIdle() bool {
	return c.upErr == errParked && c.idle != nil && !c.mayReturn
}

// fold makes names equal that the upstream takes for the same.
func fold(name string) string { return strings.ToLower(name) }
