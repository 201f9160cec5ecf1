package backend

import "time"

// flow is the pace of the bytes of a connection. Bytes are held back where they
// pass and not by whole messages, so that one of 30 MB does not fill a link
// for itself.
type flow struct {
	in, out *Pace
	counted int64 // of the bytes received; the reader's
}

// flowPiece is what is written in one go where bytes have a pace.
const flowPiece = 16 << 10

// KeepPace has the connection keep to a pace of bytes in each direction, from
// now on. The time in which bytes are held back is no silence of the server.
func (c *Conn) KeepPace(in, out *Pace) {
	if in.Limits() || out.Limits() {
		c.flow.Store(&flow{in: in, out: out, counted: c.in.Load()})
	}
}

// holdIn waits, before more is read, for what has been read.
func (c *Conn) holdIn() {
	f := c.flow.Load()
	if f == nil {
		return
	}
	n := c.in.Load()
	if d := f.in.Charge(int(n - f.counted)); d > 0 {
		c.hold(d)
		c.mu.Lock()
		if c.expected {
			c.bound()
		}
		c.mu.Unlock()
	}
	f.counted = n
}

// holdOut writes p by pieces, each when its time has come.
func (c *Conn) holdOut(f *flow, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		piece := p[n:min(n+flowPiece, len(p))]
		c.hold(f.out.Charge(len(piece)))
		var written int
		written, err = c.write(piece)
		n += written
	}
	return n, err
}

// hold waits for d, or until the connection ends.
func (c *Conn) hold(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.ending:
	}
}
