package proxy

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"exgate/backend/exchangesim"
	"exgate/config/profile"
	"exgate/proxy/slots"
	"exgate/proxy/testkit"
)

// connections returns a setup that limits the connections to the upstream.
func connections(l slots.Limits) func(*Options, *limits) {
	return func(o *Options, _ *limits) {
		o.Upstreams[0].Connections, o.Upstreams[0].Backend.Timeouts.Leave = l, 10*time.Millisecond
	}
}

// A client queues at the login, gets keep-alives, and at last NO.
func TestConnectionsWaitAtLogin(t *testing.T) {
	t.Run("granted", func(t *testing.T) {
		g := newGateway(t, shortWaits, connections(slots.Limits{PerAccount: 2, MaxWait: time.Minute}))
		first, u := g.login()
		c := g.dial()
		c.S("* OK …")
		c.C("a0 LOGIN alice secret")
		c.until("* OK exgate: still working: all connections for this mailbox, or this login, are in use; …", "* OK exgate: still working: logging in to Exchange")
		other := g.dial() // another account does not wait
		other.S("* OK …")
		other.C("a0 LOGIN bob secret")
		ub := g.accept()
		ub.S("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready")
		ub.C(`xg1 LOGIN "bob" "secret"`)
		first.close()
		u.ends()
		g.relogin()
		c.until("a0 OK …")
	})
	t.Run("in vain", func(t *testing.T) {
		g := newGateway(t, shortWaits, connections(slots.Limits{PerLogin: 1, MaxWait: 20 * time.Millisecond}))
		g.login()
		c := g.dial()
		c.S("* OK …")
		c.C("a0 LOGIN alice secret")
		c.until("a0 NO [UNAVAILABLE] all connections that exgate may open for this mailbox or this login are in use: …")
		c.C("a1 NOOP") // the client may try again
		c.until("a1 OK …")
	})
	t.Run("a wrong login gives its place back", func(t *testing.T) {
		g := newGateway(t, connections(slots.Limits{PerLogin: 1}))
		c := g.dial()
		c.S("* OK …")
		c.C("a0 LOGIN alice wrong")
		u := g.accept()
		u.S("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready")
		u.C(`xg1 LOGIN "alice" "wrong"`)
		u.S("xg1 NO LOGIN failed.")
		c.S("a0 NO …")
		g.login()
	})
	t.Run("a client that leaves", func(t *testing.T) {
		g := newGateway(t, connections(slots.Limits{PerLogin: 1, MaxWait: time.Hour}))
		g.login()
		c := g.dial()
		c.S("* OK …")
		c.C("a0 LOGIN alice secret")
		testkit.Eventually(t, "it waits", func() bool {
			return g.queued() == 1
		})
		c.close()
		testkit.Eventually(t, "it waits no more", func() bool {
			return g.queued() == 0
		})
	})
}

// queued returns the number of clients that wait for a slot.
func (g *gateway) queued() int {
	return g.srv.slotsOf("").Queued()
}

// parking is a setup with one connection, which an idle session gives away at once.
var parking = connections(slots.Limits{PerLogin: 1, MaxWait: time.Minute, ParkAfter: time.Nanosecond})

// An idle session gives its connection to a session that waits. Its next command resumes it.
func TestParkBetweenCommands(t *testing.T) {
	g := exchangeResuming(t, parking)
	first, u1 := g.login()
	selects(first, u1, "SELECT INBOX", contents{2, 7, 20})
	second, u2 := g.login()
	u1.ends()
	selects(second, u2, "SELECT INBOX", contents{2, 7, 20})
	first.C("a1 NOOP") // parks the second session
	u2.ends()
	u1 = g.relogin()
	u1.reselects("SELECT INBOX", contents{3, 7, 21})
	u1.proves("2:3", "* 2 FETCH (UID 19)", "* 3 FETCH (UID 20)")
	first.S("* 3 EXISTS")
	u1.C("a1 NOOP")
	u1.S("a1 OK done")
	first.S("a1 OK done")
}

// A parked session in IDLE is resumed without a command when no other session waits.
func TestParkInIdle(t *testing.T) {
	g := exchangeResuming(t, parking)
	first, u1 := g.login()
	selects(first, u1, "SELECT INBOX", contents{2, 7, 20})
	first.C("i1 IDLE")
	u1.C("i1 IDLE")
	u1.S("+ idling")
	first.S("+ idling")
	second, u2 := g.login()
	u1.ends()
	second.C("a1 LOGOUT")
	u2.C("a1 LOGOUT")
	u2.S("a1 OK done")
	second.S("a1 OK done")
	u1 = g.relogin()
	u1.reselects("SELECT INBOX", contents{3, 7, 21})
	u1.proves("2:3", "* 2 FETCH (UID 19)", "* 3 FETCH (UID 20)")
	first.S("* 3 EXISTS") // the mail that came while it was parked
	u1.C("i1 IDLE")
	u1.S("+ idling")
	first.C("DONE")
	u1.C("DONE")
	u1.S("i1 OK done")
	first.S("i1 OK done")
}

