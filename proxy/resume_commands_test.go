package proxy

import (
	"fmt"
	"strings"
	"testing"
)

// A session cannot be resumed if the client has got a part of a response.
func TestResumeNotInsideAResponse(t *testing.T) {
	g := exchangeResuming(t)
	c, u := g.login()
	c.C("a1 FETCH 1 BODY[]")
	u.C("a1 FETCH 1 BODY[]")
	u.raw("* 1 FETCH (BODY[] {10}\r\n01234")
	c.expectRaw("* 1 FETCH (BODY[] {10}\r\n01234")
	u.close()
	c.ends()
}

// A command of which the upstream got only a part was not done, and the client is told so.
func TestResumeCommandCutShort(t *testing.T) {
	for name, tt := range map[string]struct{ first, rest string }{
		"before the +":           {"a1 CREATE {3}\r\n", ""},
		"before the +, not sync": {"a1 CREATE {3+}\r\n", "abc\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			g := exchangeResuming(t)
			c, u := g.login()
			c.raw(tt.first + tt.rest)
			u.C("a1 CREATE {3}")
			u.close()
			c.S("a1 NO [UNAVAILABLE] CREATE: …; nothing was done")
			c.C("a2 NOOP")
			u = g.relogin()
			u.C("a2 NOOP")
			u.S("a2 OK done")
			c.S("a2 OK done")
		})
	}
	t.Run("in the literal", func(t *testing.T) {
		g := exchangeResuming(t)
		c, u := g.login()
		c.C("a1 CREATE {3}")
		u.C("a1 CREATE {3}")
		u.S("+ go")
		c.S("+ go")
		u.close()
		g.lost()
		c.raw("abc\r\n")
		c.S("a1 NO [UNAVAILABLE] CREATE: …; nothing was done")
	})
}

// A short literal is sent again with its command.
func TestResumeCommandWithALiteral(t *testing.T) {
	g := exchangeResuming(t)
	c, u := g.login()
	c.C("a1 STATUS {3}")
	u.C("a1 STATUS {3}")
	u.S("+ go")
	c.S("+ go")
	c.raw("a&b (MESSAGES)\r\n")
	u.C("a&b (MESSAGES)")
	u.close()
	u = g.relogin()
	u.C("a1 STATUS {3}")
	u.S("+ once more")
	u.C("a&b (MESSAGES)")
	u.S("a1 OK done")
	c.S("a1 OK done")
}

// Pipelined commands are sent again in their order. A command with message numbers is not sent again after an EXPUNGE,
// which changes the numbers.
func TestResumePipelined(t *testing.T) {
	g := newGateway(t, resuming)
	c, u := g.login()
	selects(c, u, "SELECT INBOX", contents{5, 7, 20})
	c.raw("a1 NOOP\r\na2 STORE 5 +FLAGS (x)\r\na3 UID FETCH 19 FLAGS\r\n")
	for _, line := range []string{"a1 NOOP", "a2 STORE 5 +FLAGS (x)", "a3 UID FETCH 19 FLAGS"} {
		u.C(line)
	}
	u.S("* 1 EXPUNGE")
	c.S("* 1 EXPUNGE")
	u.close()
	c.S("a2 NO [UNAVAILABLE] …it is not known whether it was done")
	u = g.relogin()
	u.C("xg2 SELECT INBOX")
	for _, line := range (contents{4, 7, 20}).lines() {
		u.S(line)
	}
	u.S("xg2 OK done")
	u.C("xg3 FETCH 4:4 (UID)")
	u.S("* 4 FETCH (UID 19)")
	u.S("xg3 OK done")
	u.C("a1 NOOP")
	u.C("a3 UID FETCH 19 FLAGS")
	u.S("a1 OK done")
	c.S("a1 OK done")
}

// ENABLE is sent again on the new connection. After commands whose state cannot be restored, such as NOTIFY, the
// session ends.
func TestResumeWhatWasEnabled(t *testing.T) {
	g := newGateway(t, resuming)
	c, u := g.login()
	c.C("a1 ENABLE UTF8=ACCEPT")
	u.C("a1 ENABLE UTF8=ACCEPT")
	u.S("a1 OK done")
	c.S("a1 OK done")
	u.close()
	c.C("a2 NOOP")
	u = g.relogin()
	u.C("xg2 ENABLE UTF8=ACCEPT")
	u.S("* ENABLED UTF8=ACCEPT")
	u.S("xg2 OK done")
	u.C("a2 NOOP")
	u.S("a2 OK done")
	c.S("a2 OK done")
	c.C("a3 ENABLE QRESYNC")
	u.C("a3 ENABLE QRESYNC")
	u.S("a3 OK done")
	c.S("a3 OK done")
	u.close()
	c.C("a4 NOOP")
	c.S("* BYE …the session cannot be resumed after ENABLE QRESYNC")
}

// What is enabled is remembered once, and said again in one command. Who enables more
// than is remembered keeps the session to the end of its connection.
func TestEnableIsBounded(t *testing.T) {
	enable := func(c *client, u *upstream, args string) {
		t.Helper()
		c.C("a1 ENABLE " + args)
		u.C("a1 ENABLE " + args)
		u.S("a1 OK done")
		c.S("a1 OK done")
	}
	t.Run("many times", func(t *testing.T) {
		g := exchangeResuming(t)
		c, u := g.login()
		for i := range 500 {
			enable(c, u, []string{"UTF8=ACCEPT", "utf8=accept  X-A", "X-A UTF8=ACCEPT x-b"}[i%3])
		}
		u.close()
		g.lost()
		c.C("a2 NOOP")
		u = g.relogin()
		u.C("xg3 ENABLE UTF8=ACCEPT X-A x-b")
		u.S("xg3 OK done")
		u.C("a2 NOOP")
		u.S("a2 OK done")
		c.S("a2 OK done")
	})
	for name, args := range map[string]func(i int) string{
		"many names":  func(i int) string { return fmt.Sprint("X-NAME-", i) },
		"a long name": func(i int) string { return strings.Repeat("X", 60_000) + fmt.Sprint(i) },
	} {
		t.Run(name, func(t *testing.T) {
			g := exchangeResuming(t)
			c, u := g.login()
			for i := range 200 {
				enable(c, u, args(i))
			}
			g.srv.logins.mu.Lock()
			for conn := range g.srv.logins.open {
				if _, enabled := conn.link.repeatable(); len(strings.Join(enabled, " ")) > maxEnabled {
					t.Errorf("%d names are remembered", len(enabled))
				}
			}
			g.srv.logins.mu.Unlock()
			u.close()
			c.S("* BYE …the session cannot be resumed after ENABLE of so much")
			c.ends()
		})
	}
}
