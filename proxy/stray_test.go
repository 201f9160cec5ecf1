package proxy

import (
	"strings"
	"testing"
	"time"

	"exgate/backend"
	"exgate/backend/exchangesim"
	"exgate/proxy/testkit"
)

// strays is a setup with the repair of strays in front of a scripted Exchange.
func strays(t *testing.T, setups ...func(*Options, *limits)) *gateway {
	t.Helper()
	return newGateway(t, append([]func(*Options, *limits){withProfile(repairing(true)), resuming}, setups...)...)
}

// Blanks and lines that are no responses are read for what is meant, and do not reach the client.
func TestLiberalReading(t *testing.T) {
	for _, tt := range []struct{ name, command, said, heard string }{
		{"blank before the tag", "NOOP", " a1 OK done\r\n", "a1 OK done\r\n"},
		{"blanks after the tag", "NOOP", "a1   OK  done\r\n", "a1 OK done\r\n"},
		{"blanks around untagged words", "NOOP", " *  3  EXISTS \r\na1 OK done\r\n", "* 3 EXISTS\r\na1 OK done\r\n"},
		{"blanks between the parts of LIST", `LIST "" "*"`, "* LIST ( \\Marked )  \"/\"  \"a  b\" \r\na1 OK done\r\n",
			"* LIST (\\Marked) \"/\" \"a  b\"\r\na1 OK done\r\n"},
		{"blanks in FETCH", "FETCH 1 (FLAGS BODY[])", "* 1  FETCH ( FLAGS (\\Seen )  BODY[] {4}\r\n(  )  UID 3 )\r\na1 OK done\r\n",
			"* 1 FETCH (FLAGS (\\Seen) BODY[] {4}\r\n(  ) UID 3)\r\na1 OK done\r\n"},
		{"a long SEARCH", "SEARCH ALL", "* SEARCH" + strings.Repeat(" 123456789", 7000) + " \r\na1 OK done\r\n",
			"* SEARCH" + strings.Repeat(" 123456789", 7000) + "\r\na1 OK done\r\n"},
		{"names that nobody has asked for", "NOOP", "* LIST () \"/\" \"a\"b\"\r\na1 OK done\r\n",
			"* LIST () \"/\" \"a\\\"b\"\r\na1 OK done\r\n"},
		{"no responses", "CAPABILITY", "CAPABILITY completed.\r\n\r\n \r\n* 3 EXISTS\r\nx {3}\r\na1 OK done\r\n",
			"* 3 EXISTS\r\na1 OK done\r\n"},
		{"a + that nobody waits for", "NOOP", "+ go\r\n+\r\na1 OK done\r\n", "a1 OK done\r\n"},
		{"a line longer than the buffer", "NOOP", strings.Repeat("x", 200_000) + "\r\na1 OK done\r\n", "a1 OK done\r\n"},
		{"refused without a tag", "NOOP", "Server Unavailable. 15\r\n", "a1 NO [UNAVAILABLE] Server Unavailable. 15\r\n"},
		{"refused without a tag, and with it", "CHECK", "Server Unavailable. 15\r\na1 NO Server Unavailable. 15\r\n",
			"a1 NO [UNAVAILABLE] Server Unavailable. 15\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, u := strays(t).login()
			c.C("a1 " + tt.command)
			u.C("a1 " + tt.command)
			u.raw(tt.said)
			c.expectRaw(tt.heard)
			c.C("a2 NOOP")
			u.C("a2 NOOP")
			u.S("a2 OK still here")
			c.S("a2 OK still here")
		})
	}
}

// A refusal without a tag ends the connection where it is open what became of a command.
func TestBareRefusalOfWhatMayBeDone(t *testing.T) {
	t.Run("COPY", func(t *testing.T) {
		g := strays(t)
		c, u := g.login()
		c.C("a1 COPY 1 x")
		u.C("a1 COPY 1 x")
		u.S("Server Unavailable. 15")
		u.ends()
		c.S("a1 NO [UNAVAILABLE] COPY: NO Server Unavailable. 15 …it is not known whether it was done")
		c.C("a2 NOOP")
		u = g.relogin()
		u.C("a2 NOOP")
		u.S("a2 OK done")
		c.S("a2 OK done")
	})
	t.Run("IDLE", func(t *testing.T) {
		g := strays(t)
		c, u := g.login()
		c.C("a1 IDLE")
		u.C("a1 IDLE")
		u.S("+ idling")
		c.S("+ idling")
		u.S("Server Unavailable. 15")
		u.ends()
		u = g.relogin()
		u.C("a1 IDLE")
		u.S("+ idling")
		u.S("* 1 RECENT")
		c.S("* 1 RECENT")
	})
	t.Run("in a literal", func(t *testing.T) {
		g := strays(t)
		c, u := g.login()
		c.C("a1 CREATE {4}")
		u.C("a1 CREATE {4}")
		u.S("+ go")
		c.S("+ go")
		u.S("Server Unavailable. 15")
		testkit.Eventually(t, "the line is dropped", func() bool { return g.srv.Totals().Fixes[string(backend.FixStrays)] == 1 })
		c.raw("abcd\r\n")
		u.C("abcd")
		u.S("a1 OK done")
		c.S("a1 OK done")
	})
}

