package proxy

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"exgate/backend/wire"
	"exgate/proxy/guard"
	"exgate/proxy/spool"
)

// conn is a session: one client connection and the upstream connection that
// serves it. Two goroutines work for it: serve, which reads the client, and the
// upstream connection's reader, which calls relay. While serve waits for them, that
// of conn.aside and that of the library work for it, too. Each part of the session
// says who may touch it.
type conn struct {
	srv *Server
	set *settings // in force when the client connected
	id  string
	log *slog.Logger

	client   clientSide
	link     link   // to the upstream
	seat     seat   // the right to an upstream connection
	login    *login // nil before login
	attempts attempts
	returns  returns      // of the session after losses of its connection
	idle     *command     // the client's IDLE, until the client ends it; nil: none
	uploads  spool.Budget // counts the bytes of this session in the spool
	out      []byte       // buffer for the line that is sent upstream
	waiting  waiting      // why the command in hand waits, for the client and the operator
	quickly  *time.Timer  // of awaitQuickly; nil: not used yet
	farewell farewell
	tally    tally

	// ctx ends when the client is gone or the gateway stops.
	ctx    context.Context
	cancel context.CancelFunc
}

// attempts are what the session remembers of failed logins. They belong to
// serve, or to the own lane while that runs.
type attempts struct {
	failed     *failedLogin // the last one that the server refused; nil: none
	guessed    bool         // the current login failed as a guessed password would
	turnedAway bool         // exgate refused a login after too many failures
}

// errDone ends a session after LOGOUT.
var errDone = errors.New("logged out")

// errClient marks errors of the client's connection, for which the upstream is
// not to blame.
var errClient = errors.New("the client's connection failed")

// errPanicked is the reason that the log gives when a panic ends a session.
var errPanicked = errors.New("exgate failed (panic): the next line of the log has the stack")

// serve runs the session, from the greeting to the end. It owns the client's
// socket and the upstream connection, and closes both.
func (c *conn) serve() {
	start, err := time.Now(), errPanicked
	defer func() { c.close(err, time.Since(start)) }()
	err = c.run()
}

// close ends the goroutines that work for the session, then releases what serve
// owns.
func (c *conn) close(reason error, took time.Duration) {
	c.cancel()
	c.client.read = c.client.hasRead(cmp.Or(c.client.ended, reason))
	c.client.nc.Close()
	switch { // Leave and Close wait for the reader: nothing writes to the client afterwards
	case c.link.upstream == nil:
	case c.seat.slot.IsLimited():
		c.link.upstream.Leave()
	default:
		c.link.upstream.Close()
	}
	c.leaveSeat()
	c.client.r.Release()
	if c.login != nil {
		c.srv.accounts.close(c.login.account)
	}
	c.endTrace(true)
	if c.login != nil {
		c.login.observed.Hidden()
	}
	c.logEnd(reason, took)
	c.srv.logins.remove(c) // after the last row of the ledger: see Server.Drained
}

func (c *conn) run() error {
	if err := c.handshake(); err != nil {
		return c.sayBye(err)
	}
	err := c.client.w.line("* OK [CAPABILITY %s] exgate ready, session %s", c.capabilitiesBeforeLogin(), c.id)
	if err != nil {
		return err
	}
	for {
		if err := c.next(); err != nil {
			return c.sayBye(err)
		}
	}
}

// next reads the first line of a command and has the command handled.
func (c *conn) next() error {
	begins := c.client.begins()
	if err := c.waitForClient(); err != nil {
		var bye *errBye
		if errors.As(err, &bye) {
			bye.between = c.idle == nil
		}
		return err
	}
	line, max, err := c.nextLine()
	switch {
	case errors.Is(err, wire.ErrLineTooLong):
		return c.lineTooLong(max)
	case err != nil:
		return err
	case c.idle != nil:
		return c.endIdle(line, begins)
	}
	c.client.trace.Command(line, c.link.upstream != nil)
	return c.dispatch(line, begins)
}

