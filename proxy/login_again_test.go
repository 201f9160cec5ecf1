package proxy

import (
	"net"
	"testing"
	"time"

	"exgate/backend"
	"exgate/proxy/guard"
	"exgate/proxy/testkit"
)

// A login whose connection the server drops is tried once more. Both connections together cost no more failed
// logins than one. A script has the connections of the upstream; "drop" ends one.
func TestALostLoginIsTriedOnceMore(t *testing.T) {
	const (
		ready   = "S * OK [CAPABILITY IMAP4rev1] ready\n"
		login   = "C xg1 LOGIN …\n"
		opens   = ready + login + "S xg1 OK [CAPABILITY IMAP4rev1] done\nC xg2 STATUS INBOX (UIDNEXT UIDVALIDITY)\nS * STATUS INBOX (UIDNEXT 1)\nS xg2 OK done\n"
		refused = ready + login + "S xg1 NO LOGIN failed.\n"
		lost    = "a1 NO [UNAVAILABLE] exgate: the connection to Exchange was lost; try again"
	)
	for name, tt := range map[string]struct {
		scripts []string
		answer  string
	}{
		"lost once":                        {[]string{ready + login + "drop", opens}, "a1 OK …"},
		"lost before the login":            {[]string{ready + "drop", opens}, "a1 OK …"},
		"lost in place of the greeting":    {[]string{"drop", opens}, "a1 OK …"},
		"reset":                            {[]string{ready + login + "reset", opens}, "a1 OK …"},
		"lost in place of the mailbox":     {[]string{ready + login + "S xg1 OK [CAPABILITY IMAP4rev1] done\nC xg2 STATUS …\ndrop", opens}, "a1 OK …"},
		"lost twice":                       {[]string{ready + login + "drop", ready + login + "drop"}, lost},
		"lost, then refused: no other try": {[]string{ready + login + "drop", refused}, "a1 NO [AUTHENTICATIONFAILED] …"},
		"refused, then lost": {
			[]string{refused + "C xg2 LOGIN …\ndrop"}, "a1 NO [UNAVAILABLE] NO LOGIN failed. …",
		},
		"ended with a reason": {
			[]string{ready + login + "S * BYE Connection is closed. 13\ndrop"}, "a1 NO [UNAVAILABLE] BYE Connection is closed. 13 …",
		},
	} {
		t.Run(name, func(t *testing.T) {
			prof := exchangeProfile
			prof.Forms = []backend.Form{backend.FormDomainAdminUser, backend.FormAdminUPNUser}
			g := newGateway(t, withProfile(prof), withDomain, func(_ *Options, l *limits) { l.ReconnectSpread = 0 })
			c := g.dial()
			c.S("* OK …")
			c.C(`a1 LOGIN EXAMPLE\admin\bob secret`)
			for _, script := range tt.scripts {
				g.accept().play(script)
			}
			c.S(tt.answer)
			if len(tt.scripts) > 1 {
				g.logged("the connection to Exchange was lost during a login; trying once more")
			}
			g.noMoreConnections()
		})
	}
}

// noMoreConnections fails if the gateway has made another connection to the scripted upstream: the next one there
// must be the test's own.
func (g *gateway) noMoreConnections() {
	g.t.Helper()
	own, err := net.Dial("tcp", g.up.Addr().String())
	if err != nil {
		g.t.Fatal(err)
	}
	defer own.Close()
	g.up.SetDeadline(time.Now().Add(testkit.WaitLimit))
	nc, err := g.up.Accept()
	if err != nil {
		g.t.Fatal(err)
	}
	defer nc.Close()
	if nc.RemoteAddr().String() != own.LocalAddr().String() {
		g.t.Error("the gateway has connected once more")
	}
}

// A client that has waited long already gets its answer.
func TestALoginThatIsLostLateIsNotTriedAgain(t *testing.T) {
	g := newGateway(t, func(_ *Options, l *limits) { l.LoginAgain = 0 })
	c := g.dial()
	c.S("* OK …")
	c.C("a1 LOGIN alice secret")
	g.accept().play("S * OK [CAPABILITY IMAP4rev1] ready\nC xg1 LOGIN …\ndrop")
	c.S("a1 NO [UNAVAILABLE] exgate: the connection to Exchange was lost; try again")
	g.noMoreConnections()
}

// The wait before the second try ends with the gateway, and with the client.
func TestTheSecondTryOfALoginWaitsNoLonger(t *testing.T) {
	for name, end := range map[string]func(*gateway, *client){
		"the gateway drains": func(g *gateway, c *client) {
			g.srv.Drain(t.Context())
			c.S("a1 NO [UNAVAILABLE] exgate: the connection to Exchange was lost; try again")
			c.S("* BYE exgate is stopping; log in again later")
		},
		"the client leaves": func(_ *gateway, c *client) { c.close() },
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			for range guard.MaxReconnects {
				leave, err := g.srv.gateOf("").Enter(t.Context(), 0)
				if err != nil {
					t.Fatal(err)
				}
				defer leave()
			}
			c := g.dial()
			c.S("* OK …")
			c.C("a1 LOGIN alice secret")
			g.accept().play("S * OK [CAPABILITY IMAP4rev1] ready\nC xg1 LOGIN …\ndrop")
			g.logged("the connection to Exchange was lost during a login; trying once more")
			end(g, c)
			testkit.Eventually(t, "the session ends", func() bool { return len(g.srv.Snapshot().Sessions) == 0 })
			g.noMoreConnections()
		})
	}
}
