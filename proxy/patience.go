package proxy

import "time"

// A client gives up when its command waits too long for a silent server: imapsync
// after 120 s (docs/clients.md#imapsync). So exgate tells the client in an untagged OK
// why it waits. A server may send an untagged OK at any time between two responses
// (RFC 9051 section 7.1). Unlike EXPUNGE (section 7.5.1), it changes no message number,
// whatever command is in flight. exgate sends none during IDLE, because a client in
// IDLE expects silence. It also sends none before the "+" of an IDLE, and none while
// the client is in the middle of a command.

// pauses has the times after which a client is told why it waits: the silence before the
// first such line, and the pause before each further one. With the zero value the client is
// told nothing.
type pauses struct{ first, again time.Duration }

// patience records when a waiting client spoke, and when it was told why it waits.
type patience struct {
	pauses
	spoke time.Time // when the client began to send its last line
	told  time.Time // when exgate last told the client why it waits, or tried to
}

// patienceEnds returns the time at which the client must be told why it waits. It returns
// the zero time if the client does not wait. l.mu is held.
func (l *link) patienceEnds(amid bool) time.Time {
	if l.patience.first == 0 || amid || l.state.isGone() || !l.awaitsReply() {
		return time.Time{}
	}
	heard := later(l.patience.spoke, time.Unix(0, l.bell.client.w.wrote.Load()))
	ends := heard.Add(l.patience.first)
	if !l.patience.told.IsZero() {
		ends = later(ends, l.patience.told.Add(l.patience.again))
	}
	return ends
}

// awaitsReply reports whether commands are in flight and none of them is an open IDLE. l.mu
// is held.
func (l *link) awaitsReply() bool {
	for _, cmd := range l.flight {
		if cmd.verb == "IDLE" && !cmd.flight.idle.hasEnded {
			return false
		}
	}
	return len(l.flight) > 0
}

// tellsNow reports whether the client must be told now why it waits. If so, it notes that
// the client has been told.
func (l *link) tellsNow(amid bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.isImpatient(amid) {
		return false
	}
	l.patience.told = time.Now()
	return true
}

// isImpatient reports whether the client must be told now why it waits. l.mu is held.
func (l *link) isImpatient(amid bool) bool {
	ends := l.patienceEnds(amid)
	return !ends.IsZero() && !time.Now().Before(ends)
}

// keepPatient tells the client that its command still waits for a reply, if it is time to
// do so. It returns an error if the client cannot be written to.
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

// later returns the later of two times.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