// dispatch finds the lane of a command and hands the command to it. The line begins with the
// byte begins of all that the client has sent.
func (c *conn) dispatch(line []byte, begins int64) error {
	if c.link.upstream != nil && c.login.names != nil {
		line = wire.QuoteName(line)
	}
	text, lit, err := wire.CheckLine(line)
	if err != nil {
		if bytes.HasSuffix(line, []byte("+}")) {
			// A literal may follow, and its length is unknown: there is no way to find the next command.
			return c.bye("%s", err)
		}
		tag, _, _ := strings.Cut(string(line), " ")
		return c.refuseMalformed(tag, nil, err.Error())
	}
	// A copy, since waiting for the upstream reuses the reader's buffer.
	whole := string(line)
	tag, rest, _ := strings.Cut(whole[:len(text)], " ")
	verb, args := wire.SplitVerb(rest)
	c.proveAnswers(verb, begins)
	cmd := &command{tag: tag, verb: verb, args: args, rule: ruleOf[verb]}
	switch {
	case !wire.IsTag(tag) || verb == "":
		return c.refuseMalformed(tag, lit, "a command is a tag and a name (RFC 9051 section 2.2.1)")
	case c.link.upstream == nil:
		return c.beforeLogin(cmd, lit)
	case verb == "IDLE" && (lit != nil || strings.TrimSpace(args) != ""):
		// The "+" for a literal would be taken for that of IDLE.
		return c.refuse(lit, "%s BAD IDLE takes no arguments", tag)
	}
	c.login.observed.Hidden()
	if verb == "ID" && lit == nil {
		args := new(wire.Args)
		args.AddText([]byte(cmd.args))
		c.client.noteProgram(args)
	}
	switch to, why := c.laneOf(cmd); to {
	case direct:
		c.tally.stats.Direct++
		return c.relayDirect(cmd, whole, lit)
	case amended:
		c.tally.stats.Amended++
		return c.relayAmended(cmd, whole, lit)
	case owned:
		c.tally.stats.Owned++
		if cmd.verb == "PROXYAUTH" {
			return c.proxyAuth(cmd, lit)
		}
		return c.takeAppend(cmd, lit)
	default:
		c.tally.stats.Refused++
		if c.tally.stats.Refused > c.srv.limits.Refused {
			c.srv.totals.Refusals.Count(guard.RefusedUnknown)
			return c.bye("too many unknown or refused commands")
		}
		return c.refuse(lit, "%s BAD %s", tag, why)
	}
}

// laneOf returns the lane of a command and, if it is refused, why.
func (c *conn) laneOf(cmd *command) (to lane, why string) {
	switch {
	case cmd.rule == nil && c.login.profile.IsExchange():
		return refused, "Exchange does not know this command, and would count it as an error"
	case cmd.rule == nil && c.login.below != "":
		return refused, "exgate does not know this command, and this login is kept below a mailbox (routes_file)"
	case cmd.rule == nil:
		return direct, ""
	case cmd.rule.states&afterLogin == 0:
		return refused, cmd.verb + " is not allowed after login"
	case cmd.rule.lane == refused:
		return refused, cmd.verb + " is not relayed: " + cmd.rule.why
	case cmd.verb == "APPEND" && (c.set.opts.Observe || !c.isAppendOwned()):
		return direct, ""
	case cmd.rule.lane == amended:
		if login := c.login.forEditors(c.log); !cmd.rule.edits.AreWanted(&login) {
			return direct, ""
		}
	}
	return cmd.rule.lane, ""
}

// readLine reads a later line of a command. A line that is too long ends the
// session: the end of the command cannot be found without it.
func (c *conn) readLine() ([]byte, error) {
	c.client.within = true
	defer func() { c.client.within = false }()
	if err := c.waitForClient(); err != nil {
		return nil, err
	}
	line, max, err := c.nextLine()
	if errors.Is(err, wire.ErrLineTooLong) {
		return nil, c.bye("%s", tooLongText(max))
	}
	return line, err
}

// tooLongText is the reply to a line of more than max bytes.
func tooLongText(max int) string {
	return fmt.Sprintf("a command line is at most %d bytes long here", max)
}

// nextLine reads the client's next line, after waitForClient. The client may stay
// silent, but once it has begun a line it has limits.Line to complete it. The
// error is wire.ErrLineTooLong for a line of more than max bytes.
func (c *conn) nextLine() (line []byte, max int, err error) {
	limits := &c.srv.limits
	c.works()
	if c.link.upstream == nil && c.client.received.Load() > limits.BytesBeforeLogin {
		c.srv.totals.Refusals.Count(guard.RefusedBytes)
		return nil, 0, c.bye("too many bytes without a login")
	}
	if c.link.upstream == nil && c.client.isTLSHello() {
		c.log.Warn("TLS on a port that begins in plain text",
			"remedy", "set the client to STARTTLS, or to the SSL/TLS port")
		return nil, 0, c.bye("this port begins in plain text: set the client to STARTTLS, or use the SSL/TLS port")
	}
	if bytes.IndexByte(c.client.r.Peek(), '\n') < 0 { // the end of the line has still to come
		c.setReadDeadline(time.Now().Add(limits.Line))
	}
	max = wire.MaxLine // an ID of RFC 2971 may have 30 pairs of 1,024 bytes
	line, err = c.client.r.ReadLine(max)
	if err != nil && !errors.Is(err, wire.ErrLineTooLong) {
		err = c.readFailure(err)
	}
	return line, max, err
}

// waitForClient waits for the first byte of the client's next line. Meanwhile it
// handles what happens upstream.
func (c *conn) waitForClient() error {
	if c.client.r.Buffered() == 0 {
		c.publish()
	}
	for {
		until, err := c.prepareToWait()
		if err != nil {
			return err
		}
		if !c.link.beginIdling(c.ctx, until, c.srv.draining.Err() != nil, c.client.within, c.idle) {
			return c.stopping()
		}
		err = c.client.r.Wait()
		c.link.endIdling()
		if err == nil {
			return nil
		}
		isWoken := isTimeout(err) && c.ctx.Err() == nil
		if !isWoken || c.link.upstream == nil && c.srv.draining.Err() == nil {
			return c.readFailure(err)
		}
	}
}

