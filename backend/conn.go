package backend

import (
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"exgate/backend/wire"
)

// Sink receives the responses of an upstream that no Request asked for. The
// connection's reader calls its methods, one at a time; Conn.Relay calls End if
// the connection has ended before. A Sink that is a wire.PipeWriter may get parts of
// a literal in a pipe, after Flush.
type Sink interface {
	// Take receives the fragments of the responses, in order. An error ends the
	// connection. f.Data is valid until Flush returns.
	Take(f wire.Fragment) error
	// Flush is called before the bytes of earlier fragments become invalid.
	Flush() error
	// End is called once, last, with the reason why the connection ended.
	End(err error)
}

// FetchSink is a Sink that can take many FETCH responses at once.
type FetchSink interface {
	Sink
	// TakeFetches receives FETCH responses that come next. taken is false if the sink
	// wants them one by one; Take then gets them. run.Data is valid until Flush returns.
	TakeFetches(run wire.Fetches) (taken bool, err error)
}

// Trace receives each line that exgate's own requests send and receive, as it is on the wire, without
// secrets. Two goroutines call it.
type Trace func(sent bool, line []byte)

// Conn is one connection to an upstream server. One goroutine reads it, from
// newConn to Close. Only one goroutine at a time may write, by calling Do or Write.
type Conn struct {
	// Greeting is the text of the greeting. Capabilities are those that the server
	// announced last.
	Greeting     string
	Capabilities []string
	before       []string // the capabilities announced before the login
	// TLS is the version of TLS, such as "TLS 1.3"; "" in plain text.
	TLS string

	nc          net.Conn
	writeBy     wire.WriteDeadline
	timeouts    Timeouts
	literalPlus bool // a message need not wait for "+" where the server takes that
	trace       Trace
	throttled   func(time.Duration) // see OnThrottle; nil: nobody wants to know

	call     atomic.Pointer[call] // the request in progress; the first without a reply of a flight
	tag      int
	patience *time.Timer // of the request that waits for its reply
	in       atomic.Int64
	out      atomic.Int64
	flow     atomic.Pointer[flow] // nil: bytes have no pace

	ending chan struct{} // closed together with the socket
	ended  chan struct{} // closed when the reader has ended

	mu       sync.Mutex
	err      error // the reason why the connection ended
	said     string
	sink     Sink
	over     bool      // the reader has used sink for the last time
	expected bool      // the server must send something within timeouts.Reply
	inside   bool      // a response has begun, and its end must come within timeouts.Reply
	due      time.Time // when the reader gives up; zero: never
	armed    time.Time // the deadline of the socket, which is not after due; zero: it has none
	leavesBy time.Time // when the server must have closed the connection, after its BYE; zero: it has said none

	// Only the reader uses these.
	r        *wire.ResponseReader
	gathered []byte
	raw      []byte // what is gathered, as the server wrote it; only for the trace
	gather   *call  // the current response is gathered for this request
	bareTag  string // the tag of the request that a stray has refused, while its reply may come; "": none
}

// errClosed is the reason after Close.
var errClosed = errors.New("exgate has closed the connection")

// gatherLimit is the maximum size of a response for a request. A longer response
// was not asked for.
const gatherLimit = 64 << 10

// gatherKept is the size of the buffer that an idle connection keeps.
const gatherKept = 1 << 10

// abandonGrace is how long the reader may still read after a write has failed.
const abandonGrace = 2 * time.Second

// byeGrace is how long a server that has said BYE may take to close the connection. Some say BYE
// again and again (jstedfast/MailKit#938).
const byeGrace = 2 * time.Second

// newConn returns a Conn for a connection whose greeting has been read, and starts
// its reader.
func newConn(d *Dialed, timeouts Timeouts, trace Trace) *Conn {
	c := &Conn{
		Greeting:     d.Greeting,
		Capabilities: d.Capabilities,
		nc:           d.Conn,
		timeouts:     timeouts.WithDefaults(),
		trace:        trace,
		ending:       make(chan struct{}),
		ended:        make(chan struct{}),
		patience:     time.NewTimer(0),
	}
	c.patience.Stop()
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

// Cut ends the connection at once and waits for nothing. err is the reason.
func (c *Conn) Cut(err error) { c.end(err) }

// Leave ends the connection and waits for Timeouts.Leave at most until the server
// has closed it too. The server then no longer counts the connection.
func (c *Conn) Leave() {
	if half, ok := c.nc.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		c.abandon(errClosed, c.timeouts.Leave)
		return
	}
	c.Close()
}

