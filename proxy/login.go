package proxy

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-sasl"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/config/profile"
	"exgate/proxy/capability"
	"exgate/proxy/counters"
	"exgate/proxy/delivery"
	"exgate/proxy/guard"
	"exgate/proxy/ledger"
	"exgate/proxy/names"
	"exgate/proxy/replies"
	"exgate/proxy/routing"
	"exgate/proxy/slots"
	"exgate/proxy/status"
)

// login is what a session knows once its client is logged in.
type login struct {
	target   *routing.Target
	identity backend.Identity
	claim    backend.Claim
	cred     backend.Credential
	attempt  backend.Attempt
	profile  *profile.Profile // in force; all sessions share it
	wanted   *profile.Profile // what would be in force if the gateway did not only observe
	resume   bool             // the session outlives its upstream connection
	account  *account         // shared with the mailbox's other sessions
	prefix   string           // of names, by the map file
	below    string           // the same, if the session is kept below it; "" if it is not
	names    *names.Mapping   // of mailboxes; nil: they are not mapped
	edits    bool             // commands may have reply editors
	caps     []string         // the upstream's
	sender   *delivery.Sender // of the session's messages
	why      string           // the reason for the profile
	journal  *ledger.Journal  // nil: exgate keeps no ledger
}

func (l *login) has(capability string) bool {
	return slices.ContainsFunc(l.caps, func(c string) bool { return strings.EqualFold(c, capability) })
}

// asClaimed returns the identity that the client claimed. The gateway may have logged
// in with another.
func (l *login) asClaimed() backend.Identity {
	id, _ := l.target.Backend.Login.Resolve(l.claim) // as at the login
	return id
}

// isHeld reports whether the gateway holds what has opened the mailbox.
func (l *login) isHeld() bool { return l.cred.Allow != nil }

// maxArgument bounds a name or password that comes as a literal: the library
// takes no more.
const maxArgument = 4096

// beforeLogin answers the commands of RFC 9051 section 6.1 and 6.2.
func (c *conn) beforeLogin(cmd *command, lit *wire.Literal) error {
	c.tally.stats.BeforeLogin++
	if c.tally.stats.BeforeLogin > c.srv.limits.CommandsBeforeLogin {
		c.srv.totals.Refusals.Count(guard.RefusedCommands)
		return c.bye("too many commands without a login")
	}
	if takesNothing[cmd.verb] && (lit != nil || strings.TrimSpace(cmd.args) != "") {
		return c.refuse(lit, "%s BAD %s takes no arguments", cmd.tag, cmd.verb)
	}
	switch cmd.verb {
	case "CAPABILITY":
		if err := c.client.w.line("* CAPABILITY %s", c.capabilitiesBeforeLogin()); err != nil {
			return err
		}
		return c.client.w.line("%s OK CAPABILITY completed.", cmd.tag)
	case "NOOP":
		return c.client.w.line("%s OK NOOP completed.", cmd.tag)
	case "ID":
		return c.identify(cmd, lit)
	case "LOGOUT":
		if err := c.client.w.line("* BYE exgate signing off."); err != nil {
			return err
		}
		if err := c.client.w.line("%s OK LOGOUT completed.", cmd.tag); err != nil {
			return err
		}
		return errDone
	case "STARTTLS":
		return c.startTLS(cmd)
	case "LOGIN", "AUTHENTICATE":
		return c.logIn(cmd, lit)
	}
	if cmd.rule == nil { // its name may be part of a password
		return c.refuse(lit, "%s BAD unknown command: log in first, with LOGIN or AUTHENTICATE PLAIN", cmd.tag)
	}
	return c.refuse(lit, "%s BAD %s: log in first, with LOGIN or AUTHENTICATE PLAIN", cmd.tag, cmd.verb)
}

// takesNothing are the commands before the login that have no arguments (RFC 9051
// sections 6.1 and 6.2.1).
var takesNothing = map[string]bool{"CAPABILITY": true, "NOOP": true, "LOGOUT": true, "STARTTLS": true}

