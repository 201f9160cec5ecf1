package proxy

import (
	"context"
	"crypto/tls"
	"slices"
	"testing"
	"time"

	"exgate/backend"
	"exgate/backend/exchangesim"
	"exgate/proxy/slots"
	"exgate/proxy/status"
	"exgate/proxy/testkit"
)

// When the gateway drains, commands in flight finish, waits end, and idle sessions get BYE.
func TestDrain(t *testing.T) {
	g := exchangeResuming(t, func(_ *Options, l *limits) { l.Linger = 0 })
	before := g.dial()
	before.S("* OK …")
	resting, _ := g.login()
	idling, ui := g.login()
	idling.C("a1 IDLE")
	ui.C("a1 IDLE")
	ui.S("+ idling")
	idling.S("+ idling")
	busy, ub := g.login()
	busy.C("a1 FETCH 1 FLAGS")
	ub.C("a1 FETCH 1 FLAGS")
	storing, us := g.login()
	storing.raw("a1 APPEND INBOX {3+}\r\nabc\r\n")
	us.C("xg3 STATUS INBOX (UIDNEXT UIDVALIDITY)")
	sending, un := g.login()
	sending.C("a1 APPEND INBOX {3}")
	sending.S("+ …")
	lost, ul := g.login()
	ul.close()
	g.lost()

	drained := make(chan struct{})
	go func() {
		g.srv.Drain(t.Context())
		close(drained)
	}()
	const bye = "* BYE exgate is stopping; log in again later"
	for _, c := range []*client{before, resting, idling, lost} {
		c.S(bye)
		c.ends()
	}
	ub.S("* 1 FETCH (FLAGS ())")
	ub.S("a1 OK done")
	busy.S("* 1 FETCH (FLAGS ())")
	busy.S("a1 OK done")
	busy.S(bye)
	busy.ends()
	us.S("* STATUS INBOX (UIDNEXT 5 UIDVALIDITY 1)")
	us.S("xg3 OK done")
	us.C("xg4 APPEND INBOX {3}")
	us.S("+ go")
	us.C("abc")
	us.S("xg4 OK [APPENDUID 1 5] done")
	storing.S("a1 OK [APPENDUID 1 5] …")
	storing.S(bye)
	storing.ends()
	// A command of which the client has sent a part counts as in flight.
	sending.raw("abc")
	sending.raw("\r\n")
	un.C("xg3 APPEND INBOX {3}") // the UID that the other was told is a mark
	un.S("+ go")
	un.C("abc")
	un.S("xg3 OK [APPENDUID 1 6] done")
	sending.S("a1 OK [APPENDUID 1 6] …")
	sending.S(bye)
	sending.ends()
	<-drained
}

func TestDrainEndsWaits(t *testing.T) {
	g := exchangeResuming(t, func(_ *Options, l *limits) { l.Linger = 0 }, connections(slots.Limits{PerLogin: 2, MaxWait: time.Hour}))
	fetching, _ := g.login()
	storing, _ := g.login()
	account := g.srv.accounts.get("", "alice", backend.Pacing{}, 0)
	account.Throttle.Block(time.Hour)
	g.srv.accounts.close(account)
	coming := g.dial()
	coming.S("* OK …")
	before := g.l.read.Load()
	coming.C("a1 LOGIN alice secret")
	fetching.C("a1 FETCH 1 BODY[]")
	storing.raw("a1 APPEND INBOX {3+}\r\nabc\r\n")
	testkit.Eventually(t, "all has been read", func() bool { return g.l.read.Load() == before+23+19+27 })
	testkit.Eventually(t, "all wait", func() bool {
		waits := []status.State{status.StateThrottled, status.StatePaced, status.StateWaiting}
		all := g.srv.Snapshot().Sessions
		return len(all) == 3 && !slices.ContainsFunc(all, func(s status.Session) bool { return !slices.Contains(waits, s.State) })
	})
	g.srv.Drain(t.Context())
	const bye = "* BYE exgate is stopping; log in again later"
	coming.S("a1 NO [UNAVAILABLE] the session ends; log in again later")
	coming.S(bye)
	fetching.S(bye)
	storing.S("a1 BAD [UNAVAILABLE] the session ends; nothing was stored")
	storing.S(bye)
}

// Sessions that are still busy at the deadline are ended.
func TestDrainDeadline(t *testing.T) {
	g := exchangeResuming(t, func(_ *Options, l *limits) { l.Linger = 0 })
	c, u := g.login()
	c.C("a1 FETCH 1 FLAGS")
	u.C("a1 FETCH 1 FLAGS")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	g.srv.Drain(ctx)
	c.S("* BYE exgate is stopping; log in again later")
	c.ends()
}

// Reloaded options hold for new clients only.
func TestReload(t *testing.T) {
	g := newGateway(t, withProfile(exchangeProfile))
	old, u := g.login()
	opts := g.srv.settings.Load().opts
	limits := defaultLimits
	withProfile(plainProfile)(&opts, &limits)
	opts.Upstreams[0].Connections = slots.Limits{PerLogin: 1, MaxWait: time.Millisecond}
	opts.Certificate = tls.Certificate{Certificate: [][]byte{{1}}}
	if err := g.srv.Reload(opts); err != nil {
		t.Fatal(err)
	}
	old.C("a1 XYZZY")
	old.S("a1 BAD Exchange does not know this command, …")
	noop(old, u)
	waiting := g.dial()
	waiting.S("* OK …")
	waiting.C("a0 LOGIN alice secret")
	waiting.S("a0 NO [UNAVAILABLE] …")
	old.close()
	u.ends()
	g.logged("session end") // its slot is free by then
	c, u := g.login()
	c.C("a1 XYZZY")
	u.C("a1 XYZZY")
	if got := g.srv.settings.Load().tls.Certificates[0].Certificate[0][0]; got != 1 {
		t.Error("the certificate is the old one")
	}
	opts.Upstreams[0].Backend.Address = "nonsense"
	if err := g.srv.Reload(opts); err == nil {
		t.Error("nonsense was taken")
	}
	noopAgain := "a2 NOOP"
	u.S("a1 OK done")
	c.S("a1 OK done")
	c.C(noopAgain)
	u.C(noopAgain)
}

// A message whose connection is lost, while the gateway drains, is answered with the reason.
func TestDrainAmidALostMessage(t *testing.T) {
	for fault, outcome := range map[string]string{
		"cut-append:60": "nothing was stored",
		"lost-append":   "it is not known whether the message was stored",
	} {
		t.Run(fault, func(t *testing.T) {
			g, sim := newSimulated(t, exchangesim.Config{}, withProfile(exchangeProfile), resuming, func(_ *Options, l *limits) {
				l.Linger, l.Reconnect, l.ReconnectPause = 0, 2*time.Hour, time.Hour
			})
			c := g.loggedIn()
			for _, fault := range []string{fault, "bye:13:GREETING"} {
				if err := sim.AddFault(fault); err != nil {
					t.Fatal(err)
				}
			}
			c.upload("INBOX", cleanMessage)
			testkit.Eventually(t, "exgate waits before it logs in again", func() bool { return g.log.contains("trying again") })
			g.srv.Drain(t.Context())
			c.until("a1 BAD [UNAVAILABLE] the session ends; "+outcome, "* …")
			if g.log.contains("message without a reply") {
				t.Errorf("the drain counts as a failure of Exchange\n%s", g.log)
			}
		})
	}
}
