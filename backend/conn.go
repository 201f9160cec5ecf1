package backend

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"exgate/backend/wire"
)

// Sink takes what an upstream says that no Request asked for. Its methods are
// called by the connection's reader, one at a time.
type Sink interface {
	// Take is given the fragments of the responses, in order. An error ends
	// the connection. f.Data is valid until Flush returns.
	Take(f wire.Fragment) error
	// Flush is called before the bytes of earlier fragments become invalid.
	Flush() error
	// End is called once, last, with the reason why the connection ended.
	End(err error)
}

// Trace is given what exgate's own requests say and hear, line by line, and no
// secret. It is called by two goroutines.
type Trace func(sent bool, line []byte)

// Conn is one connection to an upstream server. One goroutine reads it, from
// NewConn to Close; writing is the business of one goroutine at a time, which
// calls Do or Write.
type Conn struct {
	// Greeting is the text of the greeting, Capabilities what the server last
	// announced.
	Greeting     string
	Capabilities []string
	before       []string // those announced before the login
	// TLS is the version of TLS, "TLS 1.3" or the like; "" in plain text.
	TLS string

	nc       net.Conn
	timeouts Timeouts
	trace    Trace

	call atomic.Pointer[call] // the request in progress
	tag  int
	in   atomic.Int64
	out  atomic.Int64
	flow atomic.Pointer[flow] // nil: bytes pass as they come

	ending chan struct{} // closed when the socket is
	ended  chan struct{} // closed when the reader has ended

	mu       sync.Mutex
	err      error // why the connection ended
	said     string
	sink     Sink
	over     bool // the reader has looked at sink for the last time
	expected bool // something must come within timeouts.Reply
	inside   bool // a response has begun, and its end must come within that time

	// Of the reader alone.
	r        *wire.ResponseReader
	gathered []byte
	gather   *call // the response at hand is gathered for this request
}

// errClosed is the reason after Close.
var errClosed = errors.New("closed by exgate")

// gatherLimit bounds a response that is kept for a request; what is longer was
// not asked for.
const gatherLimit = 64 << 10

// gatherKept is what an idle connection keeps of it.
const gatherKept = 1 << 10

// abandonGrace is how long the reader may still read after a write failed.
const abandonGrace = 2 * time.Second

// newConn takes a connection whose greeting has been read, and starts its
// reader.
func newConn(d *Dialed, timeouts Timeouts, trace Trace) *Conn {
	c := &Conn{
		Greeting:     d.Greeting,
		Capabilities: d.Capabilities,
		nc:           d.Conn,
		timeouts:     timeouts.WithDefaults(),
		trace:        trace,
		ending:       make(chan struct{}),
		ended:        make(chan struct{}),
	}
	if d.TLS != nil {
		c.TLS = tls.VersionName(d.TLS.Version)
	}
	c.r = wire.NewResponseReader(wire.CountReader{Reader: d.Conn, N: &c.in})
	go c.read()
	return c
}

// Close ends the connection and waits for its reader.
func (c *Conn) Close() {
	c.end(errClosed)
	<-c.ended
}

// Cut ends the connection at once, and waits for nothing. err is the reason.
func (c *Conn) Cut(err error) { c.end(err) }

// Leave ends the connection and waits, for a moment at most, until the server
// has closed it too, so that it is not counted any more.
func (c *Conn) Leave() {
	if half, ok := c.nc.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		c.abandon(errClosed, c.timeouts.Leave)
		return
	}
	c.Close()
}

// Relay gives all that is not asked for by a request to sink, from now on. If
// the connection has ended, sink hears of that.
func (c *Conn) Relay(sink Sink) {
	c.mu.Lock()
	c.sink = sink
	over, err := c.over, c.err
	c.mu.Unlock()
	if over {
		sink.End(err)
	}
}

// Ending is closed when the socket is: the reader may still be at work.
func (c *Conn) Ending() <-chan struct{} { return c.ending }

// Ended is closed when the connection has ended; Err tells why.
func (c *Conn) Ended() <-chan struct{} { return c.ended }

// Err returns why the connection ended, or nil.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Traffic returns the bytes received from and sent to the upstream.
func (c *Conn) Traffic() (in, out int64) { return c.in.Load(), c.out.Load() }

// Said remembers the upstream's last complaint, which is said again when the
// connection ends. A BYE that only closes does not replace the reason that
// came before it, so that "Connection closed. 14" never hides a throttle.
func (c *Conn) Said(s wire.Status) {
	if s.Word == "OK" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.Word == "BYE" && c.said != "" {
		switch Classify(s).Kind {
		case KindClosed, KindClosedAtOnce:
			return
		}
	}
	c.said = s.Word + " " + s.Text
}

// Write sends bytes of the direct lane.
func (c *Conn) Write(p []byte) (int, error) {
	if f := c.flow.Load(); f != nil {
		return c.holdOut(f, p)
	}
	return c.write(p)
}

func (c *Conn) write(p []byte) (int, error) {
	if err := c.nc.SetWriteDeadline(time.Now().Add(c.timeouts.Write)); err != nil {
		return 0, err
	}
	n, err := c.nc.Write(p)
	c.out.Add(int64(n))
	return n, err
}

// Expect says whether the direct lane waits for a reply. While it does, a
// silence of Timeouts.Reply ends the connection: a server that hangs, or a
// firewall that has forgotten the connection, would else be waited for until
// TCP gives up. (Where nothing is awaited, TCP keep-alive, which Go's dialer
// switches on, finds a dead connection in a few minutes. The rest of a response
// that has begun is always awaited: whoever relays it can say nothing else.)
func (c *Conn) Expect(reply bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expected = reply
	c.bound()
}

