package proxy

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// What is remembered of a command is bounded in sum, as what is relayed is not.
func TestLiteralsWithoutEnd(t *testing.T) {
	const literals, size = 2000, maxKeptLiteral
	value := strings.Repeat("v", size)
	t.Run("relayed", func(t *testing.T) {
		g := newGateway(t)
		c, u := g.login()
		c.C(fmt.Sprintf("a1 XSEND {%d+}", size))
		u.C(fmt.Sprintf("a1 XSEND {%d+}", size))
		for range literals {
			c.raw(value + fmt.Sprintf(" {%d+}\r\n", size))
			u.expectRaw(value)
			u.C(fmt.Sprintf(" {%d+}", size))
		}
		if got := g.remembered(); len(got) != 1 || got[0] > maxKept {
			t.Errorf("%d bytes are remembered of %d", got, literals*size)
		}
		c.C(value)
		u.C(value)
		u.S("a1 OK done")
		c.S("a1 OK done")
		noop(c, u)
	})
	for name, command := range map[string]string{"edited": "SETMETADATA x", "owned": "PROXYAUTH", "in a search": "SEARCH SUBJECT"} {
		t.Run(name, func(t *testing.T) {
			prof := mapping(apartNames)
			prof.Replies.SearchCharset = true
			c, u := newGateway(t, withProfile(prof)).login()
			c.C(fmt.Sprintf("a1 %s {%d+}", command, size))
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			for range literals {
				c.raw(value + fmt.Sprintf(" {%d+}\r\n", size))
			}
			c.C(value)
			c.S("a1 NO [LIMIT] a command is at most 131072 bytes long here")
			runtime.GC()
			runtime.ReadMemStats(&after)
			if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > literals*size/2 {
				t.Errorf("%d bytes are kept", grown)
			}
			noop(c, u)
		})
	}
}

// Commands in flight wait for one another when much is remembered of them.
func TestLongCommandsInFlight(t *testing.T) {
	g := newGateway(t)
	c, u := g.login()
	long := "SEARCH " + strings.Repeat("x", 60_000)
	const sent = maxInFlight/60_000 + 1
	for i := range sent {
		c.C(fmt.Sprintf("a%d %s", i, long))
		u.C(fmt.Sprintf("a%d %s", i, long))
	}
	c.C("b1 NOOP")
	u.silent()
	for i := range sent {
		u.S(fmt.Sprintf("a%d OK done", i))
		c.S(fmt.Sprintf("a%d OK done", i))
	}
	u.C("b1 NOOP")
	u.S("b1 OK done")
	c.S("b1 OK done")
}

func TestIdleTakesNoArguments(t *testing.T) {
	c, u := newGateway(t).login()
	c.C("a1 IDLE {5}")
	c.S("a1 BAD IDLE takes no arguments")
	c.C("a2 IDLE {3+}\r\nabc")
	c.S("a2 BAD IDLE takes no arguments")
	c.C("a3 IDLE x")
	c.S("a3 BAD IDLE takes no arguments")
	noop(c, u)
}

// remembered is what is kept of each command in flight, of all sessions.
func (g *gateway) remembered() (bytes []int) {
	g.srv.logins.mu.Lock()
	defer g.srv.logins.mu.Unlock()
	for conn := range g.srv.logins.open {
		conn.link.mu.Lock()
		for _, cmd := range conn.link.flight {
			sum := 0
			for _, p := range cmd.flight.text.pieces {
				sum += len(p.Line) + len(p.Literal)
			}
			bytes = append(bytes, sum)
		}
		conn.link.mu.Unlock()
	}
	return bytes
}
