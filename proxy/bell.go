package proxy

import (
	"context"
	"net"
	"time"
)

// bell wakes serve, which waits either for the client's next line or for the
// upstream's answer. It is guarded by link.mu, so that the deadline by which it
// wakes comes after the one that serve has set for itself.
type bell struct {
	client   *clientSide
	watching bool          // serve reads the client only to notice its leaving
	idling   bool          // serve waits for the client's next line
	ring     chan struct{} // something that serve waits for may have changed
	armed    time.Time     // the deadline of reading the client; zero: there is none
}

// past is a deadline that ends a pending read at once.
var past = time.Unix(1, 0)

// wake has serve look again at what it waits for.
func (b *bell) wake() {
	if b.watching {
		b.interrupt()
	}
	select {
	case b.ring <- struct{}{}:
	default:
	}
}

// alarm has serve look after its upstream, also while it waits for the client's
// next line.
func (b *bell) alarm() {
	if b.idling {
		b.interrupt()
	}
	b.wake()
}

// interrupt ends what serve reads from the client.
func (b *bell) interrupt() { b.readUntil(past) }

// readUntil bounds the reading of the client; the zero time: it has no end.
func (b *bell) readUntil(t time.Time) {
	b.armed = t
	b.client.nc.SetReadDeadline(t)
}

// lookBy is readUntil for a reader that looks, when its time is over, whether it waits on. It sets
// nothing where the deadline in force ends the wait before t: to set one costs as much as a short
// line.
func (b *bell) lookBy(t time.Time) {
	if t.IsZero() && b.armed.IsZero() {
		return
	}
	if inForce := (t.IsZero() || !b.armed.After(t)) && b.armed.After(time.Now()); !inForce {
		b.readUntil(t)
	}
}

// boundReads bounds the reading of the client, unless the session is over with
// its upstream or with ctx: then reading is over too.
func (l *link) boundReads(ctx context.Context, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state.isGone() && !l.resumes || ctx.Err() != nil {
		until = past
	}
	l.bell.readUntil(until)
}

// secure replaces the client's connection by the same one under TLS.
func (l *link) secure(nc net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	client := l.bell.client
	client.nc, client.w.nc, client.secure = nc, nc, true
}

// beginIdling prepares for waiting for the client's next line, until the given time,
// or until exgate tells the client why its reply does not come. It returns false if
// the session must end, because the gateway drains and the client is not in the
// middle of a command. endIdling follows each true.
func (l *link) beginIdling(ctx context.Context, until time.Time, draining, amid bool, idle *command) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if draining && !amid && (len(l.flight) == 0 || idle != nil) {
		return false
	}
	l.bell.idling = true
	if ends := l.patienceEnds(amid); !ends.IsZero() && (until.IsZero() || ends.Before(until)) {
		until = ends
	}
	if ctx.Err() != nil || l.upstream != nil && l.isTroubled(amid, idle) {
		until = past
	}
	if l.upstream == nil { // the end of this wait is that of the session
		l.bell.readUntil(until)
	} else {
		l.bell.lookBy(until)
	}
	return true
}

func (l *link) endIdling() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bell.idling = false
}

// beginWatching prepares for watching the client, until a time, while serve waits
// for what done reports. over is what done has reported: then there is nothing to
// wait for, and neither is there when ctx has ended. canRead says that the client
// can be read meanwhile. done is called with mu held.
func (l *link) beginWatching(
	ctx context.Context, done func() bool, canRead bool, until time.Time,
) (over, watching bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	over = done()
	l.bell.watching = canRead && !over && ctx.Err() == nil
	if l.bell.watching {
		l.bell.lookBy(until)
	}
	return over, l.bell.watching
}

// check reports what done does, which is called with mu held.
func (l *link) check(done func() bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return done()
}

// set runs do with mu held, and wakes serve.
func (l *link) set(do func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	do()
	l.bell.wake()
}
