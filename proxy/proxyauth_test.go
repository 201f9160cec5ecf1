package proxy

import (
	"testing"

	"exgate/backend/exchangesim"
)

// asAdmin logs the admin in, who is on his own then.
func asAdmin(g *gateway) *client {
	c := g.dial()
	c.S("* OK …")
	c.C("a1 LOGIN admin adminpass")
	c.S("a1 OK [CAPABILITY …] …")
	return c
}

func TestProxyAuth(t *testing.T) {
	g, sim := newSimulated(t, exchangesim.Config{}, withPolicy(exchangePolicy), withDomain)
	c := asAdmin(g)
	for _, tt := range []struct{ command, answer string }{
		{"a2 PROXYAUTH", "a2 BAD PROXYAUTH takes the name of a user"},
		{"a2 PROXYAUTH bob alice", "a2 BAD PROXYAUTH takes the name of a user"},
		{"a2 PROXYAUTH nobody", "a2 NO [AUTHENTICATIONFAILED] …"},
		{"a2 PROXYAUTH \"b\tb\"", "a2 NO [AUTHENTICATIONFAILED] login name …"},
	} {
		c.C(tt.command)
		c.S(tt.answer)
	}
	c.C("a3 STATUS INBOX (MESSAGES)") // the admin's own session goes on
	c.S("* STATUS INBOX (MESSAGES 0)")
	c.S("a3 OK …")

	c.C("a4 PROXYAUTH bob")
	c.S("a4 OK [CAPABILITY …] …")
	c.upload("INBOX", cleanMessage)
	c.S("a1 OK …")
	if own, bobs := len(sim.Messages("admin", "INBOX")), len(sim.Messages("bob", "INBOX")); own != 0 || bobs != 1 {
		t.Errorf("the admin has %d messages, bob %d", own, bobs)
	}
	c.C("a5 PROXYAUTH alice")
	c.S("a5 NO this session is an admin's for a user already: …")
	c.C("a6 LOGOUT")
	c.S("* BYE …")
	c.S("a6 OK …")
	if l := g.logged("session goes on for another user"); l["user"] != "bob" || l["admin"] != "admin" {
		t.Errorf("logged %v", l)
	}
}

func TestProxyAuthBelongsBeforeSelect(t *testing.T) {
	g, _ := newSimulated(t, exchangesim.Config{}, withPolicy(exchangePolicy), withDomain)
	c := asAdmin(g)
	c.raw("a2 SELECT INBOX\r\na3 PROXYAUTH bob\r\n")
	for range 6 {
		c.S("* …")
	}
	c.S("a2 OK …")
	c.S("a3 BAD PROXYAUTH comes before a mailbox is selected")
	c.C("a4 CLOSE")
	c.S("a4 OK …")
	c.C("a5 PROXYAUTH bob")
	c.S("a5 OK …")
}
