package proxy

import (
	"strings"

	"exgate/backend"
	"exgate/backend/wire"
)

// proxyAuth answers "PROXYAUTH user", which an admin says after the admin's own
// login to go on as the user: imapsync's --proxyauth (docs/exchange.md#login-forms).
// It is one more way to say PLAIN with an authorization identity, by whoever has
// logged in. Where the gateway holds the credential, that is the caller of the users
// file, which says what the caller may go on to.
func (c *conn) proxyAuth(cmd *command, lit *wire.Literal) error {
	args, err := c.arguments(cmd, lit)
	if err != nil {
		return c.answerFault(cmd, err)
	}
	args.Space()
	user, ok := args.String()
	if !ok || user == "" || !args.IsEmpty() || strings.Contains(user, "\x00") { // as a literal
		return c.client.w.line("%s BAD PROXYAUTH takes the name of a user", cmd.tag)
	}
	if err := c.awaitFlight(func() bool { return len(c.link.flight) == 0 }); err != nil {
		return err
	}
	if err := c.makeReady(cmd); err != nil {
		return c.answerFault(cmd, err)
	}
	first := c.login.claim
	switch {
	case !first.Token.IsNone():
		return c.client.w.line("%s NO a login with a token names its mailbox itself: log in anew for another", cmd.tag)
	case c.login.asClaimed().Admin != "":
		return c.client.w.line("%s NO this session is an admin's for a user already: log in anew for another", cmd.tag)
	case c.link.selected().Mailbox != "":
		return c.client.w.line("%s BAD PROXYAUTH comes before a mailbox is selected", cmd.tag)
	case c.login.isHeld() && !c.set.router.HoldsFor(backend.Claim{Authcid: first.Authcid, Authzid: user}):
		// The password that proves a caller to the gateway is not for Exchange.
		return c.client.w.line("%s NO [AUTHORIZATIONFAILED] exgate holds nothing that opens mailboxes on this user's "+
			"server: log in anew, as Exchange knows you", cmd.tag)
	}
	s := &shot{tag: cmd.tag}
	canonical := authenticate("PLAIN", []byte(user+"\x00"+first.Authcid+"\x00"+first.Password.Reveal()))
	if err := c.fire(s, canonical, c.waiting.text); err != nil {
		return err
	}
	if c.login.claim.Authzid != "" {
		c.log.Info("session goes on for another user", c.openAttrs()...)
	}
	c.link.rest()
	return c.byeIfOver()
}

// leaveUpstream closes the session's upstream connection before another takes its
// place. No command is in flight.
func (c *conn) leaveUpstream() {
	c.link.detach()
	c.link.upstream.Close()
	c.link.retire(c.link.upstream)
	c.srv.accounts.close(c.login.account)
}
