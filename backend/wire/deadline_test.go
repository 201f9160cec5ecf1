package wire

import (
	"net"
	"testing"
	"time"
)

// armedConn counts the deadlines that are set for its writes.
type armedConn struct {
	net.Conn
	set  int
	last time.Time
}

func (c *armedConn) SetWriteDeadline(t time.Time) error { c.set, c.last = c.set+1, t; return nil }

// Each write has the bound at most and three quarters of it at least, and few of them set a deadline.
func TestWriteDeadline(t *testing.T) {
	for _, bound := range []time.Duration{time.Hour, 40 * time.Millisecond, 0} {
		c, d := new(armedConn), WriteDeadline{}
		for range 100 {
			before := time.Now()
			if err := d.Allow(c, bound); err != nil {
				t.Fatal(err)
			}
			if left := time.Until(c.last); left > bound || c.last.Before(before.Add(bound-bound/4)) {
				t.Fatalf("a write may take %s, want %s", left, bound)
			}
		}
		if bound == time.Hour && c.set != 1 {
			t.Errorf("%d deadlines were set for 100 writes", c.set)
		}
	}
}
