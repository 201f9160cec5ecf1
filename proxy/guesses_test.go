package proxy

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"exgate/backend/exchangesim"
	"exgate/proxy/guard"
	"exgate/proxy/testkit"
)

// dialFrom connects a client from another address of loopback.
func (g *gateway) dialFrom(address string) *client {
	g.t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	nc, err := d.Dial("tcp", g.l.Addr().String())
	if err != nil {
		g.t.Skipf("this machine has no %s: %v", address, err)
	}
	return &client{newPeer(g.t, "client", nc, g.said)}
}

// failedLogins is the value of limits.failed_logins in these tests.
const failedLogins = 20

func boundedLogins(o *Options, l *limits) {
	o.Abuse.FailedLogins = failedLogins
	l.Slow = 0
}

// TestTenThousandWrongLogins guesses ten thousand passwords. No more of them than the bound reach Exchange, and the
// user can log in meanwhile.
func TestTenThousandWrongLogins(t *testing.T) {
	g, sim := newSimulated(t, exchangesim.Config{}, withProfile(exchangeProfile), withDomain, boundedLogins, func(o *Options, _ *limits) { o.Trace = nil })
	const logins, eachConnection, atOnce = 10_000, 25, 4
	var all sync.WaitGroup
	for worker := range atOnce {
		all.Go(func() {
			for i := worker; i < logins/eachConnection; i += atOnce {
				nc, err := net.Dial("tcp", g.l.Addr().String())
				if err != nil {
					t.Error(err)
					return
				}
				c := &client{newPeer(t, "guesser", nc, new(transcript))}
				c.S("* OK …")
				for j := range eachConnection {
					c.C(fmt.Sprintf("a LOGIN %s wrong%d", []string{"bob", "alice", "admin", "user" + fmt.Sprint(i)}[j%4], j))
					if reply := c.S("a NO …"); !strings.Contains(reply, "[AUTHENTICATIONFAILED]") && !strings.Contains(reply, "[UNAVAILABLE] too many logins have failed") {
						t.Error(reply)
					}
				}
				nc.Close()
			}
		})
	}
	right := g.dialFrom("127.0.0.2")
	right.S("* OK …")
	right.C("a1 LOGIN bob bobpass")
	right.S("a1 OK …")
	all.Wait()
	right.C("a2 NOOP")
	right.S("a2 OK …")
	// During the test, at most the failures of one minute are forgiven.
	if n := sim.Stats().Commands["LOGIN"] - 1; n < failedLogins-5 || n > failedLogins+1 {
		t.Errorf("%d wrong logins reached Exchange", n)
	}
	n := g.srv.Totals().Refusals[guard.RefusedGuesses]
	if n < logins-failedLogins-1 {
		t.Errorf("%d were refused", n)
	}
	g.srv.refusals.Flush(g.srv.settings.Load().opts.Log, true)
	if lines := strings.Count(g.log.String(), "login refused here: too many"); lines != 1 {
		t.Errorf("%d lines of the log for one address", lines)
	}
	if more := g.logged("more clients refused"); int64(more["refused"].(float64)) != n-1 || more["address"] != "127.0.0.1" || more["reason"] != guard.RefusedGuesses {
		t.Errorf("the log says %v of %d", more, n)
	}
	t.Logf("%d wrong logins reached Exchange, %d were refused, %d bytes of log", sim.Stats().Commands["LOGIN"]-1, n, len(g.log.String()))
}

// A server that is not Exchange refuses passwords in other words. It is guarded all the same.
func TestGuessesAtOtherServers(t *testing.T) {
	for reply, counts := range map[string]bool{
		"NO [AUTHENTICATIONFAILED] Authentication failed.": true,
		"NO Login incorrect":                  true,
		"NO [UNAVAILABLE] Temporary failure.": false,
		"NO [LIMIT] Too many connections":     false,
		"BAD What?":                           false,
	} {
		t.Run(reply, func(t *testing.T) {
			g := newGateway(t, func(o *Options, l *limits) { o.Abuse.FailedLogins, l.Slow = 4, 0 }) // a quarter of 4 for one name
			try := func(password string) *client {
				c := g.dial()
				c.S("* OK …")
				c.C("a1 LOGIN alice " + password)
				return c
			}
			c := try("wrong")
			u := g.accept()
			u.S("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready")
			u.C(`xg1 LOGIN "alice" "wrong"`)
			u.S("xg1 " + reply)
			c.S("a1 NO …")
			c = try("secret")
			if counts {
				c.S("a1 NO [UNAVAILABLE] too many logins have failed…")
				return
			}
			g.relogin()
			c.until("a1 OK …")
		})
	}
}

