package exchangesim

import (
	"errors"
	"os"
	"time"
)

// await waits for the first byte of a line of the client's. A fault at WAITING
// that comes first is returned, and not carried out: in IDLE another goroutine
// has the writer.
func (c *conn) await(deadline time.Time) (f fault, struck bool, err error) {
	wake := deadline
	for _, f := range c.drawn {
		if f.verb == verbWaiting {
			wake = time.Now().Add(f.delay)
		}
	}
	for {
		if err := c.setWaiting(true, wake); err != nil {
			return fault{}, false, err
		}
		if f, struck = c.waitingFault(!time.Now().Before(wake)); struck {
			return f, true, c.setWaiting(false, deadline)
		}
		_, err := c.r.Peek(1)
		if !errors.Is(err, os.ErrDeadlineExceeded) || !time.Now().Before(deadline) {
			return fault{}, false, errors.Join(err, c.setWaiting(false, deadline))
		}
	}
}

// waitingFault takes the order that is to strike now; drawn says whether the
// time of one drawn at random has come.
func (c *conn) waitingFault(drawn bool) (fault, bool) {
	for _, kind := range []string{faultCut, faultBye} {
		if order := c.order(kind, verbWaiting); order != nil && (drawn || !order.drawn) {
			return c.use(order, verbWaiting)
		}
	}
	return fault{}, false
}

// strikeWaiting carries out what await has returned.
func (c *conn) strikeWaiting(f fault) error {
	if f.kind == faultBye {
		return c.sayBye(f.text)
	}
	return f.end
}

// setWaiting reports whether the connection waits, and until when it reads. Its
// error may be one that fail was given.
func (c *conn) setWaiting(to bool, deadline time.Time) error {
	c.waitMu.Lock()
	defer c.waitMu.Unlock()
	if c.failed != nil {
		return c.failed
	}
	c.waiting = to
	return c.raw.SetReadDeadline(deadline)
}

// wake lets a connection that waits look for faults.
func (c *conn) wake() {
	c.waitMu.Lock()
	defer c.waitMu.Unlock()
	if c.waiting {
		_ = c.raw.SetReadDeadline(time.Unix(1, 0)) // of a closed one, nothing is to be woken
	}
}

// fail ends the connection from a goroutine that is not its reader.
func (c *conn) fail(err error) {
	c.waitMu.Lock()
	c.failed = err
	c.waitMu.Unlock()
	c.wake()
}
