package proxy

import (
	"context"
	"time"

	"github.com/emersion/go-imap/v2"

	"exgate/proxy/replies"
	"exgate/proxy/routing"
	"exgate/proxy/status"
)

// forerunnerText tells a client why it waits.
const forerunnerText = "the exgate before this one still has a session of this mailbox"

// awaitForerunner waits until the gateway before this one has no session of an account, for at most limit; 0: without a
// limit. So the connections of both together stay within the limits.
func (c *conn) awaitForerunner(upstream, account string, limit time.Duration) error {
	before := c.srv.forerunner
	if before.HasLeft(upstream, account) {
		return nil
	}
	c.waiting.set(status.StateWaiting, forerunnerText, time.Time{})
	return c.patiently(func(ctx context.Context) error {
		if limit == 0 {
			return before.Await(ctx, upstream, account)
		}
		short, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		if before.Await(short, upstream, account); ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return nil
	})
}

// awaitAccount is awaitForerunner before a login. While the gateway before this one has all connections of the account,
// the login waits as long as for a connection of this one: Exchange would refuse it.
func (c *conn) awaitAccount(to *routing.Target, user string) error {
	err := c.awaitForerunner(to.Name, user, c.srv.limits.Forerunner)
	limits := to.Slots.Limits()
	most := limits.PerAccount - 1 // one is reserved
	if err != nil || limits.PerAccount == 0 || c.srv.forerunner.Sessions(to.Name, user) < most {
		return err
	}
	return c.awaitForerunner(to.Name, user, limits.MaxWait)
}

// awaitTurn is awaitForerunner before a message is stored. A message that both gateways send at the same time would be
// stored twice.
func (c *conn) awaitTurn() *imap.Error {
	if c.awaitForerunner(c.login.target.Name, c.login.identity.User, 0) != nil {
		return replies.NotYet("the session ends; nothing was stored")
	}
	return nil
}
