package proxy

import (
	"strings"
	"testing"
	"time"

	"exgate/backend"
	"exgate/proxy/guard"
	"exgate/proxy/testkit"
)

// trying lets sessions try again for long, with pauses that a test does not see
// the end of.
func trying(_ *Options, l *limits) { l.Reconnect, l.ReconnectPause = time.Hour, 20*time.Minute }

// busy are sessions, as many as a gate lets pass, with a command in flight.
func (g *gateway) busy(name string) (servers []*upstream) {
	g.t.Helper()
	for range guard.MaxReconnects {
		c := g.dial()
		c.S("* OK …")
		c.C("a0 LOGIN " + name + " secret")
		u := g.accept()
		u.S("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready")
		u.C(`xg1 LOGIN "` + name + `" "secret"`)
		u.S("xg1 OK [CAPABILITY " + capabilities + "] done")
		u.C("xg2 STATUS INBOX (UIDNEXT UIDVALIDITY)")
		u.S("* STATUS INBOX (UIDNEXT 1)")
		u.S("xg2 OK done")
		c.until("a0 OK …")
		c.C("a1 NOOP")
		u.C("a1 NOOP")
		servers = append(servers, u)
	}
	return servers
}

// loses ends the connections of sessions, and waits until all have noticed.
func (g *gateway) loses(servers []*upstream) {
	g.t.Helper()
	for _, u := range servers {
		u.reset()
	}
	testkit.Eventually(g.t, "the loss is noticed", func() bool {
		return strings.Count(g.log.String(), "the connection to Exchange was lost") == len(servers)
	})
}

// Sessions of a server that is down wait for it beside those that can come back.
func TestReconnectWhileAnotherServerIsDown(t *testing.T) {
	second := testkit.Listen(t)
	t.Cleanup(func() { second.Close() })
	g := exchangeResuming(t, trying, func(o *Options, _ *limits) {
		up := o.Upstreams[0]
		up.Name, up.Match = "second", []string{"bob"}
		up.Backend = backend.Options{Address: second.Addr().String(), TLS: backend.TLSInsecureNone}
		o.Upstreams = append(o.Upstreams, up)
	})
	c, u := g.login()
	other := *g
	other.up = second
	other.loses(other.busy("bob"))
	for range guard.MaxReconnects { // each tries once, and is not told
		other.accept()
	}
	g.comesBack(c, u)
}

// A throttle that sessions of one mailbox wait out does not hold another's back.
func TestReconnectWhileAnotherMailboxIsThrottled(t *testing.T) {
	g := exchangeResuming(t, trying)
	c, u := g.login()
	servers := g.busy("bob")
	account := g.srv.accounts.get("", "bob", backend.Pacing{}, 0)
	defer g.srv.accounts.close(account)
	account.Throttle.Block(time.Hour)
	g.loses(servers)
	g.comesBack(c, u)
}

// A session of a server that cannot be reached does not keep the place at the
// gate in which another finds the server again.
func TestReconnectWhileOthersPause(t *testing.T) {
	g := exchangeResuming(t, trying)
	c, u := g.login()
	g.loses(g.busy("bob"))
	for range guard.MaxReconnects {
		g.accept().reset()
	}
	g.comesBack(c, u)
}

// comesBack has alice's session lose its server, and come back.
func (g *gateway) comesBack(c *client, u *upstream) {
	g.t.Helper()
	u.reset()
	c.C("a1 NOOP")
	u = g.relogin()
	u.C("a1 NOOP")
	u.S("a1 OK done")
	c.S("a1 OK done")
}
