package proxy

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/proxy/amend"
	"exgate/proxy/delivery"
	"exgate/proxy/mailbox"
	"exgate/proxy/replies"
)

// flight is the progress of a command that was sent upstream. Until launch, it belongs to
// serve. From then on it is guarded by link.mu; serve alone writes text, and may read that
// without link.mu.
type flight struct {
	phase     phase
	text      sentText
	plus      plus
	idle      idleProgress
	isAfresh  bool // the command was sent again on a fresh connection
	isCounted bool // a message of its reply was counted against the pace
	tries     int  // times that the command was sent again
	sent      time.Time
	silent    time.Duration // total silence of the connections that were lost meanwhile
	expunges  int           // link.expunges when it was sent
	opens     mailbox.View  // the mailbox that SELECT opens
	status    wire.Status   // the tagged reply
	verdict   replies.Verdict
}

// plus is the continuation request for the last line of a command.
type plus struct {
	hasCome  bool
	isHidden bool // from the client, because it answers a literal that exgate made
}

// phase is how far a command has come.
type phase int

const (
	phaseSent      phase = iota // its last line or literal was sent; a tagged reply may come
	phaseAsks                   // it waits for a continuation request
	phaseContinued              // the continuation request of IDLE has come
	phaseLiteral                // a literal is being sent
	phaseThrottled              // a throttle refused it; it is sent again afterwards
	phaseStale                  // flight.status refused it; it is sent again on a fresh connection
	phaseDone                   // the tagged reply has come
)

// isDone reports whether the tagged reply has come.
func (f *flight) isDone() bool { return f.phase == phaseDone }

// isAwaitingReply reports whether a tagged reply can still complete the command.
func (f *flight) isAwaitingReply() bool { return f.phase < phaseThrottled }

// launch puts a command in flight.
func (l *link) launch(cmd *command) {
	l.mu.Lock()
	defer l.mu.Unlock()
	cmd.flight.expunges, cmd.flight.sent = l.expunges, time.Now()
	l.flight = append(l.flight, cmd)
}

// launchWhole puts a command in flight, with all its pieces known beforehand.
func (l *link) launchWhole(cmd *command, pieces []amend.Piece) {
	cmd.flight.text = wholeText(pieces)
	l.launch(cmd)
}

// keepLine remembers a line of a command, in case the command has to be sent
// again. With the last line it notes the mailbox that the command opens, since
// the reply may come at once.
func (l *link) keepLine(cmd *command, args *wire.Args, line string, lit *wire.Literal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := &cmd.flight
	if lit == nil && cmd.effect() == opensView {
		f.opens = openedView(args, cmd.verb)
		f.opens.Shown = cmd.Mailbox
	}
	f.text.addLine(cmd, line, lit)
}

// attach gives a command in flight its editor, and what is called after its tagged reply. Its
// last line is not sent yet.
func (l *link) attach(cmd *command, how amend.Handling) {
	l.mu.Lock()
	defer l.mu.Unlock()
	cmd.Editor, cmd.Landed = how.Editor, how.Landed
}

// maxInFlight limits what is remembered of all commands in flight. At the limit
// the next command waits.
const maxInFlight = 1 << 20

// hasRoom reports whether one more command may be in flight, where most of them may
// be. mu is held.
func (l *link) hasRoom(most int) bool {
	kept := 0
	for _, cmd := range l.flight {
		kept += cmd.flight.text.size
	}
	return len(l.flight) == 0 || len(l.flight) < most && kept < maxInFlight
}

// begin notes what has to follow the line that is sent now.
func (l *link) begin(cmd *command, step lineStep) {
	l.mu.Lock()
	defer l.mu.Unlock()
	cmd.flight.plus = plus{isHidden: step.swallow}
	switch {
	case step.asks:
		cmd.flight.phase = phaseAsks
	case step.mid:
		cmd.flight.phase = phaseLiteral
	default:
		cmd.flight.phase = phaseSent
	}
}

// literalSent notes that a literal was sent, all of it or but for its tail. value is the literal, if
// it is short enough to be kept.
func (l *link) literalSent(cmd *command, value []byte, isWhole bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := &cmd.flight
	if isWhole && f.phase == phaseLiteral { // else the line behind it ends the phase
		f.phase = phaseSent
	}
	f.text.addLiteral(value)
}

// outcomeOf returns the outcome of a line that needed a continuation request. If
// the request has come, the outcome is lineGranted even if the tagged reply has
// come after it: an IDLE that is over at once was granted, and not refused.
func (l *link) outcomeOf(cmd *command) lineOutcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case cmd.flight.plus.hasCome:
		return lineGranted
	case cmd.flight.isDone():
		return lineRefused
	}
	return lineLost
}

// replyTo returns the tagged reply to a command, if it has come.
func (l *link) replyTo(cmd *command) (status wire.Status, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return cmd.flight.status, cmd.flight.isDone()
}

