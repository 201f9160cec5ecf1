package proxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"exgate/backend"
	"exgate/backend/wire"
	"exgate/config/profile"
	"exgate/proxy/amend"
	"exgate/proxy/capability"
	"exgate/proxy/counters"
	"exgate/proxy/delivery"
	"exgate/proxy/guard"
	"exgate/proxy/ledger"
	"exgate/proxy/mailbox"
	"exgate/proxy/names"
	"exgate/proxy/progress"
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
	profile  *profile.Profile  // in force; all sessions share it
	wanted   *profile.Profile  // what would be in force if the gateway did not only observe
	resume   bool              // the session outlives its upstream connection
	account  *account          // shared with the mailbox's other sessions
	progress *progress.Account // of the account; nil: nothing was counted yet
	prefix   string            // of names, by the map file
	below    string            // the same, if the session is kept below it; "" if it is not
	names    *names.Mapping    // of mailboxes; nil: they are not mapped
	observed *amend.Observed   // nil: names are mapped, or would not be
	edits    bool              // commands may have reply editors
	caps     []string          // the upstream's
	sender   *delivery.Sender  // of the session's messages
	why      string            // the reason for the profile
	// mayDropDates says that the upstream may be an Exchange that drops the dates of messages.
	mayDropDates bool
	journal      *ledger.Journal // nil: exgate keeps no ledger
}

func (l *login) has(name string) bool { return capability.IsIn(l.caps, name) }

// asClaimed returns the identity that the client claimed. The gateway may have logged
// in with another.
func (l *login) asClaimed() backend.Identity {
	id, _ := l.target.Backend.Login.Resolve(l.claim) // as at the login
	return id
}

// noteInbox notes what the proof of the mailbox has shown: a first APPEND to INBOX then need not
// ask for it again.
func (l *login) noteInbox(inbox backend.Inbox) {
	if numbers, ok := mailbox.StatusNumbers(inbox.Status); ok {
		l.account.claims.Told("inbox", numbers["UIDVALIDITY"], numbers["UIDNEXT"], inbox.Asked)
	}
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
		return c.answerFault(cmd, err)
	}
	c.client.noteProgram(args)
	if err := c.client.w.line(`* ID ("name" "exgate")`); err != nil {
		return err
	}
	return c.client.w.line("%s OK ID completed.", cmd.tag)
}

