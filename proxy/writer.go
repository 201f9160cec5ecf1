package proxy

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// clientWriter is the only way to the client. Its lock is held for exactly one
// whole response, or a run of them, so that nothing is ever written inside
// another's literal.
type clientWriter struct {
	mu      sync.Mutex
	nc      net.Conn
	timeout time.Duration // of one write
	sent    atomic.Int64
	trace   *tracer
}

// line writes one response line.
func (w *clientWriter) line(format string, args ...any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.locked(fmt.Sprintf(format, args...))
}

// keepAlive tells the client why it waits, unless reason, asked when nothing
// else can be written any more, has none.
func (w *clientWriter) keepAlive(reason func() string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := reason()
	if text == "" {
		return nil
	}
	return w.locked("* OK exgate: still working: " + text)
}

// oneLineOnly takes out what may end a line.
var oneLineOnly = strings.NewReplacer("\r", " ", "\n", " ", "\x00", " ")

// locked writes one response line; the lock is held. Where the line quotes the
// upstream, nothing in it may end the line.
func (w *clientWriter) locked(line string) error {
	line = oneLineOnly.Replace(line)
	w.trace.toClient([]byte(line))
	return w.write([]byte(line + "\r\n"))
}

// settle waits until what the relay has begun to write is written.
func (w *clientWriter) settle() {
	w.mu.Lock()
	defer w.mu.Unlock()
}

// write sends p; the lock is held.
func (w *clientWriter) write(p []byte) error {
	if err := w.nc.SetWriteDeadline(time.Now().Add(w.timeout)); err != nil {
		return err
	}
	n, err := w.nc.Write(p)
	w.sent.Add(int64(n))
	return err
}
