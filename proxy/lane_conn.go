package proxy

import (
	"io"
	"net"
	"time"
)

// laneConn is a connection to the library's server. It carries one shot, and after an APPEND that
// was answered OK or NO it may carry another one: to make a connection for each costs as much as
// a short message itself. Only the library's goroutine uses it.
type laneConn struct {
	lane *ownLane
	shot *shot // nil: the connection waits for one, or ends
	used bool  // the library has sent its greeting
}

// Read implements net.Conn. When the library has answered a command and asks for the next one, the
// shot is over. Nothing of the next shot is read for the rest of a command: a connection is used
// again only if the library has read the whole command and answered it.
func (c *laneConn) Read(p []byte) (int, error) {
	if s := c.shot; s != nil && s.in.Len() == 0 && s.replied.Load() {
		again := s.upload != nil && !s.faulty
		c.finish()
		if again {
			c.shot = c.lane.next()
		}
	}
	if c.shot == nil {
		return 0, io.EOF
	}
	return c.shot.in.Read(p)
}

// Write implements net.Conn. It passes on whole lines.
func (c *laneConn) Write(p []byte) (int, error) {
	if c.shot == nil {
		return 0, net.ErrClosed
	}
	if c.used {
		c.shot.greeted = true
	}
	c.used = true
	return c.shot.Write(p)
}

// Close implements net.Conn. The library calls it after a command that was not answered, or after
// the last one.
func (c *laneConn) Close() error {
	c.finish()
	return nil
}

// finish ends the shot. Nothing of the shot may be used afterwards: its session goes on.
func (c *laneConn) finish() {
	if s := c.shot; s != nil {
		c.shot = nil
		link := &s.c.link
		close(s.done)
		link.wake()
	}
}

// LocalAddr implements net.Conn.
func (c *laneConn) LocalAddr() net.Addr { return laneAddr{} }

// RemoteAddr implements net.Conn.
func (c *laneConn) RemoteAddr() net.Addr { return laneAddr{} }

// The library's deadlines are ignored: a shot waits only for Exchange, and the
// session bounds that wait.

// SetDeadline implements net.Conn.
func (c *laneConn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.Conn.
func (c *laneConn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.Conn.
func (c *laneConn) SetWriteDeadline(time.Time) error { return nil }

// laneAddr is the address of the lane, which has no network.
type laneAddr struct{}

func (laneAddr) Network() string { return "exgate" }
func (laneAddr) String() string  { return "own lane" }

var _ net.Conn = (*laneConn)(nil)
