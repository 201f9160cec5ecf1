package proxy

import (
	"strings"
	"testing"
	"time"
)

// impatient has clients told soon why they wait.
func impatient(_ *Options, l *limits) {
	l.FirstKeepAlive, l.KeepAlive = 10*time.Millisecond, 10*time.Millisecond
}

const notYet = "* OK exgate: still working: the reply has not come yet"

// A client whose command waits for the server is told so.
func TestKeepAliveDuringACommand(t *testing.T) {
	for name, tt := range map[string]struct{ command, upstream, reply string }{
		"FETCH":                             {"a1 FETCH 1 FLAGS", "a1 FETCH 1 FLAGS", "a1 OK done"},
		"LOGOUT":                            {"a1 LOGOUT", "a1 LOGOUT", "* BYE bye\r\na1 OK done"},
		"the + of a literal":                {"a1 STATUS {5}", "a1 STATUS {5}", "a1 NO no"},
		"the next command is there already": {"a1 SEARCH ALL\r\na2 NOOP", "a1 SEARCH ALL", "a1 OK done"},
		"IDLE that has been ended":          {"a1 IDLE\r\nDONE", "a1 IDLE", "+ idling"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, withProfile(exchangeProfile), impatient)
			c, u := g.login()
			c.C(tt.command)
			u.C(tt.upstream)
			reply := tt.reply
			if strings.HasPrefix(reply, "+") { // before it nothing is said
				c.silent()
				u.S(reply)
				c.S(reply)
				u.C("DONE")
				reply = "a1 OK done"
			}
			for range 3 {
				c.S(notYet)
			}
			u.S(reply)
			last := reply[strings.LastIndex(reply, "\n")+1:]
			c.until(last, "* BYE bye")
		})
	}
}

// Nothing is said within a response, in IDLE, in the midst of a command, while
// nothing is in flight, and by a gateway that only observes.
func TestNoKeepAlive(t *testing.T) {
	t.Run("within a response", func(t *testing.T) {
		g := newGateway(t, impatient)
		c, u := g.login()
		c.C("a1 FETCH 1 BODY[]")
		u.C("a1 FETCH 1 BODY[]")
		c.S(notYet)
		u.raw("* 1 FETCH (BODY[] {6}\r\nabc")
		c.until("* 1 FETCH (BODY[] {6}")
		c.expectRaw("abc")
		c.silent()
		u.raw("def)\r\n")
		c.S("def)")
		c.S(notYet)
	})
	for name, tt := range map[string]struct {
		say, upstream, reply string
		setup                func(*Options, *limits)
	}{
		"in IDLE":                       {say: "a1 IDLE\r\n", upstream: "a1 IDLE", reply: "+ idling"},
		"in the midst of a command":     {say: "a1 STATUS {5}\r\n", upstream: "a1 STATUS {5}", reply: "+ go"},
		"in the midst of a line":        {say: "a1 NOO"},
		"while nothing is in flight":    {say: "a1 NOOP\r\n", upstream: "a1 NOOP", reply: "a1 OK done"},
		"by a gateway that is observes": {say: "a1 NOOP\r\n", upstream: "a1 NOOP", setup: func(o *Options, _ *limits) { o.Observe = true }},
	} {
		t.Run(name, func(t *testing.T) {
			setups := []func(*Options, *limits){impatient}
			if tt.setup != nil {
				setups = append(setups, tt.setup)
			}
			g := newGateway(t, setups...)
			c, u := g.login()
			c.raw(tt.say)
			if tt.upstream != "" {
				u.C(tt.upstream)
			}
			if tt.reply != "" {
				u.S(tt.reply)
				c.until(tt.reply)
			}
			c.silent()
		})
	}
}

// A server that hangs is met once more, and not six times; the session goes on.
func TestServerThatHangsAgain(t *testing.T) {
	g := exchangeResuming(t, silentFor(100*time.Millisecond))
	c, u := g.login()
	c.C("a1 SEARCH ALL")
	u.C("a1 SEARCH ALL")
	u.ends()
	u = g.relogin()
	u.C("a1 SEARCH ALL")
	u.ends()
	c.until("a1 NO [UNAVAILABLE] SEARCH: …; it is not known whether it was done")
	c.C("a2 NOOP")
	u = g.relogin()
	u.C("a2 NOOP")
	u.S("a2 OK done")
	c.S("a2 OK done")
}

// A server that has said something in between has not been silent.
func TestServerThatHangsAfterAnAnswer(t *testing.T) {
	g := exchangeResuming(t, silentFor(100*time.Millisecond))
	c, u := g.login()
	c.C("a1 LIST \"\" *")
	for range 3 {
		u.C("a1 LIST \"\" *")
		for range 3 {
			u.S("* LIST () \"/\" INBOX")
			c.S("* LIST () \"/\" INBOX")
		}
		u.reset()
		u = g.relogin()
	}
	u.C("a1 LIST \"\" *")
	u.S("a1 OK done")
	c.S("a1 OK done")
}
