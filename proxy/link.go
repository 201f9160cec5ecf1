package proxy

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/proxy/mailbox"
)

// link is a session's link to its upstream: the connection, the commands in
// flight on it, and what the client has been told by it. Both goroutines of the
// session know it: serve, which sends, and the connection's reader, which calls
// relay. Every method locks mu, unless it says that mu is held. mu is never held
// while something is written to a socket.
type link struct {
	// up is the connection, also after it has ended; nil before the login. serve
	// alone reads it without mu.
	up *backend.Conn
	// sink takes what the upstream says; nil: what it says is nobody's.
	sink atomic.Pointer[relay]
	bell bell
	// heard is when the client was last sent what the upstream says, in nanoseconds
	// of Unix time.
	heard atomic.Int64

	mu        sync.Mutex
	state     linkState
	cause     error // why the connection ended; nil while the state is up
	resumes   bool  // the session outlives the connection
	exchange  bool  // the server is taken for Exchange
	farewell  bool  // the upstream's BYE has been passed on
	errors    int   // of the ten after which Exchange closes this connection
	spent     usage // errors of all connections, bytes of those before this one
	flight    []*command
	view      mailbox.View
	expunges  int      // that the client has been told of
	enabled   []string // what the client has enabled, each once
	pinned    string   // why the session cannot be resumed; "": it can
	dismissed string   // why the session is to end soon; "": it is not

	rested    time.Time // since when there has been nothing to do; zero: there is
	wanted    bool      // another session wants the seat
	mayReturn bool      // a parked session has been granted another seat
	silence   silence
}

// linkState is what has become of the connection.
type linkState int

const (
	linkNone   linkState = iota // there is none before the login
	linkUp                      // it can be used
	linkAged                    // up, but it could not be renewed: it is used to its end
	linkParked                  // it was given to another session while this one idled
	linkLost                    // it ended between two responses
	linkTorn                    // it ended in the middle of a response to the client
)

// isGone reports whether there was a connection that has ended.
func (s linkState) isGone() bool { return s >= linkParked }

// errParked is the end of a connection that was given away.
var errParked = errors.New("it was given to another session while this one idled")

// open makes a connection the session's after a login.
func (l *link) open(r *relay, up *backend.Conn, resumes, exchange bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.up, l.state, l.cause, l.errors = up, linkUp, nil, 0
	l.resumes, l.exchange = resumes, exchange
	l.sink.Store(r)
	l.rests()
}

// detach has the client hear nothing more of the connection.
func (l *link) detach() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sink.Store(nil)
}

// end notes that the connection of r has ended, and wakes serve. torn says that
// the client has got a part of a response. It returns false for a connection
// that is not the session's.
func (l *link) end(r *relay, cause error, torn bool) (ours bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sink.Load() != r {
		return false
	}
	l.cause, l.state = cause, linkLost
	if torn {
		l.state = linkTorn
	}
	l.bell.alarm()
	if !l.resumes {
		l.bell.interrupt()
	}
	return true
}

// replace makes another connection the session's, if proof agrees that the
// mailbox of r is the one that the client knows. told and now are the messages
// that the client has been told of, and that there are.
func (l *link) replace(r *relay, up *backend.Conn, proof func(now *mailbox.View) error) (told, now uint32, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := up.Err(); err != nil {
		return 0, 0, err
	}
	if err := proof(r.fresh); err != nil {
		return 0, 0, err
	}
	told = l.view.Exists
	l.view, r.fresh = *r.fresh, nil
	l.up, l.state, l.cause, l.errors = up, linkUp, nil, 0
	l.sink.Store(r)
	return told, l.view.Exists, nil
}

// park gives the connection up, if the session idles. It returns false if not.
func (l *link) park() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wanted = false
	if l.rested.IsZero() || l.state.isGone() {
		return false
	}
	l.cause, l.state = errParked, linkParked
	l.sink.Store(nil)
	return true
}

// isGone reports whether the connection has ended.
func (l *link) isGone() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state.isGone()
}

// loss is why the connection ended; nil if it has not.
func (l *link) loss() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cause
}