// A login fails if the server offers no mechanism for it. That does not count as a guess.
func TestWhatIsNotOfferedIsNoGuess(t *testing.T) {
	g := newGateway(t, func(o *Options, l *limits) { o.Abuse.FailedLogins, l.Slow = 4, 0 })
	for range 3 {
		c := g.dial()
		c.S("* OK …")
		c.C("a1 LOGIN alice secret")
		g.accept().S("* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready")
		c.S("a1 NO [CANNOT] the server does not support this login: … set upstream.tls: starttls…")
	}
}

func TestFailedLoginsAreSlowed(t *testing.T) {
	g, _ := newSimulated(t, exchangesim.Config{}, withProfile(exchangeProfile), boundedLogins, func(_ *Options, l *limits) { l.Slow, l.MaxSlow = time.Millisecond, 2*time.Millisecond })
	c := g.dial()
	c.S("* OK …")
	for i := range 10 {
		c.C(fmt.Sprintf("a LOGIN user%d wrong", i))
		c.S("a NO …")
	}
	if n := g.srv.Totals().Refusals[guard.RefusedSlowed]; n != 10-guard.SlowAfter {
		t.Errorf("%d were slowed", n)
	}
}

func TestConnectionsPerAddress(t *testing.T) {
	g := newGateway(t, func(o *Options, _ *limits) { o.Abuse.ConnectionsPerAddress = 2 })
	a, b := g.dial(), g.dial()
	a.S("* OK …")
	b.S("* OK …")
	c := g.dial()
	c.S("* BYE too many connections from your address")
	c.ends()
	for range 20 {
		c := g.dial()
		c.S("* BYE too many connections from your address")
		c.ends()
	}
	g.srv.refusals.Flush(g.srv.settings.Load().opts.Log, true)
	if more := g.logged("more clients refused"); more["refused"] != 20.0 || strings.Count(g.log.String(), "connection refused") != 1 {
		t.Errorf("the log:\n%s", g.log)
	}
	d := g.dialFrom("127.0.0.2")
	d.S("* OK …")
	b.C("a1 LOGOUT")
	b.S("* BYE …")
	b.S("a1 OK …")
	b.ends()
	testkit.Eventually(t, "a place", func() bool {
		c := g.dial()
		defer c.close()
		return strings.HasPrefix(c.S("…"), "* OK ")
	})
	if g.srv.Totals().Refusals[guard.RefusedConnections] == 0 {
		t.Error("not counted")
	}
}

func TestBoundsBeforeLogin(t *testing.T) {
	for name, tt := range map[string]struct {
		limit  func(*limits)
		send   string
		says   string
		reason string
	}{
		"bytes": {func(l *limits) { l.BytesBeforeLogin = 100 }, strings.Repeat("a NOOP\r\n", 20), "* BYE too many bytes without a login", guard.RefusedBytes},
		"time":  {func(l *limits) { l.Login = 20 * time.Millisecond }, "a NOOP\r\n", "* BYE too slow: log in within …", guard.RefusedTime},
		"slow":  {func(l *limits) { l.Line = 20 * time.Millisecond }, "a NO", "* BYE too slow: …", guard.RefusedTime},
		"many":  {func(l *limits) { l.CommandsBeforeLogin = 3 }, strings.Repeat("a NOOP\r\n", 5), "* BYE too many commands without a login", guard.RefusedCommands},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, func(_ *Options, l *limits) { tt.limit(l) })
			c := g.dial()
			c.S("* OK …")
			c.raw(tt.send)
			c.until(tt.says, "a OK …")
			c.ends()
			if g.srv.Totals().Refusals[tt.reason] != 1 {
				t.Errorf("counted %v", g.srv.Totals().Refusals)
			}
		})
	}
}

func TestUnknownCommands(t *testing.T) {
	g, _ := newSimulated(t, exchangesim.Config{}, withProfile(exchangeProfile), func(_ *Options, l *limits) { l.Refused = 3 })
	c := g.dial()
	c.S("* OK …")
	c.C("a0 LOGIN bob bobpass")
	c.S("a0 OK …")
	for range 3 {
		c.C("a1 XGUESS")
		c.S("a1 BAD …")
	}
	c.C("a1 XGUESS")
	c.S("* BYE too many unknown or refused commands")
	c.ends()
	if g.srv.Totals().Refusals[guard.RefusedUnknown] != 1 {
		t.Errorf("counted %v", g.srv.Totals().Refusals)
	}
}

