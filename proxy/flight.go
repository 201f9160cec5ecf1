package proxy

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/proxy/delivery"
	"exgate/proxy/mailbox"
	"exgate/proxy/replies"
)

// flight is what has become of a command that was sent to the upstream. It is
// guarded by link.mu.
type flight struct {
	phase    phase
	granted  bool // the "+" for the line that was sent last has come
	swallow  bool // the "+" that is awaited answers a literal of our making, and is not the client's
	pieces   []piece
	whole    bool // pieces hold all of it that has been sent
	kept     int  // bytes that are remembered of it
	complete bool // the last line has been sent
	told     bool // the client has got the "+" of its IDLE
	ended    bool // an IDLE whose end the client has sent
	renews   bool // an IDLE whose reply is awaited to begin it again
	fresh    bool // it was sent again on a fresh connection
	counted  bool // a message that it brought has been counted
	tries    int  // times that it was sent again
	sent     time.Time
	expunges int          // link.expunges then
	opens    mailbox.View // what SELECT opens
	status   wire.Status  // of its tagged reply
	verdict  replies.Verdict
}

// phase is how far a command has come.
type phase int

const (
	phaseSent      phase = iota // a line of it was sent
	phaseAsks                   // a "+" is awaited
	phaseGranted                // the "+" of IDLE has come
	phaseLiteral                // bytes of a literal are on their way
	phaseThrottled              // refused by a throttle, and to be sent again
	phaseStale                  // refused by flight.status, and to be sent again on a fresh connection
	phaseDone                   // the tagged reply has come
)

// piece is a line of a command and the literal that it announces.
type piece struct {
	line    string
	literal []byte
}

// isKept reports whether all of the command is known here, to be sent again.
func (f *flight) isKept() bool { return f.complete && f.whole }

// isDone reports whether the tagged reply has come.
func (f *flight) isDone() bool { return f.phase == phaseDone }

// awaitsReply reports whether the command can still be completed by a reply.
func (f *flight) awaitsReply() bool { return f.phase < phaseThrottled }

// launch puts a command in flight.
func (l *link) launch(cmd *command) {
	l.mu.Lock()
	defer l.mu.Unlock()
	cmd.flight.expunges, cmd.flight.sent = l.expunges, time.Now()
	l.flight = append(l.flight, cmd)
}

// launchWhole puts a command in flight of which all pieces are known.
func (l *link) launchWhole(cmd *command, pieces []piece) {
	cmd.flight.pieces, cmd.flight.whole, cmd.flight.complete = pieces, true, true
	for _, p := range pieces {
		cmd.flight.kept += len(p.line) + len(p.literal)
	}
	l.launch(cmd)
}

// keepLine remembers a line of a command, which may have to be sent again, and
// what the command opens, before the reply can come.
func (l *link) keepLine(cmd *command, args *wire.Args, line string, lit *wire.Literal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := &cmd.flight
	if lit != nil {
		line = line[:strings.LastIndexByte(line, '{')]
		f.whole = f.whole && lit.Size <= keptLiteral
	} else {
		f.complete = true
		if cmd.effect() == opensView {
			f.opens = opening(args, cmd.verb)
			f.opens.Shown = cmd.mailbox
		}
	}
	f.kept += len(line)
	if f.whole = f.whole && f.kept <= maxKept; !f.whole {
		f.pieces, f.kept = nil, len(cmd.args) // it is not sent again
		return
	}
	f.pieces = append(f.pieces, piece{line: line})
}

const (
	// keptLiteral bounds a literal of a relayed command that is remembered: longer
	// than any mailbox name.
	keptLiteral = 4096
	// maxKept bounds what is remembered of a command in all: two lines of the
	// longest (wire.MaxLine). What is relayed of it has no bound.
	maxKept = 128 << 10
	// maxInFlight bounds what is remembered of the commands in flight: the next one
	// waits.
	maxInFlight = 1 << 20
)

