package proxy

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// clientWriter is the only way to the client. Whoever has the turn writes one
// whole response, or a run of them, so that nothing is ever written inside
// another's literal.
type clientWriter struct {
	nc      net.Conn
	timeout time.Duration // of one write
	sent    atomic.Int64
	wrote   atomic.Int64 // when the last write ended, in nanoseconds of Unix time
	trace   *tracer

	turn  chan struct{} // holds one while somebody has the turn
	ended chan struct{} // closed when nobody gets the turn any more
	once  sync.Once
}

func newClientWriter(nc net.Conn, timeout time.Duration, trace *tracer) *clientWriter {
	return &clientWriter{
		nc: nc, timeout: timeout, trace: trace,
		turn: make(chan struct{}, 1), ended: make(chan struct{}),
	}
}

// errNoTurn is the failure to write to a client whose session ends while
// somebody else has the turn: in the middle of a response nothing may be said.
var errNoTurn = errors.New("the session ends, and a response to the client is not complete")

// take waits for the turn, which release gives back. It fails when the session is
// cut off, and when leaves is closed, which may be nil.
func (w *clientWriter) take(leaves <-chan struct{}) error {
	if w.tryTake() {
		return nil
	}
	select {
	case w.turn <- struct{}{}:
		return nil
	case <-w.ended:
	case <-leaves:
	}
	return errNoTurn
}

// tryTake takes the turn if nobody has it.
func (w *clientWriter) tryTake() bool {
	select {
	case w.turn <- struct{}{}:
		return true
	default:
		return false
	}
}

func (w *clientWriter) release() { <-w.turn }

// giveUp has all who wait for the turn, or will, wait no longer.
func (w *clientWriter) giveUp() { w.once.Do(func() { close(w.ended) }) }

// line writes one response line.
func (w *clientWriter) line(format string, args ...any) error {
	if err := w.take(nil); err != nil {
		return err
	}
	defer w.release()
	return w.whileHeld(fmt.Sprintf(format, args...))
}

// keepAlive tells the client why it waits, unless reason, asked when nothing
// else can be written any more, has none. While somebody else has the turn, a
// response is on its way, and the client is told nothing.
func (w *clientWriter) keepAlive(reason func() string) error {
	if !w.tryTake() {
		return nil
	}
	defer w.release()
	text := reason()
	if text == "" {
		return nil
	}
	return w.whileHeld("* OK exgate: still working: " + text)
}

// oneLineOnly takes out what may end a line.
var oneLineOnly = strings.NewReplacer("\r", " ", "\n", " ", "\x00", " ")

// whileHeld writes one response line; the caller has the turn. Where the line
// quotes the upstream, nothing in it may end the line.
func (w *clientWriter) whileHeld(line string) error {
	line = oneLineOnly.Replace(line)
	w.trace.toClient([]byte(line))
	return w.write([]byte(line + "\r\n"))
}

// settle waits until what the relay has begun to write is written, or the session
// is cut off.
func (w *clientWriter) settle() {
	if w.take(nil) == nil {
		w.release()
	}
}

// write sends p; the caller has the turn.
func (w *clientWriter) write(p []byte) error {
	if err := w.nc.SetWriteDeadline(time.Now().Add(w.timeout)); err != nil {
		return err
	}
	n, err := w.nc.Write(p)
	w.sent.Add(int64(n))
	w.wrote.Store(time.Now().UnixNano())
	return err
}
