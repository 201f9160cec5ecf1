package proxy

import (
	"fmt"
	"sync"
	"time"
)

// waiting is what the own lane waits for, for the untagged OK that keeps the
// client patient.
type waiting struct {
	mu    sync.Mutex
	what  string
	until time.Time // zero: not known
}

func (w *waiting) set(what string, until time.Time) {
	w.mu.Lock()
	w.what, w.until = what, until
	w.mu.Unlock()
}

func (w *waiting) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.until.IsZero() {
		return w.what
	}
	return fmt.Sprintf("%s; %d s more", w.what, int(time.Until(w.until).Seconds()))
}
