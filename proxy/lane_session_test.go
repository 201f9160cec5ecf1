package proxy

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"exgate/proxy/testkit"
)

// These tests and those in spool_test.go, out_of_step_test.go and framing_test.go hold the rules of
// docs/design.md#rules.

// shortWaits makes the gateway send keep-alives at once.
func shortWaits(_ *Options, l *limits) {
	l.FirstKeepAlive, l.KeepAlive = time.Millisecond, time.Millisecond
}

func TestOneWriterToTheClient(t *testing.T) {
	g := newGateway(t)
	c, u := g.login()
	c.C("a1 FETCH 1 BODY[]")
	u.C("a1 FETCH 1 BODY[]")
	u.raw("* 1 FETCH (BODY[] {10}\r\n01234")
	c.expectRaw("* 1 FETCH (BODY[] {10}\r\n01234")

	// In the middle of the literal, the client sends a line that the gateway answers itself.
	before := g.l.read.Load()
	c.raw("a2 \x00\r\n")
	testkit.Eventually(t, "the bad line has been read", func() bool { return g.l.read.Load() == before+6 })
	c.silent()
	u.raw("56789)\r\na1 OK done\r\n")
	c.expectRaw("56789)\r\n")
	// The two replies may come in any order, but each is whole.
	lines := c.S("a…") + "\n" + c.S("a…")
	if !strings.Contains(lines, "a1 OK done") || !strings.Contains(lines, "a2 BAD the command contains a NUL byte") {
		t.Errorf("got %q", lines)
	}
}

// A keep-alive is due during an APPEND while the upstream sends a literal.
func TestKeepAliveIsNotInsideALiteral(t *testing.T) {
	g := newGateway(t, withProfile(exchangeProfile), shortWaits)
	c, u := g.login()
	c.raw("a1 APPEND INBOX {3+}\r\nabc\r\n")
	u.C("xg3 APPEND INBOX {3}")
	c.until("* OK exgate: still working: Exchange is storing the message")
	// The literal is longer than what the gateway gathers for a request, so it is relayed as it comes.
	literal := strings.Repeat("x", 100_000)
	u.raw("* 1 FETCH (BODY[] {100000}\r\n" + literal[:90_000])
	c.until("* 1 FETCH…")
	c.expectRaw(literal[:90_000])
	c.silent()
	u.raw(literal[90_000:] + ")\r\n")
	c.expectRaw(literal[90_000:] + ")\r\n")
	u.S("xg3 NO no such luck")
	c.until("a1 NO …")
}

func TestCommandsInFlight(t *testing.T) {
	t.Run("pipelined", func(t *testing.T) {
		c, u := newGateway(t).login()
		c.raw("a1 NOOP\r\na2 NOOP\r\na3 NOOP\r\n")
		for _, tag := range []string{"a1", "a2", "a3"} {
			u.C(tag + " NOOP")
		}
		for _, tag := range []string{"a1", "a2", "a3"} {
			u.S(tag + " OK done")
			c.S(tag + " OK done")
		}
	})
	t.Run("up to pipeline", func(t *testing.T) {
		g := newGateway(t, withProfile(exchangeProfile))
		c, u := g.login()
		before := g.l.read.Load()
		c.raw("a1 NOOP\r\na2 NOOP\r\n")
		u.C("a1 NOOP")
		testkit.Eventually(t, "both commands have been read", func() bool { return g.l.read.Load() == before+18 })
		u.silent()
		u.S("a1 OK done")
		u.C("a2 NOOP")
		u.S("a2 OK done")
		c.S("a1 OK done")
		c.S("a2 OK done")
	})
	t.Run("one awaits a +", func(t *testing.T) {
		g := newGateway(t)
		c, u := g.login()
		before := g.l.read.Load()
		c.raw("a1 SELECT {5}\r\n")
		u.C("a1 SELECT {5}")
		c.raw("INBOX\r\na2 NOOP\r\n") // the client does not wait for the continuation request
		testkit.Eventually(t, "all has been read", func() bool { return g.l.read.Load() == before+31 })
		u.silent()
		u.S("+ go")
		c.S("+ go")
		u.C("INBOX")
		u.C("a2 NOOP")
	})
	t.Run("an owned command waits until none is", func(t *testing.T) {
		prof := exchangeProfile
		prof.Pipeline = 10
		g := newGateway(t, withProfile(prof))
		c, u := g.login()
		c.raw("a1 NOOP\r\na2 NOOP\r\na3 APPEND INBOX {3+}\r\nabc\r\n")
		u.C("a1 NOOP")
		u.C("a2 NOOP")
		u.S("a1 OK done")
		c.S("a1 OK done")
		u.silent()
		u.S("a2 OK done")
		c.S("a2 OK done")
		u.C("xg3 APPEND INBOX {3}")
		u.S("xg3 NO no")
		c.S("a3 NO …")
	})
}

