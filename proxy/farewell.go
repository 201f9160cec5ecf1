package proxy

import (
	"errors"
	"sync"
	"time"
)

// farewell bounds the end of a session. What still has to be said to the client
// waits for its turn and for the socket, and neither may ever come: an upstream
// may have stopped in the middle of a response, and a client may not read. When
// limits.Farewell have passed since the end began, the sockets of both sides are
// closed, whoever uses them.
type farewell struct {
	mu    sync.Mutex
	timer *time.Timer // nil: the end has not begun
	over  bool        // the session has ended by itself
}

// errCutOff is the end of an upstream connection whose session took too long to
// end.
var errCutOff = errors.New("the session took too long to end")

// begin has cut called after a time, unless the session has ended by then. Only
// the first call counts.
func (f *farewell) begin(after time.Duration, cut func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.timer == nil && !f.over {
		f.timer = time.AfterFunc(after, cut)
	}
}

// end notes that the session has ended.
func (f *farewell) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.over = true
	if f.timer != nil {
		f.timer.Stop()
	}
}

// endsSoon begins the end of the session.
func (c *conn) endsSoon() { c.farewell.begin(c.srv.limits.Farewell, c.cutOff) }

// cutOff closes the sockets of both sides, and waits for nothing. All that waits
// for them goes on with an error.
func (c *conn) cutOff() {
	c.client.w.giveUp()
	c.client.tcp.Close()
	c.link.cut(errCutOff)
}