// hasRoom reports whether one more command may be in flight, of which there may be
// so many. mu is held.
func (l *link) hasRoom(most int) bool {
	kept := 0
	for _, cmd := range l.flight {
		kept += cmd.flight.kept
	}
	return len(l.flight) == 0 || len(l.flight) < most && kept < maxInFlight
}

// begin notes which line of a command is sent now.
func (l *link) begin(cmd *command, step lineStep) {
	l.mu.Lock()
	defer l.mu.Unlock()
	cmd.flight.swallow, cmd.flight.granted = step.swallow, false
	switch {
	case step.asks:
		cmd.flight.phase = phaseAsks
	case step.mid:
		cmd.flight.phase = phaseLiteral
	default:
		cmd.flight.phase = phaseSent
	}
}

// literalSent notes that all bytes of a literal have been sent; value is the
// literal, if it is short.
func (l *link) literalSent(cmd *command, value []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := &cmd.flight
	if f.phase == phaseLiteral {
		f.phase = phaseSent
	}
	if value != nil && f.whole {
		f.pieces[len(f.pieces)-1].literal = value
		f.kept += len(value)
	}
}

// outcomeOf is what came of a line of a command for which a "+" was awaited. An
// IDLE that was granted is so also if its reply has come since.
func (l *link) outcomeOf(cmd *command) lineOutcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case cmd.flight.granted:
		return lineGranted
	case cmd.flight.isDone():
		return lineRefused
	}
	return lineLost
}

// replyTo is the tagged reply to a command, if it has come.
func (l *link) replyTo(cmd *command) (status wire.Status, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return cmd.flight.status, cmd.flight.isDone()
}

// hasFlight reports whether a command in flight has come to a phase. mu is held.
func (l *link) hasFlight(p phase) bool {
	return slices.ContainsFunc(l.flight, func(cmd *command) bool { return cmd.flight.phase == p })
}

// editorOf returns the editor that an untagged response goes through; nil: none.
func (l *link) editorOf(line []byte) replies.Editor {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, cmd := range l.flight {
		if cmd.editor != nil && cmd.editor.Wants(line) {
			return cmd.editor
		}
	}
	return nil
}

// countsMessage reports whether a message that has come belongs to a command
// that is paced by messages, and is one more than was counted when that command
// was let through.
func (l *link) countsMessage() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.flight) == 0 || !l.flight[0].bodies {
		return false
	}
	f := &l.flight[0].flight
	more := f.counted
	f.counted = true
	return more
}

// grant gives a "+" to the command that waits for it, and reports whether it is
// hidden from the client, who did not ask.
func (l *link) grant(r *relay) (hide bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.flight, func(cmd *command) bool { return cmd.flight.phase == phaseAsks })
	if i < 0 {
		return false
	}
	cmd := l.flight[i]
	cmd.flight.phase, cmd.flight.granted = phaseLiteral, true
	if cmd.verb == "IDLE" { // which may be silent for long
		cmd.flight.phase, cmd.flight.told = phaseGranted, true
		r.up.Expect(false)
		l.rests()
	}
	l.bell.wake()
	return cmd.flight.swallow
}

// landing is what a tagged reply means for its command.
type landing struct {
	cmd   *command // nil: no command in flight has the tag
	mid   bool     // bytes of a literal of its were still on their way
	again bool     // it was refused in a way that passes, and stays in flight to be sent again
}

