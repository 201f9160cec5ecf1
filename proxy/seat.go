package proxy

import (
	"cmp"
	"context"
	"strings"
	"time"

	"exgate/backend"
	"exgate/proxy/routing"
)

// A session whose client idles may be parked: it gives its upstream connection
// to a client that waits for one, and is resumed like one that has lost it. A
// session in IDLE comes back by itself when nobody waits any more; until then
// its client hears of no new mail.

// loginName is the name that logs in, whose connections Exchange may count.
func loginName(id backend.Identity) string { return foldCase(cmp.Or(id.Admin, id.User)) }

// IdleSince implements slots.Owner.
func (c *conn) IdleSince() (since time.Time, listens bool) { return c.link.idleSince() }

// Park implements slots.Owner.
func (c *conn) Park() { c.link.askForSeat() }

// works notes that the session has something to do.
func (c *conn) works() {
	if c.link.works() {
		c.seat.slot.Keep()
	}
}

// takeSeat waits for the right to an upstream connection, unless the session
// has it.
func (c *conn) takeSeat(to *routing.Target, id backend.Identity) error {
	if c.seat.slot != nil {
		return nil
	}
	c.waiting.set(to.Slots.WaitingText(), time.Time{})
	return c.patiently(func(ctx context.Context) (err error) {
		c.seat.slot, err = to.Slots.Take(ctx, c, foldCase(id.User), loginName(id))
		return err
	})
}

// giveAway closes the upstream connection for another session, if this one
// idles.
func (c *conn) giveAway() {
	if !c.link.park() {
		c.seat.slot.Keep()
		return
	}
	c.link.up.Leave()
	c.tally.stats.Parked++
	c.log.Info("session parked: its connection goes to a client that waits", "idle", c.idle != nil)
	left := c.seat.slot
	c.leaveSeat()
	if c.idle != nil {
		c.seat.comeback = left.AskAgain(func() { c.link.setMayReturn(true) })
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

// leaveSeat gives up the session's place, and its waiting for one.
func (c *conn) leaveSeat() {
	if w := c.seat.comeback; w != nil {
		c.seat.comeback = nil
		if !w.Withdraw() {
			w.Slot().Release()
		}
		c.link.setMayReturn(false)
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
	c.link.setMayReturn(false)
}

// fold makes names equal that the upstream takes for the same.
func foldCase(name string) string { return strings.ToLower(name) }
