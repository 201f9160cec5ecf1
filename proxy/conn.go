package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"exgate/backend/wire"
	"exgate/proxy/counters"
	"exgate/proxy/guard"
	"exgate/proxy/slots"
	"exgate/proxy/spool"
)

// conn is one client connection with the upstream connection that serves it: a
// session. Two goroutines work for it: serve, which reads the client, and the
// upstream connection's reader, which calls relay. What belongs to a part of the
// session is in that part; each says who may touch it.
type conn struct {
	srv *Server
	set *settings // those in force when the client connected
	id  string
	log *slog.Logger

	client   clientSide
	link     link   // to the upstream
	seat     seat   // among the connections to the upstream
	login    *login // nil before login
	attempts attempts
	idle     *command     // an IDLE whose end the client has not sent
	uploads  spool.Budget // bytes of this session in the spool
	out      []byte       // the line being sent upstream
	waiting  waiting      // what the own lane waits for
	tally    tally

	// ctx ends when the client is gone or the gateway stops.
	ctx    context.Context
	cancel context.CancelFunc
}

// clientSide is the client's side of a session. It belongs to serve, but for
// deadlines, which are set with link.mu held.
type clientSide struct {
	listener Listen
	tcp      net.Conn // the client's socket
	nc       net.Conn // the same, or TLS on it
	r        *wire.CommandReader
	w        *clientWriter
	trace    *tracer
	secure   bool         // it is under TLS
	began    time.Time    // when the client connected
	within   bool         // the client is in the midst of a command
	received atomic.Int64 // bytes
}

// seat is the session's right to an upstream connection. It belongs to serve, or
// to the own lane while that runs; what others ask of it is in link.
type seat struct {
	slot     *slots.Slot   // nil: none
	comeback *slots.Waiter // for one; nil: not waiting
}

// attempts are the logins of a connection so far. They belong to serve, or to
// the own lane while that runs.
type attempts struct {
	failed     *failedLogin
	guessed    bool // the login at hand failed as a guess would
	turnedAway bool // a login was refused since too many have failed
}

// tally counts what the session does.
type tally struct {
	stats     counters.Session
	repairs   repairs         // of replies
	published counters.Values // of the stats, what the totals of the gateway have
}

// errDone ends a session in good order.
var errDone = errors.New("logged out")

// errClient is the failure of the client's connection.
var errClient = errors.New("client")

// errBye ends a session of which the client has been told why.
type errBye struct{ reason string }

func (e *errBye) Error() string { return e.reason }

// serve runs the session, from the greeting to the end. It owns the client's
// socket and the upstream connection, and closes both.
func (c *conn) serve() {
	start, err := time.Now(), errors.New("panic")
	defer func() { c.close(err, time.Since(start)) }()
	err = c.run()
}

// close ends what serve owns, and what works for it.
func (c *conn) close(reason error, took time.Duration) {
	c.cancel()
	c.client.nc.Close()
	switch { // both wait for its reader, so that nothing writes after us
	case c.link.up == nil:
	case c.seat.slot.IsLimited():
		c.link.up.Leave()
	default:
		c.link.up.Close()
	}
	c.leaveSeat()
	c.srv.sessions.remove(c)
	c.client.r.Release()
	if c.login != nil {
		c.srv.accounts.close(c.login.account)
	}
	c.logEnd(reason, took)
}

func (c *conn) run() error {
	if err := c.handshake(); err != nil {
		return c.sayBye(err)
	}
	if err := c.client.w.line("* OK [CAPABILITY %s] exgate ready, session %s", c.capabilitiesBeforeLogin(), c.id); err != nil {
		return err
	}
	for {
		if err := c.next(); err != nil {
			return c.sayBye(err)
		}
	}
}

// next reads one line and sends the command it begins on its way.
func (c *conn) next() error {
	line, max, err := c.nextLine()
	switch {
	case errors.Is(err, wire.ErrLineTooLong):
		return c.lineTooLong(max)
	case err != nil:
		return err
	case c.idle != nil:
		return c.endIdle(line)
	}
	c.client.trace.command(line, c.link.up != nil)
	return c.dispatch(line)
}