func TestGatewaySendsNothingBetweenCommands(t *testing.T) {
	c, u := newGateway(t, withProfile(exchangeProfile)).login()
	c.C("a1 SELECT inbox")
	u.C("a1 SELECT inbox")
	u.S("* OK [PERMANENTFLAGS (\\Seen \\Flagged)] those")
	u.S("a1 OK [READ-WRITE] done")
	c.S("* OK [PERMANENTFLAGS (\\Seen \\Flagged)] those")
	c.S("a1 OK [READ-WRITE] done")

	c.raw("a2 APPEND INBOX (\\Flagged \\Seen) {3+}\r\nabc\r\n")
	u.C("xg3 APPEND INBOX (\\Seen) {3}")
	u.S("+ go")
	u.C("abc")
	u.S("* 8 EXISTS")
	u.S("xg3 OK [APPENDUID 9 7] done")
	u.C("xg4 NOOP")
	u.C(`xg5 UID STORE 7 +FLAGS (\Flagged)`) // in the same flight
	u.S("xg4 OK done")
	u.S("* 3 FETCH (UID 70 FLAGS (\\Seen))") // another message: not the reply to the STORE
	u.S("* 8 FETCH (FLAGS (\\Flagged \\Seen) UID 7)")
	u.S("* 2 EXPUNGE")
	u.S("xg5 OK done")
	c.S("* 8 EXISTS")
	c.S("* 3 FETCH (UID 70 FLAGS (\\Seen))")
	c.S("* 2 EXPUNGE")
	c.S("a2 OK [APPENDUID 9 7] …")
	u.silent() // exgate sends nothing while the session idles
}

func TestClientIsToldWhyItWaits(t *testing.T) {
	for name, tt := range map[string]struct {
		throttled time.Duration
		perSecond float64
		want      string
	}{
		"throttle": {throttled: time.Hour, want: "* OK exgate: still working: Exchange throttles this account; …"},
		"pace":     {perSecond: 0.001, want: "* OK exgate: still working: messages are sent at the pace that Exchange takes"},
	} {
		for lane, command := range map[string]string{"own lane": "a2 APPEND INBOX {3+}\r\nabc\r\n", "direct": "a2 FETCH 1 BODY[]\r\n"} {
			t.Run(name+", "+lane, func(t *testing.T) {
				prof := exchangeProfile
				prof.Pace.Each.Messages = tt.perSecond
				g := newGateway(t, withProfile(prof), shortWaits)
				c, u := g.login()
				account := g.srv.accounts.get("", "alice", prof.Pace, 0)
				defer g.srv.accounts.close(account)
				account.Throttle.Block(tt.throttled)
				account.Appends.Charge(1) // uses up the bursts
				account.Fetches.Charge(1)

				c.raw(command)
				want := tt.want
				if lane == "direct" && name == "pace" {
					want = "* OK exgate: still working: messages go at the pace that Exchange takes"
				}
				if lane == "direct" && name == "throttle" {
					want = "* OK exgate: still working: Exchange throttles this account"
				}
				c.until(want) // keep-alives of the login may come before
				c.S(want)     // a second keep-alive
				u.silent()
				// When the client leaves, the wait of an hour ends at once.
				c.close()
				u.ends()
				g.logged("session end")
				if strings.Contains(g.log.String(), `"msg":"own lane"`) {
					t.Error("the log takes it for a fault of the own lane")
				}
			})
		}
	}
}

func TestIdleSessionHasTwoGoroutines(t *testing.T) {
	g := newGateway(t)
	const sessions = 20
	for range sessions {
		c, u := g.login()
		c.C("a1 NOOP")
		u.C("a1 NOOP")
		u.S("a1 OK done")
		c.S("a1 OK done")
	}
	testkit.Eventually(t, "two goroutines for each session, and no other that serves one", func() bool {
		all := make([]byte, 1<<20)
		all = all[:runtime.Stack(all, true)]
		clients, upstreams, others := 0, 0, 0
		for stack := range strings.SplitSeq(string(all), "\n\n") {
			switch {
			case strings.Contains(stack, "proxy.(*conn).serve("):
				clients++
			case strings.Contains(stack, "backend.(*Conn).read("):
				upstreams++
			case strings.Contains(stack, "imapserver.(*Conn)"), strings.Contains(stack, "proxy.(*conn)"), strings.Contains(stack, "backend.(*Conn)"):
				others++
			}
		}
		return clients == sessions && upstreams == sessions && others == 0
	})
}