// prepareToWait does the tasks that come before the wait for the client, and returns the end
// of the wait; the zero time: it has none. Before the login, the client has a time to send its
// next line in, and a time for the whole login.
func (c *conn) prepareToWait() (until time.Time, err error) {
	if c.link.upstream == nil {
		until = time.Now().Add(c.srv.limits.BeforeLogin)
		if last := c.client.began.Add(c.srv.limits.Login); until.After(last) {
			until = last
		}
		return until, nil
	}
	for {
		if err := c.attend(); err != nil {
			return until, err
		}
		if err := c.leaveIfDue(); err != nil {
			return until, err
		}
		until = c.seat.lookForRoom()
		due := c.idleDue()
		if due.IsZero() {
			return until, nil
		}
		if time.Now().Before(due) || c.client.r.Buffered() > 0 {
			if until.IsZero() || due.Before(until) {
				until = due
			}
			return until, nil
		}
		if err := c.renewIdle(); err != nil {
			return until, err
		}
	}
}

// lineTooLong answers BAD to a line that is too long, and reads to its end.
// Nothing of the line was relayed. The session ends before the login, and if the
// end of the line cannot be found.
func (c *conn) lineTooLong(max int) error {
	text := tooLongText(max)
	tag, _, _ := strings.Cut(string(c.client.r.Peek()[:64]), " ")
	if c.link.upstream == nil || !wire.IsTag(tag) {
		return c.bye("%s", text)
	}
	tail, err := c.client.r.SkipLine(c.srv.limits.SkipLine)
	if err != nil {
		return c.bye("%s", text)
	}
	_, lit, err := wire.CheckLine(tail)
	if err != nil && bytes.HasSuffix(tail, []byte("}")) {
		// The tail may begin inside a quoted string, so "{n}" at its end may or
		// may not announce a literal.
		return c.bye("%s", text)
	}
	c.tally.stats.Refused++
	return c.refuse(lit, "%s BAD %s", tag, text)
}

// readFailure returns why reading the client failed. The client left or was too
// slow, or the read was interrupted because the gateway stops or the upstream
// is lost for good.
func (c *conn) readFailure(err error) error {
	if c.srv.ctx.Err() != nil {
		return c.stopping()
	}
	if err := c.byeIfOver(); err != nil {
		return err
	}
	if isTimeout(err) {
		if c.link.upstream == nil {
			c.srv.totals.Refusals.Count(guard.RefusedTime)
			return c.bye("too slow: log in within %s", c.srv.limits.BeforeLogin)
		}
		c.srv.totals.Refusals.Count(guard.RefusedTooSlow)
		return c.bye("too slow: the command was not completed in time")
	}
	if err == io.EOF {
		return io.EOF
	}
	return fmt.Errorf("%w: %w", errClient, err)
}

// refuseMalformed answers BAD to a line that is no command, and BYE before the
// login.
func (c *conn) refuseMalformed(tag string, lit *wire.Literal, why string) error {
	c.tally.stats.Refused++
	if c.link.upstream == nil {
		return c.bye("%s", why)
	}
	if !wire.IsTag(tag) {
		tag = "*"
	}
	return c.refuse(lit, "%s BAD %s", tag, why)
}

// refuse answers a command that exgate does not carry out. It skips what the
// client sends of the command without being asked.
func (c *conn) refuse(lit *wire.Literal, format string, args ...any) error {
	if err := c.skipRest(lit); err != nil {
		return err
	}
	return c.client.w.line(format, args...)
}

// skipRest skips the rest of a refused command whose last line announced lit. A
// synchronizing literal never comes, and nothing after it, since it was refused
// (RFC 9051 section 4.3).
func (c *conn) skipRest(lit *wire.Literal) error {
	for lit != nil && lit.NonSync {
		if lit.Size > c.srv.limits.SkipLiteral {
			return c.bye("refused: a literal of %d bytes was sent without waiting for +", lit.Size)
		}
		if _, err := c.readLiteral(io.Discard, lit.Size); err != nil {
			return err
		}
		line, err := c.readLine()
		if err != nil {
			return err
		}
		if _, lit, err = wire.CheckLine(line); err != nil {
			return c.bye("%s", err)
		}
	}
	return nil
}

// readLiteral copies a literal from the client to w within limits.literal. If w
// fails, left is the number of bytes that the client has still to send. Any
// other error ends the session.
func (c *conn) readLiteral(w io.Writer, size int64) (left int64, err error) {
	c.setReadDeadline(time.Now().Add(c.srv.limits.literal(size)))
	left, err = c.client.r.WriteLiteral(w, size)
	var readErr *wire.ReadError
	if errors.As(err, &readErr) {
		return left, c.readFailure(readErr.Err)
	}
	if c.client.r.Buffered() == 0 {
		quickAck(c.client.tcp)
	}
	return left, err
}

// setReadDeadline sets the time by which the client must have sent something.
func (c *conn) setReadDeadline(t time.Time) { c.link.boundReads(c.ctx, t) }
