package proxy

import (
	"errors"
	"strings"
	"time"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/proxy/delivery"
	"exgate/proxy/slots"
)

// direct relays a command, its literals of any size, and leaves its reply to
// the relay. It returns when the next command may be read.
func (c *conn) direct(cmd *command, line string, lit *wire.Literal) error {
	defer func() { cmd.examined.Close() }()
	if cmd.verb == "LOGOUT" && c.link.isGone() {
		return c.farewells(cmd)
	}
	if err := c.admit(cmd, lit); errors.Is(err, slots.ErrNone) {
		return c.refuse(lit, "%s NO [UNAVAILABLE] %s", cmd.tag, err)
	} else if err != nil {
		return err
	}
	kept := new(wire.Args)
	kept.AddText([]byte(cmd.args))
	cmd.flight.whole = true
	c.link.launch(cmd)
	for {
		c.link.keepLine(cmd, kept, line, lit)
		outcome, err := c.relayLine(cmd, line, lit)
		if err != nil {
			return err
		}
		if outcome == lineRefused {
			return errors.Join(c.drain(lit), c.reportExamined(cmd))
		}
		if lit == nil {
			break // if the upstream was lost, attend hears of it
		}
		if outcome == lineLost {
			return c.cutShort(&wire.Literal{Size: lit.Size, NonSync: lit.NonSync})
		}
		value, left, err := c.relayLiteral(cmd, lit)
		if err != nil {
			return err
		}
		if left > 0 || c.link.isGone() {
			return c.cutShort(&wire.Literal{Size: left, NonSync: true}) // it was asked for
		}
		more, err := c.readLine()
		if err != nil {
			return err
		}
		c.client.trace.more(more)
		text, next, err := wire.CheckLine(more)
		if err != nil {
			// Half of the command is relayed: there is no way back.
			return c.bye("a command cannot be completed: %v", err)
		}
		if cmd.flight.whole {
			kept.AddLiteral(value)
			kept.AddText(text)
		}
		line, lit = string(more), next
	}
	if cmd.verb == "LOGOUT" {
		return c.logout(cmd)
	}
	return c.reportExamined(cmd)
}

// cutShort answers a command of which the upstream has not heard all when it
// was lost: nothing of it was done. What is left of it at the client is passed
// over.
func (c *conn) cutShort(lit *wire.Literal) error {
	if err := c.resumable(); err != nil {
		return err
	}
	if err := c.drain(lit); err != nil {
		return err
	}
	return c.attend()
}

// admit waits until the command may go: until there is room in the pipeline,
// for the pace, and for an upstream to send it to.
func (c *conn) admit(cmd *command, lit *wire.Literal) error {
	if err := c.awaitFlight(func() bool { return c.link.hasRoom(c.login.profile.InFlight()) }); err != nil {
		return err
	}
	if err := c.obeyDismissal(); err != nil {
		return err
	}
	var messages *backend.Pace
	switch {
	case cmd.verb == "LOGOUT": // which spares Exchange a connection
		return c.ready(cmd)
	case cmd.effect() == fetchesView && asksForBodies(cmd.args):
		cmd.bodies = true
		messages = c.login.account.Fetches
	case cmd.verb == "APPEND" && lit != nil && c.set.opts.Observe:
		cmd.examined = c.examine(cmd.args, lit)
		messages = c.login.account.Appends
	}
	if err := c.pace(messages); err != nil {
		return err
	}
	return c.ready(cmd)
}

// awaitFlight waits until the commands in flight are as done says, and sees to
// the upstream meanwhile. done is called with c.link.mu held.
func (c *conn) awaitFlight(done func() bool) error {
	for {
		over := false
		if err := c.await(func() bool { over = done(); return over || c.link.isTroubled(c.client.within, c.idle) }, nil); err != nil || over {
			return err
		}
		if err := c.attend(); err != nil {
			return err
		}
	}
}

// relayLine sends one line of a command upstream. Where a "+" has to come
// before anything else, it waits for it.
func (c *conn) relayLine(cmd *command, line string, lit *wire.Literal) (lineOutcome, error) {
	step := lineStep{asks: cmd.verb == "IDLE"}
	if lit != nil {
		plus := lit.NonSync && c.canKeepPlus(lit)
		if lit.NonSync && !plus {
			line = strings.TrimSuffix(line, "+}") + "}"
		}
		// A server that takes {n+} may refuse the command at once and passes over
		// the bytes (RFC 7888 section 3). Exchange is not trusted to.
		step = lineStep{asks: !plus, swallow: lit.NonSync && !plus, mid: plus && c.login.profile.IsExchange()}
	}
	return c.sendLine(cmd, line, step)
}

