package proxy

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/proxy/capability"
	"exgate/proxy/mailbox"
	"exgate/proxy/replies"
)

// relay sends the responses of the upstream to the client. It is the sink of the upstream's
// connection, and the reader of that connection calls its methods.
//
// relay does not copy fragments. It joins fragments that follow each other in the reader's
// buffer to one run. Flush writes the run.
type relay struct {
	c      *conn
	up     *backend.Conn     // the connection whose sink the relay is
	run    []byte            // bytes that are not written to the client yet
	turn   bool              // the relay has the turn to write to the client
	inside bool              // the relay is in the middle of a response
	text   literalText       // the text of a message that passes
	hide   bool              // the client does not get the current response
	last   error             // ends the connection after the current response
	failed error             // the error of a write to the client
	editor replies.Editor    // the editor of the current response; nil: it is not changed
	edited []byte            // the output of editors, until it is written
	memory *[editedSize]byte // the memory of edited; nil: nothing is edited

	search replies.SearchNumbers // removes message numbers that do not exist

	strays   int      // lines that are no responses, on this connection
	answered []string // the tags of commands that strays have refused, while their replies may come

	// instead is the tagged line that the client gets in place of the current line.
	instead []byte

	// fresh is the view of the mailbox on this connection until the session takes the
	// connection over (conn.takeOver). The client sees nothing of it until then. link.mu
	// guards it.
	fresh *mailbox.View
}

// Take implements backend.Sink.
func (r *relay) Take(f wire.Fragment) (err error) {
	if !r.turn { // before begin wakes a goroutine that would write or close
		if w := r.c.client.w; !w.tryTake() {
			if err := w.take(r.up.Ending()); err != nil {
				return err
			}
		}
		r.turn = true
	}
	if r.c.login.profile.IsExchange() && !r.text.isAsLong(f) {
		return &backend.Violation{Line: "a literal is not as long as announced"}
	}
	said := f.Data
	f = r.withinExists(r.tidied(f))
	data := f.Data
	if f.First {
		if data = r.begin(f); r.hide {
			r.editor = nil // which might keep the response for later
		}
	}
	if !f.Literal {
		r.c.client.trace.fromUpstream(said, f.First)
	}
	if r.editor != nil && len(data) > 0 {
		if &data[0] != &f.Data[0] { // repaired: Fragment.Ahead must not find what follows it in memory
			f.Data = slices.Clip(data)
		}
		if data, err = r.edit(f); err != nil {
			return err
		}
	}
	r.inside = !f.Last
	if !r.hide {
		if err = r.extend(data); err != nil {
			return err
		}
	}
	if f.Last && r.last != nil {
		if err := r.Flush(); err != nil {
			return err
		}
		return r.last
	}
	return nil
}

// edit lets the editor of the response change a fragment. The output of editors stays in
// the relay's own memory until it is written.
func (r *relay) edit(f wire.Fragment) ([]byte, error) {
	if err := r.makeRoom(); err != nil {
		return nil, err
	}
	n := len(r.edited)
	edited, same := r.editor.Edit(r.edited, f)
	if passer, ok := r.editor.(replies.Passer); ok && passer.Passes() {
		r.editor = nil // the rest of the message is not copied
	}
	if same {
		return f.Data, nil
	}
	r.edited = edited
	return edited[n:], nil
}

// extend adds p to the run. If it cannot, it writes the run and begins a new one with p.
func (r *relay) extend(p []byte) error {
	if len(p) == 0 { // an editor has removed these bytes
		return nil
	}
	if n := len(r.run); n > 0 {
		if whole := r.run[:cap(r.run)]; len(whole) > n && &whole[n] == &p[0] {
			r.run = whole[:n+len(p)]
			return nil
		}
		if r.gather(p) {
			return nil
		}
		if err := r.write(); err != nil {
			return err
		}
	}
	r.run = p
	return nil
}

func (r *relay) write() error {
	if len(r.run) == 0 {
		return nil
	}
	err := r.c.client.w.write(r.run)
	r.run = nil
	r.c.link.heard.Store(time.Now().UnixNano())
	if err != nil {
		r.failed = fmt.Errorf("%w: %w", errClient, err)
	}
	return r.failed
}

