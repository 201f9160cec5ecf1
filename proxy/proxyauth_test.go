package proxy

import (
	"testing"
	"time"

	"exgate/backend"
	"exgate/backend/exchangesim"
	"exgate/proxy/routing"
)

// asAdmin logs the admin in, to the admin's own mailbox.
func asAdmin(g *gateway) *client {
	c := g.dial()
	c.S("* OK …")
	c.C("a1 LOGIN admin adminpass")
	c.S("a1 OK [CAPABILITY …] …")
	return c
}

func TestProxyAuth(t *testing.T) {
	g, sim := newSimulated(t, exchangesim.Config{}, withProfile(exchangeProfile), withDomain)
	c := asAdmin(g)
	for _, tt := range []struct{ command, answer string }{
		{"a2 PROXYAUTH", "a2 BAD PROXYAUTH takes the name of a user"},
		{"a2 PROXYAUTH bob alice", "a2 BAD PROXYAUTH takes the name of a user"},
		{"a2 PROXYAUTH {3+}\r\na\x00b", "a2 BAD PROXYAUTH takes the name of a user"},
		{"a2 PROXYAUTH {4+}\r\nbob\x00", "a2 BAD PROXYAUTH takes the name of a user"},
		{"a2 PROXYAUTH nobody", "a2 NO [AUTHENTICATIONFAILED] …"},
		{"a2 PROXYAUTH \"b\tb\"", "a2 NO [AUTHENTICATIONFAILED] the login name …"},
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
	g, _ := newSimulated(t, exchangesim.Config{}, withProfile(exchangeProfile), withDomain)
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

// If the gateway holds credentials, the users file decides which mailboxes a caller may open by PROXYAUTH. The names
// are those that go upstream. Exchange hears of no other mailbox.
func TestProxyAuthHeld(t *testing.T) {
	users := []string{"alice@example.com HASH(secret) alice@example.com bob@example.com nick@example.com", "bob@example.com HASH(secret) bob@example.com"}
	byAdmin := func(t *testing.T) (*gateway, *exchangesim.Server) {
		return newHolder(t, exchangesim.Config{}, users, func(o *Options, _ *limits) {
			o.Upstreams[0].Backend.Login.Aliases = []backend.Alias{{User: "nick@example.com", Alias: "admin"}}
		})
	}
	byToken := func(t *testing.T) (*gateway, *exchangesim.Server) {
		g, sim, _ := newTokenHolder(t, users...)
		return g, sim
	}
	for name, start := range map[string]func(*testing.T) (*gateway, *exchangesim.Server){"an admin's password": byAdmin, "tokens": byToken} {
		t.Run(name, func(t *testing.T) {
			g, sim := start(t)
			c := g.dial()
			c.S("* OK …")
			c.C("a1 LOGIN alice@example.com secret")
			c.S("a1 OK …")
			for _, tt := range []struct{ command, answer string }{
				{"a2 PROXYAUTH admin@example.com", "a2 NO [AUTHORIZATIONFAILED] alice@example.com may not open the mailbox admin@example.com…"},
				{`a2 PROXYAUTH EXAMPLE\admin`, "a2 NO [AUTHORIZATIONFAILED] alice@example.com may not open the mailbox admin…"},
				{`a2 PROXYAUTH "bob@example.com "`, "a2 NO …"},
			} {
				c.C(tt.command)
				c.S(tt.answer)
			}
			if name != "tokens" { // aliases are looked up for logins by password only
				c.C("a2 PROXYAUTH nick@example.com") // the file allows this name, but it is an alias of admin
				c.S("a2 NO [AUTHORIZATIONFAILED] alice@example.com may not open the mailbox admin: …")
			}
			c.upload("INBOX", cleanMessage) // the caller's own session goes on
			c.S("a1 OK …")
			c.C("a3 PROXYAUTH bob@example.com")
			c.S("a3 OK [CAPABILITY …] …")
			for range 2 {
				c.upload("INBOX", cleanMessage)
				c.S("a1 OK …")
			}
			if own, bobs, admins := len(sim.Messages("alice", "INBOX")), len(sim.Messages("bob", "INBOX")), len(sim.Messages("admin", "INBOX")); own != 1 || bobs != 2 || admins != 0 {
				t.Errorf("alice has %d messages, bob %d, admin %d", own, bobs, admins)
			}
			c.C("a4 PROXYAUTH alice@example.com")
			c.S("a4 NO this session is an admin's for a user already: …")
			if l := g.logged("session goes on for another user"); l["user"] != "bob@example.com" || l["caller"] != "alice@example.com" {
				t.Errorf("logged %v", l)
			}
		})
	}
}

// The password by which a caller proves itself to the gateway is not sent to a server for which the gateway holds no
// credentials.
func TestProxyAuthLeavesWhatIsHeld(t *testing.T) {
	g, sim := newHolder(t, exchangesim.Config{}, []string{"alice HASH(secret) *"}, func(o *Options, _ *limits) {
		other := o.Upstreams[0].Backend
		other.Admin = backend.Admin{}
		o.Upstreams = append(o.Upstreams, routing.Upstream{Name: "other", Backend: other, Profile: o.Upstreams[0].Profile, Profiles: o.Upstreams[0].Profiles, Match: []string{"bob"}})
	})
	c := g.dial()
	c.S("* OK …")
	c.C("a1 LOGIN alice secret")
	c.S("a1 OK …")
	logins := sim.Stats().Logins
	c.C("a2 PROXYAUTH bob")
	c.S("a2 NO [AUTHORIZATIONFAILED] exgate holds nothing …")
	c.C("a3 PROXYAUTH admin")
	c.S("a3 OK …")
	if n := sim.Stats().Logins; n != logins+1 {
		t.Errorf("%d logins", n-logins)
	}
}

// What is known of the admin's own mailboxes proves nothing in the user's: a lost
// message is not taken for one that stood there before.
func TestProxyAuthLooksAnew(t *testing.T) {
	g, sim := newSimulated(t, exchangesim.Config{}, withProfile(exchangeProfile), withDomain, resuming, func(_ *Options, l *limits) { scaledLooks(l) })
	if _, err := sim.Deliver("bob", "INBOX", nil, time.Time{}, []byte(cleanMessage)); err != nil {
		t.Fatal(err)
	}
	c := asAdmin(g)
	c.upload("INBOX", cleanMessage)
	c.S("a1 OK [APPENDUID …")
	c.C("a4 PROXYAUTH bob")
	c.S("a4 OK …")
	if err := sim.AddFault("lost-append"); err != nil {
		t.Fatal(err)
	}
	c.upload("INBOX", cleanMessage)
	c.S("a1 OK [APPENDUID …")
	if n := len(sim.Messages("bob", "INBOX")); n != 2 {
		t.Errorf("bob has %d messages, and not the one before and the new one\n%s", n, g.log)
	}
}
