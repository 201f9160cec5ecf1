package proxy

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"exgate/proxy/testkit"
)

// The tests below pass long literals without TLS on either side: in a pipe of the kernel, where both are bare
// sockets, and by the memory of the gateway. Nobody may notice a difference.

// bothWays runs a test with bare sockets, and without. Setups may be nil.
func bothWays(t *testing.T, test func(t *testing.T, start func(setups ...func(*Options, *limits)) *gateway)) {
	for name, isBare := range map[string]bool{"in pipes": true, "copied": false} {
		t.Run(name, func(t *testing.T) {
			test(t, func(setups ...func(*Options, *limits)) *gateway {
				setups = slices.DeleteFunc(setups, func(setup func(*Options, *limits)) bool { return setup == nil })
				g := newGateway(t, append([]func(*Options, *limits){briefly}, setups...)...)
				g.l.isBare.Store(isBare)
				return g
			})
		})
	}
}

// longest is the size of a literal that no sockets hold.
const longest = 8_000_000

var digits = sync.OnceValue(func() string {
	var b strings.Builder
	for i := 0; b.Len() < longest; i++ {
		b.WriteString(strconv.Itoa(i))
	}
	return b.String()
})

// longText is n bytes that do not repeat soon.
func longText(n int) string { return digits()[:n] }

// largePipes counts the pipes of this process that have the size of those for literals.
func largePipes() (n int) {
	links, _ := filepath.Glob("/proc/self/fd/*")
	for _, link := range links {
		fd, _ := strconv.Atoi(filepath.Base(link))
		if size, err := unix.FcntlInt(uintptr(fd), unix.F_GETPIPE_SZ, 0); err == nil && size == 1<<20 {
			n++
		}
	}
	return n
}

var literalSizes = []int{0, 1, 1000, 70_000, 128 << 10, 200_000, 1 << 20, 5_000_000}

func TestLongLiteralsFetched(t *testing.T) {
	bothWays(t, func(t *testing.T, start func(...func(*Options, *limits)) *gateway) {
		g := start()
		c, u := g.login()
		total := 0
		for _, size := range literalSizes {
			c.C("a1 FETCH 1 BODY[]")
			u.C("a1 FETCH 1 BODY[]")
			all := fmt.Sprintf("* 1 FETCH (BODY[] {%d}\r\n%s UID 7)\r\n* 2 EXISTS\r\na1 OK done\r\n", size, longText(size))
			total += len(all)
			go io.WriteString(u.nc, all)
			c.expectRaw(all)
		}
		end := g.end(c, u)
		if in, out := end["upstream_in"].(float64), end["client_out"].(float64); int(in) < total || int(in) > total+1000 || int(out) < total || int(out) > total+1000 {
			t.Errorf("%v bytes from the upstream and %v to the client are counted, %d were fetched", in, out, total)
		}
	})
	if largePipes() == 0 {
		t.Error("nothing has passed in pipes")
	}
}

func TestLongLiteralsAppended(t *testing.T) {
	for _, plus := range []string{"", "+"} {
		t.Run("{n"+plus+"}", func(t *testing.T) {
			bothWays(t, func(t *testing.T, start func(...func(*Options, *limits)) *gateway) {
				g := start()
				c, u := g.login()
				total := 0
				for _, size := range literalSizes {
					line, message := fmt.Sprintf("a1 APPEND INBOX {%d%s}", size, plus), longText(size)+"\r\n"
					c.C(line)
					u.C(line)
					if plus == "" {
						u.S("+ go on")
						c.S("+ go on")
					}
					total += len(message)
					go io.WriteString(c.nc, message)
					u.expectRaw(message)
					u.S("a1 OK done")
					c.S("a1 OK done")
				}
				end := g.end(c, u)
				if in, out := end["client_in"].(float64), end["upstream_out"].(float64); int(in) < total || int(in) > total+1000 || int(out) < total || int(out) > total+1000 {
					t.Errorf("%v bytes from the client and %v to the upstream are counted, %d were stored", in, out, total)
				}
			})
		})
	}
}

// end logs the client out, and returns the last line of the session.
func (g *gateway) end(c *client, u *upstream) map[string]any {
	g.t.Helper()
	c.C("z LOGOUT")
	u.C("z LOGOUT")
	u.S("* BYE bye")
	u.S("z OK done")
	c.S("* BYE bye")
	c.S("z OK done")
	c.ends()
	return g.logged("session end")
}