// Flush implements backend.Sink. It writes the run, and between two responses it gives the
// turn back.
func (r *relay) Flush() error {
	if !r.turn {
		return nil
	}
	err := r.write()
	r.edited = r.edited[:0]
	if !r.inside {
		r.passTurn()
	}
	return err
}

// End implements backend.Sink. It tells the session's goroutine that the connection has
// ended. That goroutine resumes the session or sends BYE.
func (r *relay) End(err error) {
	c := r.c
	if r.failed != nil {
		err = r.failed // the client's connection failed, not the upstream's
	}
	if c.link.end(r, err, r.inside && !r.hide) {
		c.log.Debug("upstream ended", "err", err)
	}
	if r.turn {
		r.passTurn()
	}
}

// passTurn gives the turn back, so that other goroutines can write to the client.
func (r *relay) passTurn() {
	r.giveBack()
	r.turn = false
	r.c.client.w.release()
}

// begin handles the first line of a response. It updates the session's state, and returns
// the line for the client.
func (r *relay) begin(f wire.Fragment) []byte {
	c := r.c
	r.editor = nil
	if r.hide = c.link.sink.Load() != r; r.hide { // the connection is not the session's yet, or no longer
		r.private(f)
		return f.Data
	}
	if f.Kind == wire.Untagged {
		if line, ok := r.stray(f); ok {
			return line
		}
	}
	if r.hide = r.isAboveExists(f); r.hide {
		return nil
	}
	if c.login.edits && f.Kind == wire.Untagged {
		r.editor = c.link.editorOf(f.Data)
		if r.editor == nil && c.login.profile.Replies.ListNames && wire.IsUntagged(f.Data, "LIST", "LSUB") {
			r.editor = &replies.Quoting{Repaired: c.repaired} // nobody has asked for it
		}
	}
	switch f.Kind {
	case wire.Continuation:
		known, hide := c.link.acceptContinuation(r)
		if r.hide = hide; !known && c.login.profile.Replies.Strays {
			r.drop(f)
			return nil
		}
		if kept := c.keptBeforePlus(); kept != nil && f.Last {
			if r.hide {
				r.hide = false
				return kept
			}
			return append(bytes.Clone(f.Data), kept...)
		}
	case wire.Tagged:
		if r.hide = r.isLate(f.Data); r.hide {
			return nil
		}
		if line, ok := r.bye(f.Data); ok {
			return line
		}
		if kept := c.keptBeforePlus(); kept != nil { // no "+" has come
			if err := r.extend(kept); err != nil {
				r.last = err
				return nil
			}
		}
		var known bool
		if known, r.hide, r.last = c.completed(r, f.Data); !known {
			// Exchange runs the rest of a message as commands. The client must not
			// see the replies, because it never used that tag.
			r.hide = true
		} else if r.instead != nil {
			return r.instead
		} else if f.Last {
			return c.withCode(c.statusAsIs(capability.EditLine(c.login.profile, f.Data)))
		}
	default:
		if f.Last {
			return r.untagged(f.Data)
		}
		c.fetched(f.Data)
	}
	return f.Data
}

// private handles the first line of a response on a connection that is being prepared to
// replace the one of the session. The client does not get the response.
func (r *relay) private(f wire.Fragment) {
	if f.Kind != wire.Untagged {
		r.last = backend.OutOfStep(f.Data)
		return
	}
	if status, ok := wire.ParseStatus(f.Data); ok {
		r.up.Said(status)
	}
	r.c.link.noteFresh(r, f.Data)
}

// completed ends the oldest command in flight that has the tag of the line, because clients
// may use a tag twice. known is false if no command has the tag. If hide is true, the
// client does not see the line, because the command is sent again. An error means that the
// upstream is out of step.
func (c *conn) completed(r *relay, line []byte) (known, hide bool, err error) {
	status, _ := wire.ParseStatus(line)
	r.up.Said(status)
	failure, refused := c.judge(status) // first, since land wakes serve, which may send the next command at once
	landed := c.link.land(r, status, c.srv.draining.Err() != nil)
	cmd := landed.cmd
	if cmd != nil && refused {
		c.logRefused(cmd, status, failure)
	}
	if cmd == nil || landed.mid {
		return cmd != nil, false, backend.OutOfStep(line)
	}
	r.instead = cmd.flight.verdict.Instead
	return true, landed.again || cmd.flight.verdict.Hidden, nil
}

