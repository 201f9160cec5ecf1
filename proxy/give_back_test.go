package proxy

import (
	"runtime"
	"strings"
	"testing"

	"exgate/proxy/testkit"
)

// The buffer of a session that idles under TLS is given back, and the session goes on.
func TestIdleSessionsGiveBuffersBack(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("buffers are given back on Linux only")
	}
	g := newTLSGateway(t, ListenImplicit)
	c := g.dial()
	c.secure()
	u := g.logInAs(c)
	for range 2 {
		line := `a1 SEARCH SUBJECT "` + strings.Repeat("x", 12<<10) + `"`
		c.raw(line + "\r\n") // one record
		u.C(line)
		u.S("* SEARCH")
		u.S("a1 OK done")
		c.S("* SEARCH")
		c.S("a1 OK done")
		testkit.Eventually(t, "the buffer is given back", func() bool { return g.srv.GiveBack() >= 8<<10 })
		noop(c, u)
	}
	c.close()
	u.ends()
}
