package exchangesim

import (
	"strings"
	"time"
)

// loginByToken opens the mailbox that XOAUTH2's user= names, for the token's
// user or the application. A wrong token gets a plain NO, without the challenge
// that others send (docs/exchange.md#oauth2).
func (c *conn) loginByToken(response string) status {
	rest, ok := strings.CutPrefix(response, "user=")
	mailbox, rest, ok2 := strings.Cut(rest, "\x01auth=Bearer ")
	token, ok3 := strings.CutSuffix(rest, "\x01\x01")
	if !ok || !ok2 || !ok3 {
		return failed("AUTHENTICATE", "not a response of XOAUTH2")
	}
	grant, ok := c.srv.tokens.use(token)
	if !ok {
		return failed("AUTHENTICATE", "the token is unknown or has expired")
	}
	name, isUPN, _ := cutUPN(strings.ToLower(mailbox))
	target := c.srv.store.account(name)
	if !isUPN || target == nil {
		return failed("AUTHENTICATE", "user= is no address of a mailbox here")
	}
	user := c.srv.store.account(grant.user)
	if grant.user == "" { // the application has FullAccess everywhere
		user = &account{user: User{Name: "application", FullAccess: true}}
	}
	c.token = token
	return c.enter("AUTHENTICATE", user, target)
}

// use returns what a token may do, if it is good.
func (t *tokens) use(token string) (access, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a, ok := t.access[token]
	return a, ok && t.now().Before(a.expiry)
}

// tokenLeft is how long the session's token lasts; false if it has none.
func (c *conn) tokenLeft() (time.Duration, bool) {
	if c.token == "" {
		return 0, false
	}
	a, _ := c.srv.tokens.use(c.token)
	return a.expiry.Sub(c.srv.now()), true
}

// isTokenExpired reports whether the session's token is not good any more.
func (c *conn) isTokenExpired() bool {
	if c.token == "" {
		return false
	}
	_, ok := c.srv.tokens.use(c.token)
	return !ok
}
