package backend

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"exgate/backend/wire"
)

// Expect sets whether the direct lane waits for a reply. While it does, a silence
// of Timeouts.Reply ends the connection. Otherwise exgate would wait until TCP
// gives up, if the server hangs or a firewall has forgotten the connection. (While
// no reply is expected, TCP keep-alive, which Go's dialer switches on, finds a dead
// connection within a few minutes.) The rest of a response that has begun is
// always expected, because nothing else can be sent to the client in the middle
// of it.
func (c *Conn) Expect(reply bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expected = reply
	c.bound()
}

// bound sets when the reader gives up. c.mu is held. The deadline of the socket stays as it is
// where it ends the reading before that: isEarly then sets it anew. So a busy connection sets it
// once in timeouts.Reply, and not with each command and each reply.
func (c *Conn) bound() {
	c.due = time.Time{}
	switch {
	case !c.leavesBy.IsZero():
		c.due = c.leavesBy
	case c.expected || c.inside:
		c.due = time.Now().Add(c.timeouts.Reply)
	}
	if !c.due.IsZero() && (c.armed.IsZero() || c.due.Before(c.armed)) {
		c.arm()
	}
}

// arm gives the socket the deadline of the reader. c.mu is held.
func (c *Conn) arm() {
	c.armed = c.due
	c.nc.SetReadDeadline(c.armed)
}

// isEarly reports whether the deadline of the socket has passed before the reader gives up. The
// reader then reads on.
func (c *Conn) isEarly() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.due.IsZero() && !time.Now().Before(c.due) {
		return false
	}
	c.arm()
	return true
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// fill waits for bytes of the server. Those of a literal may pass to the sink at once.
func (c *Conn) fill(sink Sink) error {
	for {
		isPiped, err := c.pipe(sink)
		if !isPiped && err == nil {
			err = c.r.Fill()
		}
		switch {
		case isPiped || err == nil:
			return err
		case err == io.EOF:
			return errUpstreamClosed
		case !isTimeout(err):
			return err
		case !c.isEarly():
			return c.errSilence()
		}
	}
}

// pipe lets the sink take a part of a literal in a pipe, if both can. isPiped is false if it cannot, and
// then the error is that of the server's connection.
func (c *Conn) pipe(sink Sink) (isPiped bool, err error) {
	to, ok := sink.(wire.PipeWriter)
	if !ok || c.gather != nil || c.flow.Load() != nil {
		return false, nil
	}
	return c.r.Pipe(to)
}

// heard notes that the server has sent something, and whether it owes the rest of
// a response.
func (c *Conn) heard() {
	c.mu.Lock()
	defer c.mu.Unlock()
	owed := c.inside
	c.inside = c.r.IsInside()
	if c.expected || c.inside || owed {
		c.bound()
	}
}

// errSilence returns the error for a connection on which the server has sent nothing
// in time.
func (c *Conn) errSilence() error {
	c.mu.Lock()
	leaves := !c.leavesBy.IsZero()
	c.mu.Unlock()
	if leaves {
		return errors.New("the server has said BYE, and has not closed the connection")
	}
	if c.r.IsInside() {
		return fmt.Errorf("the upstream has sent nothing for %s in the middle of a response (upstream.reply_timeout)",
			c.timeouts.Reply)
	}
	return errSilent(c.timeouts.Reply)
}