// Relay gives sink all responses that no request asks for, from now on. If the
// connection has already ended, Relay calls sink.End.
func (c *Conn) Relay(sink Sink) {
	c.mu.Lock()
	c.sink = sink
	over, err := c.over, c.err
	c.mu.Unlock()
	if over {
		sink.End(err)
	}
}

// Ending returns a channel that is closed with the socket. The reader may still be
// at work.
func (c *Conn) Ending() <-chan struct{} { return c.ending }

// Ended returns a channel that is closed when the connection has ended. Err then
// returns the reason.
func (c *Conn) Ended() <-chan struct{} { return c.ended }

// Err returns the reason why the connection ended, or nil.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// OnThrottle makes Do call note if Exchange refuses a request by a throttle. note gets the time that Exchange
// asks to wait, before Do returns. The goroutine that calls Do calls OnThrottle.
func (c *Conn) OnThrottle(note func(backoff time.Duration)) { c.throttled = note }

// Traffic returns the number of bytes received from and sent to the upstream.
func (c *Conn) Traffic() (in, out int64) { return c.in.Load(), c.out.Load() }

// Said remembers the upstream's last NO, BAD or BYE, which LostError repeats when
// the connection ends. A BYE that only closes does not replace the reason before
// it, so that "Connection closed. 14" never hides a throttle.
func (c *Conn) Said(s wire.Status) {
	if s.Word == "OK" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.Word == "BYE" && c.leavesBy.IsZero() {
		c.leavesBy = time.Now().Add(byeGrace)
		c.bound()
	}
	if s.Word == "BYE" && c.said != "" {
		switch Classify(s).Kind {
		case KindClosed, KindClosedAtOnce:
			return
		}
	}
	c.said = s.Words()
}

// Write sends bytes as they are, at the pace.
func (c *Conn) Write(p []byte) (int, error) {
	if f := c.flow.Load(); f != nil {
		return c.holdOut(f, p)
	}
	return c.write(p)
}

func (c *Conn) write(p []byte) (int, error) {
	if err := c.writeBy.Allow(c.nc, c.timeouts.Write); err != nil {
		return 0, err
	}
	n, err := c.nc.Write(p)
	c.out.Add(int64(n))
	return n, err
}

// LendTo has lenders give back the buffer of the connection while nothing comes, if it is under TLS.
func (c *Conn) LendTo(lenders *wire.Lenders) {
	nc := c.nc
	if first, ok := nc.(*ahead); ok {
		nc = first.Conn
	}
	if encrypted, ok := nc.(*wire.TLS); ok {
		lenders.Add(encrypted)
	}
}

// TakesPipe implements wire.PipeWriter. Bytes that have a pace are written in short pieces.
func (c *Conn) TakesPipe() bool { return wire.IsBare(c.nc) && c.flow.Load() == nil }

// WritePipe implements wire.PipeWriter.
func (c *Conn) WritePipe(p *wire.Pipe) error {
	return p.Send(c.nc, &c.writeBy, c.timeouts.Write, &c.out)
}

// Abandon ends the connection after a write has failed, and returns the reason. It
// gives the reader a moment, because a server that closes a connection has often
// sent the reason first.
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
		if err := c.takeAll(sink); err != nil {
			return err
		}
		if sink != nil {
			if err := sink.Flush(); err != nil {
				return err
			}
		}
		c.holdIn()
		c.heard()
		if err := c.fill(sink); err != nil {
			return err
		}
	}
}

// takeAll takes what has been read and is complete.
func (c *Conn) takeAll(sink Sink) error {
	for {
		if taken, err := c.takeFetches(sink); err != nil {
			return err
		} else if taken {
			continue
		}
		f, ok := c.r.Scan()
		if !ok {
			return nil
		}
		if err := c.take(f, sink); err != nil {
			return err
		}
	}
}

