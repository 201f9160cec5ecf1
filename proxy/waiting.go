package proxy

import (
	"fmt"
	"sync"
	"time"

	"exgate/proxy/status"
)

// waiting has the reason why a command waits. The untagged OK that keeps the client patient says it, and the operator
// sees it. It has a lock of its own, since the session sets it and the snapshot of another goroutine reads it.
type waiting struct {
	mu    sync.Mutex
	state status.State // empty: nothing waits
	what  string
	until time.Time // zero: not known
}

func (w *waiting) set(state status.State, what string, until time.Time) {
	w.mu.Lock()
	w.state, w.what, w.until = state, what, until
	w.mu.Unlock()
}

// clear notes that nothing waits any more.
func (w *waiting) clear() { w.set("", "", time.Time{}) }

func (w *waiting) text() string {
	_, what, until := w.now()
	if until.IsZero() {
		return what
	}
	return fmt.Sprintf("%s; %d s more", what, int(time.Until(until).Seconds()))
}

// now returns what set has set last.
func (w *waiting) now() (state status.State, what string, until time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state, w.what, w.until
}