// bound sets the reader's deadline. c.mu is held.
func (c *Conn) bound() {
	var deadline time.Time
	if c.expected || c.inside {
		deadline = time.Now().Add(c.timeouts.Reply)
	}
	c.nc.SetReadDeadline(deadline)
}

// Abandon ends the connection after a failure on its writing side and returns
// the reason: what the upstream was about to say, if the reader finds that
// soon, since a server that closes has often said why.
func (c *Conn) Abandon(err error) error { return c.abandon(err, abandonGrace) }

func (c *Conn) abandon(err error, grace time.Duration) error {
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-c.ended:
	case <-timer.C:
	}
	c.end(err)
	<-c.ended
	return c.Err()
}

// read is the connection's reader.
func (c *Conn) read() {
	defer close(c.ended)
	err := c.readAll()
	c.r.Release()
	c.end(err)
	c.mu.Lock()
	c.over = true
	sink, err := c.sink, c.err
	c.mu.Unlock()
	if sink != nil {
		sink.End(err)
	}
}

func (c *Conn) readAll() error {
	for {
		c.mu.Lock()
		sink := c.sink
		c.mu.Unlock()
		for f, ok := c.r.Scan(); ok; f, ok = c.r.Scan() {
			if err := c.take(f, sink); err != nil {
				return err
			}
		}
		if sink != nil {
			if err := sink.Flush(); err != nil {
				return err
			}
		}
		c.holdIn()
		c.heard()
		if err := c.r.Fill(); err != nil {
			var ne net.Error
			switch {
			case err == io.EOF:
				err = errors.New("closed by the upstream")
			case errors.As(err, &ne) && ne.Timeout():
				err = c.silence()
			}
			return err
		}
	}
}

// heard notes that the server is not silent, and whether it owes the rest of a
// response.
func (c *Conn) heard() {
	c.mu.Lock()
	defer c.mu.Unlock()
	owed := c.inside
	c.inside = c.r.Inside()
	if c.expected || c.inside || owed {
		c.bound()
	}
}

// silence is the end of a connection on which the server has been silent.
func (c *Conn) silence() error {
	if c.r.Inside() {
		return fmt.Errorf("silent for %s in the middle of a response (reply_timeout)", c.timeouts.Reply)
	}
	return fmt.Errorf("no reply for %s (reply_timeout)", c.timeouts.Reply)
}

// take hands a fragment to the request in progress, or to the sink.
func (c *Conn) take(f wire.Fragment, sink Sink) error {
	if f.First {
		c.gather = c.call.Load()
		if c.gathered = c.gathered[:0]; c.gather == nil || cap(c.gathered) > gatherKept {
			c.gathered = nil // an idle session holds little
		}
	}
	if c.gather == nil {
		if sink == nil {
			return c.unasked(f)
		}
		return sink.Take(f)
	}
	c.gathered = append(c.gathered, f.Data...)
	if !f.Last {
		if len(c.gathered) <= gatherLimit {
			return nil
		}
		c.gather = nil // too long to have been asked for
		if sink == nil {
			return nil
		}
		return c.forwardGathered(sink, f.Kind, false)
	}
	call := c.gather
	c.gather = nil
	return c.deliver(call, f.Kind, sink)
}

// unasked looks at what comes while there is neither request nor sink.
func (c *Conn) unasked(f wire.Fragment) error {
	if f.First && f.Kind != wire.Untagged {
		return &Violation{Line: clip(f.Data)}
	}
	if status, ok := wire.ParseStatus(f.Data); ok && f.First {
		c.Said(status)
	}
	return nil
}

// deliver gives a whole response to the request in progress, or to the sink
// what the request did not ask for.
func (c *Conn) deliver(call *call, kind wire.Kind, sink Sink) error {
	line := c.gathered
	if c.trace != nil {
		c.trace(false, []byte(call.req.shown(string(line))))
	}
	switch kind {
	case wire.Continuation:
		if !call.want.CompareAndSwap(wantContinue, wantNothing) {
			return &Violation{Line: clip([]byte(call.req.shown(string(line))))}
		}
		call.ev <- event{challenge: challenge(line)}
		return nil
	case wire.Tagged:
		status, _ := wire.ParseStatus(line)
		if status.Tag != call.tag || call.want.Swap(wantNothing) == wantNothing {
			return &Violation{Line: clip([]byte(call.req.shown(string(line))))}
		}
		// Before the reply is known: the request's Untagged is not called again.
		c.call.Store(nil)
		call.ev <- event{status: &status}
		return nil
	}
	if status, ok := wire.ParseStatus(line); ok {
		c.Said(call.req.told(status))
	}
	asked := call.req.Untagged != nil && call.req.Untagged(line)
	if asked || sink == nil {
		return nil
	}
	return c.forwardGathered(sink, kind, true)
}

// forwardGathered gives the sink a response, or its beginning, that was kept
// for a request, and flushes since the memory is used again.
func (c *Conn) forwardGathered(sink Sink, kind wire.Kind, last bool) error {
	if err := sink.Take(wire.Fragment{Data: slices.Clip(c.gathered), Kind: kind, First: true, Last: last}); err != nil {
		return err
	}
	return sink.Flush()
}

// end records the first reason and closes the socket, which ends the reader.
func (c *Conn) end(err error) {
	c.mu.Lock()
	if c.err == nil {
		var violation *Violation
		if err != errClosed && !errors.As(err, &violation) {
			err = &LostError{Err: err, Said: c.said}
		}
		c.err = err
		close(c.ending)
	}
	c.mu.Unlock()
	c.nc.Close()
}

// clip returns the beginning of a line, for an error text.
func clip(line []byte) string {
	return string(bytes.TrimRight(line[:min(len(line), 200)], "\r\n"))
}