// takeFetches lets the sink take many FETCH responses at once. If the sink wants them one by one,
// it gets them so here. taken is false if there are none.
func (c *Conn) takeFetches(sink Sink) (taken bool, err error) {
	if !c.r.MayHaveFetches() || c.call.Load() != nil {
		return false, nil
	}
	many, ok := sink.(FetchSink)
	if !ok {
		return false, nil
	}
	run := c.r.Fetches()
	if len(run.Data) == 0 {
		return false, nil
	}
	if taken, err := many.TakeFetches(run); taken || err != nil {
		c.r.TakeFetches(run)
		return true, err
	}
	for left := len(run.Data); left > 0; {
		f, _ := c.r.Scan()
		left -= len(f.Data)
		if err := c.take(f, sink); err != nil {
			return true, err
		}
	}
	return true, nil
}

// take passes a fragment to the request in progress, or to the sink.
func (c *Conn) take(f wire.Fragment, sink Sink) error {
	if c.isLate(f) {
		return nil
	}
	if f.First {
		c.gather = c.call.Load()
		if c.gathered = c.gathered[:0]; c.gather == nil || cap(c.gathered) > gatherKept {
			c.gathered = nil // an idle session needs little memory
		}
		c.raw = nil
	}
	if c.gather == nil {
		if sink == nil {
			return c.unasked(f)
		}
		return sink.Take(f)
	}
	text, _ := wire.Tidy(f)
	c.gathered = append(c.gathered, text...)
	if c.trace != nil {
		c.raw = append(c.raw, f.Data...)
	}
	if !f.Last {
		if len(c.gathered) <= gatherLimit {
			return nil
		}
		c.gather = nil // no request asks for a response of this length
		if sink == nil {
			return nil
		}
		return c.forwardGathered(sink, f.Kind, false)
	}
	call := c.gather
	c.gather = nil
	return c.deliver(call, f.Kind, sink)
}

// unasked handles a fragment that arrives while there is neither a request nor a
// sink.
func (c *Conn) unasked(f wire.Fragment) error {
	if f.First && f.Kind == wire.Tagged {
		return OutOfStep(f.Data)
	}
	if status, ok := wire.ParseStatus(f.Data); ok && f.First {
		c.Said(status)
	}
	return nil
}

// deliver passes a whole response to the request in progress, or to the sink if the
// request did not ask for it.
func (c *Conn) deliver(call *call, kind wire.Kind, sink Sink) error {
	line := c.gathered
	if c.trace != nil {
		c.trace(false, []byte(call.req.shown(string(c.raw))))
	}
	switch kind {
	case wire.Continuation:
		switch {
		case call.want.CompareAndSwap(wantContinue, wantNothing):
			call.ev <- event{challenge: challenge(line)}
		case call.req.Body != nil: // Exchange may run the message as commands
			return OutOfStep([]byte(call.req.shown(string(line))))
		}
		return nil
	case wire.Tagged:
		status, _ := wire.ParseStatus(line)
		call = call.tagged(status.Tag)
		if status.Tag == call.tag && status.Word == "BYE" {
			c.Said(call.req.told(status))
			return ErrTaggedBye
		}
		refused := call.plus && status.Tag == call.tag && status.Word != "OK" // which counts, also before its time
		if status.Tag != call.tag || call.want.Swap(wantNothing) == wantNothing && !refused {
			return OutOfStep([]byte(call.req.shown(string(line))))
		}
		// This comes before the event, so that the request's Untagged is not called
		// after Do has returned.
		c.call.Store(c.call.Load().unanswered())
		call.ev <- event{status: &status}
		if refused {
			return errPlusRefused
		}
		return nil
	}
	if IsStray(line) {
		return c.strayed(call, line)
	}
	if status, ok := wire.ParseStatus(line); ok {
		c.Said(call.req.told(status))
	}
	for ; call != nil; call = call.next.unanswered() {
		if call.req.Untagged != nil && call.req.Untagged(line) {
			return call.answered(len(line))
		}
	}
	if sink == nil {
		return nil
	}
	return c.forwardGathered(sink, kind, true)
}

// forwardGathered passes a gathered response, or its beginning, to the sink. It
// flushes, because gathered is used again for the next response.
func (c *Conn) forwardGathered(sink Sink, kind wire.Kind, last bool) error {
	whole := wire.Fragment{Data: slices.Clip(c.gathered), Kind: kind, First: true, Last: last}
	if err := sink.Take(whole); err != nil {
		return err
	}
	return sink.Flush()
}

// end records the first reason and closes the socket. This ends the reader.
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