// judge counts the errors of a refusal by Exchange. After a throttle it delays the next
// commands of the account's sessions.
func (c *conn) judge(status wire.Status) (failure backend.Failure, refused bool) {
	if status.Word == "OK" || !c.login.profile.IsExchange() {
		return failure, false
	}
	failure = backend.Classify(status)
	c.countErrors(failure)
	if failure.Kind == backend.KindThrottled {
		c.login.account.Throttled(failure.Backoff)
	}
	return failure, true
}

// logRefused logs a refusal and its meaning.
func (c *conn) logRefused(cmd *command, status wire.Status, failure backend.Failure) {
	c.log.Log(c.ctx, failure.Level(), "Exchange refused a command",
		"command", cmd.name(), "reply", status.Words(),
		"kind", failure.Kind, "retryable", failure.Retryable(), "meaning", failure.Explanation())
}

// untagged handles a whole untagged line, and returns the line for the client.
func (r *relay) untagged(line []byte) []byte {
	c := r.c
	if len(line) < 3 || line[0] != '*' {
		return c.bareCode(line)
	}
	switch line[2] {
	case 'C', 'c':
		return capability.EditLine(c.login.profile, line)
	case 'O', 'o', 'B', 'b', 'N', 'n':
		if status, ok := wire.ParseStatus(line); ok {
			r.statusLine(status)
			return c.statusAsIs(capability.EditLine(c.login.profile, line))
		}
	default:
		if n, word, ok := wire.ParseNumbered(line); ok {
			c.link.note(n, word)
			return line
		}
		c.fetched(line)
	}
	return line
}

// statusLine handles an untagged status response.
func (r *relay) statusLine(status wire.Status) {
	r.up.Said(status)
	r.hide = r.c.link.noteStatus(status)
}

// fetched counts a message that a FETCH response brings against the pace of the account.
func (c *conn) fetched(line []byte) {
	if !c.login.account.Fetches.Limits() || len(line) < 3 || line[0] != '*' || line[2] < '0' || line[2] > '9' {
		return
	}
	if !bytes.Contains(line[:min(len(line), 32)], []byte(" FETCH ")) {
		return
	}
	if c.link.countsMessage() {
		c.login.account.Fetches.Passed()
	}
}

// bareCode makes a whole response of a response code that stands alone, if the profile
// wants this.
func (c *conn) bareCode(line []byte) []byte {
	return c.repairedLine(c.login.profile.Replies.CopyUID, backend.FixCopyUID, line, replies.WholeCode)
}

// statusAsIs makes plain text of an invalid response code, and removes one that says nothing, if
// the profile wants this.
func (c *conn) statusAsIs(line []byte) []byte {
	line = c.repairedLine(c.login.profile.Replies.CopyUID, backend.FixCopyUID, line, replies.WithoutEmptyCode)
	line = c.repairedLine(c.login.profile.Replies.StatusCodes, backend.FixStatusCodes, line, replies.TextOfCode)
	return c.repairedLine(c.login.profile.Replies.StatusCodes, backend.FixStatusCodes, line, replies.WithText)
}

// withCode adds a response code to a refusal that has none, if the profile wants this.
func (c *conn) withCode(line []byte) []byte {
	return c.repairedLine(c.login.profile.Replies.StatusCodes, backend.FixStatusCodes, line, replies.WithCode)
}

// repairedLine returns the line after repair, and counts the fix if repair changed the
// line. If the fix is off, it returns the line unchanged.
func (c *conn) repairedLine(
	on bool, fix backend.ReplyFix, line []byte, repair func([]byte) ([]byte, bool),
) []byte {
	if !on {
		return line
	}
	fixed, ok := repair(line)
	if ok {
		c.repaired(string(fix))
	}
	return fixed
}
