package proxy

import (
	"testing"
	"time"

	"exgate/backend"
	"exgate/config/profile"
)

// owing opens alice's account with a pace, and charges its buckets so much that the next command waits for hours.
func owing(t *testing.T, g *gateway, pace backend.Pacing, buckets func(*backend.Paces) []*backend.Pace) {
	account := g.srv.accounts.get("", "alice", pace, 0)
	t.Cleanup(func() { g.srv.accounts.close(account) })
	for _, bucket := range buckets(account.Paces) {
		bucket.Charge(1e9)
	}
}

// The pace of commands holds for all commands but LOGOUT.
func TestPaceOfCommands(t *testing.T) {
	for name, pace := range map[string]backend.Pacing{
		"each": {Each: backend.Rates{Commands: 0.001}},
		"all":  {All: backend.Rates{Commands: 0.001}},
	} {
		t.Run(name, func(t *testing.T) {
			prof := profile.Profile{Name: profile.Plain, Pace: pace}
			g := newGateway(t, withProfile(prof), shortWaits)
			c, u := g.login()
			c.C("a1 NOOP") // passes at once: the burst
			u.C("a1 NOOP")
			u.S("a1 OK done")
			c.until("a1 OK done")
			leaving, other := g.login()
			leaving.C("a1 LOGOUT")
			other.C("a1 LOGOUT")
			other.S("* BYE bye")
			leaving.until("* BYE bye")
			other.S("a1 OK done")
			leaving.until("a1 OK done")
			c.C("a2 NOOP")
			c.until("* OK exgate: still working: the configured pace delays commands")
			u.silent()
			c.close()
			u.ends()
		})
	}
}

func TestObserveReportsThePaceOfCommands(t *testing.T) {
	prof := exchangeProfile
	prof.Pace.Each.Commands = 0.001
	g := newGateway(t, withProfile(prof), observing)
	c, u := g.login()
	for range 2 {
		c.C("a1 NOOP")
		u.C("a1 NOOP")
		u.S("a1 OK done")
		c.S("a1 OK done")
	}
	// The wait is a thousand seconds less the time between the two commands.
	would, _ := g.logged("observed a command that the pace would have delayed")["would_wait"].(float64)
	if wait := time.Duration(would); wait <= 500*time.Second || wait > 1000*time.Second {
		t.Errorf("would wait %s", wait)
	}
}

// The pace of bytes holds in every lane. A client that leaves ends the wait.
func TestPaceOfBytes(t *testing.T) {
	pace := backend.Pacing{Each: backend.Rates{Bytes: 1 << 20}}
	prof := exchangeProfile
	prof.Pace = pace
	t.Run("from the upstream", func(t *testing.T) {
		g := newGateway(t, withProfile(prof), shortWaits)
		c, u := g.login()
		owing(t, g, pace, func(p *backend.Paces) []*backend.Pace { return []*backend.Pace{p.In} })
		c.C("a1 FETCH 1 BODY[]")
		u.C("a1 FETCH 1 BODY[]")
		u.S("* 1 FETCH (FLAGS (\\Seen))") // relayed, but the reply behind it is held back
		c.until("* 1 FETCH (FLAGS (\\Seen))")
		u.S("a1 OK done")
		c.until(notYet)
		c.close()
		u.ends()
	})
	t.Run("a message", func(t *testing.T) {
		g := newGateway(t, withProfile(prof), shortWaits)
		c, u := g.login()
		owing(t, g, pace, func(p *backend.Paces) []*backend.Pace { return []*backend.Pace{p.Out} })
		c.raw("a1 APPEND INBOX {3+}\r\nabc\r\n")
		c.until("* OK exgate: still working: Exchange is storing the message")
		u.silent()
		c.close()
		u.ends()
	})
	t.Run("observe", func(t *testing.T) {
		g := newGateway(t, withProfile(prof), observing)
		c, u := g.login()
		owing(t, g, pace, func(p *backend.Paces) []*backend.Pace { return []*backend.Pace{p.In, p.Out} })
		c.C("a1 NOOP")
		u.C("a1 NOOP")
		u.S("* 1 EXISTS")
		c.S("* 1 EXISTS")
		u.S("a1 OK done")
		c.S("a1 OK done")
	})
}
