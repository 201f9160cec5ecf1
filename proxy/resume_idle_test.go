package proxy

import (
	"testing"
)

func TestResumeIdle(t *testing.T) {
	g := exchangeResuming(t)
	c, u := g.login()
	selects(c, u, "SELECT INBOX", contents{1, 7, 20})
	c.C("a1 IDLE")
	u.C("a1 IDLE")
	u.S("+ idling")
	c.S("+ idling")
	u.S("* BYE Session invalidated - AccessTokenExpired")
	u.close()
	u = g.relogin()
	u.reselects("SELECT INBOX", contents{2, 7, 21})
	u.proves("1:2", "* 1 FETCH (UID 19)", "* 2 FETCH (UID 20)")
	c.S("* 2 EXISTS")
	u.C("a1 IDLE")
	u.S("+ idling again") // hidden from the client, who has got one before
	u.S("* 3 EXISTS")
	c.S("* 3 EXISTS")
	c.C("DONE")
	u.C("DONE")
	u.S("a1 OK done")
	c.S("a1 OK done")
	noop(c, u)
}

func TestResumeIdleBeforeItsPlus(t *testing.T) {
	g := exchangeResuming(t)
	c, u := g.login()
	c.C("a1 IDLE")
	u.C("a1 IDLE")
	u.reset()
	u = g.relogin()
	u.C("a1 IDLE")
	u.S("+ idling")
	c.S("+ idling")
	c.C("DONE")
	u.C("DONE")
}

// The client ends its IDLE while the session has no upstream.
func TestResumeIdleEndedMeanwhile(t *testing.T) {
	g := exchangeResuming(t)
	c, u := g.login()
	c.C("a1 IDLE")
	u.C("a1 IDLE")
	u.S("+ idling")
	c.S("+ idling")
	c.C("DONE")
	u.C("DONE")
	u.close()
	c.S("a1 OK IDLE completed.")
	c.C("a2 NOOP")
	u = g.relogin()
	u.C("a2 NOOP")
}