// land completes the oldest command in flight that has the tag of a reply
// (clients use tags again), and wakes who waits for it. draining says that the
// gateway takes no new work.
func (l *link) land(r *relay, status wire.Status, draining bool) landing {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.flight, func(cmd *command) bool { return cmd.tag == status.Tag && cmd.flight.awaitsReply() })
	if i < 0 {
		return landing{}
	}
	cmd := l.flight[i]
	defer l.bell.wake()
	f := &cmd.flight
	mid := f.phase == phaseLiteral
	switch {
	case f.renews && status.Word == "OK":
		f.renews = false
		return landing{cmd: cmd, again: true}
	case l.outlastsThrottle(cmd, status):
		f.phase = phaseThrottled
		l.bell.alarm()
		return landing{cmd: cmd, again: true}
	case l.wantsFresh(cmd, status):
		f.phase, f.status = phaseStale, status
		l.bell.alarm()
		return landing{cmd: cmd, again: true}
	case f.fresh && isUnavailable(cmd, status):
		f.verdict.Instead = overQuota(cmd, status)
	}
	if cmd.finish != nil {
		f.verdict = cmd.finish(status)
	}
	f.phase, f.status = phaseDone, status
	l.flight = slices.Delete(l.flight, i, i+1)
	if status.Word == "OK" {
		l.pinned = cmp.Or(l.pinned, binding(cmd.verb, cmd.args))
		if cmd.verb == "ENABLE" {
			l.enable(cmd.args)
		}
	}
	l.updateView(cmd, status)
	if cmd.landed != nil {
		cmd.landed(status)
	}
	if len(l.flight) == 0 {
		r.up.Expect(false)
		l.rests()
		if draining {
			l.bell.alarm()
		}
	}
	return landing{cmd: cmd, mid: mid}
}

// maxEnabled bounds the bytes of what is enabled, which is said again whenever the
// session is resumed: all that is registered with IANA has a third of them.
const maxEnabled = 1024

// enable notes what an ENABLE has enabled. A session that has enabled more than is
// remembered cannot be resumed. mu is held.
func (l *link) enable(args string) {
	enabled := slices.Clone(l.enabled) // others may read the old one
	for word := range strings.FieldsSeq(args) {
		if slices.ContainsFunc(enabled, func(known string) bool { return strings.EqualFold(known, word) }) {
			continue
		}
		enabled = append(enabled, word)
		if len(strings.Join(enabled, " ")) > maxEnabled {
			l.pinned = cmp.Or(l.pinned, "ENABLE of so much")
			return
		}
	}
	l.enabled = enabled
}

// updateView notes what a completed command did to the selected mailbox. mu is
// held.
func (l *link) updateView(cmd *command, status wire.Status) {
	switch cmd.effect() {
	case opensView:
		// Without success nothing is selected (RFC 9051 section 6.3.2).
		l.view = mailbox.View{}
		if status.Word == "OK" {
			l.view = cmd.flight.opens
			l.view.Opened(status)
		}
	case closesView:
		if status.Word == "OK" {
			l.view = mailbox.View{}
		}
	}
}

// outlastsThrottle reports whether a refused command is sent again when the
// throttle that refused it is over. mu is held.
func (l *link) outlastsThrottle(cmd *command, status wire.Status) bool {
	f := &cmd.flight
	return status.Word != "OK" && f.isKept() && f.phase != phaseLiteral && f.tries < delivery.MaxTries && cmd.examined == nil &&
		l.resumes && l.exchange && backend.Classify(status).Kind == backend.KindThrottled
}

// wantsFresh reports whether a refused command is to be sent again on a fresh
// connection. mu is held.
//
// "Server Unavailable. 15" is what Exchange says of a mailbox that is full, and
// of a connection to it that is broken (docs/exchange.md#error-15). A COPY that
// is refused so is sent once more on a fresh connection, since all of it was
// refused (RFC 9051 section 6.4.7). What is refused again finds the mailbox
// full, as far as can be told. (MOVE may have been done in part, RFC 6851
// section 3.3.)
func (l *link) wantsFresh(cmd *command, status wire.Status) bool {
	f := &cmd.flight
	renumbered := cmd.verb == "COPY" && f.expunges != l.expunges
	return isUnavailable(cmd, status) && !f.fresh && !renumbered && f.isKept() && f.phase != phaseLiteral && len(l.flight) == 1 &&
		l.resumes && l.pinned == "" && l.exchange
}

