package proxy

import "testing"

// A DONE without an IDLE never reaches Exchange, which closed the connection after three of them (node-imap#300).
func TestDoneWithoutIdle(t *testing.T) {
	g := newGateway(t, withProfile(repairing(true)))
	c, u := g.login()
	for range 12 {
		c.C("DONE")
		c.S("DONE BAD …")
	}
	c.C("a1 UID COPY 36353,36339 x")
	u.C("a1 UID COPY 36353,36339 x")
	u.S("a1 OK done")
	c.S("a1 OK done")
}
