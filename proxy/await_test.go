package proxy

import (
	"net"
	"sync"
	"testing"
	"time"

	"exgate/backend/wire"
)

// interruptible tells of the deadlines that are set for the reads of a connection.
type interruptible struct {
	net.Conn
	set   int
	begun chan struct{} // closed with the first deadline
	once  sync.Once
}

func (c *interruptible) SetReadDeadline(t time.Time) error {
	c.set++
	c.once.Do(func() { close(c.begun) })
	return c.Conn.SetReadDeadline(t)
}

// A wait that ends soon leaves the client's socket alone. A longer one watches the client.
func TestAwaitWatchesTheClientAfterAMoment(t *testing.T) {
	for _, tt := range []struct {
		name      string
		unwatched time.Duration
		watches   bool
	}{
		{"soon", time.Hour, false},
		{"later", 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			near, far := net.Pipe()
			defer far.Close()
			defer near.Close()
			nc := &interruptible{Conn: near, begun: make(chan struct{})}
			c := &conn{srv: &Server{ctx: t.Context(), limits: limits{Unwatched: tt.unwatched, FirstKeepAlive: time.Hour}}}
			c.client.nc, c.client.r = nc, wire.NewCommandReader(nc)
			c.link.bell = bell{client: &c.client, ring: make(chan struct{}, 1)}
			over := false // guarded by link.mu
			var other sync.WaitGroup
			other.Go(func() {
				c.link.wake() // for another reason
				if tt.watches {
					<-nc.begun
				}
				c.link.set(func() { over = true })
			})
			if err := c.await(func() bool { return over }, nil); err != nil {
				t.Error(err)
			}
			other.Wait()
			if watched := nc.set > 0; watched != tt.watches {
				t.Errorf("the client is watched: %v, %d deadlines", watched, nc.set)
			}
		})
	}
}