// chooseAgain returns the commands in flight that are to be sent again, in
// order: all of them, or those of one phase.
func (l *link) chooseAgain(only ...phase) (chosen []*command) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, cmd := range l.flight {
		if len(only) == 0 && cmd.flight.phase != phaseThrottled || slices.Contains(only, cmd.flight.phase) {
			chosen = append(chosen, cmd)
		}
	}
	return chosen
}

// relaunch prepares a command in flight to be sent again.
func (l *link) relaunch(cmd *command) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := &cmd.flight
	switch f.phase {
	case phaseThrottled:
		f.tries++
	case phaseStale:
		f.fresh = true
	}
	f.phase = phaseSent
	f.expunges, f.sent = l.expunges, time.Now()
	if cmd.effect() == opensView {
		f.opens = mailbox.View{Mailbox: f.opens.Mailbox, Shown: f.opens.Shown, ReadWrite: f.opens.ReadWrite}
	}
}

// giveUpStale takes the command out of the flight that cannot be sent again on
// a fresh connection; nil if there is none.
func (l *link) giveUpStale() *command {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.flight, func(cmd *command) bool { return cmd.flight.phase == phaseStale })
	if i < 0 { // it was answered with the loss of its connection
		return nil
	}
	cmd := l.flight[i]
	cmd.flight.phase = phaseDone
	l.flight = slices.Delete(l.flight, i, i+1)
	if cmd.landed != nil {
		cmd.landed(cmd.flight.status)
	}
	l.rests()
	return cmd
}

// dropLost takes out of the flight the commands that a lost connection leaves
// without a reply. What can be sent again stays. A connection that has lasted
// for steady is no failed try.
func (l *link) dropLost(steady time.Duration) (gone []*command) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := l.flight[:0]
	for _, cmd := range l.flight {
		if time.Since(cmd.flight.sent) > steady {
			cmd.flight.tries = 0
		}
		if l.survives(cmd) {
			cmd.flight.tries++
			kept = append(kept, cmd)
		} else {
			cmd.flight.phase = phaseDone
			gone = append(gone, cmd)
		}
	}
	clear(l.flight[len(kept):])
	l.flight = kept
	return gone
}

// survives reports whether a command in flight is sent again. mu is held.
func (l *link) survives(cmd *command) bool {
	f := &cmd.flight
	renumbered := f.expunges != l.expunges && slices.Contains([]string{"FETCH", "STORE", "SEARCH", "SORT", "THREAD"}, cmd.verb)
	return (cmd.isRepeatable() || f.phase == phaseStale) && !f.ended && !renumbered && f.tries < delivery.MaxTries
}

// oldest is the command that has been in flight longest; nil if there is none.
func (l *link) oldest() *command {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.flight) == 0 {
		return nil
	}
	return l.flight[0]
}

// inFlight is the number of commands in flight.
func (l *link) inFlight() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.flight)
}

// releaseBeforePlus returns what an IDLE in flight has kept until its "+".
func (l *link) releaseBeforePlus() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, cmd := range l.flight {
		if b, ok := cmd.editor.(*replies.BeforePlus); ok {
			return b.Release()
		}
	}
	return nil
}

// endIdle notes that the client has ended its IDLE. over says that the upstream
// had ended it before, gone that it is gone.
func (l *link) endIdle(idle *command) (over, gone bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	idle.flight.ended = true
	return idle.flight.isDone(), l.state.isGone()
}

// idlesSince is when an IDLE was begun upstream; zero if it is over there.
func (l *link) idlesSince(idle *command) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state.isGone() || idle.flight.isDone() {
		return time.Time{}
	}
	return idle.flight.sent
}

// beginRenewal notes that the reply to an IDLE is awaited to begin it again.
func (l *link) beginRenewal(idle *command) {
	l.mu.Lock()
	defer l.mu.Unlock()
	idle.flight.renews = true
}

// endRenewal notes that an IDLE is begun again now. It returns false if there is
// nothing to begin.
func (l *link) endRenewal(idle *command) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	idle.flight.sent = time.Now()
	return !idle.flight.isDone() && !l.state.isGone()
}