// replyOf is replyTo for an editor of commands.
func (l *link) replyOf(cmd *command) amend.Reply {
	l.mu.Lock()
	defer l.mu.Unlock()
	return cmd.reply(cmd.flight.status, l.expunges)
}

// reply returns what an editor is told of the reply to a command. expunges is link.expunges now.
func (cmd *command) reply(status wire.Status, expunges int) amend.Reply {
	return amend.Reply{Status: status, Sent: cmd.flight.expunges, Now: expunges}
}

// hasFlight reports whether a command in flight is in phase p. mu is held.
func (l *link) hasFlight(p phase) bool {
	return slices.ContainsFunc(l.flight, func(cmd *command) bool { return cmd.flight.phase == p })
}

// editorOf returns the editor that changes an untagged response; nil if none does.
func (l *link) editorOf(line []byte) replies.Editor {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, cmd := range l.flight {
		if cmd.Editor != nil && cmd.Editor.Wants(line) {
			return cmd.Editor
		}
	}
	return nil
}

// countsMessage reports whether a message that has come is to be charged to the
// pace. The first message of a FETCH was charged when the command was admitted.
func (l *link) countsMessage() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.flight) == 0 || !l.flight[0].bodies {
		return false
	}
	f := &l.flight[0].flight
	more := f.isCounted
	f.isCounted = true
	return more
}

// acceptContinuation gives a continuation request to the command that waits for one. known
// reports whether there is one, hide whether the request is hidden from the client.
func (l *link) acceptContinuation(r *relay) (known, hide bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.flight, func(cmd *command) bool { return cmd.flight.phase == phaseAsks })
	if i < 0 {
		return false, false
	}
	cmd := l.flight[i]
	cmd.flight.phase, cmd.flight.plus.hasCome = phaseLiteral, true
	if cmd.verb == "IDLE" { // the upstream may now be silent for long
		cmd.flight.phase, cmd.flight.idle.hasPlus = phaseContinued, true
		r.upstream.Expect(false)
		l.rests()
	}
	l.bell.wake()
	return true, cmd.flight.plus.isHidden
}

// landing is the effect of a tagged reply on its command.
type landing struct {
	cmd   *command // nil: no command in flight has the tag
	mid   bool     // the reply came while a literal of the command was being sent
	again bool     // the command stays in flight, to be sent again
}

// land completes the command that a tagged reply belongs to, and wakes serve.
// Clients reuse tags: the oldest command with the tag is meant. draining says
// that the gateway is stopping, so that serve may have to end the session.
func (l *link) land(r *relay, status wire.Status, draining bool) landing {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.flight, func(cmd *command) bool {
		return cmd.tag == status.Tag && cmd.flight.isAwaitingReply()
	})
	if i < 0 {
		return landing{}
	}
	cmd := l.flight[i]
	defer l.bell.wake()
	f := &cmd.flight
	mid := f.phase == phaseLiteral
	switch {
	case f.idle.isRenewing && status.Word == "OK":
		f.idle.isRenewing = false
		return landing{cmd: cmd, again: true}
	case l.canOutlastThrottle(cmd, status):
		f.phase = phaseThrottled
		l.bell.alarm()
		return landing{cmd: cmd, again: true}
	case l.canBeAskedAfresh(cmd, status):
		f.phase, f.status = phaseStale, status
		l.bell.alarm()
		return landing{cmd: cmd, again: true}
	case f.isAfresh && isCopyRefused(cmd, status):
		f.verdict.Instead = overQuota(cmd, status)
	case f.isAfresh && isUnavailable(status):
		l.readsInVain = true
	}
	if cmd.Finish != nil {
		f.verdict = cmd.Finish(cmd.reply(status, l.expunges))
	}
	f.phase, f.status = phaseDone, status
	l.flight = slices.Delete(l.flight, i, i+1)
	if status.Word == "OK" {
		l.pinned = cmp.Or(l.pinned, pinReason(cmd.verb, cmd.args))
		if cmd.verb == "ENABLE" {
			l.enable(cmd.args)
		}
	}
	l.updateView(cmd, status)
	if cmd.Landed != nil {
		cmd.Landed(status)
	}
	if len(l.flight) == 0 {
		r.upstream.Expect(false)
		l.rests()
		if draining {
			l.bell.alarm()
		}
	}
	return landing{cmd: cmd, mid: mid}
}

// maxEnabled limits the bytes of the enabled extensions. exgate enables them again
// whenever it resumes the session. All extensions registered with IANA have a third
// of these bytes.
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

