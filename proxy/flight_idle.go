package proxy

import (
	"time"

	"exgate/proxy/replies"
)

// idleProgress is the progress of an IDLE, which the client ends with DONE and exgate may
// end upstream in between (docs/exchange.md#ex-28).
type idleProgress struct {
	hasPlus    bool // the client has the continuation request
	hasEnded   bool // the client has sent DONE
	isRenewing bool // exgate has ended it upstream, to begin it again after the reply
}

// releaseBeforePlus returns the responses that were held back until the
// continuation request of an IDLE in flight.
func (l *link) releaseBeforePlus() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, cmd := range l.flight {
		if b, ok := cmd.Editor.(*replies.BeforePlus); ok {
			return b.Release()
		}
	}
	return nil
}

// endIdle notes that the client has ended its IDLE. over reports whether the
// upstream had ended the IDLE before, gone whether the upstream is lost.
func (l *link) endIdle(idle *command) (over, gone bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	idle.flight.idle.hasEnded = true
	return idle.flight.isDone(), l.state.isGone()
}

// idlesSince returns when an IDLE was begun upstream; zero if it is over there.
func (l *link) idlesSince(idle *command) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state.isGone() || idle.flight.isDone() {
		return time.Time{}
	}
	return idle.flight.sent
}

// beginRenewal notes that exgate ends an IDLE upstream, to begin it again.
func (l *link) beginRenewal(idle *command) {
	l.mu.Lock()
	defer l.mu.Unlock()
	idle.flight.idle.isRenewing = true
}

// endRenewal notes that an IDLE is begun again now. It returns false if the IDLE
// is over or the upstream is lost.
func (l *link) endRenewal(idle *command) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	idle.flight.sent = time.Now()
	return !idle.flight.isDone() && !l.state.isGone()
}
