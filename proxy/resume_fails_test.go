package proxy

import (
	"testing"
	"time"

	"exgate/proxy/delivery"
)

// The gateway tries one login. If it is refused, the client gets the reason.
func TestResumeLoginRefused(t *testing.T) {
	g := exchangeResuming(t)
	c, u := g.login()
	u.S("* BYE Connection closed. 14")
	u.close()
	g.lost()
	c.C("a1 NOOP")
	u = g.accept()
	u.S("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready")
	u.C(`xg1 LOGIN "alice" "secret"`)
	u.S("xg1 NO LOGIN failed.")
	c.S("* BYE Connection closed. 14 (exgate: …); and then: LOGIN failed. (exgate: …)")
	c.close()
	u.ends()
}

// If the server cannot be reached, the gateway tries again for limits.Reconnect.
func TestResumeUnreachable(t *testing.T) {
	g := exchangeResuming(t, func(_ *Options, l *limits) { l.Reconnect, l.ReconnectPause = time.Hour, time.Millisecond })
	c, u := g.login()
	u.close()
	c.C("a1 NOOP")
	for range 3 {
		u = g.accept()
		u.close() // without a greeting
	}
	u = g.relogin()
	u.C("a1 NOOP")
}

// The gateway notices at once that a client leaves during a resume.
func TestResumeClientLeaves(t *testing.T) {
	g := exchangeResuming(t)
	c, u := g.login()
	u.close()
	c.C("a1 NOOP")
	u = g.accept() // sends no greeting
	c.close()
	u.ends()
	g.logged("session end")
}

// A client that waits for a resume gets keep-alives with the reason.
func TestResumeKeepsTheClientPatient(t *testing.T) {
	g := exchangeResuming(t, shortWaits)
	c, u := g.login()
	u.close()
	c.C("a1 NOOP")
	g.accept() // the server stays silent
	c.until("* OK exgate: still working: exgate connects to Exchange again")
}

// If the server is silent during a resume, the gateway gives up.
func TestResumeSilentUpstream(t *testing.T) {
	g := exchangeResuming(t, func(o *Options, _ *limits) { o.Upstreams[0].Backend.Timeouts.Reply = 100 * time.Millisecond })
	c, u := g.login()
	c.C("a1 IDLE") // an IDLE may be silent for long
	u.C("a1 IDLE")
	u.S("+ idling")
	c.S("+ idling")
	c.C("DONE")
	u.C("DONE") // its end must be answered in time
	c.S("a1 OK IDLE completed.")
	u.ends()
	c.C("a2 NOOP")
	u = g.relogin()
	u.C("a2 NOOP") // no answer
	u.ends()
	u = g.relogin()
	u.C("a2 NOOP")
	u.S("a2 OK done")
	c.S("a2 OK done")
}

// A command that loses the connection each time is answered NO in the end.
func TestResumeIsBounded(t *testing.T) {
	g := exchangeResuming(t)
	c, u := g.login()
	c.C("a1 NOOP")
	u.C("a1 NOOP")
	for range delivery.MaxTries {
		u.close()
		u = g.relogin()
		u.C("a1 NOOP")
	}
	u.close()
	c.S("a1 NO [UNAVAILABLE] …")
}

func TestResumeStops(t *testing.T) {
	g := exchangeResuming(t, func(_ *Options, l *limits) { l.Linger = 0 })
	c, u := g.login()
	u.close()
	c.C("a1 NOOP")
	u = g.accept()
	g.srv.Close()
	c.S("* BYE exgate is stopping; log in again later")
	u.ends()
}