// identify answers ID (RFC 2971) before the login.
func (c *conn) identify(cmd *command, lit *wire.Literal) error {
	args, err := c.arguments(cmd, lit)
	if err != nil {
		return c.argumentFault(cmd, err)
	}
	c.noteProgram(args)
	if err := c.client.w.line(`* ID ("name" "exgate")`); err != nil {
		return err
	}
	return c.client.w.line("%s OK ID completed.", cmd.tag)
}

// canLogin reports whether the connection may carry a password.
func (c *conn) canLogin() bool {
	return c.client.secure || c.client.listener == ListenInsecurePlaintext
}

// logIn takes LOGIN and AUTHENTICATE to the own lane, in canonical form.
func (c *conn) logIn(cmd *command, lit *wire.Literal) error {
	if !c.canLogin() {
		return c.refuse(lit, "%s NO [PRIVACYREQUIRED] say STARTTLS first: no password is taken in plain text here",
			cmd.tag)
	}
	canonical, err := c.canonicalLogin(cmd, lit)
	if err != nil {
		return c.argumentFault(cmd, err)
	}
	c.tally.stats.Owned++
	s := &shot{tag: cmd.tag, holdNo: strings.HasPrefix(canonical, "AUTHENTICATE "+xoauth2)}
	c.waiting.set(status.StateLogin, loggingIn, time.Time{})
	if err := c.fire(s, canonical, c.waiting.text); err != nil {
		return err
	}
	if s.held != "" {
		return c.refuseToken(s.held)
	}
	if c.link.up != nil {
		c.log.Info("session open", c.openAttrs()...)
	}
	return nil
}

// canonicalLogin returns the command as the library understands it: LOGIN with
// its arguments as canonicalString writes them, AUTHENTICATE with its initial
// response.
func (c *conn) canonicalLogin(cmd *command, lit *wire.Literal) (string, error) {
	args, err := c.arguments(cmd, lit)
	if err != nil {
		return "", err
	}
	if cmd.verb == "AUTHENTICATE" {
		return c.canonicalAuthenticate(args)
	}
	args.Space()
	name, ok := args.String()
	args.Space()
	password, ok2 := args.String()
	if !ok || !ok2 || !args.Empty() {
		return "", wire.SyntaxError("LOGIN takes a name and a password; quote them if they have blanks")
	}
	return canonicalLogin(name, password)
}

// canonicalLogin is LOGIN with quoted strings or, where those cannot carry a
// byte, with literals, for each of which the library makes a buffer of 32 KiB.
func canonicalLogin(name, password string) (string, error) {
	if len(name) > maxArgument || len(password) > maxArgument {
		return "", &refusal{text: fmt.Sprintf("NO [LIMIT] an argument is at most %d bytes long", maxArgument)}
	}
	return "LOGIN " + canonicalString(name) + " " + canonicalString(password) + "\r\n", nil
}

// canonicalString writes s as the library reads every byte of it.
func canonicalString(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return fmt.Sprintf("{%d+}\r\n%s", len(s), s)
	}
	return wire.Quote(s)
}

// canonicalAuthenticate fetches the response if it did not come with the
// command.
func (c *conn) canonicalAuthenticate(args *wire.Args) (string, error) {
	args.Space()
	mechanism, ok := args.Atom()
	if !ok {
		return "", wire.SyntaxError("AUTHENTICATE takes a mechanism: PLAIN")
	}
	mechanism = strings.ToUpper(mechanism)
	args.Space()
	response, ok := args.Atom()
	if !args.Empty() {
		return "", wire.SyntaxError("AUTHENTICATE takes a mechanism and a response")
	}
	switch {
	case mechanism == mechanismLogin:
		return c.canonicalAuthLogin(response)
	case !slices.Contains(mechanisms, mechanism):
		response = "=" // refused whatever it is
	case !ok:
		var err error
		if response, err = c.askSASL(""); err != nil {
			return "", err
		}
	}
	decoded, err := decodeSASL(response)
	if err != nil {
		return "", err
	}
	if mechanism == sasl.Plain && bytes.Count(decoded, []byte{0}) != 2 {
		return "", wire.SyntaxError("the response of PLAIN is two names and a password, with a NUL between (RFC 4616)")
	}
	if mechanism == external {
		return c.canonicalExternal(decoded)
	}
	if mechanism == xoauth2 || mechanism == oauthBearer {
		return canonicalToken(mechanism, decoded)
	}
	return authenticate(mechanism, decoded), nil
}

