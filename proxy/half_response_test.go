package proxy

import (
	"context"
	"strings"
	"testing"
	"time"

	"exgate/proxy/testkit"
)

// briefly lets a session's end take no longer than a test can wait.
func briefly(_ *Options, l *limits) { l.Linger, l.Farewell = 0, 300*time.Millisecond }

// silentFor has the upstream given up after a silence.
func silentFor(d time.Duration) func(*Options, *limits) {
	return func(o *Options, _ *limits) { o.Upstreams[0].Backend.Timeouts.Reply = d }
}

// halfResponse is the beginning of a response without its end.
const halfResponse = "* 1 FETCH (BODY[] {1000}\r\nabc"

// drains drains a gateway whose sessions do not finish.
func (g *gateway) drains() {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(g.t.Context(), 20*time.Millisecond)
	defer cancel()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		g.srv.Drain(ctx)
	}()
	select {
	case <-drained:
	case <-time.After(testkit.WaitLimit):
		g.t.Fatalf("the gateway does not drain\n%s", g.said)
	}
}

// drainsWhole is drains, and leaves no session behind.
func (g *gateway) drainsWhole() {
	g.t.Helper()
	g.drains()
	if g.log.contains(leftBehind) {
		g.t.Error("sessions were left behind")
	}
}

// leftBehind is what the log says of sessions that do not end.
const leftBehind = "sessions do not end, and are left behind"

// An upstream that stops in the middle of a response does not keep the gateway
// from ending. The client hears nothing more, which it would take for data.
func TestDrainInTheMiddleOfAResponse(t *testing.T) {
	for name, command := range map[string]string{"of a command": "a1 UID FETCH 1 BODY[]", "unasked": ""} {
		t.Run(name, func(t *testing.T) {
			g := exchangeResuming(t, briefly)
			c, u := g.login()
			if command != "" {
				c.C(command)
				u.C(command)
			}
			u.raw(halfResponse)
			c.expectRaw(halfResponse)
			g.drainsWhole()
			c.ends()
		})
	}
}

// What else waits to be said to the client meanwhile does not either.
func TestDrainWhileOthersWaitToWrite(t *testing.T) {
	g := exchangeResuming(t, briefly)
	refused, u := g.login()
	u.raw(halfResponse)
	refused.expectRaw(halfResponse)
	before := g.l.read.Load()
	refused.C("a1 XYZZY")
	storing, u2 := g.login()
	u2.raw(halfResponse)
	storing.expectRaw(halfResponse)
	storing.C("a1 APPEND INBOX {99000000}")
	testkit.Eventually(t, "the commands have been read", func() bool { return g.l.read.Load() >= before+10+23+28 })
	g.drainsWhole()
	refused.ends()
	storing.ends()
}

// A client that does not read holds nobody up.
func TestDrainWithAClientThatDoesNotRead(t *testing.T) {
	g := exchangeResuming(t, briefly)
	c, u := g.login()
	c.C("a1 FETCH 1 BODY[]")
	u.C("a1 FETCH 1 BODY[]")
	stopped := make(chan struct{})
	go func() { // until the gateway takes no more
		defer close(stopped)
		big := []byte("* 1 FETCH (BODY[] {1000000000}\r\n" + strings.Repeat("x", 1<<20))
		for {
			if _, err := u.nc.Write(big); err != nil {
				return
			}
		}
	}()
	testkit.Eventually(t, "much has been read", func() bool {
		g.srv.mu.Lock()
		defer g.srv.mu.Unlock()
		for s := range g.srv.sessions {
			return s.link.usage().in > 1<<20
		}
		return false
	})
	g.drainsWhole()
	<-stopped
}

// A session that owes its client a BYE ends although the turn to say it never
// comes.
func TestByeInTheMiddleOfAResponse(t *testing.T) {
	g := newGateway(t, briefly, func(_ *Options, l *limits) { l.Line = 20 * time.Millisecond })
	c, u := g.login()
	u.raw(halfResponse)
	c.expectRaw(halfResponse)
	c.raw("a1 NOO")
	c.ends()
	if end := g.logged("session end")["reason"]; !strings.HasPrefix(end.(string), "too slow") {
		t.Errorf("the reason in the log is %q", end)
	}
	u.ends()
}

// The rest of a response that has begun is awaited no longer than a reply, even
// where nothing has been asked.
func TestSilenceInTheMiddleOfAResponse(t *testing.T) {
	g := exchangeResuming(t, briefly, silentFor(100*time.Millisecond))
	c, u := g.login()
	u.raw(halfResponse)
	c.expectRaw(halfResponse)
	c.ends()
	u.ends()
	if err := g.logged("upstream ended")["err"]; !strings.Contains(err.(string), "in the middle of a response") {
		t.Errorf("the reason in the log is %q", err)
	}
}

// A response that has ended is not awaited any more.
func TestSilenceAfterAResponse(t *testing.T) {
	g := newGateway(t, silentFor(20*time.Millisecond))
	c, u := g.login()
	const whole = "* 1 FETCH (BODY[] {3}\r\nabc)\r\n"
	u.raw(whole[:25])
	c.expectRaw(whole[:25])
	u.raw(whole[25:])
	c.expectRaw(whole[25:])
	c.silent()
	noop(c, u)
}

// A session that does not end at all does not keep the gateway from ending.
func TestCloseLeavesBehind(t *testing.T) {
	g := newGateway(t, briefly)
	g.srv.conns.Add(1)
	defer g.srv.conns.Done()
	g.drains()
	g.logged(leftBehind)
}
