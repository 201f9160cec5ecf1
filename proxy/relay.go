package proxy

import (
	"bytes"
	"fmt"
	"time"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/proxy/capability"
	"exgate/proxy/mailbox"
	"exgate/proxy/replies"
)

// relay brings to the client what the upstream says: it is the sink of the
// upstream's connection, and its methods run on that connection's reader.
//
// Fragments are not copied: those that lie behind one another in the reader's
// buffer are gathered into one run, written by Flush.
type relay struct {
	c      *conn
	up     *backend.Conn     // whose sink it is
	run    []byte            // bytes that the client has not been sent
	turn   bool              // it is ours to write to the client
	inside bool              // a response has begun and not ended
	hide   bool              // the response at hand is not the client's
	last   error             // ends the connection after the response at hand
	failed error             // of writing to the client
	editor replies.Editor    // of the response at hand; nil: it goes as it is
	edited []byte            // what editors have made, until it is written
	memory *[editedSize]byte // where they write; nil: nothing is edited

	// instead is the tagged line that the client gets in place of the one at hand.
	instead []byte

	// fresh is the mailbox as this connection shows it until the connection
	// becomes the session's (conn.takeOver): until then nothing of it is the
	// client's. Guarded by conn.mu.
	fresh *mailbox.View
}

// Take implements backend.Sink.
func (r *relay) Take(f wire.Fragment) (err error) {
	if !r.turn { // before begin wakes anybody who would write, or close
		if w := r.c.client.w; !w.tryTake() {
			if err := w.take(r.up.Ending()); err != nil {
				return err
			}
		}
		r.turn = true
	}
	data := f.Data
	if f.First {
		data = r.begin(f)
	}
	if !f.Literal {
		r.c.client.trace.fromUpstream(f.Data, f.First)
	}
	if r.editor != nil {
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

// edit has the response's editor change a fragment. What editors make lies in
// memory of the relay's own until it is written.
func (r *relay) edit(f wire.Fragment) ([]byte, error) {
	if err := r.makeRoom(); err != nil {
		return nil, err
	}
	n := len(r.edited)
	edited, same := r.editor.Edit(r.edited, f)
	if passer, ok := r.editor.(replies.Passer); ok && passer.Passes() {
		r.editor = nil // a message's bytes are not copied
	}
	if same {
		return f.Data, nil
	}
	r.edited = edited
	return edited[n:], nil
}

// extend adds p to the run, or begins another.
func (r *relay) extend(p []byte) error {
	if len(p) == 0 { // an editor has left it out
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

// Flush implements backend.Sink. Between responses it lets others write.
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

// End implements backend.Sink: the session's goroutine is told, and resumes the
// session or says BYE.
func (r *relay) End(err error) {
	c := r.c
	if r.failed != nil {
		err = r.failed // the upstream is not to blame
	}
	if c.link.end(r, err, r.inside && !r.hide) {
		c.log.Debug("upstream ended", "err", err)
	}
	if r.turn {
		r.passTurn()
	}
}

// passTurn lets others write to the client.
func (r *relay) passTurn() {
	r.giveBack()
	r.turn = false
	r.c.client.w.release()
}

// begin looks at the first line of a response: it keeps the session's books,
// and returns the line as the client shall see it.
func (r *relay) begin(f wire.Fragment) []byte {
	c := r.c
	r.editor = nil
	if r.hide = c.link.sink.Load() != r; r.hide { // not the session's yet, or not any more
		r.private(f)
		return f.Data
	}
	if c.login.edits && f.Kind == wire.Untagged {
		r.editor = c.link.editorOf(f.Data)
	}
	switch f.Kind {
	case wire.Continuation:
		r.hide = c.link.grant(r)
		if kept := c.keptBeforePlus(); kept != nil && f.Last {
			if r.hide {
				r.hide = false
				return kept
			}
			return append(bytes.Clone(f.Data), kept...)
		}
	case wire.Tagged:
		if kept := c.keptBeforePlus(); kept != nil { // no "+" has come
			if err := r.extend(kept); err != nil {
				r.last = err
				return nil
			}
		}
		var known bool
		if known, r.hide, r.last = c.completed(r, f.Data); !known {
			// Exchange runs the rest of a message as commands: what it answers
			// to them is not for the client, who never used that tag.
			r.hide = true
		} else if r.instead != nil {
			return r.instead
		} else if f.Last {
			return c.statusAsIs(capability.EditLine(c.login.profile, f.Data))
		}
	default:
		if f.Last {
			return r.untagged(f.Data)
		}
		c.fetched(f.Data)
	}
	return f.Data
}

// private keeps the books of a connection that is being brought to where the
// session is.
func (r *relay) private(f wire.Fragment) {
	if f.Kind != wire.Untagged {
		r.last = &backend.Violation{Line: string(bytes.TrimRight(f.Data, "\r\n"))}
		return
	}
	if status, ok := wire.ParseStatus(f.Data); ok {
		r.up.Said(status)
	}
	r.c.link.noteFresh(r, f.Data)
}

// completed ends the oldest command in flight that has the line's tag: clients
// use tags again. hide says that the client does not see the line, since the
// command is sent once more. An error says that the upstream is out of step.
func (c *conn) completed(r *relay, line []byte) (known, hide bool, err error) {
	status, _ := wire.ParseStatus(line)
	r.up.Said(status)
	landed := c.link.land(r, status, c.srv.draining.Err() != nil)
	cmd := landed.cmd
	if cmd != nil {
		c.judge(cmd, status)
	}
	if cmd == nil || landed.mid {
		return cmd != nil, false, &backend.Violation{Line: string(bytes.TrimRight(line, "\r\n"))}
	}
	r.instead = cmd.flight.verdict.Instead
	return true, landed.again || cmd.flight.verdict.Hidden, nil
}

// judge records a refusal with what it means. A throttle holds back what the
// account's sessions send next.
func (c *conn) judge(cmd *command, status wire.Status) {
	if status.Word == "OK" || !c.login.profile.IsExchange() {
		return
	}
	failure := backend.Classify(status)
	c.log.Log(c.ctx, failure.Level(), "Exchange refused a command",
		"command", cmd.name(), "reply", status.Word+" "+status.Text,
		"kind", failure.Kind, "retryable", failure.Retryable(), "meaning", failure.Explanation())
	c.countErrors(failure)
	if failure.Kind == backend.KindThrottled {
		c.login.account.Throttled(failure.Backoff)
	}
}

// untagged looks at a whole untagged line.
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

// statusLine notes an untagged status response.
func (r *relay) statusLine(status wire.Status) {
	r.up.Said(status)
	r.hide = r.c.link.noteStatus(status)
}

// fetched counts the messages that a FETCH brings, against the pace.
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

// bareCode makes a response of a code that stands alone, where that is wanted.
func (c *conn) bareCode(line []byte) []byte {
	if !c.login.profile.Replies.CopyUID {
		return line
	}
	return c.repairedLine("copyuid", line, replies.WholeCode)
}

// statusAsIs makes text of a response code that is none, where that is wanted.
func (c *conn) statusAsIs(line []byte) []byte {
	if !c.login.profile.Replies.StatusCodes {
		return line
	}
	return c.repairedLine("status-codes", line, replies.TextOfCode)
}

// repairedLine returns the line as a fix leaves it, and counts the fix if it was
// used.
func (c *conn) repairedLine(fix string, line []byte, repair func([]byte) ([]byte, bool)) []byte {
	fixed, ok := repair(line)
	if ok {
		c.repaired(fix)
	}
	return fixed
}
