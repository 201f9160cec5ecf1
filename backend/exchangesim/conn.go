package exchangesim

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"
)

// Deadlines of a connection. The first two are the defaults of
// Set-ImapSettings; commands do not lengthen the first (docs/exchange.md#settings).
const (
	preAuthTimeout       = time.Minute
	authenticatedTimeout = 30 * time.Minute
	writeTimeout         = time.Minute
	lingerTimeout        = 2 * time.Second
)

// maxNotConnectedBads is how many errors Exchange answers where a mailbox could not be opened (quirk EX-03).
const maxNotConnectedBads = 2

// maxEchoedTag is the maximum length of an invalid tag in a reply.
const maxEchoedTag = 64

// errClosing ends a connection after its last reply.
var errClosing = errors.New("connection closed by the server")

// connState is a bit set, so that commands.go can list the states of a command.
type connState uint8

const (
	notAuthenticated connState = 1 << iota
	authenticated
	selected
	anyState = notAuthenticated | authenticated | selected
)

// conn is one connection. Only the goroutine of serve uses it; idle.go describes how a second
// goroutine uses the writer.
type conn struct {
	srv  *Server
	mode Mode

	raw net.Conn // the socket
	net net.Conn // raw, or TLS on raw; STARTTLS sets it
	tls bool
	r   *bufio.Reader
	w   *bufio.Writer

	waitMu  sync.Mutex // guards the next two, and the read deadline while it waits
	waiting bool       // for the first byte of a line
	failed  error      // given to fail

	started time.Time
	user    string   // who logged in; "" before
	joined  string   // whose connections it is counted among; "" nobody's
	token   string   // by which; "" by a password
	account *account // whose mailboxes; nil if they cannot be opened
	view    *view    // nil: no mailbox is selected
	bads    int      // BAD replies so far
	lost    int      // of bads, those for a mailbox that cannot be opened

	blankOpened bool // the mailbox opened last ends in a blank

	// What faults go by.
	number      int           // of the connection, from 1
	command     int           // of the command in hand, from 1
	verb        string        // the command in hand
	drawn       []*fault      // for it, by fault random
	cuts        []armed       // that wait for their byte
	streamBegun bool          // the stream that fault cut-stream counts
	drip        time.Duration // before each byte of the reply
}

// newConn returns a conn for the number-th connection.
func newConn(s *Server, nc net.Conn, mode Mode, number int) *conn {
	c := &conn{srv: s, mode: mode, raw: nc, started: time.Now(), number: number}
	if mode == ImplicitTLS {
		nc, c.tls = tls.Server(nc, s.tls), true
	}
	c.attach(nc)
	return c
}

// attach connects the buffers to a socket. It drops the contents of the last reader, so that
// nothing from before TLS is read after the handshake.
func (c *conn) attach(nc net.Conn) {
	c.net = nc
	c.r = bufio.NewReader(nc)
	c.w = bufio.NewWriter(replyWriter{c, nc})
}

// serve runs the connection until either side ends it.
func (c *conn) serve() {
	log := c.srv.log.With("client", c.net.RemoteAddr().String(), "connection", c.number)
	err := c.greet()
	for err == nil {
		err = c.next()
	}
	var end ending
	if !errors.As(err, &end) && c.isTokenExpired() {
		c.printf("* BYE %s\r\n", byeTokenExpired)
		err = errClosing
	}
	log.Debug("connection ended", "user", c.user, "reason", err)
	isClosing := errors.Is(err, errClosing)
	if isClosing {
		c.leave() // before the client can know of the end
	}
	c.w.Flush() // best effort: the client may be gone
	switch {
	case isClosing:
		c.linger()
	case errors.As(err, &end):
		c.end(end)
	}
}

func (c *conn) greet() error {
	if err := c.setWaiting(false, c.started.Add(preAuthTimeout)); err != nil { // for the handshake
		return err
	}
	c.begin(verbGreeting)
	if _, _, err := c.accident(); err != nil {
		return err
	}
	c.printf("* OK %s\r\n", c.srv.profile.greeting)
	return c.w.Flush()
}

// linger lets the client read the last reply. Closing at once while the client still sends
// would reset the connection, and the client would lose the reply.
func (c *conn) linger() {
	half, ok := c.net.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil || c.net.SetReadDeadline(time.Now().Add(lingerTimeout)) != nil {
		return
	}
	_, _ = io.Copy(io.Discard, c.net) // ends by the client's close or the deadline
}

// next reads one command, runs it and answers it.
func (c *conn) next() error {
	deadline := c.started.Add(preAuthTimeout)
	if c.user != "" {
		deadline = time.Now().Add(authenticatedTimeout)
	}
	if left, ok := c.tokenLeft(); ok && time.Now().Add(left).Before(deadline) {
		deadline = time.Now().Add(left)
	}
	if f, struck, err := c.await(deadline); err != nil {
		return err
	} else if struck {
		return c.strikeWaiting(f)
	}
	line, err := readLine(c.r, int(c.maxCommand()))
	switch {
	case errors.Is(err, errLineTooLong) && c.srv.quirks[quirkCommandSize]:
		tag, verb, _ := splitCommand(line)
		c.begin(verb)
		st := badCommand("quirk EX-04: the command is over 10240 bytes")
		c.log(verb, st)
		return c.answer(tag, st)
	case err != nil && !errors.Is(err, errLineTooLong):
		return err
	case len(bytes.TrimSpace(line)) == 0:
		return nil // an empty line is no command
	}
	if c.isTokenExpired() {
		return errClosing
	}
	tag, verb, rest := splitCommand(line)
	c.begin(verb)
	c.srv.stats.command(c.loggedVerb(verb))
	if c.isSelectedGone() {
		return endCut
	}
	if bytes.ContainsAny(line, "\x00\r") {
		return c.answer(tag, badCommand("NUL or bare CR in a command (RFC 3501 section 9, CHAR and TEXT-CHAR)"))
	}
	if err := c.took(len(line) + len("\r\n")); err != nil {
		return err
	}
	a := &args{conn: c, line: rest, used: len(line)}
	st, done, err := c.accident()
	if !done {
		st, err = c.run(verb, a)
	}
	switch { // arguments that the handler could not read
	case errors.Is(err, errArgument):
		st = badArgument(err.Error())
	case errors.Is(err, errEscaped):
		st = status{kind: "BAD", text: "Command Argument Error. 12", why: err.Error()}
	case errors.Is(err, errCommandSize):
		st = badCommand("quirk EX-04: " + err.Error())
	case err != nil:
		return err
	}
	if st.kind != "OK" {
		if err := a.drain(); err != nil {
			return err
		}
	}
	c.log(verb, st)
	return c.answer(tag, st)
}

