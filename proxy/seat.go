package proxy

import (
	"cmp"
	"context"
	"strings"
	"time"

	"exgate/backend"
	"exgate/proxy/routing"
	"exgate/proxy/slots"
	"exgate/proxy/status"
)

// A session whose client idles may be parked: its upstream connection is closed,
// and its slot goes to a session that waits for one. The next command resumes the
// parked session as if its connection had been lost. A session in IDLE asks for a
// slot by itself; until it has one, its client is told of no new mail.

// seat is the session's right to an upstream connection. It belongs to serve, or
// to the own lane while that runs. What other goroutines ask of it is in link.
type seat struct {
	slot     *slots.Slot   // the upstream's slot that the session holds; nil: none
	comeback *slots.Waiter // a parked session's request for a slot; nil: none
}

// loginName returns the name that logs in. Exchange may count connections by it.
func loginName(id backend.Identity) string { return foldCase(cmp.Or(id.Admin, id.User)) }

// IdleSince implements slots.Owner.
func (c *conn) IdleSince() (since time.Time, listens bool) { return c.link.idleSince() }

// Park implements slots.Owner.
func (c *conn) Park() { c.link.askForSeat() }

// works notes that the session is not idle any more, and keeps its slot if another
// session has asked for it.
func (c *conn) works() {
	if c.link.works() {
		c.seat.slot.Keep()
	}
}

// takeSeat waits for a slot of the upstream, unless the session holds one.
func (c *conn) takeSeat(to *routing.Target, id backend.Identity) error {
	if c.seat.slot != nil {
		return nil
	}
	c.waiting.set(status.StateWaiting, to.Slots.WaitingText(), time.Time{})
	return c.patiently(func(ctx context.Context) (err error) {
		c.seat.slot, err = to.Slots.Take(ctx, c, foldCase(id.User), loginName(id))
		return err
	})
}

// giveAway parks the session if it still idles. Otherwise the session keeps its
// slot.
func (c *conn) giveAway() {
	if !c.link.park() {
		c.seat.slot.Keep()
		return
	}
	c.link.upstream.Leave()
	c.tally.stats.Parked++
	c.log.Info("session parked: its connection goes to a client that waits", "idle", c.idle != nil)
	left := c.seat.slot
	c.leaveSeat()
	if c.idle != nil {
		c.seat.comeback = left.AskAgain(func() { c.link.setMayReturn(true) })
	}
}

// lookForRoom asks another idle session to give its slot to this one, if this one
// is parked in IDLE. It returns when to ask again; zero if that would not help.
func (s *seat) lookForRoom() (next time.Time) {
	if s.comeback == nil {
		return time.Time{}
	}
	again, ok := s.comeback.MakeRoom()
	if !ok {
		return time.Time{}
	}
	return time.Now().Add(max(again, roomPause))
}

// roomPause is the least time between two tries of lookForRoom, since each
// interrupts the reading of the client.
const roomPause = 100 * time.Millisecond

// leaveSeat gives up the session's slot, or its request for one.
func (c *conn) leaveSeat() {
	if w := c.seat.comeback; w != nil {
		c.seat.comeback = nil
		if !w.Withdraw() { // a slot was granted meanwhile
			w.Slot().Release()
		}
		c.link.setMayReturn(false)
	}
	c.seat.slot.Release()
	c.seat.slot = nil
}

// comesBack takes the slot that a parked session has been granted.
func (c *conn) comesBack() {
	if c.seat.comeback == nil {
		return
	}
	c.seat.slot, c.seat.comeback = c.seat.comeback.Slot(), nil
	c.link.setMayReturn(false)
}

// foldCase makes names equal that differ only in case. Exchange takes them for one.
func foldCase(name string) string { return strings.ToLower(name) }
