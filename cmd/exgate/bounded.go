package main

import (
	"net"
	"sync"
)

// boundedListener keeps so many connections open at a time: one that comes beyond
// them is closed at once, so that who connects hears of it.
type boundedListener struct {
	net.Listener
	places chan struct{} // holds one for each connection
}

func newBoundedListener(l net.Listener, most int) *boundedListener {
	return &boundedListener{l, make(chan struct{}, most)}
}

// Accept implements net.Listener.
func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		nc, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.places <- struct{}{}:
			return &placedConn{Conn: nc, leave: sync.OnceFunc(func() { <-l.places })}, nil
		default:
			nc.Close()
		}
	}
}

// placedConn gives its place back when it is closed.
type placedConn struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *placedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
