package proxy

import (
	"errors"
	"strings"
	"sync"
	"time"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/proxy/amend"
	"exgate/proxy/delivery"
)

// relayDirect sends a command upstream unedited, but for {n+}, with literals of any
// size. It returns when the next command may be read. The reply comes later, by
// relay; after a LOGOUT it has come.
func (c *conn) relayDirect(cmd *command, line string, lit *wire.Literal) error {
	defer func() { cmd.examined.Close() }()
	if isDone, err := c.beforeLogout(cmd); isDone || err != nil {
		return err
	}
	if err := c.admit(cmd, lit); err != nil {
		return c.answerFault(cmd, withLiteral(noConnection(cmd, err), lit))
	}
	kept := new(wire.Args)
	kept.AddText([]byte(cmd.args))
	c.link.launch(cmd)
	namesSeen := false
	var tail []byte
	for {
		namesSeen = namesSeen || c.observeNames(cmd, kept)
		c.link.keepLine(cmd, kept, line, lit)
		outcome, err := c.relayLine(cmd, tail, line, lit)
		if err != nil {
			return err
		}
		if outcome == lineRefused {
			return errors.Join(c.skipRest(lit), c.reportExamined(cmd))
		}
		if lit == nil {
			break // attend handles a loss of the upstream
		}
		if outcome == lineLost {
			return c.cutShort(&wire.Literal{Size: lit.Size, NonSync: lit.NonSync})
		}
		var value []byte
		var left int64
		value, tail, left, err = c.relayLiteral(cmd, lit)
		if err != nil {
			return err
		}
		if left > 0 || c.link.isGone() {
			return c.cutShort(&wire.Literal{Size: left, NonSync: true}) // the client was asked for it, so it comes
		}
		more, err := c.readLine()
		if err != nil {
			return err
		}
		c.client.trace.More(more)
		text, next, err := wire.CheckLine(more)
		if err != nil {
			// The upstream has half of the command, and waits for the rest.
			return c.bye("a command cannot be completed: %v", err)
		}
		if !cmd.flight.text.isForgotten {
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

// beforeLogout does what comes before a LOGOUT goes up. isDone says that the client has its
// answer, since there is no upstream.
func (c *conn) beforeLogout(cmd *command) (isDone bool, err error) {
	if cmd.verb != "LOGOUT" {
		return false, nil
	}
	if err := c.settleLeft(); err != nil {
		return false, err
	}
	c.login.journal.Flush()
	if c.link.isGone() {
		return true, c.answerLogout(cmd)
	}
	return false, nil
}

// cutShort handles a command of which the upstream had only a part when it was
// lost. It skips what the client still sends of the command. attend answers the
// command: nothing of it was done.
func (c *conn) cutShort(lit *wire.Literal) error {
	if err := c.byeIfOver(); err != nil {
		return err
	}
	if err := c.skipRest(lit); err != nil {
		return err
	}
	return c.attend()
}

// admit waits until the command may be sent: until the pipeline has room, the user
// is not paused, the pace allows the command, and the session has an upstream
// connection. The session ends there if the operator has dismissed it.
func (c *conn) admit(cmd *command, lit *wire.Literal) error {
	if err := c.awaitFlight(func() bool { return c.link.hasRoom(c.login.profile.InFlight()) }); err != nil {
		return err
	}
	if err := c.obeyDismissal(); err != nil {
		return err
	}
	if cmd.verb != "LOGOUT" {
		if err := c.awaitHold(); err != nil {
			return err
		}
	}
	var messages *backend.Pace
	switch {
	case cmd.verb == "LOGOUT": // not paced: it frees a connection
		return c.makeReady(cmd)
	case cmd.effect() == fetchesView && amend.HasBodyItem(cmd.args):
		cmd.bodies = true
		messages = c.login.account.Fetches
	case cmd.verb == "APPEND" && lit != nil && c.set.opts.Observe:
		cmd.examined = c.newExamined(cmd.args, lit)
		messages = c.login.account.Appends
	}
	if err := c.awaitPace(messages); err != nil {
		return err
	}
	return c.makeReady(cmd)
}

// awaitFlight waits until done reports true of the commands in flight. Meanwhile
// it handles what happens upstream. done is called with c.link.mu held.
func (c *conn) awaitFlight(done func() bool) error {
	for {
		over := false
		stop := func() bool { over = done(); return over || c.link.isTroubled(c.client.within, c.idle) }
		if err := c.await(stop, nil); err != nil || over {
			return err
		}
		if err := c.attend(); err != nil {
			return err
		}
	}
}

// relayLine sends one line of a command upstream, behind the tail of a literal. If the line
// needs a continuation request before anything else is sent, it waits for that.
func (c *conn) relayLine(cmd *command, tail []byte, line string, lit *wire.Literal) (lineOutcome, error) {
	step := lineStep{tail: tail, asks: cmd.verb == "IDLE"}
	if lit != nil {
		plus := lit.NonSync && c.login.canKeepPlus(lit)
		if lit.NonSync && !plus {
			line = strings.TrimSuffix(line, "+}") + "}"
		}
		// A server may answer NO before it has read a non-synchronizing literal, and
		// then skips the literal (RFC 7888 section 3). Exchange is not trusted to
		// skip it, so a reply in mid-literal ends its connection.
		step.asks, step.swallow = !plus, lit.NonSync && !plus
		step.mid = plus && c.login.profile.IsExchange()
	}
	return c.sendLine(cmd, line, step)
}

// lineStep says what follows a line of a command.
type lineStep struct {
	tail    []byte // of the literal before, which goes up in one write with the line
	asks    bool   // a continuation request has to come
	swallow bool   // and is hidden from the client, who does not expect it
	mid     bool   // a literal follows at once, and no reply may come before its end
}

// lineOutcome is the result of sending a line.
type lineOutcome int

const (
	lineSent    lineOutcome = iota // the line was sent, and needs no continuation request
	lineGranted                    // the continuation request has come
	lineRefused                    // the tagged reply has come, and no "+"
	lineLost                       // the upstream was lost or throttled the command: attend handles it
)

// sendLine sends one line of a command, and waits for the continuation request
// that step.asks for.
func (c *conn) sendLine(cmd *command, line string, step lineStep) (lineOutcome, error) {
	c.link.begin(cmd, step)
	c.link.upstream.Expect(true)
	if !c.toUpstream(cmd, step.tail, line) {
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

// canKeepPlus reports whether a {n+} goes upstream as it is: if the profile has
// literal_plus and the upstream announces LITERAL+, or LITERAL- for up to 4096
// bytes (RFC 7888). Otherwise it is sent as {n}, since Exchange may run the
// bytes of a literal that it has refused as commands.
func (l *login) canKeepPlus(lit *wire.Literal) bool {
	return l.profile.LiteralPlus && (l.has("LITERAL+") || l.has("LITERAL-") && lit.Size <= 4096)
}

// relayLiteral copies a literal from the client to the upstream, but for its tail, which the line
// behind it takes along. value is the literal, if it is short enough to be kept. left is the number
// of bytes that the client has still to send when the upstream is lost.
func (c *conn) relayLiteral(cmd *command, lit *wire.Literal) (value, tail []byte, left int64, err error) {
	w := &literalWriter{
		c: c, examined: cmd.examined, left: lit.Size, until: time.Now().Add(c.srv.limits.literal(lit.Size)),
	}
	if lit.Size <= maxKeptLiteral {
		w.value = make([]byte, 0, lit.Size)
	}
	left, err = c.readLiteral(w, lit.Size)
	if w.err != nil {
		c.link.upstream.Abandon(w.err)
		return nil, nil, left, nil
	}
	if err != nil {
		return nil, nil, 0, err
	}
	c.link.literalSent(cmd, w.value, w.tail == nil)
	return w.value, w.tail, 0, nil
}

// tails has the memory of tails with the lines behind them. A session that idles has none.
var tails = sync.Pool{New: func() any { return new(tailMemory) }}

type tailMemory [wire.MaxTail + 512]byte

// literalWriter writes the bytes of a literal upstream.
type literalWriter struct {
	c        *conn
	examined *delivery.Examined // gets a copy of the message; nil: no copy
	value    []byte             // the literal, if it is kept; else nil
	left     int64              // the bytes of the literal that have not come
	tail     []byte             // its last bytes, if they are not written; else nil
	err      error              // of writing upstream

	until time.Time     // time by which the client must have sent the literal
	held  time.Duration // time in which writing upstream was blocked, not yet added to until
}

func (w *literalWriter) Write(p []byte) (int, error) {
	if w.left -= int64(len(p)); w.left == 0 && len(p) <= wire.MaxTail && w.c.client.r.HasLine() {
		w.tail = append(tails.Get().(*tailMemory)[:0], p...)
	} else if err := w.toUpstream(p); err != nil {
		return 0, err
	}
	w.examined.Add(p)
	if w.value != nil {
		w.value = append(w.value, p...)
	}
	return len(p), nil
}

func (w *literalWriter) toUpstream(p []byte) error {
	began := time.Now()
	_, w.err = w.c.link.upstream.Write(p)
	return w.written(began)
}

// written gives the client the time that the upstream has taken.
func (w *literalWriter) written(began time.Time) error {
	if w.err != nil {
		return w.err
	}
	if w.held += time.Since(began); w.held > time.Second {
		w.until, w.held = w.until.Add(w.held), 0
		w.c.setReadDeadline(w.until)
	}
	return nil
}

// TakesPipe implements wire.PipeWriter: whether nothing looks at the bytes on their way upstream.
func (w *literalWriter) TakesPipe() bool {
	return w.examined == nil && w.value == nil && w.c.link.upstream.TakesPipe()
}

// WritePipe implements wire.PipeWriter.
func (w *literalWriter) WritePipe(p *wire.Pipe) error {
	w.left -= p.Len()
	began := time.Now()
	w.err = w.c.link.upstream.WritePipe(p)
	return w.written(began)
}

// toUpstream writes a line of a command upstream, with CRLF and behind the tail of the literal
// before it, in one write. If the write fails, the upstream is given up as lost.
func (c *conn) toUpstream(cmd *command, tail []byte, line string) (sent bool) {
	c.client.trace.ToUpstream(cmd.tag, cmd.verb, cmd.args, line)
	out := tail
	if tail == nil {
		out = c.out[:0]
	}
	out = append(append(out, line...), "\r\n"...)
	_, err := c.link.upstream.Write(out)
	switch {
	case tail != nil && cap(out) == cap(tail):
		tails.Put((*tailMemory)(out[:cap(out)]))
	case cap(out) <= maxKeptLiteral: // an idle session keeps no large buffer
		c.out = out
	}
	if err != nil {
		c.link.upstream.Abandon(err)
	}
	return err == nil
}

// logout waits for the upstream's reply to LOGOUT, and ends the session.
func (c *conn) logout(cmd *command) error {
	if err := c.await(func() bool { return cmd.flight.isDone() || c.link.state.isGone() }, nil); err != nil {
		return err
	}
	if _, done := c.link.replyTo(cmd); !done {
		return c.answerLogout(cmd)
	}
	c.client.w.settle()
	return errDone
}

// answerLogout answers LOGOUT in place of a lost upstream.
func (c *conn) answerLogout(cmd *command) error {
	if err := c.byeIfOver(); err != nil {
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
