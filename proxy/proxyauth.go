package proxy

import (
	"exgate/backend/wire"
)

// proxyAuth answers "PROXYAUTH user", which an admin says after his own login
// to go on as the user: imapsync's --proxyauth (requirements.md S104). It is
// one more way to say PLAIN with an authorization identity.
func (c *conn) proxyAuth(cmd *command, lit *wire.Literal) error {
	args, err := c.arguments(cmd, lit)
	if err != nil {
		return c.argumentFault(cmd, err)
	}
	args.Space()
	user, ok := args.String()
	if !ok || user == "" || !args.Empty() {
		return c.w.line("%s BAD PROXYAUTH takes the name of a user", cmd.tag)
	}
	if err := c.awaitFlight(func() bool { return len(c.flight) == 0 }); err != nil {
		return err
	}
	if err := c.ready(cmd); err != nil {
		return err
	}
	id := c.login.identity
	c.mu.Lock()
	selected := c.view.mailbox
	c.mu.Unlock()
	switch {
	case !c.login.claim.Token.None():
		return c.w.line("%s NO a login with a token names its mailbox itself: log in anew for another", cmd.tag)
	case id.Admin != "":
		return c.w.line("%s NO this session is an admin's for a user already: log in anew for another", cmd.tag)
	case selected != "":
		return c.w.line("%s BAD PROXYAUTH comes before a mailbox is selected", cmd.tag)
	}
	s := &shot{tag: cmd.tag}
	canonical := authenticate("PLAIN", []byte(user+"\x00"+id.AsSent+"\x00"+c.login.claim.Password.Reveal()))
	if err := c.fire(s, canonical, c.waiting.text); err != nil {
		return err
	}
	if c.login.identity.Admin != "" {
		c.log.Info("session goes on for another user", c.openAttrs()...)
	}
	c.mu.Lock()
	c.rests()
	c.mu.Unlock()
	return c.resumable()
}

// leaveUpstream ends the upstream connection of a session that goes on with
// another, which takes its place after this. Nothing is in flight.
func (c *conn) leaveUpstream() {
	c.mu.Lock()
	c.relay.Store(nil)
	c.mu.Unlock()
	c.up.Close()
	c.stats.passed(c.up)
	c.srv.accounts.close(c.login.account)
}