// BYE as the reply to a command is the end of the connection. The client sees nothing of it.
func TestTaggedBye(t *testing.T) {
	g := strays(t)
	c, u := g.login()
	c.C("a1 NOOP")
	u.C("a1 NOOP")
	u.S("a1 BYE Connection closed. 14")
	u.ends()
	u = g.relogin()
	u.C("a1 NOOP")
	u.S("a1 OK done")
	c.S("a1 OK done")
	c.C("a2 LOGOUT")
	u.C("a2 LOGOUT")
	u.S("a2 BYE signing off")
	c.S("* BYE signing off")
	c.S("a2 OK LOGOUT completed.")
}

// What waits for the "+" of an IDLE is repaired as well.
func TestRepairsBeforePlus(t *testing.T) {
	c, u := strays(t).login()
	c.C("a1 IDLE")
	u.C("a1 IDLE")
	u.raw("[COPYUID 14  ]\r\n[COPYUID 55 31 6]\r\n* OK [Error=\"x\"] y\r\n* 3 EXISTS \r\n+ idling\r\n")
	c.expectRaw("+ idling\r\n* OK [COPYUID 55 31 6] moved.\r\n* OK Error=\"x\" y\r\n* 3 EXISTS\r\n")
}

// A BYE before the "+" of an IDLE is not kept for the client.
func TestByeBeforePlus(t *testing.T) {
	g := strays(t)
	c, u := g.login()
	c.C("a1 IDLE")
	u.C("a1 IDLE")
	u.S("* BYE Connection closed. 14")
	u.close()
	u = g.relogin()
	u.C("a1 IDLE")
	u.S("+ idling")
	c.S("+ idling")
	u.S("* 3 EXISTS")
	c.S("* 3 EXISTS")
}

// A server that says BYE again and again, and does not close the connection, is left.
func TestEndlessBye(t *testing.T) {
	g := strays(t)
	c, u := g.login()
	c.C("a1 NOOP")
	u.C("a1 NOOP")
	u.raw(strings.Repeat("* BYE Autologout; idle for too long\r\n", 10))
	u.ends()
	u = g.relogin()
	u.C("a1 NOOP")
	u.S("a1 OK done")
	c.S("a1 OK done")
}

// A server that sends nothing but strays is given up.
func TestEndlessStrays(t *testing.T) {
	g := newGateway(t, withProfile(repairing(true)))
	c, u := g.login()
	c.C("a1 NOOP")
	u.C("a1 NOOP")
	u.raw(strings.Repeat("x\r\n", maxStrays))
	u.raw("x\r\n")
	c.S("* BYE …")
	if n := strings.Count(g.log.String(), "Exchange sent a line that is no IMAP response"); n != 1 {
		t.Errorf("the log tells of it %d times", n)
	}
	if n := g.srv.Totals().Fixes[string(backend.FixStrays)]; n <= maxStrays {
		t.Errorf("%d strays were counted", n)
	}
}

// A session whose server refuses without a tag and closes the connection, again and again, comes back more and
// more slowly.
func TestReturnsArePaced(t *testing.T) {
	const pause = 40 * time.Millisecond
	g := strays(t, func(_ *Options, l *limits) { l.ReconnectPause = pause })
	c, u := g.login()
	began := time.Now()
	for range 4 {
		c.C("a1 NOOP")
		u.C("a1 NOOP")
		u.S("Server Unavailable. 15")
		c.until("a1 NO [UNAVAILABLE] Server Unavailable. 15")
		u.close()
		testkit.Eventually(t, "the loss is seen", func() bool { return g.log.contains("upstream ended") })
		c.C("a2 CHECK")
		u = g.relogin()
		u.C("a2 CHECK")
		u.S("a2 OK done")
		c.until("a2 OK done")
	}
	if took := time.Since(began); took < (0+1+2+4)*pause {
		t.Errorf("four returns took %s", took)
	}
}

// A simulated Exchange with these quirks serves a session as any other.
func TestStraysOfASimulatedExchange(t *testing.T) {
	g, sim := newSimulated(t, exchangesim.Config{Quirks: []string{"stray-lines", "bare-unavailable", "status-blank"}},
		withProfile(repairing(true)), resuming, func(_ *Options, l *limits) { l.Looks = []time.Duration{0} })
	c := g.loginSimulated()
	if err := sim.AddFault("refuse:NOOP:NO Server Unavailable. 15"); err != nil {
		t.Fatal(err)
	}
	c.C("a1 NOOP")
	c.S("a1 NO [UNAVAILABLE] Server Unavailable. 15")
	c.C("a2 STATUS INBOX (MESSAGES)")
	c.S("* STATUS INBOX (MESSAGES 0)")
	c.S("a2 OK STATUS completed.")
	c.C("a3 CAPABILITY")
	c.S("* CAPABILITY …")
	c.S("a3 OK CAPABILITY completed.")
	c.C("a4 NOOP")
	c.S("a4 OK NOOP completed.")
}
