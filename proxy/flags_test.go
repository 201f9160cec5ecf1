package proxy

import (
	"testing"
)

// PERMANENTFLAGS of one mailbox are forgotten when another is selected.
func TestPermanentFlagsAreOfTheSelectedMailbox(t *testing.T) {
	g := newGateway(t, withProfile(exchangeProfile))
	c, u := g.login()
	c.C("a SELECT A")
	u.C("a SELECT A")
	for _, line := range []string{`* OK [PERMANENTFLAGS (\Seen Junk \*)] kept`, "a OK [READ-WRITE] SELECT completed."} {
		u.S(line)
		c.S(line)
	}
	c.C("b SELECT B")
	u.C("b SELECT B")
	u.S("b OK [READ-WRITE] SELECT completed.")
	c.S("b OK [READ-WRITE] SELECT completed.")
	c.C("c APPEND B (foo) {1+}")
	c.C("x")
	u.C("xg3 APPEND B {1}")
	u.S("+ go on")
	u.C("x")
	u.S("xg3 OK APPEND completed.")
	c.S("c OK …")
}