// dispatch looks a command up and takes it to its lane.
func (c *conn) dispatch(line []byte) error {
	text, lit, err := wire.CheckLine(line)
	if err != nil {
		if bytes.HasSuffix(line, []byte("+}")) {
			// A literal may follow unasked, and nobody knows where it ends.
			return c.bye("%s", err)
		}
		tag, _, _ := strings.Cut(string(line), " ")
		return c.malformed(tag, nil, err.Error())
	}
	// One copy: waiting for the upstream reuses the reader's buffer.
	whole := string(line)
	tag, rest, _ := strings.Cut(whole[:len(text)], " ")
	verb, args := wire.SplitVerb(rest)
	cmd := &command{tag: tag, verb: verb, args: args, rule: ruleOf[verb]}
	switch {
	case !wire.IsTag(tag) || verb == "":
		return c.malformed(tag, lit, "a command is a tag and a name (RFC 9051 section 2.2.1)")
	case c.link.up == nil:
		return c.beforeLogin(cmd, lit)
	case verb == "IDLE" && (lit != nil || strings.TrimSpace(args) != ""):
		// The "+" for a literal would be taken for that of IDLE.
		return c.refuse(lit, "%s BAD IDLE takes no arguments", tag)
	}
	switch to, why := c.laneOf(cmd); to {
	case direct:
		c.tally.stats.Direct++
		return c.direct(cmd, whole, lit)
	case amended:
		c.tally.stats.Amended++
		return c.amended(cmd, whole, lit)
	case owned:
		c.tally.stats.Owned++
		if cmd.verb == "PROXYAUTH" {
			return c.proxyAuth(cmd, lit)
		}
		return c.append(cmd, lit)
	default:
		c.tally.stats.Refused++
		if c.tally.stats.Refused > c.srv.limits.Refused {
			c.srv.totals.Refusals.Count(guard.RefusedUnknown)
			return c.bye("too many commands that are not taken here")
		}
		return c.refuse(lit, "%s BAD %s", tag, why)
	}
}

// laneOf looks the command up and says why it is refused.
func (c *conn) laneOf(cmd *command) (to lane, why string) {
	switch {
	case cmd.rule == nil && c.login.profile.IsExchange():
		return refused, "Exchange does not know this command, and counts it as an error"
	case cmd.rule == nil && c.login.below != "":
		return refused, "exgate does not know this command, and this login is kept below a mailbox (routes_file)"
	case cmd.rule == nil:
		return direct, ""
	case cmd.rule.states&afterLogin == 0:
		return refused, cmd.verb + " is not allowed after login"
	case cmd.rule.lane == refused:
		return refused, cmd.verb + " is not relayed: " + cmd.rule.why
	case cmd.verb == "APPEND" && (c.set.opts.Observe || !c.ownsAppend()):
		return direct, ""
	case cmd.rule.lane == amended && !cmd.rule.edits.isWanted(c.login):
		return direct, ""
	}
	return cmd.rule.lane, ""
}

// readLine reads a line that goes on with a command: too long, it ends the
// session, since there is no telling how the command would have ended.
func (c *conn) readLine() ([]byte, error) {
	c.client.within = true
	line, max, err := c.nextLine()
	c.client.within = false
	if errors.Is(err, wire.ErrLineTooLong) {
		return nil, c.bye("%s", tooLong(max))
	}
	return line, err
}

func tooLong(max int) string {
	return fmt.Sprintf("a command line is at most %d bytes long here", max)
}

// nextLine waits for the client's next line and reads it. The whole line must
// come soon after its first byte. The error is wire.ErrLineTooLong for a line
// of more than max bytes.
func (c *conn) nextLine() (line []byte, max int, err error) {
	limits := &c.srv.limits
	if err := c.waitForClient(); err != nil {
		return nil, 0, err
	}
	c.works()
	if c.link.up == nil && c.client.received.Load() > limits.BytesBeforeLogin {
		c.srv.totals.Refusals.Count(guard.RefusedBytes)
		return nil, 0, c.bye("too many bytes without a login")
	}
	if c.link.up == nil && c.isTLSHello() {
		c.log.Warn("TLS on a port that begins in plain text", "remedy", "set the client to STARTTLS, or to the SSL/TLS port")
		return nil, 0, c.bye("this port begins in plain text: set the client to STARTTLS, or use the SSL/TLS port")
	}
	c.setReadDeadline(time.Now().Add(limits.Line))
	max = wire.MaxLine // an ID of RFC 2971 may have 30 pairs of 1,024 bytes
	line, err = c.client.r.ReadLine(max)
	if err != nil && !errors.Is(err, wire.ErrLineTooLong) {
		err = c.readFailure(err)
	}
	return line, max, err
}

