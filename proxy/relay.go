package proxy

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

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
	locked bool              // the client writer's lock is ours
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
	if !r.locked { // before begin wakes anybody who would write, or close
		r.c.client.w.mu.Lock()
		r.locked = true
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

// editorOf returns the editor that an untagged response goes through. c.link.mu is
// held.
func (c *conn) editorOf(line []byte) replies.Editor {
	for _, cmd := range c.link.flight {
		if cmd.editor != nil && cmd.editor.Wants(line) {
			return cmd.editor
		}
	}
	return nil
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
	if err != nil {
		r.failed = fmt.Errorf("%w: %w", errClient, err)
	}
	return r.failed
}

// Flush implements backend.Sink. Between responses it lets others write.
func (r *relay) Flush() error {
	if !r.locked {
		return nil
	}
	err := r.write()
	r.edited = r.edited[:0]
	if !r.inside {
		r.giveBack()
		r.locked = false
		r.c.client.w.mu.Unlock()
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
	c.link.mu.Lock()
	if c.link.sink.Load() == r {
		c.log.Debug("upstream ended", "err", err)
		c.link.cause = err
		c.link.torn = r.inside && !r.hide
		c.alarm()
		if !c.login.resume {
			c.client.nc.SetReadDeadline(past)
		}
	}
	c.link.mu.Unlock()
	if r.locked {
		r.giveBack()
		r.locked = false
		c.client.w.mu.Unlock()
	}
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
		c.link.mu.Lock()
		r.editor = c.editorOf(f.Data)
		c.link.mu.Unlock()
	}
	switch f.Kind {
	case wire.Continuation:
		r.hide = c.continued(r)
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
	status, isStatus := wire.ParseStatus(f.Data)
	if isStatus {
		r.up.Said(status)
	}
	r.c.link.mu.Lock()
	defer r.c.link.mu.Unlock()
	if r.fresh == nil {
		return
	}
	if isStatus {
		r.fresh.NoteCode(status)
	} else if n, word, ok := wire.ParseNumbered(f.Data); ok {
		r.fresh.Note(n, word)
	}
}

// continued gives the "+" to the command that waits for it, and tells whether
// it is hidden from the client, who did not ask.
func (c *conn) continued(r *relay) (hide bool) {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	for _, cmd := range c.link.flight {
		if cmd.asks {
			cmd.asks, cmd.granted, cmd.mid = false, true, cmd.verb != "IDLE"
			if cmd.verb == "IDLE" { // which may be silent for long
				r.up.Expect(false)
				c.rests()
			}
			c.wakeUp()
			return cmd.swallow
		}
	}
	return false
}

// completed ends the oldest command in flight that has the line's tag: clients
// use tags again. hide says that the client does not see the line, since the
// command is sent once more. An error says that the upstream is out of step.
func (c *conn) completed(r *relay, line []byte) (known, hide bool, err error) {
	status, _ := wire.ParseStatus(line)
	r.up.Said(status)
	cmd, mid, again := c.land(r, status)
	if cmd != nil {
		c.judge(cmd, status)
	}
	if cmd == nil || mid {
		return cmd != nil, false, &backend.Violation{Line: string(bytes.TrimRight(line, "\r\n"))}
	}
	r.instead = cmd.verdict.Instead
	return true, again || cmd.verdict.Hidden, nil
}

// land takes the command that a tagged reply completes out of the flight, and
// wakes who waits for it; nil if there is none. mid tells that bytes of a
// literal of its were still on their way; again, that it
// was refused in a way that passes, and stays in the flight to be sent again.
func (c *conn) land(r *relay, status wire.Status) (cmd *command, mid, again bool) {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	i := slices.IndexFunc(c.link.flight, func(cmd *command) bool { return cmd.tag == status.Tag && !cmd.throttled && !cmd.stale })
	if i < 0 {
		return nil, false, false
	}
	cmd = c.link.flight[i]
	defer c.wakeUp()
	if cmd.renews && status.Word == "OK" {
		cmd.renews = false
		return cmd, false, true
	}
	if c.sendsAgain(cmd, status) {
		cmd.throttled = true
		c.alarm()
		return cmd, false, true
	}
	if c.wantsFresh(cmd, status) {
		cmd.stale, cmd.status = true, status
		c.alarm()
		return cmd, false, true
	}
	if cmd.fresh && saysUnavailable(cmd, status) {
		cmd.verdict.Instead = overQuota(cmd, status)
	}
	if cmd.finish != nil {
		cmd.verdict = cmd.finish(status)
	}
	cmd.done, cmd.status = true, status
	c.link.flight = slices.Delete(c.link.flight, i, i+1)
	if status.Word == "OK" {
		c.link.pinned = cmp.Or(c.link.pinned, binding(cmd.verb, cmd.args))
		if cmd.verb == "ENABLE" && !slices.Contains(c.link.enabled, cmd.args) {
			c.link.enabled = append(slices.Clip(c.link.enabled), cmd.args)
		}
	}
	c.updateView(cmd, status)
	if cmd.landed != nil {
		cmd.landed(status)
	}
	if len(c.link.flight) == 0 {
		r.up.Expect(false)
		c.rests()
		if c.srv.draining.Err() != nil {
			c.alarm()
		}
	}
	return cmd, cmd.mid, false
}

// updateView notes what a completed command did to the selected mailbox. c.link.mu
// is held.
func (c *conn) updateView(cmd *command, status wire.Status) {
	switch cmd.effect() {
	case opensView:
		// Without success nothing is selected (RFC 9051 section 6.3.2).
		c.link.view = mailbox.View{}
		if status.Word == "OK" {
			c.link.view = cmd.opens
			c.link.view.Opened(status)
		}
	case closesView:
		if status.Word == "OK" {
			c.link.view = mailbox.View{}
		}
	}
}

// viewNow is the view that untagged data is about: the one that is being
// opened, once its command is the oldest in flight. c.link.mu is held.
func (c *conn) viewNow() *mailbox.View {
	if len(c.link.flight) > 0 && c.link.flight[0].effect() == opensView {
		return &c.link.flight[0].opens
	}
	return &c.link.view
}

// judge records a refusal with what it means. A throttle holds back what the
// account's sessions send next.
func (c *conn) judge(cmd *command, status wire.Status) {
	if status.Word == "OK" || !c.login.profile.IsExchange() {
		return
	}
	failure := backend.Classify(status)
	c.log.Log(c.ctx, failure.Level(), "Exchange refused a command", "command", cmd.name(), "reply", status.Word+" "+status.Text,
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
			c.link.mu.Lock()
			c.viewNow().Note(n, word)
			if word == "EXPUNGE" {
				c.link.expunges++
			}
			c.link.mu.Unlock()
			return line
		}
		c.fetched(line)
	}
	return line
}

// statusLine notes an untagged status response. A BYE that the client has not
// asked for is kept from it where its session can be resumed.
func (r *relay) statusLine(status wire.Status) {
	c := r.c
	r.up.Said(status)
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	if status.Word != "BYE" {
		c.viewNow().NoteCode(status)
		return
	}
	leaving := slices.ContainsFunc(c.link.flight, func(cmd *command) bool { return cmd.verb == "LOGOUT" })
	if r.hide = c.login.resume && !leaving; !r.hide {
		c.link.farewell = true
	}
}

// fetched counts the messages that a FETCH brings, against the pace.
func (c *conn) fetched(line []byte) {
	if !c.login.account.Fetches.Limits() || len(line) < 3 || line[0] != '*' || line[2] < '0' || line[2] > '9' {
		return
	}
	if !bytes.Contains(line[:min(len(line), 32)], []byte(" FETCH ")) {
		return
	}
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	if len(c.link.flight) == 0 || !c.link.flight[0].bodies {
		return
	}
	if cmd := c.link.flight[0]; cmd.counted { // the first was counted when the command was let through
		c.login.account.Fetches.Passed()
	} else {
		cmd.counted = true
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
