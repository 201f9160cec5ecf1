package proxy

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"exgate/backend"
	"exgate/backend/wire"
)

// relay brings to the client what the upstream says: it is the sink of the
// upstream's connection, and its methods run on that connection's reader.
//
// Fragments are not copied: those that lie behind one another in the reader's
// buffer are gathered into one run, written by Flush.
type relay struct {
	c      *conn
	run    []byte // bytes that the client has not been sent
	locked bool   // the client writer's lock is ours
	inside bool   // a response has begun and not ended
	hide   bool   // the response at hand is not the client's
	last   error  // ends the session after the response at hand
	failed error  // of writing to the client
}

// Take implements backend.Sink.
func (r *relay) Take(f wire.Fragment) error {
	if !r.locked { // before begin wakes anybody who would write, or close
		r.c.w.mu.Lock()
		r.locked = true
	}
	data := f.Data
	if f.First {
		data = r.begin(f)
	}
	if !f.Literal {
		r.c.trace.fromUpstream(f.Data)
	}
	r.inside = !f.Last
	if !r.hide {
		if err := r.extend(data); err != nil {
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

// extend adds p to the run, or begins another.
func (r *relay) extend(p []byte) error {
	if n := len(r.run); n > 0 && len(p) > 0 {
		if whole := r.run[:cap(r.run)]; len(whole) > n && &whole[n] == &p[0] {
			r.run = whole[:n+len(p)]
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
	err := r.c.w.write(r.run)
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
	if !r.inside {
		r.locked = false
		r.c.w.mu.Unlock()
	}
	return err
}

// End implements backend.Sink: the session's goroutine is told, and says BYE.
func (r *relay) End(err error) {
	c := r.c
	if r.failed != nil {
		err = r.failed // the upstream is not to blame
	}
	c.mu.Lock()
	c.upErr = err
	c.torn = r.inside && !r.hide
	c.wakeUp()
	c.nc.SetReadDeadline(past)
	c.mu.Unlock()
	if r.locked {
		r.locked = false
		c.w.mu.Unlock()
	}
}

// begin looks at the first line of a response: it keeps the session's books,
// and returns the line as the client shall see it.
func (r *relay) begin(f wire.Fragment) []byte {
	r.hide = false
	switch c := r.c; f.Kind {
	case wire.Continuation:
		r.hide = c.continued()
	case wire.Tagged:
		var known bool
		if known, r.last = c.completed(f.Data); !known {
			// Exchange runs the rest of a message as commands: what it answers
			// to them is not for the client, who never used that tag.
			r.hide = true
		} else if f.Last {
			return c.login.policy.editCapabilities(f.Data)
		}
	default:
		if f.Last {
			return c.untagged(f.Data)
		}
		c.fetched(f.Data)
	}
	return f.Data
}

// continued gives the "+" to the command that waits for it, and tells whether
// it is hidden from the client, who did not ask.
func (c *conn) continued() (hide bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cmd := range c.flight {
		if cmd.asks {
			cmd.asks, cmd.granted, cmd.mid = false, true, cmd.verb != "IDLE"
			c.wakeUp()
			return cmd.swallow
		}
	}
	return false
}

// completed ends the oldest command in flight that has the line's tag: clients
// use tags again. An error says that the upstream is out of step.
func (c *conn) completed(line []byte) (known bool, err error) {
	status, _ := wire.ParseStatus(line)
	c.up.Said(status)
	cmd, mid := c.land(status)
	if cmd != nil {
		c.judge(cmd, status)
	}
	if cmd == nil || mid {
		return cmd != nil, &backend.Violation{Line: string(bytes.TrimRight(line, "\r\n"))}
	}
	return true, nil
}

// land takes the command that a tagged reply completes out of the flight, and
// wakes who waits for it; nil if there is none. mid tells that bytes of a
// literal of its were still on their way.
func (c *conn) land(status wire.Status) (cmd *command, mid bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.flight, func(cmd *command) bool { return cmd.tag == status.Tag })
	if i < 0 {
		return nil, false
	}
	cmd = c.flight[i]
	cmd.done, cmd.status = true, status
	c.flight = slices.Delete(c.flight, i, i+1)
	c.updateView(cmd, status)
	c.wakeUp()
	return cmd, cmd.mid
}

// updateView notes what a completed command did to the selected mailbox. c.mu
// is held.
func (c *conn) updateView(cmd *command, status wire.Status) {
	switch cmd.effect() {
	case opensView:
		// Without success nothing is selected (RFC 9051 section 6.3.2).
		flags := c.view.flags
		c.view = view{}
		if status.Word == "OK" {
			c.view = cmd.opens
			c.view.flags = flags
			if _, ro := status.CodeArgs("READ-ONLY"); ro {
				c.view.readWrite = false
			}
		}
	case closesView:
		if status.Word == "OK" {
			c.view = view{}
		}
	}
}

// judge records a refusal with what it means. A throttle holds back what the
// account's sessions send next.
func (c *conn) judge(cmd *command, status wire.Status) {
	if status.Word == "OK" || !c.login.policy.exchange() {
		return
	}
	failure := backend.Classify(status)
	c.log.Log(c.ctx, failure.Level(), "Exchange refused a command", "command", cmd.verb, "reply", status.Word+" "+status.Text,
		"kind", failure.Kind, "retryable", failure.Retryable(), "meaning", failure.Explanation())
	c.countErrors(failure)
	if failure.Kind == backend.KindThrottled {
		c.login.account.Throttle.Block(failure.Backoff)
	}
}

// untagged looks at a whole untagged line.
func (c *conn) untagged(line []byte) []byte {
	if len(line) < 3 || line[0] != '*' {
		return line
	}
	switch line[2] {
	case 'C', 'c':
		return c.login.policy.editCapabilities(line)
	case 'O', 'o', 'B', 'b', 'N', 'n':
		if status, ok := wire.ParseStatus(line); ok {
			c.statusLine(status)
			return c.login.policy.editCapabilities(line)
		}
	default:
		c.fetched(line)
	}
	return line
}

// statusLine notes an untagged status response.
func (c *conn) statusLine(status wire.Status) {
	c.up.Said(status)
	if status.Word == "BYE" {
		c.mu.Lock()
		c.farewell = true
		c.mu.Unlock()
		return
	}
	if flags, ok := status.CodeArgs("PERMANENTFLAGS"); ok {
		c.mu.Lock()
		c.view.flags = strings.Fields(strings.Trim(flags, "()"))
		c.mu.Unlock()
	}
}

// fetched counts the messages that a FETCH brings, against the pace.
func (c *conn) fetched(line []byte) {
	if c.login.wanted.MessagesPerSecond == 0 || len(line) < 3 || line[0] != '*' || line[2] < '0' || line[2] > '9' {
		return
	}
	if !bytes.Contains(line[:min(len(line), 32)], []byte(" FETCH ")) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.flight) == 0 || !c.flight[0].bodies {
		return
	}
	if cmd := c.flight[0]; cmd.counted { // the first was counted when the command was let through
		c.login.account.Fetches.Passed()
	} else {
		cmd.counted = true
	}
}
