package proxy

import (
	"strings"
	"testing"
)

func TestLogout(t *testing.T) {
	g := newGateway(t)
	c, u := g.login()
	c.raw("a1 NOOP\r\na2 LOGOUT\r\na3 NOOP\r\n")
	u.C("a1 NOOP")
	u.C("a2 LOGOUT")
	u.raw("a1 OK done\r\n* BYE bye\r\na2 OK done\r\n")
	c.S("a1 OK done")
	c.S("* BYE bye")
	c.S("a2 OK done")
	c.ends()
	u.ends() // a3 is not sent
	if end := g.logged("session end")["reason"]; end != "logout" {
		t.Errorf("the reason in the log is %q", end)
	}
}

// When the gateway stops, each client is told.
func TestClose(t *testing.T) {
	g := newGateway(t, withProfile(exchangeProfile), func(_ *Options, l *limits) { l.Linger = 0 })
	before := g.dial()
	before.S("* OK …")
	idle, _ := g.login()
	busy, u := g.login()
	busy.raw("a1 APPEND INBOX {3+}\r\nabc\r\n")
	u.C("xg3 APPEND INBOX {3}")
	closed := make(chan struct{})
	go func() {
		g.srv.Close()
		close(closed)
	}()
	for _, c := range []*client{before, idle} {
		c.S("* BYE exgate is stopping; log in again later")
		c.ends()
	}
	busy.until("* BYE exgate is stopping; log in again later", "a1 BAD [UNAVAILABLE] the session ends; nothing was stored") // nothing of the message was sent
	busy.ends()
	u.ends()
	<-closed
	if strings.Contains(g.log.String(), `"msg":"own lane"`) {
		t.Error("the log takes it for a fault of the own lane")
	}
}
