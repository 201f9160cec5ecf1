package proxy

import (
	"strings"
	"testing"
	"time"

	"exgate/backend/exchangesim"
	"exgate/backend/wire"
	"exgate/proxy/slots"
	"exgate/proxy/status"
	"exgate/proxy/testkit"
)

// session waits until the gateway has one session, and ok reports true of it.
func (g *gateway) session(what string, ok func(status.Session) bool) (found status.Session) {
	g.t.Helper()
	testkit.Eventually(g.t, what, func() bool {
		now := g.srv.Snapshot()
		if len(now.Sessions) != 1 {
			return false
		}
		found = now.Sessions[0]
		return ok(found)
	})
	return found
}

func inState(state status.State) func(status.Session) bool {
	return func(s status.Session) bool { return s.State == state }
}

// The snapshot follows a session from its greeting to its end.
func TestSnapshotFollowsASession(t *testing.T) {
	g := newGateway(t)
	c := g.dial()
	c.S("* OK …")
	c.C(`i1 ID ("name" "imap` + "\x01" + `sync" "version" "2.314" "vendor" NIL)`)
	c.S("* ID …")
	c.S("i1 OK …")
	before := g.session("a session before its login", inState(status.StateLogin))
	if before.User != "" || before.Program != "imapsync 2.314" || before.Client != c.nc.LocalAddr().String() || before.TLS {
		t.Errorf("before the login: %+v", before)
	}
	c.C("a0 LOGIN alice secret")
	u := g.relogin()
	c.until("a0 OK …")
	idle := g.session("an idle session", inState(status.StateIdle))
	if idle.ID != before.ID || idle.User != "alice" || idle.Upstream != "default" || idle.Profile != "plain" || idle.Mailbox != "" {
		t.Errorf("after the login: %+v", idle)
	}
	c.C("a1 SELECT Archive")
	u.C("a1 SELECT Archive")
	if busy := g.session("a busy session", inState(status.StateSending)); busy.Detail != "SELECT" {
		t.Errorf("during SELECT: %+v", busy)
	}
	u.S("a1 OK done")
	c.S("a1 OK done")
	if idle = g.session("an idle session", inState(status.StateIdle)); idle.Mailbox != "Archive" || idle.Detail != "" {
		t.Errorf("after SELECT: %+v", idle)
	}
	now := g.srv.Snapshot()
	if len(now.Accounts) != 1 || now.Accounts[0].User != "alice" || now.Accounts[0].Sessions != 1 {
		t.Errorf("accounts: %+v", now.Accounts)
	}
	if len(now.Upstreams) != 1 || now.Upstreams[0].Sessions != 1 || now.Upstreams[0].Slots != 1 || now.Upstreams[0].Queued != 0 {
		t.Errorf("upstreams: %+v", now.Upstreams)
	}
	c.close()
	testkit.Eventually(t, "no session", func() bool {
		now := g.srv.Snapshot()
		return len(now.Sessions) == 0 && len(now.Accounts) == 1 && now.Accounts[0].Sessions == 0
	})
}

// The snapshot has the outcome of messages, and the name of the mailbox as the client has it.
func TestSnapshotCountsMessages(t *testing.T) {
	g, _ := newSimulated(t, exchangesim.Config{}, withProfile(exchangeProfile))
	c := g.dial()
	c.S("* OK …")
	c.C("a0 LOGIN alice@example.com alicepass")
	c.until("a0 OK …")
	for range 2 {
		c.C("a1 APPEND INBOX {24+}")
		c.raw("Subject: x\r\n\r\ntext text.\r\n")
		c.until("a1 OK …")
	}
	s := g.session("two stored messages", func(s status.Session) bool { return s.Stored == 2 })
	c.C("a2 APPEND INBOX {300000000}")
	c.until("a2 NO [TOOBIG] …")
	g.session("an idle session after a refusal", func(s status.Session) bool {
		return s.State == status.StateIdle && s.Refused == 1
	})
	if s.Refused != 0 || s.UpstreamOut == 0 || s.UpstreamIn == 0 {
		t.Errorf("got %+v", s)
	}
}

