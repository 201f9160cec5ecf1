package proxy

import (
	"fmt"
	"slices"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/proxy/replies"
)

// maxStrays is the number of strays after which a connection is given up: its server does not
// speak IMAP any more.
const maxStrays = 1000

// maxAnswered is the number of tags that are remembered of commands which strays have refused.
const maxAnswered = 16

// tidy removes the blanks that do not belong into a fragment, if the profile wants this.
func (r *relay) tidy(f *wire.Fragment) {
	if !r.c.login.profile.Replies.Blanks {
		return
	}
	text, changed := wire.Tidy(*f)
	if !changed {
		return
	}
	if !r.hide {
		r.c.repaired(string(backend.FixBlanks))
	}
	f.Data = slices.Clip(text)
}

// stray handles a line that is no response (backend.IsStray), if the profile wants this. It
// returns the line that the client gets in its place; r.hide says that it gets none. ok is false
// if the line is relayed as it is.
func (r *relay) stray(f wire.Fragment) (line []byte, ok bool) {
	if !r.c.login.profile.Replies.Strays || !backend.IsStray(f.Data) {
		return nil, false
	}
	if _, isCode := replies.WholeCode(f.Data); isCode {
		return nil, false
	}
	refusal, isRefusal := backend.BareRefusal(f.Data)
	if !f.Last || !isRefusal || r.last != nil {
		r.drop(f)
		return nil, true
	}
	r.upstream.Said(refusal)
	tag, how := r.c.link.bareRefusal()
	if r.drop(f); r.last != nil {
		return nil, true
	}
	switch how {
	case refusesCommand:
		r.hide = false
		r.answered = append(r.answered[max(0, len(r.answered)-maxAnswered+1):], tag)
		line = fmt.Appendf(nil, "%s NO %s\r\n", tag, refusal.Text)
		if _, r.hide, r.last = r.completed(line); r.instead != nil {
			line = r.instead
		}
		return r.withCode(line), true
	case refusesConnection:
		r.last = backend.ErrBareRefusal
	}
	return nil, true
}

// drop hides a fragment that is no response to anything, and counts it.
func (r *relay) drop(f wire.Fragment) {
	r.hide = true
	r.strays++
	c := r.c
	c.repaired(string(backend.FixStrays))
	if c.link.isFirstStray() {
		// The line may be a part of a message, which is not logged.
		c.log.Warn("Exchange sent a line that is no IMAP response; the client does not get it", "bytes", len(f.Data))
	}
	if r.strays > maxStrays {
		r.last = &backend.Violation{Line: "more than 1000 lines that are no IMAP responses"}
	}
}

// isLate reports whether a tagged reply is that of a command that a stray has refused before.
func (r *relay) isLate(line []byte) bool {
	if len(r.answered) == 0 {
		return false
	}
	status, _ := wire.ParseStatus(line)
	at := slices.Index(r.answered, status.Tag)
	if at < 0 || r.c.link.awaits(status.Tag) {
		return false
	}
	r.answered = slices.Delete(r.answered, at, at+1)
	return true
}

// bye handles BYE as the reply to a command in flight. The connection ends as after an untagged
// BYE, which is returned for the client; r.hide says that the client does not get it, because its
// session can be resumed. ok is false for any other line.
func (r *relay) bye(line []byte) (untagged []byte, ok bool) {
	if !r.c.login.profile.Replies.Strays || wire.IndexFold(line[:min(len(line), 100)], " BYE") < 0 {
		return nil, false
	}
	status, _ := wire.ParseStatus(line)
	if status.Word != "BYE" || !r.c.link.awaits(status.Tag) {
		return nil, false
	}
	at := wire.IndexFold(line, " BYE")
	r.statusLine(status)
	r.last = backend.ErrTaggedBye
	return slices.Concat([]byte("*"), line[at:]), true
}

// bareOutcome is what a refusal without a tag does.
type bareOutcome int

const (
	refusesNothing    bareOutcome = iota // it is dropped
	refusesCommand                       // it is the reply to the oldest command
	refusesConnection                    // the connection is given up
)

// bareRefusal returns what a refusal without a tag does. It is taken for the reply to the oldest
// command in flight, if that may be done again. What became of another command is not certain:
// the refusal may be meant for something else. An IDLE may go on. In both cases the connection is
// given up, as after a loss.
func (l *link) bareRefusal() (tag string, how bareOutcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.flight, func(cmd *command) bool { return cmd.flight.isAwaitingReply() })
	if i < 0 {
		return "", refusesNothing
	}
	switch cmd := l.flight[i]; {
	case cmd.flight.phase == phaseLiteral:
		return "", refusesNothing // the literal goes on; then a reply comes, or the connection ends
	case cmd.flight.phase == phaseContinued || !cmd.isRepeatable():
		return "", refusesConnection
	default:
		return cmd.tag, refusesCommand
	}
}

// awaits reports whether a command in flight with this tag waits for its reply.
func (l *link) awaits(tag string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.flight, func(cmd *command) bool {
		return cmd.tag == tag && cmd.flight.isAwaitingReply()
	})
}

// isFirstStray notes that a stray has come, and reports whether it is the first of the session.
func (l *link) isFirstStray() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := !l.strayed
	l.strayed = true
	return first
}