// mechanisms are those that have a response of the client's first.
var mechanisms = []string{sasl.Plain, xoauth2, oauthBearer, external}

// external is the mechanism of a client that its certificate proves (RFC 4422
// appendix A).
const external = sasl.External

// canonicalExternal makes PLAIN of it: the certificate names the caller, the
// response the mailbox, if that is another.
func (c *conn) canonicalExternal(authzid []byte) (string, error) {
	name, known := "", false
	if users := c.set.opts.Users; users != nil {
		name, known = users.Named(c.clientCertificate())
	}
	if !known {
		return "", &refusal{
			text: "NO [AUTHENTICATIONFAILED] EXTERNAL needs a client certificate that the users file names",
		}
	}
	if bytes.IndexByte(authzid, 0) >= 0 {
		return "", wire.SyntaxError("the response of EXTERNAL is a name")
	}
	return authenticate(sasl.Plain, slices.Concat(authzid, []byte{0}, []byte(name), []byte{0})), nil
}

// mechanismLogin is AUTHENTICATE LOGIN, of Outlook and of devices
// (draft-murchison-sasl-login): LOGIN in base64. It has no go-sasl server.
const mechanismLogin = "LOGIN"

// canonicalAuthLogin makes LOGIN of it. name is the initial response, if there
// was one.
func (c *conn) canonicalAuthLogin(name string) (string, error) {
	var answers [2]string
	for i, prompt := range []string{"Username:", "Password:"} {
		response := name
		if i > 0 || name == "" {
			var err error
			if response, err = c.askSASL(prompt); err != nil {
				return "", err
			}
		}
		decoded, err := decodeSASL(response)
		if err != nil {
			return "", err
		}
		answers[i] = string(decoded)
	}
	return canonicalLogin(answers[0], answers[1])
}

// askSASL sends a challenge and reads the response, in base64.
func (c *conn) askSASL(challenge string) (string, error) {
	if err := c.client.w.line("+ %s", base64.StdEncoding.EncodeToString([]byte(challenge))); err != nil {
		return "", err
	}
	line, err := c.readLine()
	if err != nil {
		return "", err
	}
	c.client.trace.answer()
	if string(line) == "*" {
		return "", wire.SyntaxError("AUTHENTICATE cancelled")
	}
	return string(line), nil
}

func decodeSASL(response string) ([]byte, error) {
	if response == "=" { // an empty one, RFC 4959
		return nil, nil
	}
	decoded, err := base64.StdEncoding.DecodeString(response)
	if err != nil {
		return nil, wire.SyntaxError("the response to AUTHENTICATE is not base64")
	}
	return decoded, nil
}

// authenticate is the command with its initial response.
func authenticate(mechanism string, response []byte) string {
	encoded := "="
	if len(response) > 0 {
		encoded = base64.StdEncoding.EncodeToString(response)
	}
	return fmt.Sprintf("AUTHENTICATE %s %s\r\n", mechanism, encoded)
}

// refusal is a command that cannot be taken, with what is left of it.
type refusal struct {
	lit  *wire.Literal
	text string // with status word and code
}

func (r *refusal) Error() string { return r.text }

// argumentFault answers a command whose arguments cannot be read.
func (c *conn) argumentFault(cmd *command, err error) error {
	var syntax wire.SyntaxError
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		return c.refuse(refused.lit, "%s %s", cmd.tag, refused.text)
	case errors.As(err, &syntax):
		return c.client.w.line("%s BAD %s", cmd.tag, syntax)
	}
	return err
}