// cut ends the connection at once, and waits for nothing.
func (l *link) cut(cause error) {
	l.mu.Lock()
	up := l.up
	l.mu.Unlock()
	if up != nil {
		up.Cut(cause)
	}
}

// outcome returns how the connection has ended. torn: in the middle of a response.
// pinned is the reason why the session cannot be resumed, or "". cause is nil if the
// connection has not ended.
func (l *link) outcome() (torn bool, pinned string, cause error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state == linkTorn, l.pinned, l.cause
}

// dismissal is why the session is to end soon; "" if it is not.
func (l *link) dismissal() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dismissed
}

// isPinned reports whether the session cannot go on with another connection.
func (l *link) isPinned() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.resumes || l.pinned != ""
}

// isSilenced reports whether nothing more may be said to the client: a response
// is torn, or the upstream has said BYE.
func (l *link) isSilenced() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state == linkTorn || l.farewell
}

// hasFarewell reports whether the upstream's BYE has been passed on.
func (l *link) hasFarewell() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.farewell
}

// selected is the mailbox that the client has selected.
func (l *link) selected() mailbox.View {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.view
}

// repeatable is what a new connection has to be brought to: the mailbox that
// the client has selected, and what it has enabled.
func (l *link) repeatable() (view mailbox.View, enabled []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.view, l.enabled
}

// openedAfresh notes that r's connection has opened the mailbox of another view,
// and returns what the client would see of it now.
func (l *link) openedAfresh(r *relay, old *mailbox.View, status wire.Status) mailbox.View {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.fresh.Mailbox, r.fresh.Shown, r.fresh.ReadWrite = old.Mailbox, old.Shown, old.ReadWrite
	r.fresh.Opened(status)
	return *r.fresh
}

// noteFresh keeps the books of a connection that is being brought to where the
// session is.
func (l *link) noteFresh(r *relay, line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.fresh == nil {
		return
	}
	if status, ok := wire.ParseStatus(line); ok {
		r.fresh.NoteCode(status)
	} else if n, word, ok := wire.ParseNumbered(line); ok {
		r.fresh.Note(n, word)
	}
}

// addErrors counts what Exchange counts against the connection.
func (l *link) addErrors(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errors += n
	l.spent.errors += n
}

// usage is what connections have cost: bytes each way, and replies that
// Exchange counts as errors.
type usage struct {
	in, out int64
	errors  int
}

// retire adds up the traffic of a connection that is over.
func (l *link) retire(up *backend.Conn) {
	in, out := up.Traffic()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spent.in += in
	l.spent.out += out
}

// usage is that of all connections of the session.
func (l *link) usage() usage {
	l.mu.Lock()
	defer l.mu.Unlock()
	sum := l.spent
	if l.up != nil {
		in, out := l.up.Traffic()
		sum.in += in
		sum.out += out
	}
	return sum
}

// renewAt is the count of errors at which a connection is renewed: Exchange
// closes after the tenth (docs/exchange.md#ten-errors), and one command may cost
// two.
const renewAt = 8

// canBearError reports whether the connection is up and another error does not
// come near to the last that Exchange takes.
func (l *link) canBearError() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.state.isGone() && l.errors < renewAt
}

// isWornOut reports whether the connection is to be renewed before the next
// command, and how many errors it has.
func (l *link) isWornOut() (errors int, worn bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	renewable := l.state == linkUp && l.resumes && l.exchange && l.pinned == ""
	return l.errors, l.errors >= renewAt && renewable && len(l.flight) == 0
}

// age notes that the connection cannot be renewed: to try before each command
// would only cost logins.
func (l *link) age() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == linkUp {
		l.state = linkAged
	}
}

// note keeps the books with an untagged "* n WORD".
func (l *link) note(n uint32, word string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.viewNow().Note(n, word)
	if word == "EXPUNGE" {
		l.expunges++
	}
}

