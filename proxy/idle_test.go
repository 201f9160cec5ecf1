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

// What ends IDLE and is not DONE is a command, and passes the table as one: where the
// server has ended the IDLE by itself just before, it would run it.
func TestIdleEndedByAnotherLine(t *testing.T) {
	for name, tt := range map[string]struct{ line, answer string }{
		"a command that is refused": {"a2 XPROXY3 x", "a2 BAD …"},
		"an unknown command":        {"a2 XUNHEARD x", "a2 BAD …"},
		"a login":                   {"a2 LOGIN alice secret", "a2 BAD …"},
		"no command":                {"FINISHED", "FINISHED BAD …"},
		"nothing":                   {"", "* BAD …"},
		"NUL":                       {"DONE\x00", "* BAD …"},
		"CR":                        {"DONE\ra2 LOGOUT", "* BAD …"},
		"a quote":                   {"\"DONE", "* BAD …"},
		"a literal":                 {"a2 XUNHEARD {3+}\r\nabc", "a2 BAD …"},
		"a literal and no command":  {"x {3+}\r\nabc", "x BAD …"},
	} {
		t.Run(name, func(t *testing.T) {
			c, u := newGateway(t, withProfile(exchangeProfile)).login()
			c.C("a1 IDLE")
			u.C("a1 IDLE")
			u.S("+ idling")
			c.S("+ idling")
			c.C(tt.line)
			u.C("DONE")
			c.S(tt.answer)
			u.S("a1 OK done")
			c.S("a1 OK done")
			noop(c, u)
		})
	}
	t.Run("a command that is relayed", func(t *testing.T) {
		c, u := newGateway(t, withProfile(exchangeProfile)).login()
		c.C("a1 IDLE")
		u.C("a1 IDLE")
		u.S("+ idling")
		c.S("+ idling")
		c.C("a2 FETCH 1 FLAGS")
		u.C("DONE")
		u.silent()
		u.S("a1 OK done")
		c.S("a1 OK done")
		u.C("a2 FETCH 1 FLAGS")
		u.S("a2 OK done")
		c.S("a2 OK done")
	})
}

// Who has heard of the end of the IDLE says no DONE any more, but any command.
func TestIdleIsOverBeforeAnUpload(t *testing.T) {
	c, u := newGateway(t).login()
	c.C("a1 IDLE")
	u.C("a1 IDLE")
	u.S("+ idling")
	c.S("+ idling")
	u.S("a1 NO no more")
	c.S("a1 NO no more")
	c.C("a2 APPEND INBOX {3+}")
	c.raw("abc\r\n")
	u.C("a2 APPEND INBOX {3+}")
	u.C("abc")
	u.S("a2 OK done")
	c.S("a2 OK done")
}
