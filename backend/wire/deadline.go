package wire

import (
	"net"
	"time"
)

// WriteDeadline bounds the writes to a connection. It sets the deadline of the socket once in a
// quarter of the bound, and not for each write: that costs as much as a short line. The zero value
// is ready. Only the goroutine that writes uses it.
type WriteDeadline struct{ armed time.Time }

// Allow gives the next write the time bound at most, and three quarters of it at least. Nothing
// else may set the write deadline of the connection.
func (d *WriteDeadline) Allow(nc net.Conn, bound time.Duration) error {
	now := time.Now()
	if bound > 0 && d.armed.Sub(now) >= bound-bound/4 {
		return nil
	}
	d.armed = now.Add(bound)
	return nc.SetWriteDeadline(d.armed)
}