// A parked client that ends its IDLE is answered at once.
func TestParkInIdleEnded(t *testing.T) {
	g := exchangeResuming(t, parking)
	first, u1 := g.login()
	first.C("i1 IDLE")
	u1.C("i1 IDLE")
	u1.S("+ idling")
	first.S("+ idling")
	second, u2 := g.login()
	u1.ends()
	second.C("a1 NOOP") // makes the session busy
	u2.C("a1 NOOP")
	first.C("DONE")
	first.S("i1 OK IDLE completed.")
	first.C("i2 NOOP")
	u2.S("a1 OK done") // now it idles, and is parked
	second.S("a1 OK done")
	u2.ends()
	u1 = g.relogin()
	u1.C("i2 NOOP")
}

// If a parked session finds no free slot, its command gets NO, and may be repeated.
func TestParkAndNoPlace(t *testing.T) {
	g := exchangeResuming(t, parking)
	first, u1 := g.login()
	second, u2 := g.login()
	u1.ends()
	second.C("a1 NOOP")
	u2.C("a1 NOOP")
	limits := g.srv.slotsOf("").Limits()
	limits.MaxWait = time.Millisecond
	g.srv.slotsOf("").SetLimits(limits)
	first.C("i1 NOOP")
	first.S("i1 NO [UNAVAILABLE] all connections …")
	first.raw("i2 APPEND INBOX {3+}\r\nabc\r\n")
	first.S("i2 BAD [UNAVAILABLE] all connections …; nothing was stored")
	limits.MaxWait = time.Minute
	g.srv.slotsOf("").SetLimits(limits)
	u2.S("a1 OK done")
	second.S("a1 OK done")
	first.C("i3 NOOP")
	u2.ends()
	u1 = g.relogin()
	u1.C("i3 NOOP")
}

// Many clients share few connections. Clients that stay in IDLE give theirs to clients that come and go.
func TestParkUnderLoad(t *testing.T) {
	const idlers, comers, limit = 8, 40, 8
	g, sim := newSimulated(t, exchangesim.Config{}, withProfile(exchangeProfile), resuming,
		connections(slots.Limits{PerLogin: limit, MaxWait: time.Minute, ParkAfter: time.Millisecond}),
		func(o *Options, _ *limits) { o.Upstreams[0].Backend.Timeouts.Leave = testkit.WaitLimit })
	var idle []*client
	for range idlers {
		c := g.loginSimulated()
		c.C("a1 SELECT INBOX")
		c.until("a1 OK …", "* …")
		c.C("a2 IDLE")
		c.until("+ …")
		idle = append(idle, c)
	}
	var running sync.WaitGroup
	for i := range comers {
		running.Go(func() {
			c := g.loginSimulated()
			c.C(fmt.Sprintf("b%d NOOP", i))
			c.until(fmt.Sprintf("b%d OK …", i))
			c.C("b LOGOUT")
			c.until("b OK …", "* BYE …")
		})
	}
	running.Wait()
	c := g.loginSimulated()
	c.upload("INBOX", cleanMessage)
	c.until("a1 OK …")
	c.C("b LOGOUT")
	c.until("b OK …", "* BYE …")
	for _, c := range idle { // each is told of the message
		c.until("* 1 EXISTS", "* …")
		c.C("DONE")
		c.until("a2 OK …", "* …")
	}
	if most := sim.Stats().MostOfUser["alice"]; most > limit {
		t.Errorf("%d connections at a time, the limit is %d", most, limit)
	}
}

// A parked session whose next command gets no connection answers NO to it, whatever its lane, and goes on.
func TestParkedInVain(t *testing.T) {
	limits := slots.Limits{PerLogin: 1, MaxWait: time.Minute, ParkAfter: time.Nanosecond}
	for name, profile := range map[string]profile.Profile{"plain": exchangeProfile, "mapping": mapping(apartNames)} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, withProfile(profile), resuming, connections(limits))
			first, u1 := g.login()
			first.C(`a1 STATUS "a\"b" (MESSAGES)`)
			if name == "mapping" { // the folders are known then
				u1.listed("xg2", "INBOX", "{3}\r\na\"b")
				u1.C("a1 STATUS {3}")
				u1.S("+ go on")
				u1.C(`a"b (MESSAGES)`)
			} else {
				u1.C(`a1 STATUS "a\"b" (MESSAGES)`)
			}
			u1.S("a1 OK done")
			first.S("a1 OK done")
			second, u2 := g.login()
			u1.ends()
			second.C("b1 NOOP") // the session cannot be parked
			u2.C("b1 NOOP")
			soon := limits
			soon.MaxWait = 20 * time.Millisecond
			g.srv.slotsOf("").SetLimits(soon)
			for i, command := range []string{
				"NOOP", `STATUS "a\"b" (MESSAGES)`, `SELECT "a\"b"`, "SELECT INBOX", `LIST "" *`, `CREATE "a/b"`, "PROXYAUTH bob",
			} {
				first.C(fmt.Sprintf("a%d %s", i, command))
				first.until(fmt.Sprintf("a%d NO [UNAVAILABLE] all connections that exgate may open for …", i))
			}
			g.srv.slotsOf("").SetLimits(limits)
			u2.S("b1 OK done")
			second.S("b1 OK done")
			first.C("a9 NOOP")
			u2.ends()
			u1 = g.relogin()
			u1.C("a9 NOOP")
			u1.S("a9 OK done")
			first.S("a9 OK done")
		})
	}
}
