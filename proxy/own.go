package proxy

import (
	"bytes"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2/imapserver"

	"exgate/proxy/delivery"
)

// ownLane is the gateway's own IMAP server: go-imap's imapserver, which gets each
// command as a connection of its own. An idle session has no connection there.
type ownLane struct {
	server *imapserver.Server
	shots  chan *shot
	closed chan struct{}
	once   sync.Once
	ended  chan struct{} // closed when the server has returned
}

// laneTag is the tag of every command in the lane. The library never sees the
// client's tag: it would close the connection over a "]" in it.
const laneTag = "L"

// newOwnLane starts the lane's server; Close ends it.
func newOwnLane(log imapserver.Logger) *ownLane {
	l := &ownLane{shots: make(chan *shot), closed: make(chan struct{}), ended: make(chan struct{})}
	l.server = imapserver.New(&imapserver.Options{
		NewSession:   newLaneSession,
		Logger:       log,
		InsecureAuth: true, // conn.logIn refuses logins without TLS, except on insecure-plaintext
	})
	go l.serve(log)
	return l
}

func (l *ownLane) serve(log imapserver.Logger) {
	defer close(l.ended)
	if err := l.server.Serve(l); err != nil {
		log.Printf("the own lane's server failed: %v", err)
	}
}

// Accept implements net.Listener.
func (l *ownLane) Accept() (net.Conn, error) {
	select {
	case s := <-l.shots:
		return s, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Addr implements net.Listener.
func (l *ownLane) Addr() net.Addr { return laneAddr{} }

// Close implements net.Listener. It does not wait for shots: their sessions do.
func (l *ownLane) Close() error {
	l.once.Do(func() { close(l.closed) })
	<-l.ended
	return nil
}

// shot is one command in the own lane, in the form of a connection to the
// library's server. Read returns the command. Write passes the reply to the
// client, under the client's tag.
type shot struct {
	c       *conn
	tag     string           // the client's tag
	preauth bool             // the client is logged in
	upload  *delivery.Upload // the message of APPEND; nil for a login
	in      *bytes.Reader    // the command, in canonical form
	line    []byte           // a line of the reply of which the end has not come
	greeted bool             // the library's greeting was skipped
	replied atomic.Bool      // the tagged reply has come
	holdNo  bool             // a tagged NO goes to held, and not to the client
	held    string
	err     error // of writing to the client
	once    sync.Once
	done    chan struct{} // closed when the library closes the connection
}

// fire runs one command in the own lane, and returns when the library has closed
// the shot. Meanwhile it watches the client, who is told reason if the command
// takes long.
func (c *conn) fire(s *shot, command string, reason func() string) error {
	s.c, s.in, s.done = c, bytes.NewReader([]byte(laneTag+" "+command)), make(chan struct{})
	select {
	case c.srv.own.shots <- s:
	case <-c.srv.own.closed:
		return c.stopping()
	}
	finished := func() bool {
		select {
		case <-s.done:
			return true
		default:
			return false
		}
	}
	err := c.await(finished, func() string {
		if s.replied.Load() {
			return ""
		}
		return reason()
	})
	<-s.done // if the client has left, c.ctx has ended, and with it the command
	c.waiting.clear()
	if err != nil {
		return err
	}
	if s.err != nil {
		return s.err
	}
	if !s.replied.Load() {
		// After a panic, the library closes the connection without a reply.
		return c.client.w.line("%s NO [SERVERBUG] exgate failed on this command: see its log", s.tag)
	}
	return nil
}

// Read implements net.Conn.
func (s *shot) Read(p []byte) (int, error) { return s.in.Read(p) }

// Write implements net.Conn. It passes on whole lines.
func (s *shot) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := bytes.IndexByte(rest, '\n') + 1
		if n == 0 {
			s.line = append(s.line, rest...)
			break
		}
		s.line = append(s.line, rest[:n]...)
		rest = rest[n:]
		s.reply(strings.TrimRight(string(s.line), "\r\n"))
		s.line = s.line[:0]
	}
	return len(p), nil
}

// reply passes one line from the library to the client. It drops the greeting,
// continuation requests (the shot has the whole command), and everything after
// the tagged reply.
func (s *shot) reply(line string) {
	switch {
	case !s.greeted:
		s.greeted = true
	case s.replied.Load() || s.err != nil || strings.HasPrefix(line, "+"):
	case strings.HasPrefix(line, laneTag+" "):
		if s.upload != nil {
			s.c.client.answered = s.c.client.received.Load()
		}
		s.replied.Store(true) // before the write, so that no keep-alive follows the reply
		if s.holdNo && strings.HasPrefix(line, laneTag+" NO") {
			s.held = s.tag + strings.TrimPrefix(line, laneTag)
			return
		}
		s.err = s.c.client.w.line("%s %s", s.tag, s.c.loginCapabilities(strings.TrimPrefix(line, laneTag+" ")))
		if s.upload != nil && s.err == nil {
			s.c.login.journal.Told()
		}
	default:
		s.err = s.c.client.w.line("%s", line)
	}
}

// Close implements net.Conn. The library calls it when the command is over.
func (s *shot) Close() error {
	s.once.Do(func() {
		close(s.done)
		s.c.link.wake()
	})
	return nil
}

// LocalAddr implements net.Conn.
func (s *shot) LocalAddr() net.Addr { return s.c.client.nc.LocalAddr() }

// RemoteAddr implements net.Conn.
func (s *shot) RemoteAddr() net.Addr { return s.c.client.nc.RemoteAddr() }

// The library's deadlines are ignored: a shot waits only for Exchange, and the
// session bounds that wait.

// SetDeadline implements net.Conn.
func (s *shot) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.Conn.
func (s *shot) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.Conn.
func (s *shot) SetWriteDeadline(time.Time) error { return nil }

// laneAddr is the address of the lane, which has no network.
type laneAddr struct{}

func (laneAddr) Network() string { return "exgate" }
func (laneAddr) String() string  { return "own lane" }

var (
	_ net.Listener = (*ownLane)(nil)
	_ net.Conn     = (*shot)(nil)
	_ io.Reader    = (*shot)(nil)
)
