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

// link connects a session to its upstream. It has the connection, the commands in flight,
// and the mailbox state that the client has been told. Its users are serve, which sends commands
// (or a goroutine that serve waits for), and the reader of the connection, which calls relay.
// Every method locks mu, unless its comment says that mu is held; nobody else does. No goroutine
// holds mu while it writes to a socket.
type link struct {
	// upstream is the connection, also after its end. It is nil before the login. Whoever writes
	// to it reads it without mu: serve, or a goroutine that serve waits for (the library's
	// during a shot, that of conn.aside).
	upstream *backend.Conn
	// sink takes the responses of the upstream; nil: they are dropped.
	sink atomic.Pointer[relay]
	bell bell
	// heard is the time of the last write of upstream responses to the client, in
	// nanoseconds of Unix time.
	heard atomic.Int64

	mu       sync.Mutex
	state    linkState
	cause    error // why the connection ended; nil while the state is up
	resumes  bool  // the session can go on with another connection
	exchange bool  // exgate treats the server as Exchange
	saidBye  bool  // the client has been sent the upstream's BYE
	errors   int   // errors of this connection; Exchange closes it after ten
	spent    usage // errors of all connections, bytes of the earlier connections
	flight   []*command
	view     mailbox.View
	expunges int      // EXPUNGE responses that the client has been sent
	enabled  []string // what the client has enabled, each once
	// readsInVain says that a refused SEARCH, FETCH or STATUS was sent again on a fresh connection in vain.
	readsInVain bool
	pinned      string // why the session cannot be resumed; "": it can be
	dismissed   string // why the session must end soon; "": it need not

	strayed   bool      // the log tells of a line that is no response
	rested    time.Time // when the session became idle; zero: it is busy
	wanted    bool      // another session wants the seat
	mayReturn bool      // a parked session has been granted another seat
	patience  patience
}

// linkState is the state of the connection.
type linkState int

const (
	linkNone   linkState = iota // there is no connection before the login
	linkUp                      // the connection can be used
	linkAged                    // up, but it could not be renewed: the session uses it until it ends
	linkParked                  // its seat was given to another session while this session was idle
	linkLost                    // the connection ended between two responses
	linkTorn                    // the connection ended in the middle of a response to the client
)

// isGone reports whether there was a connection and it has ended.
func (s linkState) isGone() bool { return s >= linkParked }

// errParked is the reason why an idle session has no connection: another session got its seat.
var errParked = errors.New("it was given to another session while this one idled")

// open gives the session its connection after a login.
func (l *link) open(r *relay, upstream *backend.Conn, resumes, exchange bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.upstream, l.state, l.cause, l.errors = upstream, linkUp, nil, 0
	l.resumes, l.exchange = resumes, exchange
	l.sink.Store(r)
	l.rests()
}

// detach stops the responses of the connection: the client gets none of them any more.
func (l *link) detach() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sink.Store(nil)
}

// end notes that the connection of r has ended, and wakes serve. torn says that the client
// has got only a part of a response. end returns false if the connection is not the one of
// the session.
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

// switchTo gives the session another connection, if the connection is up and proof returns
// nil. proof checks that the mailbox of r is still the mailbox that the client knows. told
// is the number of messages that the client has been told, and now is the number of
// messages in the mailbox. The error is that of the connection or of proof.
func (l *link) switchTo(
	r *relay, upstream *backend.Conn, proof func(now *mailbox.View) error,
) (told, now uint32, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := upstream.Err(); err != nil {
		return 0, 0, err
	}
	if err := proof(r.fresh); err != nil {
		return 0, 0, err
	}
	told = l.view.Exists
	l.view, r.fresh = *r.fresh, nil
	l.upstream, l.state, l.cause, l.errors = upstream, linkUp, nil, 0
	l.sink.Store(r)
	return told, l.view.Exists, nil
}

// park gives the connection up if the session is idle. It returns false if the session is
// busy or has no connection any more.
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

// loss returns the reason why the connection ended; nil if it has not ended.
func (l *link) loss() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cause
}

// cut ends the connection at once, without waiting.
func (l *link) cut(cause error) {
	l.mu.Lock()
	upstream := l.upstream
	l.mu.Unlock()
	if upstream != nil {
		upstream.Cut(cause)
	}
}

// outcome returns how the connection ended. torn says that it ended in the middle of a
// response. pinned is the reason why the session cannot be resumed; "" if it can be. cause
// is the reason for the end; nil if the connection has not ended.
func (l *link) outcome() (torn bool, pinned string, cause error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state == linkTorn, l.pinned, l.cause
}

// dismissal returns the reason why the session must end soon; "" if it need not.
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

// isSilenced reports whether the client must not be sent anything more. This is so after a
// part of a response, and after a BYE of the upstream.
func (l *link) isSilenced() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state == linkTorn || l.saidBye
}

// hasFarewell reports whether the client has been sent the upstream's BYE.
func (l *link) hasFarewell() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.saidBye
}

// selected returns the view of the mailbox that the client has selected.
func (l *link) selected() mailbox.View {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.view
}

// repeatable returns the state that a new connection must be given: the mailbox that the
// client has selected, and the extensions that it has enabled.
func (l *link) repeatable() (view mailbox.View, enabled []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.view, l.enabled
}

