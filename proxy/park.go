package proxy

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"exgate/backend"
	"exgate/proxy/routing"
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
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	if c.link.cause != nil || c.link.pinned != "" {
		return time.Time{}, false
	}
	return c.seat.rested, len(c.link.flight) > 0
}

// Park implements owner.
func (c *conn) Park() {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	c.seat.wanted = true
	c.alarm()
}

// rests notes that the session has nothing to do. c.link.mu is held.
func (c *conn) rests() { c.seat.rested = time.Now() }

// works notes that it has.
func (c *conn) works() {
	c.link.mu.Lock()
	asked := c.seat.wanted
	c.seat.rested, c.seat.wanted = time.Time{}, false
	c.link.mu.Unlock()
	if asked {
		c.seat.slot.Keep()
	}
}

// takePlace waits for the right to an upstream connection, unless the session
// has it.
func (c *conn) takePlace(to *routing.Target, id backend.Identity) error {
	if c.seat.slot != nil {
		return nil
	}
	c.waiting.set(to.Slots.WaitingText(), time.Time{})
	return c.patiently(func(ctx context.Context) (err error) {
		c.seat.slot, err = to.Slots.Take(ctx, c, fold(id.User), loginName(id))
		return err
	})
}

// giveAway closes the upstream connection for another session, if this one
// idles.
func (c *conn) giveAway() {
	c.link.mu.Lock()
	idles := !c.seat.rested.IsZero() && c.link.cause == nil
	c.seat.wanted = false
	if idles {
		c.link.cause = errParked
		c.link.sink.Store(nil)
	}
	c.link.mu.Unlock()
	if !idles {
		c.seat.slot.Keep()
		return
	}
	c.link.up.Leave()
	c.tally.stats.parked++
	c.log.Info("session parked: its connection goes to a client that waits", "idle", c.idle != nil)
	left := c.seat.slot
	c.leavePlace()
	if c.idle != nil {
		c.seat.comeback = left.AskAgain(func() {
			c.link.mu.Lock()
			defer c.link.mu.Unlock()
			c.seat.mayReturn = true
			c.alarm()
		})
	}
}

// lookForRoom asks, now and then, whether another session rests that could
// give its place to this one, which listens.
func (c *conn) lookForRoom() (next time.Time) {
	if c.seat.comeback == nil {
		return time.Time{}
	}
	again, ok := c.seat.comeback.MakeRoom()
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
	if w := c.seat.comeback; w != nil {
		c.seat.comeback = nil
		if !w.Withdraw() {
			w.Slot().Release()
		}
		c.link.mu.Lock()
		c.seat.mayReturn = false
		c.link.mu.Unlock()
	}
	c.seat.slot.Release()
	c.seat.slot = nil
}

// comesBack makes the place that a parked session has been granted its own.
func (c *conn) comesBack() {
	if c.seat.comeback == nil {
		return
	}
	c.seat.slot, c.seat.comeback = c.seat.comeback.Slot(), nil
	c.link.mu.Lock()
	c.seat.mayReturn = false
	c.link.mu.Unlock()
}

// parkedIdle tells whether the session waits in IDLE for a place to come back
// to. c.link.mu is held.
func (c *conn) parkedIdle() bool {
	return c.link.cause == errParked && c.idle != nil && !c.seat.mayReturn
}

// fold makes names equal that the upstream takes for the same.
func fold(name string) string { return strings.ToLower(name) }
