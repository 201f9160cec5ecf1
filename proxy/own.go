package proxy

import (
	"bytes"
	"net"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/emersion/go-imap/v2/imapserver"

	"exgate/proxy/delivery"
)

// ownLane is the gateway's own IMAP server: go-imap's imapserver, which gets each
// command by a laneConn. An idle session has none.
type ownLane struct {
	server *imapserver.Server
	shots  chan *shot // to Accept
	more   chan *shot // to a connection that waits for another APPEND
	closed chan struct{}
	once   sync.Once
	ended  chan struct{}  // closed when the server has returned
	idlers sync.WaitGroup // the connections that wait

	mu   sync.Mutex
	idle int  // how many connections wait
	over bool // closed is closed
}

// maxLaneIdle is how many connections of the library wait for another APPEND. One has about 12 KiB.
const maxLaneIdle = 16

// laneTag is the tag of every command in the lane. The library never sees the
// client's tag: it would close the connection over a "]" in it.
const laneTag = "L"

var _ net.Listener = (*ownLane)(nil)

// newOwnLane starts the lane's server; Close ends it.
func newOwnLane(log imapserver.Logger) *ownLane {
	lane := &ownLane{
		shots: make(chan *shot), more: make(chan *shot),
		closed: make(chan struct{}), ended: make(chan struct{}),
	}
	lane.server = imapserver.New(&imapserver.Options{
		NewSession:   newLaneSession,
		Logger:       log,
		InsecureAuth: true, // conn.logIn refuses logins without TLS, except on insecure-plaintext
	})
	go lane.serve(log)
	return lane
}

func (lane *ownLane) serve(log imapserver.Logger) {
	defer close(lane.ended)
	if err := lane.server.Serve(lane); err != nil {
		log.Printf("the own lane's server failed: %v", err)
	}
}

// Accept implements net.Listener.
func (lane *ownLane) Accept() (net.Conn, error) {
	select {
	case s := <-lane.shots:
		return &laneConn{lane: lane, shot: s}, nil
	case <-lane.closed:
		return nil, net.ErrClosed
	}
}

// Addr implements net.Listener.
func (lane *ownLane) Addr() net.Addr { return laneAddr{} }

// Close implements net.Listener. It does not wait for shots: their sessions do.
func (lane *ownLane) Close() error {
	lane.once.Do(func() {
		lane.mu.Lock()
		defer lane.mu.Unlock()
		lane.over = true
		close(lane.closed)
	})
	<-lane.ended
	lane.idlers.Wait()
	return nil
}

// next waits for another APPEND. It returns nil if enough connections wait, or when the lane ends.
func (lane *ownLane) next() (s *shot) {
	lane.mu.Lock()
	enough := lane.over || lane.idle == maxLaneIdle
	if !enough {
		lane.idle++
		lane.idlers.Add(1)
	}
	lane.mu.Unlock()
	if enough {
		return nil
	}
	select {
	case s = <-lane.more:
	case <-lane.closed:
	}
	lane.mu.Lock()
	lane.idle--
	lane.mu.Unlock()
	lane.idlers.Done()
	return s
}

// hand gives a shot to the library. It returns false if the lane has ended.
func (lane *ownLane) hand(s *shot) bool {
	if s.upload != nil {
		select {
		case lane.more <- s: // to a connection that waits
			return true
		default:
		}
	}
	select {
	case lane.shots <- s:
		return true
	case <-lane.closed:
		return false
	}
}

// shot is one command in the own lane. Write passes the reply to the client, under
// the client's tag.
type shot struct {
	c       *conn
	tag     string           // the client's tag
	preauth bool             // the client is logged in
	upload  *delivery.Upload // the message of APPEND; nil for a login
	in      *bytes.Reader    // the command, in canonical form
	line    []byte           // a line of the reply of which the end has not come
	greeted bool             // the library's greeting was skipped
	replied atomic.Bool      // the tagged reply has come
	faulty  bool             // it is neither OK nor NO
	holdNo  bool             // a tagged NO goes to held, and not to the client
	held    string
	err     error         // of writing to the client
	done    chan struct{} // closed when the library has done with the command
}

// fire runs one command in the own lane, and returns when the library has done with
// the shot. If that takes long, it watches the client, who is told reason.
func (c *conn) fire(s *shot, command string, reason func() string) error {
	s.c, s.in, s.done = c, bytes.NewReader([]byte(laneTag+" "+command)), make(chan struct{})
	if !c.srv.own.hand(s) {
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

// Write passes on whole lines of the library.
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
		s.faulty = !strings.HasPrefix(line, laneTag+" OK") && !strings.HasPrefix(line, laneTag+" NO")
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
