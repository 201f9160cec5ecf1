package proxy

import "testing"

func TestIdle(t *testing.T) {
	c, u := newGateway(t, withProfile(exchangeProfile)).login()
	c.C("a1 IDLE")
	u.C("a1 IDLE")
	u.silent()
	u.S("+ idling")
	c.S("+ idling")
	u.S("* 4 EXISTS")
	c.S("* 4 EXISTS")
	u.raw("* 4 FETCH (BODY[] {3}\r\nabc)\r\n")
	c.expectRaw("* 4 FETCH (BODY[] {3}\r\nabc)\r\n")
	c.C("DONE")
	u.C("DONE")
	u.S("a1 OK done")
	c.S("a1 OK done")
	noop(c, u)
}

// A client may send DONE and its next commands in one write.
func TestIdleWithCommandsBehindDone(t *testing.T) {
	c, u := newGateway(t, withProfile(exchangeProfile)).login()
	c.C("a1 IDLE")
	u.C("a1 IDLE")
	u.S("+ idling")
	c.S("+ idling")
	c.raw("DONE\r\na2 NOOP\r\n")
	u.C("DONE")
	u.silent()
	u.S("a1 OK done")
	c.S("a1 OK done")
	u.C("a2 NOOP")
}

func TestIdleRefused(t *testing.T) {
	c, u := newGateway(t, withProfile(exchangeProfile)).login()
	c.C("a1 IDLE")
	u.C("a1 IDLE")
	u.S("a1 BAD Command Error. 10")
	c.S("a1 BAD Command Error. 10")
	noop(c, u) // the next line is a command: IDLE is over
}

// The client's DONE may cross a reply by which the upstream ends IDLE. The gateway then drops DONE, which the upstream
// would take for a command.
func TestIdleEndedByTheUpstream(t *testing.T) {
	for name, next := range map[string]string{"DONE": "DONE", "done": "done", "a command": ""} {
		t.Run(name, func(t *testing.T) {
			c, u := newGateway(t, withProfile(exchangeProfile)).login()
			c.C("a1 IDLE")
			u.C("a1 IDLE")
			u.S("+ idling")
			c.S("+ idling")
			u.S("a1 NO Server Unavailable. 15")
			c.S("a1 NO Server Unavailable. 15")
			if next != "" {
				c.C(next)
			}
			noop(c, u)
		})
	}
}

func TestIdleAndTheUpstreamGoes(t *testing.T) {
	c, u := newGateway(t).login()
	c.C("a1 IDLE")
	u.C("a1 IDLE")
	u.S("+ idling")
	c.S("+ idling")
	u.S("* BYE Session invalidated - AccessTokenExpired")
	c.S("* BYE Session invalidated - AccessTokenExpired")
	u.close()
	c.ends()
}

// The line that ends IDLE is checked like any other line, so that no command can be smuggled in it.
func TestIdleEndedByWhatServersReadDifferently(t *testing.T) {
	for _, end := range []string{"DONE\x00", "DONE\ra2 LOGOUT", "x {3+}", "\"DONE"} {
		c, u := newGateway(t, withProfile(exchangeProfile)).login()
		c.C("a1 IDLE")
		u.C("a1 IDLE")
		u.S("+ idling")
		c.S("+ idling")
		c.C(end)
		c.S("* BYE the line that ends IDLE …")
		c.close() // without this, exgate would wait for limits.Linger
		u.ends()
	}
}
