package proxy

import (
	"testing"

	"exgate/proxy/testkit"
)

// These tests lose the upstream of a session in each of its states.

func TestResumeDuringSelect(t *testing.T) {
	g := exchangeResuming(t)
	c, u := g.login()
	selects(c, u, "SELECT INBOX", contents{1, 7, 20})
	c.C("a1 SELECT Archive")
	u.C("a1 SELECT Archive")
	u.S("* 9 EXISTS")
	c.S("* 9 EXISTS")
	u.close()
	u = g.relogin() // INBOX is not selected again, since the client leaves it
	u.C("a1 SELECT Archive")
	for _, line := range (contents{8, 3, 30}).lines() {
		u.S(line)
		c.S(line)
	}
	u.S("a1 OK [READ-WRITE] done")
	c.S("a1 OK [READ-WRITE] done")
	u.close()
	c.C("a2 NOOP")
	u = g.relogin()
	u.reselects("SELECT Archive", contents{8, 3, 30})
	u.proves("8:8", "* 8 FETCH (UID 29)")
	u.C("a2 NOOP")
}

// CLOSE and SELECT leave the mailbox, so its numbering need not be proved before them.
func TestResumeForCloseAndSelect(t *testing.T) {
	changed := contents{1, 7, 30}
	t.Run("CLOSE", func(t *testing.T) {
		g := exchangeResuming(t)
		c, u := g.login()
		selects(c, u, "SELECT INBOX", contents{5, 7, 20})
		c.C("a1 CLOSE")
		u.C("a1 CLOSE")
		u.close()
		u = g.relogin()
		u.reselects("SELECT INBOX", changed)
		u.C("a1 CLOSE")
		u.S("a1 OK done")
		c.S("a1 OK done")
	})
	t.Run("SELECT", func(t *testing.T) {
		g := exchangeResuming(t)
		c, u := g.login()
		selects(c, u, "SELECT INBOX", contents{5, 7, 20})
		u.close()
		c.C("a1 SELECT INBOX")
		u = g.relogin()
		u.C("a1 SELECT INBOX")
	})
}

func TestResumeLogout(t *testing.T) {
	for name, lost := range map[string]bool{"lost before": true, "lost in its course": false} {
		t.Run(name, func(t *testing.T) {
			g := exchangeResuming(t)
			c, u := g.login()
			if lost {
				u.close()
				g.lost()
			}
			c.C("a1 LOGOUT")
			if !lost {
				u.C("a1 LOGOUT")
				u.close()
			}
			c.S("* BYE exgate signing off.")
			c.S("a1 OK LOGOUT completed.")
			c.ends()
		})
	}
	t.Run("after the BYE", func(t *testing.T) {
		c, u := exchangeResuming(t).login()
		c.C("a1 LOGOUT")
		u.C("a1 LOGOUT")
		u.S("* BYE bye")
		c.S("* BYE bye")
		u.close()
		c.S("a1 OK LOGOUT completed.")
		c.ends()
	})
}

// lost waits until the gateway's only session has noticed the loss of its upstream. The client is not told of it.
func (g *gateway) lost() {
	g.t.Helper()
	testkit.Eventually(g.t, "the loss is noticed", func() bool { return g.log.contains("upstream ended") })
}
