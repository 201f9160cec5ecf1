package proxy

import "time"

// A client hears nothing while its command waits for a server that says nothing,
// and gives up in the end: imapsync after 120 s (docs/clients.md#imapsync). It is
// told in an untagged OK, which a server may send at any time between two
// responses (RFC 9051 section 7.1); unlike EXPUNGE (section 7.5.1) it changes no
// number, whatever command is in flight. Nothing is said during IDLE, in which a
// client awaits silence, nor before the "+" of one, nor while the client is in
// the midst of a command.

// pauses are how long a client hears nothing before it is told why, at first and
// afterwards. The zero value tells it nothing.
type pauses struct{ first, again time.Duration }

// silence is what a client that waits for a reply has heard.
type silence struct {
	pauses
	spoke time.Time // when the client began its last line
	told  time.Time // when it was last told why it waits, or could not be
}

// patienceEnds is when the client is to be told why it waits; zero: it does not
// wait. mu is held.
func (l *link) patienceEnds(amid bool) time.Time {
	if l.silence.first == 0 || amid || l.state.isGone() || !l.awaitsReply() {
		return time.Time{}
	}
	heard := later(l.silence.spoke, time.Unix(0, l.bell.client.w.wrote.Load()))
	ends := heard.Add(l.silence.first)
	if !l.silence.told.IsZero() {
		ends = later(ends, l.silence.told.Add(l.silence.again))
	}
	return ends
}

// awaitsReply reports whether commands are in flight, and no IDLE. mu is held.
func (l *link) awaitsReply() bool {
	for _, cmd := range l.flight {
		if cmd.verb == "IDLE" && !cmd.flight.ended {
			return false
		}
	}
	return len(l.flight) > 0
}

// tellsNow reports whether the client is to be told now why it waits, and takes it
// for told.
func (l *link) tellsNow(amid bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	ends, now := l.patienceEnds(amid), time.Now()
	if ends.IsZero() || now.Before(ends) {
		return false
	}
	l.silence.told = now
	return true
}

// keepPatient tells the client that its command is still at work, if that is due.
func (c *conn) keepPatient() error {
	if !c.link.tellsNow(c.client.within) {
		return nil
	}
	err := c.client.w.keepAlive(func() string {
		if !c.link.check(c.link.awaitsReply) {
			return ""
		}
		return "the reply has not come yet"
	})
	if err != nil {
		return c.clientLeft(err)
	}
	return nil
}

// later is the later of two times.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
