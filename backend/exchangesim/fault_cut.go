package exchangesim

import (
	"bufio"
	"io"
	"net"
	"slices"
	"time"
)

// ending is the way in which a fault ends a connection. As an error, it ends conn.serve
// without a BYE.
type ending string

const (
	endCut       ending = "cut"        // closed, as when the process dies
	endReset     ending = "reset"      // TCP RST, as from a firewall
	endHalfClose ending = "half-close" // FIN in one direction
	endHang      ending = "hang"       // silence, as from a host that is gone
)

var endings = [...]ending{endCut, endReset, endHalfClose, endHang}

func (e ending) Error() string { return "fault " + string(e) }

// end does to the socket what the ending is; serveConn then closes it. It
// waits for the client's close where that is what a client has to do.
func (c *conn) end(e ending) {
	switch e {
	case endReset:
		if tcp, ok := c.raw.(interface{ SetLinger(int) error }); ok {
			_ = tcp.SetLinger(0) // what cannot be reset is closed
		}
		return
	case endHalfClose:
		half, ok := c.raw.(interface{ CloseWrite() error })
		if !ok || half.CloseWrite() != nil {
			return
		}
	case endCut:
		return
	}
	if c.raw.SetReadDeadline(time.Time{}) == nil {
		_, _ = io.Copy(io.Discard, c.raw) // ends by the client's close or the server's
	}
}

// armed is a cut that happens at a certain byte.
type armed struct {
	order *fault
	left  int64 // bytes that pass before it
}

func (c *conn) arm(f *fault) { c.cuts = append(c.cuts, armed{order: f, left: f.bytes}) }

// disarm removes the cuts for the current command.
func (c *conn) disarm() {
	c.cuts = slices.DeleteFunc(c.cuts, func(a armed) bool { return a.order.kind != faultCutStream })
}

// pass counts up to n bytes that are to go one way. It returns how many of
// them may, and the ending that comes then, if one does.
func (c *conn) pass(n int, fromClient bool) (int, error) {
	for {
		next := -1
		for i, a := range c.cuts {
			if fromClient && a.order.kind != faultCutAppend {
				continue
			}
			if a.left <= int64(n) && (next < 0 || a.left < c.cuts[next].left) {
				next = i
			}
		}
		if next < 0 {
			break
		}
		a := c.cuts[next]
		if f, ok := c.use(a.order, c.verb); ok {
			return int(a.left), f.end
		}
		c.cuts = slices.Delete(c.cuts, next, next+1) // used up on another connection
	}
	for i := range c.cuts {
		if !fromClient || c.cuts[i].order.kind == faultCutAppend {
			c.cuts[i].left -= int64(n)
		}
	}
	return n, nil
}

// took counts bytes from the client that have already been read.
func (c *conn) took(n int) error {
	_, err := c.pass(n, true)
	return err
}

// clientBytes reads what the client sends, up to where a cut comes.
type clientBytes struct {
	*conn
	from *bufio.Reader
}

func (r clientBytes) Read(b []byte) (int, error) {
	n, err := r.from.Read(b)
	allowed, cut := r.pass(n, true)
	if cut != nil {
		return allowed, cut
	}
	return n, err
}

// replyWriter is the connection's way out: each write has its own deadline,
// and the faults that strike amid a reply strike here.
type replyWriter struct {
	*conn
	to net.Conn
}

func (w replyWriter) Write(b []byte) (int, error) {
	n, cut := w.pass(len(b), false)
	written, err := w.write(b[:n])
	if err == nil {
		err = cut
	}
	return written, err
}

// write writes slowly if fault drip is active.
func (w replyWriter) write(b []byte) (int, error) {
	step, written := len(b), 0
	if w.drip > 0 {
		step = 1
	}
	for written < len(b) {
		if w.drip > 0 {
			if err := w.pause(w.drip); err != nil {
				return written, err
			}
		}
		if err := w.to.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return written, err
		}
		n, err := w.to.Write(b[written : written+step])
		written += n
		if err != nil {
			return written, err
		}
	}
	return written, nil
}
