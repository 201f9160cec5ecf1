package main

import (
	"net"
	"sync"
)

// boundedListener limits the connections that are open at the same time. It closes a
// further connection at once, so that the client learns of the limit without waiting.
type boundedListener struct {
	net.Listener
	places chan struct{} // holds an element for each open connection
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

// placedConn is a connection that gives its place back when it is closed.
type placedConn struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *placedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