// noteStatus keeps the books with an untagged status response. A BYE that the
// client has not asked for is hidden from it where its session can be resumed.
func (l *link) noteStatus(status wire.Status) (hide bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if status.Word != "BYE" {
		l.viewNow().NoteCode(status)
		return false
	}
	leaving := slices.ContainsFunc(l.flight, func(cmd *command) bool { return cmd.verb == "LOGOUT" })
	if l.resumes && !leaving {
		return true
	}
	l.farewell = true
	return false
}

// viewNow is the view that untagged data is about: the one that is being
// opened, once its command is the oldest in flight. mu is held.
func (l *link) viewNow() *mailbox.View {
	if len(l.flight) > 0 && l.flight[0].effect() == opensView {
		return &l.flight[0].flight.opens
	}
	return &l.view
}

// rests notes that the session has nothing to do. mu is held.
func (l *link) rests() { l.rested = time.Now() }

// rest is rests, with the lock.
func (l *link) rest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rests()
}

// works notes that the session has something to do, and reports whether its
// seat was wanted.
func (l *link) works() (wanted bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	wanted = l.wanted
	l.rested, l.wanted = time.Time{}, false
	l.silence.spoke, l.silence.told = time.Now(), time.Time{}
	return wanted
}

// idleSince implements slots.Owner, for conn.
func (l *link) idleSince() (since time.Time, listens bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state.isGone() || l.pinned != "" {
		return time.Time{}, false
	}
	return l.rested, len(l.flight) > 0
}

// askForSeat has serve give up the seat, if the session idles.
func (l *link) askForSeat() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wanted = true
	l.bell.alarm()
}

// setMayReturn notes whether a parked session has been granted another seat.
func (l *link) setMayReturn(may bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mayReturn = may
	if may {
		l.bell.alarm()
	}
}

// dismiss ends the session with BYE as soon as nothing is in flight.
func (l *link) dismiss(reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dismissed = reason
	l.bell.alarm()
}

// wake has serve look again at what it waits for.
func (l *link) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bell.wake()
}

// alarm has serve look after its upstream, also while it waits for the client's
// next line.
func (l *link) alarm() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bell.alarm()
}

// interrupt ends what serve reads from the client.
func (l *link) interrupt() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bell.interrupt()
}

// trouble is what stands between a session and its next command.
type trouble int

const (
	noTrouble trouble = iota
	isDismissed
	awaitsSeat     // parked in IDLE, and not granted a seat yet
	upstreamGone   // lost, or given away
	replyThrottled // a command in flight is to be sent again after a throttle
	replyStale     // one is to be sent again on a fresh connection
	seatWanted     // another session wants the seat
)

// trouble returns what serve has to see to first. amid says that the client is
// in the midst of a command, idle is its IDLE, if it is in one.
func (l *link) trouble(amid bool, idle *command) trouble {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.isLeaving(amid, idle):
		return isDismissed
	case l.isParkedInIdle(idle):
		return awaitsSeat
	case l.state.isGone():
		return upstreamGone
	case l.hasFlight(phaseThrottled):
		return replyThrottled
	case l.hasFlight(phaseStale):
		return replyStale
	case l.wanted:
		return seatWanted
	}
	return noTrouble
}

// isTroubled reports whether serve has to see to something now. A lost upstream
// without a command in flight can wait for the next command. mu is held.
func (l *link) isTroubled(amid bool, idle *command) bool {
	switch {
	case l.isLeaving(amid, idle):
		return true
	case l.wanted || l.isParkedInIdle(idle):
		return l.wanted
	}
	return l.state.isGone() && (len(l.flight) > 0 || l.state == linkTorn || !l.resumes) ||
		l.hasFlight(phaseThrottled) || l.hasFlight(phaseStale)
}

// isLeaving reports whether the session is to end now, and not amid a command.
// mu is held.
func (l *link) isLeaving(amid bool, idle *command) bool {
	return l.dismissed != "" && !amid && (len(l.flight) == 0 || idle != nil)
}

// isParkedInIdle reports whether the session waits in IDLE for a seat to come
// back to. mu is held.
func (l *link) isParkedInIdle(idle *command) bool {
	return l.state == linkParked && idle != nil && !l.mayReturn
}