// openedAfresh notes that r's connection has opened the mailbox of the view old. It returns
// the view of the mailbox on this connection.
func (l *link) openedAfresh(r *relay, old *mailbox.View, status wire.Status) mailbox.View {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.fresh.Mailbox, r.fresh.Shown, r.fresh.ReadWrite = old.Mailbox, old.Shown, old.ReadWrite
	r.fresh.FirstNext = old.ClientNext()
	r.fresh.Opened(status)
	return *r.fresh
}

// noteFresh notes an untagged line of a connection that is being prepared to replace the
// one of the session.
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

// addErrors adds n to the errors that Exchange counts against the connection.
func (l *link) addErrors(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errors += n
	l.spent.errors += n
}

// usage has the bytes that connections have carried in each direction, and the number of
// replies that Exchange counts as errors.
type usage struct {
	in, out int64
	errors  int
}

// retire adds the bytes of a connection that has ended to those of the session.
func (l *link) retire(upstream *backend.Conn) {
	in, out := upstream.Traffic()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spent.in += in
	l.spent.out += out
}

// usage returns the usage of all connections of the session.
func (l *link) usage() usage {
	l.mu.Lock()
	defer l.mu.Unlock()
	sum := l.spent
	if l.upstream != nil {
		in, out := l.upstream.Traffic()
		sum.in += in
		sum.out += out
	}
	return sum
}

// renewAt is the number of errors at which exgate renews a connection. Exchange closes a
// connection after the tenth error (docs/exchange.md#ten-errors), and one command may cause
// two.
const renewAt = 8

// canBearError reports whether the connection is up and has fewer than renewAt errors. Then
// another error does not make Exchange close it.
func (l *link) canBearError() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.state.isGone() && l.errors < renewAt
}

// isWornOut returns the number of errors of the connection, and reports whether exgate must
// renew it before the next command.
func (l *link) isWornOut() (errors int, worn bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	renewable := l.state == linkUp && l.resumes && l.exchange && l.pinned == ""
	return l.errors, l.errors >= renewAt && renewable && len(l.flight) == 0
}

// age notes that the connection could not be renewed, so that exgate does not try again.
// Another try before each command would only cost logins.
func (l *link) age() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == linkUp {
		l.state = linkAged
	}
}

// note updates the mailbox view and the count of EXPUNGE with an untagged "* n WORD".
func (l *link) note(n uint32, word string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.viewNow().Note(n, word)
	if word == "EXPUNGE" {
		l.expunges++
	}
}

// noteStatus updates the mailbox view with an untagged status response. hide is true for a
// BYE that the client has not asked for, if its session can be resumed: the client does not
// get this BYE.
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
	l.saidBye = true
	return false
}

// viewNow returns the view that untagged data belongs to. While the oldest command in
// flight opens a mailbox, this is the view of that mailbox. Otherwise it is the view of the
// selected mailbox. l.mu is held.
func (l *link) viewNow() *mailbox.View {
	if len(l.flight) > 0 && l.flight[0].effect() == opensView {
		return &l.flight[0].flight.opens
	}
	return &l.view
}

// rests notes that the session has become idle. l.mu is held.
func (l *link) rests() { l.rested = time.Now() }

// rest notes that the session has become idle.
func (l *link) rest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rests()
}

// works notes that the session is busy, and reports whether another session wanted its
// seat.
func (l *link) works() (wanted bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	wanted = l.wanted
	l.rested, l.wanted = time.Time{}, false
	l.patience.spoke, l.patience.told = time.Now(), time.Time{}
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

// askForSeat makes serve give up the seat if the session is idle.
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

// dismiss makes serve end the session with BYE and this reason as soon as no command is in
// flight.
func (l *link) dismiss(reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dismissed = reason
	l.bell.alarm()
}

// wake makes serve check again whether its wait is over.
func (l *link) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bell.wake()
}

// alarm makes serve check its upstream, even while it waits for the client's next line.
func (l *link) alarm() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bell.alarm()
}

// interrupt ends the read of serve from the client.
func (l *link) interrupt() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bell.interrupt()
}

// trouble is a task that a session must do before its next command.
type trouble int

const (
	noTrouble trouble = iota
	isDismissed
	awaitsSeat     // the session is parked in IDLE and has no new seat yet
	upstreamGone   // the connection is lost or was given away
	replyThrottled // a command in flight must be sent again after a throttle
	replyStale     // a command in flight must be sent again on a new connection
	seatWanted     // another session wants the seat
	clientWaits    // the client must be told why it waits
)

// trouble returns the task that serve must do first. amid says that the client is in the
// middle of a command. idle is the IDLE that the client is in; nil if it is in none.
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
	case l.isImpatient(amid):
		return clientWaits
	}
	return noTrouble
}

// isTroubled reports whether serve must do a task now. A lost upstream without a command in
// flight can wait for the next command. l.mu is held.
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

// isLeaving reports whether the session must end now. It does not end in the middle of a
// command of the client. l.mu is held.
func (l *link) isLeaving(amid bool, idle *command) bool {
	return l.dismissed != "" && !amid && (len(l.flight) == 0 || idle != nil)
}

// isParkedInIdle reports whether the session is in IDLE and waits for a new seat. l.mu is
// held.
func (l *link) isParkedInIdle(idle *command) bool {
	return l.state == linkParked && idle != nil && !l.mayReturn
}
