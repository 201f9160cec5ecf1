package backend

import "time"

// flow is the pace of a connection's bytes. It delays the bytes themselves and not
// whole messages, so that a message of 30 MB does not fill the link.
type flow struct {
	in, out *Pace
	counted int64 // the received bytes that in has counted; only the reader uses it
}

// flowPiece is the size of one write if bytes have a pace.
const flowPiece = 16 << 10

// KeepPace sets a pace of bytes for each direction, from now on. The time for which
// bytes are delayed does not count as silence of the server.
func (c *Conn) KeepPace(in, out *Pace) {
	if in.HasLimit() || out.HasLimit() {
		c.flow.Store(&flow{in: in, out: out, counted: c.in.Load()})
	}
}

// holdIn delays the next read for the bytes that have been read.
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

// holdOut writes p in pieces, each when the pace allows it.
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