// An admin who is guessed with another mailbox each time is one account, however
// it is written.
func TestGuessesOfAnAdmin(t *testing.T) {
	g, sim := newSimulated(t, exchangesim.Config{}, withProfile(exchangeProfile), withDomain, boundedLogins, func(_ *Options, l *limits) { l.CommandsBeforeLogin = 1000 })
	c := g.dial()
	c.S("* OK …")
	const tries = 42
	through := 0
	for i := range tries {
		mailbox := fmt.Sprint("user", i)
		c.C("a " + []string{
			`LOGIN EXAMPLE\admin\` + mailbox + " wrong",
			`LOGIN admin@example.com\` + mailbox + " wrong",
			"AUTHENTICATE PLAIN " + plainResponse(mailbox, "admin", "wrong"),
			"AUTHENTICATE PLAIN " + plainResponse(mailbox, fmt.Sprintf(`D%d\admin`, i), "wrong"),
		}[i%4])
		if !strings.Contains(c.S("a NO …"), "too many logins have failed") {
			through++
		}
	}
	if through != failedLogins/4 {
		t.Errorf("%d of %d guesses at the admin passed", through, tries)
	}
	if n := g.srv.Totals().Refusals[guard.RefusedGuesses]; n != int64(tries-through) {
		t.Errorf("%d were refused", n)
	}
	if sim.Stats().Logins != 0 {
		t.Error("one got in")
	}
}

// An admin whose password Exchange has just taken guesses nothing: many mailboxes
// that do not open in a row are misses.
func TestMissesOfAProvenAdmin(t *testing.T) {
	const misses = 3 * failedLogins
	mayMiss := func(_ *Options, l *limits) { l.CommandsBeforeLogin = 1000 }
	t.Run("his own password", func(t *testing.T) {
		g, _ := newSimulated(t, exchangesim.Config{}, withProfile(exchangeProfile), withDomain, boundedLogins, mayMiss)
		asAdmin(g)
		c := g.dial()
		c.S("* OK …")
		for i := range misses {
			c.C("a AUTHENTICATE PLAIN " + plainResponse(fmt.Sprint("nobody", i), "admin", "adminpass"))
			c.S("a NO [AUTHENTICATIONFAILED] …")
		}
		c.C("a AUTHENTICATE PLAIN " + plainResponse("bob", "admin", "adminpass"))
		c.S("a OK …")
		guesser := g.dial()
		guesser.S("* OK …")
		for i := range failedLogins / 4 {
			guesser.C("a AUTHENTICATE PLAIN " + plainResponse(fmt.Sprint("nobody", i), "admin", "wrong"))
			guesser.S("a NO [AUTHENTICATIONFAILED] …")
		}
		guesser.C("a AUTHENTICATE PLAIN " + plainResponse("bob", "admin", "wrong"))
		guesser.S("a NO [UNAVAILABLE] too many logins have failed…")
	})
	t.Run("what the gateway holds", func(t *testing.T) {
		g, _ := newHolder(t, exchangesim.Config{}, []string{"migration HASH(secret) bob"}, boundedLogins, mayMiss)
		c := g.dial()
		c.S("* OK …")
		for i := range misses {
			c.C(fmt.Sprintf(`a LOGIN migration\nobody%d secret`, i))
			c.S("a NO [AUTHORIZATIONFAILED] …")
		}
		for i := range failedLogins / 4 {
			c.C(fmt.Sprintf(`a LOGIN migration\nobody%d wrong`, i))
			c.S("a NO [AUTHENTICATIONFAILED] …")
		}
		c.C(`a LOGIN migration\bob secret`)
		c.S("a NO [UNAVAILABLE] too many logins have failed…")
	})
}

// The proof of an admin's password excuses a bounded number of mailboxes that do not open.
func TestMissesOfAProvenAdminAreBounded(t *testing.T) {
	g, sim := newSimulated(t, exchangesim.Config{}, withProfile(exchangeProfile), withDomain, boundedLogins,
		func(_ *Options, l *limits) { l.CommandsBeforeLogin = 1000 })
	asAdmin(g)
	c := g.dial()
	c.S("* OK …")
	const tries = 400
	asked := 0
	for i := range tries {
		c.C("a AUTHENTICATE PLAIN " + plainResponse(fmt.Sprint("nobody", i), "admin", "adminpass"))
		if reply := c.S("a NO …"); !strings.Contains(reply, "limits.failed_logins") {
			asked++
		}
	}
	if asked < 200 || asked > 200+failedLogins {
		t.Errorf("%d of %d tries reached Exchange", asked, tries)
	}
	if n := sim.Stats().Logins; n != 1 {
		t.Errorf("%d logins succeeded", n)
	}
}

// Exchange has no text for too many connections: exgate counts them, and says so first.
func TestTooManyConnectionsComeFirst(t *testing.T) {
	g, _ := newSimulated(t, exchangesim.Config{Faults: []string{"connection-limit:16:not-connected"}},
		withProfile(exchangeProfile), withDomain)
	for range 16 {
		asAdmin(g)
	}
	c := g.dial()
	c.S("* OK …")
	c.C("a1 LOGIN admin adminpass")
	c.S("a1 NO … this login name has 17 connections, and Exchange allows 16 of one user by default: set " +
		"upstream.pace.connections_per_login to 15 or less…")
}