// What ends a FETCH in the middle of a long literal ends the session: nothing else can be said to the client.
func TestLongFetchesThatAreCut(t *testing.T) {
	const size, sent = longest, 700_000
	for name, tt := range map[string]struct {
		setup  func(*Options, *limits)
		does   func(g *gateway, c *client, u *upstream)
		unread bool // the client does not read
		reason string
	}{
		"the upstream closes": {
			does:   func(_ *gateway, _ *client, u *upstream) { u.close() },
			reason: "the upstream has closed the connection",
		},
		"the upstream stops": {
			setup: silentFor(time.Second), does: func(*gateway, *client, *upstream) {}, // this test may be slow itself
			reason: "the upstream has sent nothing for 1s in the middle of a response (upstream.reply_timeout)",
		},
		"the client closes": {
			// Either goroutine may notice it first.
			does: func(_ *gateway, c *client, u *upstream) { c.reset(); go io.WriteString(u.nc, longText(size-sent)) },
		},
		"the client stops": {
			setup:  func(_ *Options, l *limits) { l.Write = 100 * time.Millisecond },
			does:   func(_ *gateway, _ *client, u *upstream) { go io.WriteString(u.nc, longText(size-sent)) },
			unread: true, reason: errClient.Error(),
		},
		"the gateway drains": {does: func(g *gateway, _ *client, _ *upstream) { g.drainsWhole() }},
		"the gateway drains, the client does not read": {
			does: func(g *gateway, _ *client, u *upstream) {
				go io.WriteString(u.nc, longText(size-sent))
				g.received(1 << 20)
				g.drainsWhole()
			},
			unread: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, start func(...func(*Options, *limits)) *gateway) {
				g := start(tt.setup)
				c, u := g.login()
				c.C("a1 FETCH 1 BODY[]")
				u.C("a1 FETCH 1 BODY[]")
				part := fmt.Sprintf("* 1 FETCH (BODY[] {%d}\r\n", size) + longText(sent)
				u.raw(part)
				if !tt.unread {
					c.expectRaw(part)
				}
				tt.does(g, c, u)
				if !tt.unread && name != "the client closes" {
					c.ends()
				}
				g.logged("session end")
				if reason, _ := g.logged("upstream ended")["err"].(string); !strings.Contains(reason, tt.reason) {
					t.Errorf("reason %q, want %q", reason, tt.reason)
				}
			})
		})
	}
}

// received waits until the gateway has read n bytes of the upstream.
func (g *gateway) received(n int64) {
	g.t.Helper()
	testkit.Eventually(g.t, "much has been read", func() bool {
		g.srv.mu.Lock()
		defer g.srv.mu.Unlock()
		for s := range g.srv.sessions {
			return s.link.usage().in > n
		}
		return false
	})
}

// A response that stops for a while goes on, and no keep-alive stands in it.
func TestLongFetchThatPauses(t *testing.T) {
	bothWays(t, func(t *testing.T, start func(...func(*Options, *limits)) *gateway) {
		g := start(func(_ *Options, l *limits) { l.FirstKeepAlive, l.KeepAlive = time.Millisecond, time.Millisecond })
		c, u := g.login()
		c.C("a1 FETCH 1 BODY[]")
		u.C("a1 FETCH 1 BODY[]")
		literal := longText(1 << 20)
		c.S("* OK exgate: still working: …")
		u.S("* 1 FETCH (BODY[] {1048576}")
		c.until("* 1 FETCH (BODY[] {1048576}")
		for from := 0; from < len(literal); from += 1 << 18 {
			u.raw(literal[from : from+1<<18])
			c.expectRaw(literal[from : from+1<<18])
			c.silent()
		}
		u.S(")")
		c.S(")")
		u.S("a1 OK done")
		c.until("a1 OK done")
	})
}

// What ends an APPEND in the middle of a long literal.
func TestLongAppendsThatAreCut(t *testing.T) {
	const size, sent = longest, 700_000
	begin := func(g *gateway) (*client, *upstream) {
		c, u := g.login()
		line := fmt.Sprintf("a1 APPEND INBOX {%d+}", size)
		c.raw(line + "\r\n" + longText(sent))
		u.C(line)
		return c, u
	}
	slow := func(_ *Options, l *limits) { l.Stall, l.MinRate = 200*time.Millisecond, 1<<40 }
	for name, tt := range map[string]struct {
		setup func(*Options, *limits)
		does  func(c *client)
		said  string // to the client
	}{
		"the client closes": {does: func(c *client) { c.close() }},
		"the client stops":  {slow, func(*client) {}, "* BYE too slow: the command was not completed in time"},
	} {
		t.Run(name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, start func(...func(*Options, *limits)) *gateway) {
				g := start(tt.setup)
				c, u := begin(g)
				u.expectRaw(longText(sent))
				tt.does(c)
				if tt.said != "" {
					c.S(tt.said)
					c.ends()
				}
				u.ends()
				g.logged("session end")
			})
		})
	}
	for name, tt := range map[string]struct {
		setup func(*Options, *limits)
		does  func(u *upstream)
	}{
		"the upstream closes": {func(*Options, *limits) {}, func(u *upstream) { u.close() }},
		"the upstream resets": {func(*Options, *limits) {}, func(u *upstream) { u.reset() }},
		"the upstream stops": {
			func(o *Options, _ *limits) { o.Upstreams[0].Backend.Timeouts.Write = 100 * time.Millisecond },
			func(*upstream) {},
		},
	} {
		t.Run(name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, start func(...func(*Options, *limits)) *gateway) {
				g := start(tt.setup, resuming)
				c, u := begin(g)
				go io.WriteString(c.nc, longText(size)[sent:]+"\r\na2 NOOP\r\n")
				if name != "the upstream stops" {
					u.expectRaw(longText(sent))
				}
				tt.does(u)
				u = g.relogin()
				c.until("a1 BAD …")
				u.C("a2 NOOP") // the end of the literal was found
				u.S("a2 OK done")
				c.S("a2 OK done")
			})
		})
	}
}