// logIn takes LOGIN and AUTHENTICATE to the own lane, in canonical form.
func (c *conn) logIn(cmd *command, lit *wire.Literal) error {
	if !c.client.canLogin() {
		return c.refuse(lit, "%s NO [PRIVACYREQUIRED] say STARTTLS first: no password is taken in plain text here",
			cmd.tag)
	}
	canonical, err := c.readLogin(cmd, lit)
	if err != nil {
		return c.answerFault(cmd, err)
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
	if c.link.upstream != nil {
		c.log.Info("session open", c.openAttrs()...)
	}
	return nil
}

// readLogin reads the arguments of a login, and returns the command as the library
// understands it: LOGIN with its arguments as canonicalString writes them,
// AUTHENTICATE with its initial response.
func (c *conn) readLogin(cmd *command, lit *wire.Literal) (string, error) {
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
	if !ok || !ok2 || !args.IsEmpty() {
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

// open logs in upstream with what the client said, and makes the connection
// the session's. It runs in the own lane.
func (c *conn) open(claim backend.Claim) error {
	if err := c.awaitHoldOf(claim); err != nil {
		return err
	}
	return c.guardLogin(claim, func() error { return c.logInUpstream(claim) })
}

// logInUpstream opens the mailbox that the client asks for, and makes the new connection
// the session's. If that fails, the session keeps what it had before PROXYAUTH.
func (c *conn) logInUpstream(claim backend.Claim) error {
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
	earlier := c.seat.slot // of an admin's own session, before PROXYAUTH
	c.seat.slot = nil
	if err := c.awaitAccount(to, id.User); err != nil {
		c.seat.slot = earlier
		return replies.Interrupted("log in again later")
	}
	if err := c.takeSeat(to, id); err != nil && !errors.Is(err, slots.ErrNone) {
		c.seat.slot = earlier
		return replies.Interrupted("log in again later")
	} else if err != nil {
		c.seat.slot = earlier
		c.log.Warn("login refused here: too many connections", "claim", claim, "waited", to.Slots.Limits().MaxWait)
		return &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeUnavailable, Text: err.Error()}
	}
	alone := srv.forerunner.HasLeft(to.Name, id.User) // before the login shows the state of INBOX
	opened, err := c.openUpstream(to, id, cred)
	if err != nil {
		failure := backend.FailureOf(err)
		failure.Connections = c.seat.slot.OfLogin()
		c.leaveSeat()
		c.seat.slot = earlier
		refused := c.refuseLogin(claim, err, failure)
		if c.srv.missedMailbox(to, id, cred, failure.Kind) {
			c.attempts.guessed = false
		}
		return refused
	}
	srv.proofs.Add(to.Name, to.Backend.Login.Account(id), cred.Password, id.Admin != "")
	earlier.Release()
	c.attempts.failed = nil
	if c.link.upstream != nil {
		c.leaveUpstream()
	}
	l := c.set.newLogin(r, claim, cred, opened, srv.accounts)
	l.account.Inherit(srv.forerunner.Throttled(to.Name, id.User))
	sink := &relay{c: c, upstream: opened.Conn}
	if c.login != nil {
		c.login.journal.End(c.journalTotals("PROXYAUTH to another mailbox"))
	}
	l.journal = c.newJournal(l)
	if o := l.observed; o != nil {
		o.Seen, o.Journal, o.Log, o.Would = &l.account.seen, l.journal, c.log, &c.tally.stats.NamesWould
	}
	if alone { // else messages of the gateway before this one may come after the login
		l.noteInbox(opened.Inbox)
	}
	c.login, l.sender = l, c.newSender(l)
	c.link.open(sink, opened.Conn, l.resume, l.profile.IsExchange())
	c.tieToAccount(c.link.upstream)
	c.link.upstream.Relay(sink)
	srv.logins.add(c, l)
	if srv.traced.Has(id.User) {
		if err := c.beginTrace(); err != nil {
			c.log.Warn("no trace of this session is written", "err", err)
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
// mailbox is waited out: the login itself is not refused. A login whose connection the
// server drops is tried once more: mbsync ends its run when it gets a NO.
func (c *conn) openUpstream(
	to *routing.Target, id backend.Identity, cred backend.Credential,
) (*backend.LoggedIn, error) {
	began, failed := time.Now(), 0
	open := func(ctx context.Context) (*backend.LoggedIn, error) {
		return to.Server.OpenAgain(ctx, id, cred, c.client.trace.Requests(), failed)
	}
	for try := 0; ; try++ {
		c.waiting.set(status.StateLogin, loggingIn, time.Time{})
		opened, err := open(c.ctx)
		if n, ok := to.Server.MayOpenAgain(err); ok && try == 0 && time.Since(began) < c.srv.limits.LoginAgain {
			c.log.Warn("the connection to Exchange was lost during a login; trying once more",
				"user", id.User, "err", err)
			lost := err
			failed = n
			if opened, err = c.throughGate(c.ctx, to, c.srv.limits.ReconnectSpread, open); isInterrupted(err) {
				return nil, lost
			}
		}
		if err == nil {
			return opened, nil
		}
		failure := backend.FailureOf(err)
		if failure.Kind != backend.KindThrottled || try == delivery.MaxTries {
			return nil, err
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
	c.set.recordFailure(claim, failure)
	c.srv.progress.Note(status.Refusal{What: status.RefusedLogin, Session: c.id, User: claimedUser(c.set, claim)},
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