// arguments reads the rest of a command whole, with its literals.
func (c *conn) arguments(cmd *command, lit *wire.Literal) (*wire.Args, error) {
	args := new(wire.Args)
	args.AddText([]byte(cmd.args))
	size := len(cmd.args)
	for lit != nil {
		if err := boundArguments(size, lit); err != nil {
			return nil, err
		}
		value, err := c.argumentLiteral(lit)
		if err != nil {
			return nil, err
		}
		args.AddLiteral(value)
		var text int
		if lit, text, err = c.moreArguments(args); err != nil {
			return nil, err
		}
		size += len(value) + text
	}
	return args, nil
}

// boundArguments refuses a literal with which a command that is gathered whole would
// be longer than what is remembered of any. size is what has been gathered of it.
func boundArguments(size int, lit *wire.Literal) error {
	if int64(size)+lit.Size <= maxKept {
		return nil
	}
	return &refusal{lit, fmt.Sprintf("NO [LIMIT] a command is at most %d bytes long here", maxKept)}
}

// argumentLiteral reads a literal that is an argument.
func (c *conn) argumentLiteral(lit *wire.Literal) ([]byte, error) {
	if lit.Size > maxArgument {
		return nil, &refusal{lit, fmt.Sprintf("NO [LIMIT] an argument is at most %d bytes long", maxArgument)}
	}
	if !lit.NonSync {
		if err := c.client.w.line("+ go ahead"); err != nil {
			return nil, err
		}
	}
	var value strings.Builder
	if _, err := c.readLiteral(&value, lit.Size); err != nil {
		return nil, err
	}
	return []byte(value.String()), nil
}

// moreArguments reads the line after a literal, and returns its size.
func (c *conn) moreArguments(args *wire.Args) (lit *wire.Literal, size int, err error) {
	line, err := c.readLine()
	if err != nil {
		return nil, 0, err
	}
	text, lit, err := wire.CheckLine(line)
	if err != nil {
		return nil, 0, err
	}
	args.AddText(text)
	return lit, len(text), nil
}

// open logs in upstream with what the client said, and makes the connection
// the session's. It runs in the own lane.
func (c *conn) open(claim backend.Claim) error {
	if err := c.awaitHoldOf(claim); err != nil {
		return err
	}
	return c.guardLogin(claim, func() error { return c.openBounded(claim) })
}

func (c *conn) openBounded(claim backend.Claim) error {
	srv := c.srv
	c.attempts.guessed = false
	if c.attempts.failed != nil && c.attempts.failed.claim == claim {
		// Thunderbird says with LOGIN again what AUTHENTICATE was refused; asked
		// twice, Active Directory would count two failures.
		if c.refused(guard.RefusedRepeated) {
			c.log.Info("login refused here: the same as before on this connection", "claim", claim)
		}
		return replies.Refusal(c.attempts.failed.failure)
	}
	r, cred, err := c.grant(claim)
	if err != nil {
		return c.loginFailed(claim, err)
	}
	to, id := r.To, r.Identity
	held := c.seat.slot // of an admin's own session, before PROXYAUTH
	c.seat.slot = nil
	if err := c.takeSeat(to, id); err != nil && !errors.Is(err, slots.ErrNone) {
		c.seat.slot = held
		return replies.Interrupted("log in again later")
	} else if err != nil {
		c.seat.slot = held
		c.log.Warn("login refused here: too many connections", "claim", claim, "waited", to.Slots.Limits().MaxWait)
		return &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeUnavailable, Text: err.Error()}
	}
	up, err := c.openUpstream(to, id, cred)
	if err != nil {
		failure := backend.FailureOf(err)
		failure.Connections = c.seat.slot.OfLogin()
		c.leaveSeat()
		c.seat.slot = held
		refused := c.refuseLogin(claim, err, failure)
		if c.missedMailbox(to, id, cred, failure.Kind) {
			c.attempts.guessed = false
		}
		return refused
	}
	srv.proofs.Add(to.Name, to.Backend.Login.Account(id), cred.Password)
	held.Release()
	c.attempts.failed = nil
	if c.link.up != nil {
		c.leaveUpstream()
	}
	l := c.set.newLogin(r, claim, cred, up, srv.accounts)
	sink := &relay{c: c, up: up.Conn}
	if c.login != nil {
		c.login.journal.End(c.journalTotals("PROXYAUTH to another mailbox"))
	}
	l.journal = c.newJournal(l)
	c.login, l.sender = l, c.newSender(l)
	c.link.open(sink, up.Conn, l.resume, l.profile.IsExchange())
	c.tieToAccount(c.link.up)
	c.link.up.Relay(sink)
	srv.sessions.add(c, l)
	if srv.traced.has(id.User) {
		if err := c.beginTrace(); err != nil {
			c.log.Warn("trace", "err", err)
		}
	}
	reason := barred(l) // the files may have changed during the login
	if c.set.opts.Routes != nil {
		reason = cmp.Or(reason, c.set.moved(l))
	}
	if reason != "" {
		c.link.dismiss(reason)
	}
	srv.totals.Logins.Count(counters.LoginOK)
	return nil
}

