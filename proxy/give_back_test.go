package proxy

import (
	"runtime"
	"strings"
	"testing"

	"exgate/proxy/testkit"
)

// The buffer of a session that idles under TLS is given back, by its own gateway only, and the session goes on.
func TestIdleSessionsGiveBuffersBack(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("buffers are given back on Linux only")
	}
	long := strings.Repeat(" 1", 6<<10)
	for name, tt := range map[string]struct {
		login func(t *testing.T) (*gateway, *client, *upstream) // a session with TLS on one side
		says  func(c *client, u *upstream)                      // has a long record come from there
	}{
		"a client": {
			func(t *testing.T) (*gateway, *client, *upstream) {
				g := newTLSGateway(t, ListenImplicit)
				c := g.dial()
				c.secure()
				return g, c, g.logInAs(c)
			},
			func(c *client, u *upstream) {
				c.C("a1 SEARCH UNSEEN" + long)
				u.C("a1 SEARCH UNSEEN" + long)
				u.S("* SEARCH")
				c.S("* SEARCH")
			},
		},
		"an upstream": {
			func(t *testing.T) (*gateway, *client, *upstream) {
				setup, loginTLS := upstreamUnderTLS(t)
				g := newGateway(t, setup)
				c := g.dial()
				return g, c, loginTLS(g, c)
			},
			func(c *client, u *upstream) {
				c.C("a1 SEARCH UNSEEN")
				u.C("a1 SEARCH UNSEEN")
				u.S("* SEARCH" + long)
				c.S("* SEARCH" + long)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g, c, u := tt.login(t)
			other := newGateway(t)
			for range 2 {
				tt.says(c, u)
				u.S("a1 OK done")
				c.S("a1 OK done")
				testkit.Eventually(t, "the buffer is given back", func() bool {
					if n := other.srv.GiveBack() + other.srv.GiveBack(); n > 0 {
						t.Errorf("another gateway has given back %d bytes", n)
					}
					return g.srv.GiveBack() >= 8<<10
				})
				noop(c, u)
			}
			c.close()
			u.ends()
		})
	}
}
