package proxy

import (
	"errors"
	"strings"

	"exgate/backend/wire"
)

// keptLiteral bounds a literal of a relayed command that is remembered: longer
// than any mailbox name.
const keptLiteral = 4096

// direct relays a command, its literals of any size, and leaves its reply to
// the relay. It returns when the next command may be read.
func (c *conn) direct(cmd *command, line string, lit *wire.Literal) error {
	defer func() { cmd.examined.close() }()
	if err := c.admit(cmd, lit); err != nil {
		return err
	}
	kept := new(wire.Args)
	kept.AddText([]byte(cmd.args))
	c.mu.Lock()
	c.flight = append(c.flight, cmd)
	if cmd.effect() == opensView {
		c.view.flags = nil // those that come now are the new mailbox's
	}
	c.mu.Unlock()
	for {
		if lit == nil && cmd.effect() == opensView {
			cmd.opens = opened(kept, cmd.verb) // before the reply can come
		}
		refused, err := c.relayLine(cmd, line, lit)
		if err != nil {
			return err
		}
		if refused {
			return errors.Join(c.drain(lit), c.reportExamined(cmd))
		}
		if lit == nil {
			break
		}
		value, err := c.relayLiteral(cmd, lit)
		if err != nil {
			return err
		}
		more, err := c.readLine()
		if err != nil {
			return err
		}
		c.trace.fromClient(more)
		text, next, err := wire.CheckLine(more)
		if err != nil {
			// Half of the command is relayed: there is no way back.
			return c.bye("a command cannot be completed: %v", err)
		}
		kept.AddLiteral(value)
		kept.AddText(text)
		line, lit = string(more), next
	}
	if cmd.verb == "LOGOUT" {
		return c.logout(cmd)
	}
	return c.reportExamined(cmd)
}

// admit waits until the command may go: until there is room in the pipeline,
// and for the pace.
func (c *conn) admit(cmd *command, lit *wire.Literal) error {
	room := func() bool { return len(c.flight) < c.login.policy.pipeline() || c.upErr != nil }
	if err := c.await(room, nil); err != nil {
		return err
	}
	if err := c.upstreamEnd(); err != nil {
		return err
	}
	switch {
	case cmd.effect() == fetchesView && asksForBodies(cmd.args):
		cmd.bodies = true
		return c.pace(c.login.account.Fetches)
	case cmd.verb == "APPEND" && lit != nil && c.srv.opts.Observe:
		cmd.examined = c.examine(cmd.args, lit)
		return c.pace(c.login.account.Appends)
	}
	return nil
}

// relayLine sends one line of a command upstream. Where a "+" has to come
// before anything else, it waits for it; refused says that the tagged reply
// came in its place.
func (c *conn) relayLine(cmd *command, line string, lit *wire.Literal) (refused bool, err error) {
	out, plus := line, false
	if lit != nil && lit.NonSync {
		if plus = c.keepsPlus(lit); !plus {
			out = strings.TrimSuffix(line, "+}") + "}"
		}
	}
	c.mu.Lock()
	cmd.granted = false
	cmd.asks = cmd.verb == "IDLE" || lit != nil && !plus
	cmd.swallow = cmd.asks && lit != nil && lit.NonSync
	// A server that takes {n+} may refuse the command at once and passes over
	// the bytes (RFC 7888 section 3). Exchange is not trusted to.
	cmd.mid = plus && c.login.policy.exchange()
	asks := cmd.asks
	c.mu.Unlock()
	if err := c.toUpstream(out); err != nil {
		return false, err
	}
	if !asks {
		return false, nil
	}
	if err := c.await(func() bool { return cmd.granted || cmd.done || c.upErr != nil }, nil); err != nil {
		return false, err
	}
	c.mu.Lock()
	granted, done := cmd.granted, cmd.done
	c.mu.Unlock()
	if granted && cmd.verb == "IDLE" {
		c.idle = cmd
	}
	if !granted && !done {
		return false, c.upstreamEnd()
	}
	return !granted, nil
}

// keepsPlus tells whether a {n+} goes upstream as it is: by choice, and where
// the upstream takes it (RFC 7888: LITERAL- up to 4096 bytes). Else it becomes
// {n}: nobody knows what Exchange does with the bytes of one that it refuses.
func (c *conn) keepsPlus(lit *wire.Literal) bool {
	return c.login.policy.LiteralPlus && (c.login.has("LITERAL+") || c.login.has("LITERAL-") && lit.Size <= 4096)
}

// relayLiteral copies a literal from the client to the upstream, and returns
// it if it is short.
func (c *conn) relayLiteral(cmd *command, lit *wire.Literal) (value []byte, err error) {
	w := &literalWriter{c: c, examined: cmd.examined, keep: lit.Size <= keptLiteral}
	if _, err := c.readLiteral(w, lit.Size); w.err != nil {
		return nil, c.lostUpstream(w.err)
	} else if err != nil {
		return nil, err
	}
	c.mu.Lock()
	cmd.mid = false
	c.mu.Unlock()
	return w.value, c.upstreamEnd()
}

// literalWriter writes the bytes of a literal upstream.
type literalWriter struct {
	c        *conn
	examined *examined // nil: nobody looks at the message
	keep     bool
	value    []byte
	err      error // of the upstream
}

func (w *literalWriter) Write(p []byte) (int, error) {
	if _, w.err = w.c.up.Write(p); w.err != nil {
		return 0, w.err
	}
	w.examined.add(p)
	if w.keep {
		w.value = append(w.value, p...)
	}
	return len(p), nil
}

// toUpstream writes a line, in one piece and with CRLF.
func (c *conn) toUpstream(line string) error {
	c.trace.toUpstream(line)
	c.out = append(append(c.out[:0], line...), "\r\n"...)
	_, err := c.up.Write(c.out)
	if cap(c.out) > keptLiteral {
		c.out = nil // an idle session holds little
	}
	if err != nil {
		return c.lostUpstream(err)
	}
	return nil
}

// lostUpstream says why the upstream could not be written to: what it said, if
// anything.
func (c *conn) lostUpstream(err error) error {
	return c.bye("%s", explain(c.up.Abandon(err)))
}

// upstreamEnd returns the BYE that the end of the upstream calls for, or nil
// while it lives.
func (c *conn) upstreamEnd() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.upErr == nil:
		return nil
	case c.srv.ctx.Err() != nil: // and took the upstream along
		return c.stopping()
	case errors.Is(c.upErr, errClient):
		return c.upErr
	}
	return c.bye("%s", explain(c.upErr))
}

// endIdle passes on the line that ends IDLE, whatever it is (RFC 9051 section
// 6.3.13). When the upstream has ended the IDLE by itself, the client's DONE
// has crossed its reply and is dropped.
func (c *conn) endIdle(line []byte) error {
	c.mu.Lock()
	over := c.idle.done
	c.mu.Unlock()
	c.idle = nil
	c.trace.fromClient(line)
	_, lit, err := wire.CheckLine(line)
	switch {
	case err != nil || lit != nil:
		return c.bye("the line that ends IDLE is no line that every server reads alike")
	case !over:
		return c.toUpstream(string(line))
	case strings.EqualFold(string(line), "DONE"):
		return nil
	}
	return c.route(line)
}

// logout waits for the upstream's farewell.
func (c *conn) logout(cmd *command) error {
	if err := c.await(func() bool { return cmd.done || c.upErr != nil }, nil); err != nil {
		return err
	}
	c.mu.Lock()
	done := cmd.done
	c.mu.Unlock()
	if !done {
		return c.upstreamEnd()
	}
	c.w.settle()
	return errDone
}