// A throttle, the pace and the queue for a connection are seen as what they are.
func TestSnapshotOfWaits(t *testing.T) {
	t.Run("throttled", func(t *testing.T) {
		g := newGateway(t, resuming, withProfile(exchangeProfile))
		c, u := g.login()
		c.C("a1 NOOP")
		u.C("a1 NOOP")
		u.S("a1 BAD Request is throttled. Suggested Backoff Time: 60000 milliseconds")
		s := g.session("a throttled session", inState(status.StateThrottled))
		if left := time.Until(s.Until); left <= 0 || left > time.Minute {
			t.Errorf("throttled until %s", s.Until)
		}
		if now := g.srv.Snapshot(); now.Accounts[0].ThrottledUntil.IsZero() || now.Upstreams[0].Throttled != 1 {
			t.Errorf("got %+v, %+v", now.Accounts, now.Upstreams)
		}
	})
	t.Run("paced", func(t *testing.T) {
		slow := plainProfile
		slow.Pace.Each.Commands = 0.01
		g := newGateway(t, withProfile(slow))
		c, u := g.login()
		c.C("a1 NOOP")
		u.C("a1 NOOP")
		u.S("a1 OK done")
		c.S("a1 OK done")
		c.C("a2 NOOP")
		if s := g.session("a paced session", inState(status.StatePaced)); s.Until.IsZero() || s.Detail == "" {
			t.Errorf("got %+v", s)
		}
	})
	t.Run("waiting", func(t *testing.T) {
		g := newGateway(t, func(o *Options, _ *limits) {
			o.Upstreams[0].Connections = slots.Limits{PerLogin: 1, MaxWait: time.Minute}
		})
		g.login()
		second := g.dial()
		second.S("* OK …")
		second.C("a0 LOGIN alice secret")
		testkit.Eventually(t, "a login that waits for a connection", func() bool {
			now := g.srv.Snapshot()
			return len(now.Sessions) == 2 && now.Sessions[1].State == status.StateWaiting && now.Upstreams[0].Queued == 1
		})
	})
}

func TestProgram(t *testing.T) {
	for args, want := range map[string]string{
		` ("name" "Thunderbird" "version" "153.0")`:     "Thunderbird 153.0",
		` ("VERSION" "1" "Name" "x")`:                   "x 1",
		` (name plain)`:                                 "plain",
		` ("name" NIL "version" "2")`:                   "2",
		` ("name" "a` + "\x1b" + `[31mb\"c")`:           `a[31mb"c`,
		` ("name" "` + strings.Repeat("ü", 100) + `")`:  strings.Repeat("ü", maxProgram/2),
		` ("name" "` + strings.Repeat("xü", 100) + `")`: strings.Repeat("xü", maxProgram/3) + "x",
		` NIL`:             "",
		` ("name" "x"`:     "",
		` ("name")`:        "",
		``:                 "",
		` ("support" "x")`: "",
	} {
		c, read := new(conn), new(wire.Args)
		read.AddText([]byte(args))
		c.client.noteProgram(read)
		if got := c.client.programName(); got != want {
			t.Errorf("%q: got %q, want %q", args, got, want)
		}
	}
}

func TestKick(t *testing.T) {
	t.Run("between commands", func(t *testing.T) {
		g := newGateway(t)
		c, _ := g.login()
		if n := g.srv.Kick("bob", false); n != 0 {
			t.Errorf("%d sessions of bob end", n)
		}
		if n := g.srv.Kick("ALICE", false); n != 1 {
			t.Errorf("%d sessions of alice end", n)
		}
		c.S("* BYE " + kicked)
		c.ends()
	})
	t.Run("after the command", func(t *testing.T) {
		g := newGateway(t)
		c, u := g.login()
		c.C("a1 NOOP")
		u.C("a1 NOOP")
		id := g.session("a session", inState(status.StateSending)).ID
		if n := g.srv.Kick(id, false); n != 1 {
			t.Errorf("%d sessions end", n)
		}
		u.S("a1 OK done")
		c.S("a1 OK done")
		c.S("* BYE " + kicked)
		c.ends()
	})
	t.Run("now", func(t *testing.T) {
		g := newGateway(t)
		c, u := g.login()
		c.C("a1 NOOP")
		u.C("a1 NOOP")
		if n := g.srv.Kick("alice", true); n != 1 {
			t.Errorf("%d sessions end", n)
		}
		c.ends()
	})
	t.Run("before the login", func(t *testing.T) {
		g := newGateway(t)
		c := g.dial()
		c.S("* OK …")
		if n := g.srv.Kick(g.session("a session", inState(status.StateLogin)).ID, false); n != 1 {
			t.Errorf("%d sessions end", n)
		}
		c.ends()
	})
}
