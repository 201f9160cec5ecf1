package proxy

import (
	"context"
	"fmt"
	"time"

	"github.com/emersion/go-imap/v2"

	"exgate/backend"
	"exgate/proxy/guard"
	"exgate/proxy/replies"
	"exgate/proxy/routing"
)

// guardLogin runs a login, unless its address or its account has failed too often.
func (c *conn) guardLogin(claim backend.Claim, logIn func() error) error {
	who := guard.NewGuess(c.client.tcp.RemoteAddr(), c.set.accountOf(claim))
	var refused time.Duration
	err := c.patiently(func(ctx context.Context) (err error) {
		refused, err = c.srv.guesses.Enter(ctx, who)
		return err
	})
	if err != nil {
		return replies.Interrupted("log in again later")
	}
	if refused > 0 {
		c.attempts.turnedAway = true
		if c.refused(guard.RefusedGuesses) {
			c.log.Warn("login refused here: too many have failed", "claim", claim, "for", refused.Round(time.Second),
				"limit", "limits.failed_logins")
		}
		return &imap.Error{
			Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeUnavailable,
			Text: fmt.Sprintf("too many logins have failed: try again in %s (exgate did not ask Exchange; the "+
				"limit is limits.failed_logins)", refused.Round(time.Second)),
		}
	}
	how := guard.Inconclusive // also of a panic
	defer func() { c.slowDown(c.srv.guesses.Leave(who, how)) }()
	err = logIn()
	switch {
	case err == nil:
		how = guard.Succeeded
	case c.attempts.guessed:
		how = guard.Failed
	}
	return err
}

// accountOf is the account whose password a claim tries: an admin's, whatever
// mailbox is asked for. Where the gateway holds the credential it is the caller
// of the users file.
func (s *settings) accountOf(claim backend.Claim) string {
	r, err := s.router.Route(claim)
	switch {
	case err != nil:
		return claim.Authcid
	case claim.Token.IsNone() && r.To.Server.Holds():
		return r.Caller()
	}
	return r.To.Backend.Login.Account(r.Identity)
}

// missedMailbox reports whether a login failed for the mailbox that it asked for, while what
// it was proven with is right. A proof of an admin's password excuses a bounded number of
// failures (guard.Proofs).
func (s *Server) missedMailbox(
	to *routing.Target, id backend.Identity, cred backend.Credential, kind backend.Kind,
) bool {
	switch {
	case cred.Allow != nil && (cred.Tokens != nil || kind == backend.KindNotAllowed):
		return true // the caller has been proven here
	case id.Admin == "":
		return false
	}
	return s.proofs.Miss(to.Name, to.Backend.Login.Account(id), cred.Password)
}

// slowDown delays the reply to a failed login, twice as long each time.
func (c *conn) slowDown(failed int) {
	if c.srv.limits.Slow == 0 || failed <= guard.SlowAfter {
		return
	}
	c.srv.totals.Refusals.Count(guard.RefusedSlowed)
	if err := c.sleep(min(c.srv.limits.MaxSlow, c.srv.limits.Slow<<min(failed-guard.SlowAfter-1, 10))); err != nil {
		c.log.Debug("the client did not wait for its refusal", "err", err)
	}
}

// refused counts a refusal, and reports whether it is to be logged.
func (c *conn) refused(reason string) (toBeLogged bool) {
	c.srv.totals.Refusals.Count(reason)
	return c.srv.refusals.IsFirst(reason, guard.AddressOf(c.client.tcp.RemoteAddr()))
}

// tooMany turns away a connection of an address that has enough of them. On a TLS
// port nothing can be said before a handshake, and a handshake is the work that an
// attacker wants done.
func (c *conn) tooMany() {
	if c.refused(guard.RefusedConnections) {
		c.log.Warn("connection refused: the address has too many")
	}
	if c.client.listener != ListenImplicit {
		if err := c.client.w.line("* BYE too many connections from your address"); err != nil {
			c.log.Debug("the client was not told", "err", err)
		}
	}
	c.cancel()
	c.client.nc.Close()
	c.client.r.Release()
}