// lineStep says what follows a line of a command.
type lineStep struct {
	asks    bool // a "+"
	swallow bool // which is not the client's
	mid     bool // the bytes of a literal, at once
}

// lineOutcome is what came of a line.
type lineOutcome int

const (
	lineSent    lineOutcome = iota // nothing is awaited
	lineGranted                    // the "+" has come
	lineRefused                    // the tagged reply has come in its place
	lineLost                       // the upstream was lost, or has throttled the command: attend sends it again
)

// sendLine sends one line of a command.
func (c *conn) sendLine(cmd *command, line string, step lineStep) (lineOutcome, error) {
	c.link.begin(cmd, step)
	c.link.up.Expect(true)
	if !c.toUpstream(cmd, line) {
		return lineLost, nil
	}
	if !step.asks {
		return lineSent, nil
	}
	if err := c.await(func() bool { return cmd.flight.phase != phaseAsks || c.link.state.isGone() }, nil); err != nil {
		return lineLost, err
	}
	outcome := c.link.outcomeOf(cmd)
	if outcome == lineGranted && cmd.verb == "IDLE" {
		c.idle = cmd
	}
	return outcome, nil
}

// canKeepPlus tells whether a {n+} goes upstream as it is: by choice, and where
// the upstream takes it (RFC 7888: LITERAL- up to 4096 bytes). Else it becomes
// {n}: nobody knows what Exchange does with the bytes of one that it refuses.
func (c *conn) canKeepPlus(lit *wire.Literal) bool {
	return c.login.profile.LiteralPlus && (c.login.has("LITERAL+") || c.login.has("LITERAL-") && lit.Size <= 4096)
}

// relayLiteral copies a literal from the client to the upstream, and returns
// it if it is short. left is what the client has still to send when the
// upstream is lost.
func (c *conn) relayLiteral(cmd *command, lit *wire.Literal) (value []byte, left int64, err error) {
	w := &literalWriter{c: c, examined: cmd.examined, until: time.Now().Add(c.srv.limits.literal(lit.Size))}
	if lit.Size <= keptLiteral {
		w.value = make([]byte, 0, lit.Size)
	}
	left, err = c.readLiteral(w, lit.Size)
	if w.err != nil {
		c.link.up.Abandon(w.err)
		return nil, left, nil
	}
	if err != nil {
		return nil, 0, err
	}
	c.link.literalSent(cmd, w.value)
	return w.value, 0, nil
}

// literalWriter writes the bytes of a literal upstream.
type literalWriter struct {
	c        *conn
	examined *delivery.Examined // nil: nobody looks at the message
	value    []byte             // what is remembered of it; nil: nothing
	err      error              // of the upstream

	// The client has until then to send it, and longer for the time in which
	// the upstream, or the pace, has held it up.
	until time.Time
	held  time.Duration
}

func (w *literalWriter) Write(p []byte) (int, error) {
	began := time.Now()
	if _, w.err = w.c.link.up.Write(p); w.err != nil {
		return 0, w.err
	}
	if w.held += time.Since(began); w.held > time.Second {
		w.until, w.held = w.until.Add(w.held), 0
		w.c.setReadDeadline(w.until)
	}
	w.examined.Add(p)
	if w.value != nil {
		w.value = append(w.value, p...)
	}
	return len(p), nil
}

// toUpstream writes a line of a command, in one piece and with CRLF. Where it
// cannot, the upstream is lost by then.
func (c *conn) toUpstream(cmd *command, line string) (sent bool) {
	c.client.trace.toUpstream(cmd, line)
	c.out = append(append(c.out[:0], line...), "\r\n"...)
	_, err := c.link.up.Write(c.out)
	if cap(c.out) > keptLiteral {
		c.out = nil // an idle session holds little
	}
	if err != nil {
		c.link.up.Abandon(err)
	}
	return err == nil
}

// logout waits for the upstream's farewell.
func (c *conn) logout(cmd *command) error {
	if err := c.await(func() bool { return cmd.flight.isDone() || c.link.state.isGone() }, nil); err != nil {
		return err
	}
	if _, done := c.link.replyTo(cmd); !done {
		return c.farewells(cmd)
	}
	c.client.w.settle()
	return errDone
}

// farewells answers LOGOUT in place of an upstream that is lost.
func (c *conn) farewells(cmd *command) error {
	if err := c.resumable(); err != nil {
		return err
	}
	if !c.link.hasFarewell() {
		if err := c.client.w.line("* BYE exgate signing off."); err != nil {
			return err
		}
	}
	if err := c.client.w.line("%s OK LOGOUT completed.", cmd.tag); err != nil {
		return err
	}
	return errDone
}