// updateView notes which mailbox is selected after a completed command. mu is
// held.
func (l *link) updateView(cmd *command, status wire.Status) {
	switch cmd.effect() {
	case opensView:
		// A failed SELECT leaves no mailbox selected (RFC 9051 section 6.3.2).
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

// canOutlastThrottle reports whether a throttle refused the command, and the
// command can be sent again after the throttle. mu is held.
func (l *link) canOutlastThrottle(cmd *command, status wire.Status) bool {
	f := &cmd.flight
	return status.Word != "OK" && f.text.canBeRepeated() && f.phase != phaseLiteral && f.tries < delivery.MaxTries &&
		cmd.examined == nil && l.resumes && l.exchange && backend.Classify(status).Kind == backend.KindThrottled
}

// canBeAskedAfresh reports whether a refused command is to be sent again on a
// fresh connection. mu is held.
//
// Exchange answers "Server Unavailable. 15" if the mailbox is full, and also if
// its own connection to the mailbox is broken (docs/exchange.md#error-15). A
// fresh connection tells the two apart: if it gives the same answer, the mailbox
// is taken for full. A refused COPY has copied nothing (RFC 9051 section 6.4.7). A
// refused MOVE may have moved some messages (RFC 6851 section 3.3): it is not sent
// again.
//
// SEARCH, FETCH and STATUS are sent again too: imapsync takes a refused SEARCH for
// an empty mailbox, and copies all of its messages once more. If that was in vain
// once, because Exchange cannot read a message, the session does not try it again:
// each time costs a login.
func (l *link) canBeAskedAfresh(cmd *command, status wire.Status) bool {
	f := &cmd.flight
	isRead := slices.Contains([]string{"SEARCH", "FETCH", "STATUS"}, strings.TrimPrefix(cmd.verb, "UID "))
	return isUnavailable(status) && (cmd.isCopy() || isRead && !l.readsInVain) && !f.isAfresh && !l.isRenumbered(cmd) &&
		f.text.canBeRepeated() && f.phase != phaseLiteral &&
		len(l.flight) == 1 && l.resumes && l.pinned == "" && l.exchange
}

// chooseAgain returns the commands in flight that are to be sent again, oldest
// first: those of the given phases. Without phases it returns all but the
// throttled ones, which are sent after their wait.
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
		f.isAfresh = true
	}
	f.phase = phaseSent
	f.expunges, f.sent = l.expunges, time.Now()
	if cmd.effect() == opensView {
		f.opens = mailbox.View{Mailbox: f.opens.Mailbox, Shown: f.opens.Shown, ReadWrite: f.opens.ReadWrite}
	}
}

// giveUpStale takes the stale command out of flight because there is no fresh
// connection for it. It returns nil if there is no stale command.
func (l *link) giveUpStale() *command {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.flight, func(cmd *command) bool { return cmd.flight.phase == phaseStale })
	if i < 0 { // answerLost has answered the command
		return nil
	}
	cmd := l.flight[i]
	cmd.flight.phase = phaseDone
	l.flight = slices.Delete(l.flight, i, i+1)
	if cmd.Landed != nil {
		cmd.Landed(cmd.flight.status)
	}
	l.rests()
	return cmd
}

// dropLost takes the commands out of flight that cannot be sent again after the
// loss of the connection, and returns them. The others stay in flight, unless the
// server has been silent for patience in all. The loss of an IDLE that has lasted
// for steady does not count as a failed try.
func (l *link) dropLost(steady, patience time.Duration) (gone []*command) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := l.flight[:0]
	for _, cmd := range l.flight {
		f := &cmd.flight
		switch {
		case !f.isAwaitingReply(): // the server has answered
		case f.phase != phaseContinued:
			f.silent += time.Since(later(f.sent, time.Unix(0, l.heard.Load())))
		case time.Since(f.sent) > steady: // an IDLE
			f.tries = 0
		}
		if l.canSurvive(cmd) && f.silent < patience {
			if f.isAwaitingReply() {
				f.tries++
			}
			kept = append(kept, cmd)
		} else {
			f.phase = phaseDone
			gone = append(gone, cmd)
		}
	}
	clear(l.flight[len(kept):])
	l.flight = kept
	return gone
}

// canSurvive reports whether a command in flight can be sent again after the loss
// of the connection. A command that a throttle or "Server Unavailable. 15" refused was not
// run, so that it can be sent again whatever it does. mu is held.
func (l *link) canSurvive(cmd *command) bool {
	f := &cmd.flight
	return (cmd.isRepeatable() || !f.isAwaitingReply()) &&
		!f.idle.hasEnded && !l.isRenumbered(cmd) && f.tries < delivery.MaxTries
}

// isRenumbered reports whether the numbers of messages that the command has, or gives, mean other
// messages since an EXPUNGE. mu is held.
func (l *link) isRenumbered(cmd *command) bool {
	numbered := slices.Contains([]string{"FETCH", "STORE", "SEARCH", "SORT", "THREAD", "COPY", "MOVE"}, cmd.verb)
	return numbered && cmd.flight.expunges != l.expunges
}

// expunged returns the number of messages that were expunged in this session.
func (l *link) expunged() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.expunges
}

// oldest returns the command that has been in flight longest; nil if there is none.
func (l *link) oldest() *command {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.flight) == 0 {
		return nil
	}
	return l.flight[0]
}

// inFlight returns the number of commands in flight.
func (l *link) inFlight() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.flight)
}