// openUpstream logs in upstream. A throttle that comes in the place of the
// mailbox is waited out: the login itself is not refused.
func (c *conn) openUpstream(
	to *routing.Target, id backend.Identity, cred backend.Credential,
) (*backend.Session, error) {
	for try := 0; ; try++ {
		c.waiting.set(status.StateLogin, loggingIn, time.Time{})
		up, err := to.Server.Open(c.ctx, id, cred, c.client.trace.upstream())
		failure := backend.FailureOf(err)
		if err == nil || failure.Kind != backend.KindThrottled || try == delivery.MaxTries {
			return up, err
		}
		wait := min(failure.Backoff, cmp.Or(to.Backend.MaxBackoff, backend.DefaultMaxBackoff))
		c.log.Warn("Exchange throttles a login", "user", id.User, "backoff", wait)
		c.waiting.set(status.StateThrottled, "Exchange throttles this account", time.Now().Add(wait))
		if c.sleep(wait) != nil {
			return nil, err
		}
	}
}

// loginFailed logs a failed login and makes the client's reply.
func (c *conn) loginFailed(claim backend.Claim, err error) error {
	return c.refuseLogin(claim, err, backend.FailureOf(err))
}

// refuseLogin is loginFailed where more is known of the failure than err says.
func (c *conn) refuseLogin(claim backend.Claim, err error, failure backend.Failure) error {
	c.srv.totals.Logins.Count(string(failure.Kind))
	c.log.Log(context.WithoutCancel(c.ctx), failure.Level(), "login failed", "claim", claim, "kind", failure.Kind,
		"err", err, "meaning", failure.Explanation())
	c.recordFailure(claim, failure)
	c.srv.progress.note(status.Refusal{What: status.RefusedLogin, Session: c.id, User: claimedUser(c.set, claim)},
		failure.ClientText())
	c.attempts.guessed = guard.IsGuess(failure)
	if failure.Kind == backend.KindCredentials || failure.Kind == backend.KindTokenNotTaken {
		c.attempts.failed = &failedLogin{claim, failure}
	}
	return replies.Refusal(failure)
}

// claimedUser returns the mailbox that a claim asks for; "" if it cannot be read.
func claimedUser(set *settings, claim backend.Claim) string {
	r, err := set.router.Route(claim)
	if err != nil {
		return ""
	}
	return r.Identity.User
}

// failedLogin is a login that Exchange has refused.
type failedLogin struct {
	claim   backend.Claim
	failure backend.Failure
}

// loginCapabilities puts the capabilities of the session into the library's
// OK to a login, and remembers them for those who connect next.
func (c *conn) loginCapabilities(reply string) string {
	if c.login == nil {
		return reply
	}
	line := "* " + reply // a status line, for the editor
	start := strings.Index(line, "[CAPABILITY ")
	if start < 0 {
		return reply
	}
	_, rest, _ := strings.Cut(line[start:], "]")
	offered := capability.Offered(c.login.profile, c.login.caps)
	c.login.target.Offered.Keep(offered)
	return line[2:start] + "[CAPABILITY " + strings.Join(offered, " ") + "]" + rest
}