// waitForClient waits for the first byte of what the client says next, and
// sees to the upstream meanwhile.
func (c *conn) waitForClient() error {
	if c.client.r.Buffered() == 0 {
		c.publish()
	}
	var until time.Time
	if c.link.up == nil {
		until = time.Now().Add(c.srv.limits.BeforeLogin)
		if last := c.client.began.Add(c.srv.limits.Login); until.After(last) {
			until = last
		}
	}
	for {
		if c.link.up != nil {
			if err := c.attend(); err != nil {
				return err
			}
			if err := c.leaveIfDue(); err != nil {
				return err
			}
			until = c.lookForRoom()
			if due := c.idleDue(); !due.IsZero() && !time.Now().Before(due) && c.client.r.Buffered() == 0 {
				if err := c.renewIdle(); err != nil {
					return err
				}
				continue
			} else if !due.IsZero() && (until.IsZero() || due.Before(until)) {
				until = due
			}
		}
		if !c.link.beginIdling(c.ctx, until, c.srv.draining.Err() != nil, c.client.within, c.idle) {
			return c.stopping()
		}
		err := c.client.r.Wait()
		c.link.endIdling()
		attend := isTimeout(err) && c.ctx.Err() == nil && (c.link.up != nil || c.srv.draining.Err() != nil)
		if err == nil {
			return nil
		}
		if !attend {
			return c.readFailure(err)
		}
	}
}

// lineTooLong passes over a line that is not gathered; nothing of it was
// relayed. Before login, or where it has no end, the session ends.
func (c *conn) lineTooLong(max int) error {
	text := tooLong(max)
	tag, _, _ := strings.Cut(string(c.client.r.Peek()[:64]), " ")
	if c.link.up == nil || !wire.IsTag(tag) {
		return c.bye("%s", text)
	}
	tail, err := c.client.r.SkipLine(c.srv.limits.SkipLine)
	if err != nil {
		return c.bye("%s", text)
	}
	_, lit, err := wire.CheckLine(tail)
	if err != nil && bytes.HasSuffix(tail, []byte("}")) {
		// A quoted string may have begun before the tail: what looks like a
		// literal may be one, or not.
		return c.bye("%s", text)
	}
	c.tally.stats.Refused++
	return c.refuse(lit, "%s BAD %s", tag, text)
}

// readFailure says why the client could not be read: because it left, was too
// slow, or because the upstream ended and takes the session along, which
// interrupts the reading.
func (c *conn) readFailure(err error) error {
	if c.srv.ctx.Err() != nil {
		return c.stopping()
	}
	if err := c.resumable(); err != nil {
		return err
	}
	if isTimeout(err) {
		if c.link.up == nil {
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

// stopping is the end of a session when the gateway stops.
func (c *conn) stopping() error { return c.bye("exgate is stopping; log in again later") }

// malformed answers a line that is no command.
func (c *conn) malformed(tag string, lit *wire.Literal, why string) error {
	c.tally.stats.Refused++
	if c.link.up == nil {
		return c.bye("%s", why)
	}
	if !wire.IsTag(tag) {
		tag = "*"
	}
	return c.refuse(lit, "%s BAD %s", tag, why)
}

// refuse answers a command that is not taken. A literal that the client sends
// unasked is passed over, up to a bound.
func (c *conn) refuse(lit *wire.Literal, format string, args ...any) error {
	if err := c.drain(lit); err != nil {
		return err
	}
	return c.client.w.line(format, args...)
}

// drain passes over the rest of a command whose last line announced lit. A
// synchronizing literal that is refused never comes, and nothing after it.
func (c *conn) drain(lit *wire.Literal) error {
	for lit != nil && lit.NonSync {
		if lit.Size > c.srv.limits.Drain {
			return c.bye("refused: a literal of %d bytes was sent without asking", lit.Size)
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

// readLiteral copies a literal of the client's to w. It must keep coming.
// An error of w's comes with what is left of the literal; any other error ends
// the session.
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

// setReadDeadline bounds the reading of the client.
func (c *conn) setReadDeadline(t time.Time) { c.link.boundReads(c.ctx, t) }

// bye tells the client why its session ends.
func (c *conn) bye(format string, args ...any) error {
	return &errBye{fmt.Sprintf(format, args...)}
}

// sayBye writes the BYE that an error asks for and returns the error. In the
// middle of a response nothing may be said: the client would take it for data.
func (c *conn) sayBye(err error) error {
	var bye *errBye
	if !errors.As(err, &bye) {
		return err
	}
	if !c.link.isSilenced() {
		if writeErr := c.client.w.line("* BYE %s", bye.reason); writeErr != nil {
			c.log.Debug("the client was not told why its session ends", "err", writeErr)
		}
		// The reason must arrive although the client may still be sending:
		// closing with unread data would reset the connection.
		c.closeWrite()
	}
	return err
}

// closeWrite ends our direction and takes a little of what is still coming.
func (c *conn) closeWrite() {
	half, ok := c.client.nc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	c.client.nc.SetReadDeadline(time.Now().Add(c.srv.limits.Linger))
	if _, err := io.CopyN(io.Discard, c.client.nc, lingerBytes); err != nil && !errors.Is(err, io.EOF) {
		c.log.Debug("the client did not close after BYE", "err", err)
	}
}

// lingerBytes bounds what is read from a client that has been told BYE.
const lingerBytes = 1 << 20
