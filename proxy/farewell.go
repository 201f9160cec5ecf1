package proxy

import (
	"errors"
	"sync"
	"time"
)

// farewell limits the time in which a session ends. At the end, exgate still has lines for
// the client. They wait for the turn to write and for the socket. Both waits can be
// endless: an upstream can stop in the middle of a response, and a client can stop reading.
// So exgate closes the sockets of both sides limits.Farewell after the end of the session
// began, even while they are in use.
type farewell struct {
	mu    sync.Mutex
	timer *time.Timer // nil: the session has not begun to end
	over  bool        // the session has ended without a cut
}

// errCutOff is the reason why an upstream connection ends when its session took too long to
// end.
var errCutOff = errors.New("the session took too long to end")

// begin calls cut after the given time, unless the session has ended by then. A second call
// of begin does nothing.
func (f *farewell) begin(after time.Duration, cut func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.timer == nil && !f.over {
		f.timer = time.AfterFunc(after, cut)
	}
}

// end notes that the session has ended. cut is not called after it.
func (f *farewell) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.over = true
	if f.timer != nil {
		f.timer.Stop()
	}
}

// endsSoon begins the end of the session, and its time limit.
func (c *conn) endsSoon() { c.farewell.begin(c.srv.limits.Farewell, c.cutOff) }

// cutOff closes the sockets of both sides without waiting. Each goroutine that waits for
// one of them goes on with an error.
func (c *conn) cutOff() {
	c.client.w.giveUp()
	c.client.tcp.Close()
	c.link.cut(errCutOff)
}