// splitCommand splits the tag and the verb, in capitals, from a line. The verb "UID" includes
// the next word.
func splitCommand(line []byte) (tag, verb string, rest []byte) {
	word := func() string {
		line = bytes.TrimLeft(line, " \t")
		n := bytes.IndexAny(line, " \t")
		if n < 0 {
			n = len(line)
		}
		w := string(line[:n])
		line = line[n:]
		return w
	}
	tag, verb = word(), strings.ToUpper(word())
	if verb == "UID" {
		verb += " " + strings.ToUpper(word())
	}
	return tag, verb, line
}

// run calls the command's handler if the command is allowed now.
func (c *conn) run(verb string, a *args) (status, error) {
	cmd, ok := c.srv.commands[verb]
	switch {
	case !ok || cmd.needs != "" && !c.srv.supports(cmd.needs):
		return badCommand("unknown command"), nil
	case cmd.states&c.state() == 0:
		return badState("not allowed in this state"), nil
	case c.user != "" && c.account == nil && cmd.states != anyState:
		return notConnected(), nil
	}
	return cmd.run(c, a)
}

func (c *conn) state() connState {
	switch {
	case c.user == "":
		return notAuthenticated
	case c.view == nil:
		return authenticated
	}
	return selected
}

// supports reports whether the profile has the commands of a capability.
func (s *Server) supports(capability string) bool {
	for w := range strings.FieldsSeq(s.profile.afterLogin) {
		if w == capability {
			return true
		}
	}
	return false
}

// answer writes the tagged reply, and closes the connection after too many errors.
func (c *conn) answer(tag string, st status) error {
	st = c.srv.like.reply(st)
	c.intrude(!slices.Contains(withoutExpunge[:], c.verb))
	if f, ok := c.strike(faultSlow); ok {
		if err := c.pause(f.delay); err != nil {
			return err
		}
	}
	if len(tag) > maxEchoedTag {
		tag = tag[:maxEchoedTag]
	}
	c.writeTagged(printable(tag), st)
	if st.kind == "BAD" {
		c.srv.stats.bad()
		c.bads++
		if c.user != "" && c.account == nil {
			c.lost++
		}
	}
	tooMany := c.srv.quirks[quirkTenBads] && int64(c.bads) >= c.srv.limits[quirkTenBads]
	if st.close || tooMany || c.lost >= maxNotConnectedBads {
		return c.sayBye(byeClosed)
	}
	if st.bye {
		return errClosing
	}
	if err := c.w.Flush(); err != nil || st.then == nil {
		return err
	}
	return st.then()
}

// writeTagged writes the tagged reply, with what quirks EX-72 and EX-73 make of it.
func (c *conn) writeTagged(tag string, st status) {
	if c.srv.quirks[quirkBareUnavailable] && st.kind != "OK" && strings.HasPrefix(st.text, unavailable) {
		c.printf("%s\r\n", st.text)
		return
	}
	strays := c.srv.quirks[quirkStrayLines]
	if strays {
		c.printf("\r\n")
	}
	c.printf("%s %s %s\r\n", tag, st.kind, st.text)
	if strays && c.verb == "CAPABILITY" {
		c.printf("CAPABILITY completed.\r\n")
	}
}

// unavailable is the text of error 15 (docs/exchange.md#error-15).
const unavailable = "Server Unavailable. 15"

// pause waits for a time, or until Close.
func (c *conn) pause(d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-c.srv.done:
		return errClosing
	}
}

// log logs a refusal with its reason. It leaves out arguments and words that are not a
// command, because they may be secrets.
func (c *conn) log(verb string, st status) {
	log := c.srv.log.With("user", c.user, "command", c.loggedVerb(verb), "reply", st.kind+" "+st.text)
	if st.kind == "OK" {
		log.Debug("answered")
		return
	}
	log.Info("refused", "why", st.why)
}

// loggedVerb returns the verb, or a placeholder if it is not a command.
func (c *conn) loggedVerb(verb string) string {
	if _, ok := c.srv.commands[verb]; !ok && verb != verbGreeting && verb != verbWaiting {
		return "unknown"
	}
	return verb
}

// printf writes to the buffer. The next Flush returns its first error.
func (c *conn) printf(format string, v ...any) { fmt.Fprintf(c.w, format, v...) }

// continueLiteral asks for a literal. The text is inferred.
func (c *conn) continueLiteral() error {
	c.printf("+ Ready for additional command text.\r\n")
	return c.w.Flush()
}
