package proxy

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"exgate/backend/wire"
	"exgate/proxy/trace"
)

// clientWriter is the only way to write to the client. A goroutine takes the turn, and then
// writes one whole response or several. So nothing is written inside the literal of another
// response.
type clientWriter struct {
	nc      net.Conn
	timeout time.Duration // for one write
	writeBy wire.WriteDeadline
	sent    atomic.Int64
	wrote   atomic.Int64 // the end of the last write, in nanoseconds of Unix time
	trace   *trace.Session

	turn  chan struct{} // holds an element while a goroutine has the turn
	ended chan struct{} // closed when no goroutine gets the turn any more
	once  sync.Once
}

func newClientWriter(nc net.Conn, timeout time.Duration, traced *trace.Session) *clientWriter {
	return &clientWriter{
		nc: nc, timeout: timeout, trace: traced,
		turn: make(chan struct{}, 1), ended: make(chan struct{}),
	}
}

// errNoTurn is the error of a write to a client whose session ends while another goroutine
// has the turn. That goroutine is in the middle of a response, so nothing else can be
// written.
var errNoTurn = errors.New(
	"the session ends while another response to the client is incomplete: nothing more can be written")

// take waits for the turn. The caller gives the turn back with release. take returns
// errNoTurn when the session is cut off, or when leaves is closed. leaves may be nil.
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

// tryTake takes the turn if it is free, and reports whether it did.
func (w *clientWriter) tryTake() bool {
	select {
	case w.turn <- struct{}{}:
		return true
	default:
		return false
	}
}

func (w *clientWriter) release() { <-w.turn }

// giveUp ends all waits for the turn, now and later.
func (w *clientWriter) giveUp() { w.once.Do(func() { close(w.ended) }) }

// line waits for the turn and writes one response line.
func (w *clientWriter) line(format string, args ...any) error {
	if err := w.take(nil); err != nil {
		return err
	}
	defer w.release()
	return w.whileHeld(fmt.Sprintf(format, args...))
}

// keepAlive tells the client why it waits. It takes the turn, then calls reason for the
// text. If the text is "", it writes nothing. It also writes nothing while another
// goroutine has the turn, because a response is then on its way to the client.
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

// oneLineOnly replaces the characters that could end a line by blanks.
var oneLineOnly = strings.NewReplacer("\r", " ", "\n", " ", "\x00", " ")

// whileHeld writes one response line. The caller has the turn. The line may quote the
// upstream, so whileHeld replaces all characters in it that could end the line.
func (w *clientWriter) whileHeld(line string) error {
	line = oneLineOnly.Replace(line)
	w.trace.ToClient([]byte(line))
	return w.write([]byte(line + "\r\n"))
}

// settle waits until the relay has finished the responses that it has begun to write, or
// until the session is cut off.
func (w *clientWriter) settle() {
	if w.take(nil) == nil {
		w.release()
	}
}

// write sends p to the client. The caller has the turn.
func (w *clientWriter) write(p []byte) error {
	if err := w.writeBy.Allow(w.nc, w.timeout); err != nil {
		return err
	}
	n, err := w.nc.Write(p)
	w.sent.Add(int64(n))
	w.wrote.Store(time.Now().UnixNano())
	return err
}

// pipe sends what is in p to the client, which is reached without TLS. The caller has the turn.
func (w *clientWriter) pipe(p *wire.Pipe) error {
	err := p.Send(w.nc, &w.writeBy, w.timeout, &w.sent)
	w.wrote.Store(time.Now().UnixNano())
	return err
}
