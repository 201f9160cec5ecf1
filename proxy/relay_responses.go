package proxy

import (
	"bytes"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/proxy/capability"
	"exgate/proxy/replies"
)

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
	switch {
	case f.Kind == wire.Continuation:
		return r.continuation(f)
	case f.Kind == wire.Tagged:
		return r.tagged(f)
	case f.Last:
		return r.untagged(f.Data)
	}
	r.fetched(f.Data)
	return f.Data
}

// continuation handles a continuation request, and returns the line for the client.
func (r *relay) continuation(f wire.Fragment) []byte {
	known, hide := r.c.link.acceptContinuation(r)
	if r.hide = hide; !known && r.c.login.profile.Replies.Strays {
		r.drop(f)
		return nil
	}
	if kept := r.keptBeforePlus(); kept != nil && f.Last {
		if r.hide {
			r.hide = false
			return kept
		}
		return append(bytes.Clone(f.Data), kept...)
	}
	return f.Data
}

// tagged handles the tagged line of a command, and returns the line for the client.
func (r *relay) tagged(f wire.Fragment) []byte {
	if r.hide = r.isLate(f.Data); r.hide {
		return nil
	}
	if line, ok := r.bye(f.Data); ok {
		return line
	}
	if kept := r.keptBeforePlus(); kept != nil { // no "+" has come
		if err := r.extend(kept); err != nil {
			r.last = err
			return nil
		}
	}
	var known bool
	known, r.hide, r.last = r.completed(f.Data)
	switch {
	case !known:
		// Exchange runs the rest of a message as commands. The client must not
		// see the replies, because it never used that tag.
		r.hide = true
	case r.instead != nil:
		return r.instead
	case f.Last:
		return r.withCode(r.statusAsIs(capability.EditLine(r.c.login.profile, f.Data)))
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
		r.upstream.Said(status)
	}
	r.c.link.noteFresh(r, f.Data)
}

// completed ends the oldest command in flight that has the tag of the line, because clients
// may use a tag twice. known is false if no command has the tag. If hide is true, the
// client does not see the line, because the command is sent again. An error means that the
// upstream is out of step.
func (r *relay) completed(line []byte) (known, hide bool, err error) {
	c := r.c
	status, _ := wire.ParseStatus(line)
	r.upstream.Said(status)
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

// untagged handles a whole untagged line, and returns the line for the client.
func (r *relay) untagged(line []byte) []byte {
	c := r.c
	if len(line) < 3 || line[0] != '*' {
		return r.bareCode(line)
	}
	switch line[2] {
	case 'C', 'c':
		return capability.EditLine(c.login.profile, line)
	case 'O', 'o', 'B', 'b', 'N', 'n':
		if status, ok := wire.ParseStatus(line); ok {
			r.statusLine(status)
			return r.statusAsIs(capability.EditLine(c.login.profile, line))
		}
	default:
		if n, word, ok := wire.ParseNumbered(line); ok {
			c.link.note(n, word)
			return line
		}
		r.fetched(line)
	}
	return line
}

// statusLine handles an untagged status response.
func (r *relay) statusLine(status wire.Status) {
	r.upstream.Said(status)
	r.hide = r.c.link.noteStatus(status)
}

// fetched counts a message that a FETCH response brings against the pace of the account.
func (r *relay) fetched(line []byte) {
	if len(line) < 3 || line[0] != '*' || line[2] < '0' || line[2] > '9' {
		return
	}
	fetches := r.c.login.account.Fetches
	if !fetches.HasLimit() || !bytes.Contains(line[:min(len(line), 32)], []byte(" FETCH ")) {
		return
	}
	if r.c.link.countsMessage() {
		fetches.Passed()
	}
}

// keptBeforePlus returns the untagged responses that the editor of an IDLE in flight has
// kept until after the "+".
func (r *relay) keptBeforePlus() []byte {
	if !r.c.login.profile.Replies.IdleOrder {
		return nil
	}
	return r.c.link.releaseBeforePlus()
}
