package proxy

import (
	"net"
	"testing"
	"time"
)

// deadlineConn remembers the last deadline of its reads, and counts them.
type deadlineConn struct {
	net.Conn
	set  int
	last time.Time
}

func (c *deadlineConn) SetReadDeadline(t time.Time) error { c.set, c.last = c.set+1, t; return nil }

// A reader that looks again when its time is over gets a deadline only if none in force ends the wait in time.
func TestLookBy(t *testing.T) {
	soon, later, never := time.Now().Add(time.Hour), time.Now().Add(2*time.Hour), time.Time{}
	for _, tt := range []struct {
		name            string
		inForce, wanted time.Time
		want            time.Time // in force afterwards
		sets            bool
	}{
		{"none, none wanted", never, never, never, false},
		{"none, one wanted", never, soon, soon, true},
		{"a sooner one", soon, later, soon, false},
		{"the same", soon, soon, soon, false},
		{"a later one", later, soon, soon, true},
		{"one, none wanted", soon, never, soon, false},
		{"one that has passed, none wanted", time.Now().Add(-time.Second), never, never, true},
		{"one that has passed, one wanted", time.Now().Add(-time.Second), soon, soon, true},
		{"an interrupt before, none wanted", past, never, never, true},
		{"an interrupt", soon, past, past, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			nc := &deadlineConn{last: tt.inForce}
			b := bell{client: &clientSide{nc: nc}, armed: tt.inForce}
			b.lookBy(tt.wanted)
			if !nc.last.Equal(tt.want) || (nc.set > 0) != tt.sets || !b.armed.Equal(tt.want) {
				t.Errorf("the deadline is %v, set %d times, want %v", nc.last, nc.set, tt.want)
			}
		})
	}
}
