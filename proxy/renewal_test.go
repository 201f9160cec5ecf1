package proxy

import (
	"testing"
)

// The gateway renews the connection before Exchange's tenth error. It closes the old connection only after the new one
// is proved.
func TestRenewal(t *testing.T) {
	was := contents{2, 7, 20}
	proof := []string{"* 2 FETCH (UID 19)"}
	errors := func(c *client, u *upstream, n int) {
		for range n {
			c.C("a1 STORE 1 +FLAGS (x)")
			u.C("a1 STORE 1 +FLAGS (x)")
			u.S("a1 BAD Command Argument Error. 11")
			c.S("a1 BAD Command Argument Error. 11")
		}
	}
	t.Run("proved", func(t *testing.T) {
		g := exchangeResuming(t)
		c, old := g.login()
		selects(c, old, "SELECT INBOX", was)
		errors(c, old, renewAt)
		c.C("a2 NOOP")
		u := g.relogin()
		u.reselects("SELECT INBOX", was)
		u.proves("2:2", proof...)
		old.ends()
		u.C("a2 NOOP")
		u.S("a2 OK done")
		c.S("a2 OK done")
		errors(c, u, 1) // the new connection has a count of its own
		noop(c, u)
		c.C("a3 LOGOUT")
		u.C("a3 LOGOUT")
		u.S("a3 OK done")
		c.S("a3 OK done")
		if end := g.logged("session end"); end["renewed"] != 1.0 || end["errors"] != float64(renewAt+1) {
			t.Errorf("the log says %v", end)
		}
	})
	t.Run("not proved", func(t *testing.T) {
		g := exchangeResuming(t)
		c, old := g.login()
		selects(c, old, "SELECT INBOX", was)
		errors(c, old, renewAt)
		c.C("a2 NOOP")
		u := g.relogin()
		u.reselects("SELECT INBOX", contents{1, 7, 20})
		u.ends()
		old.C("a2 NOOP")
		old.S("a2 OK done")
		c.S("a2 OK done")
		noop(c, old) // exgate does not try again
	})
}
