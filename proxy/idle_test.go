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

// A client that says DONE and the next commands in one go.
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
	noop(c, u) // is a command, not the end of IDLE
}

// When the upstream ends it, the client's DONE has crossed the reply: sent on
// it would be a command, and an error.
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

// What ends IDLE is framed like any other line: nothing may be smuggled in it.
func TestIdleEndedByWhatServersReadDifferently(t *testing.T) {
	for _, end := range []string{"DONE\x00", "DONE\ra2 LOGOUT", "x {3+}", "\"DONE"} {
		c, u := newGateway(t, withProfile(exchangeProfile)).login()
		c.C("a1 IDLE")
		u.C("a1 IDLE")
		u.S("+ idling")
		c.S("+ idling")
		c.C(end)
		c.S("* BYE the line that ends IDLE …")
		c.close() // else exgate would linger for it
		u.ends()
	}
}
