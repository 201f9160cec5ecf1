package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"exgate/proxy/delivery"
	"exgate/proxy/testkit"
)

// These tests lose the upstream of a session in each of its states.

func TestResumeIdle(t *testing.T) {
	g := exchangeResuming(t)
	c, u := g.login()
	selects(c, u, "SELECT INBOX", contents{1, 7, 20})
	c.C("a1 IDLE")
	u.C("a1 IDLE")
	u.S("+ idling")
	c.S("+ idling")
	u.S("* BYE Session invalidated - AccessTokenExpired")
	u.close()
	u = g.relogin()
	u.reselects("SELECT INBOX", contents{2, 7, 21})
	u.proves("1:2", "* 1 FETCH (UID 19)", "* 2 FETCH (UID 20)")
	c.S("* 2 EXISTS")
	u.C("a1 IDLE")
	u.S("+ idling again") // hidden from the client, who has got one before
	u.S("* 3 EXISTS")
	c.S("* 3 EXISTS")
	c.C("DONE")
	u.C("DONE")
	u.S("a1 OK done")
	c.S("a1 OK done")
	noop(c, u)
}

func TestResumeIdleBeforeItsPlus(t *testing.T) {
	g := exchangeResuming(t)
	c, u := g.login()
	c.C("a1 IDLE")
	u.C("a1 IDLE")
	u.reset()
	u = g.relogin()
	u.C("a1 IDLE")
	u.S("+ idling")
	c.S("+ idling")
	c.C("DONE")
	u.C("DONE")
}

// The client ends its IDLE while the session has no upstream.
func TestResumeIdleEndedMeanwhile(t *testing.T) {
	g := exchangeResuming(t)
	c, u := g.login()
	c.C("a1 IDLE")
	u.C("a1 IDLE")
	u.S("+ idling")
	c.S("+ idling")
	c.C("DONE")
	u.C("DONE")
	u.close()
	c.S("a1 OK IDLE completed.")
	c.C("a2 NOOP")
	u = g.relogin()
	u.C("a2 NOOP")
}

func TestResumeDuringSelect(t *testing.T) {
	g := exchangeResuming(t)
	c, u := g.login()
	selects(c, u, "SELECT INBOX", contents{1, 7, 20})
	c.C("a1 SELECT Archive")
	u.C("a1 SELECT Archive")
	u.S("* 9 EXISTS")
	c.S("* 9 EXISTS")
	u.close()
	u = g.relogin() // INBOX is not selected again, since the client leaves it
	u.C("a1 SELECT Archive")
	for _, line := range (contents{8, 3, 30}).lines() {
		u.S(line)
		c.S(line)
	}
	u.S("a1 OK [READ-WRITE] done")
	c.S("a1 OK [READ-WRITE] done")
	u.close()
	c.C("a2 NOOP")
	u = g.relogin()
	u.reselects("SELECT Archive", contents{8, 3, 30})
	u.proves("8:8", "* 8 FETCH (UID 29)")
	u.C("a2 NOOP")
}

// CLOSE and SELECT leave the mailbox, so its numbering need not be proved before them.
func TestResumeForCloseAndSelect(t *testing.T) {
	changed := contents{1, 7, 30}
	t.Run("CLOSE", func(t *testing.T) {
		g := exchangeResuming(t)
		c, u := g.login()
		selects(c, u, "SELECT INBOX", contents{5, 7, 20})
		c.C("a1 CLOSE")
		u.C("a1 CLOSE")
		u.close()
		u = g.relogin()
		u.reselects("SELECT INBOX", changed)
		u.C("a1 CLOSE")
		u.S("a1 OK done")
		c.S("a1 OK done")
	})
	t.Run("SELECT", func(t *testing.T) {
		g := exchangeResuming(t)
		c, u := g.login()
		selects(c, u, "SELECT INBOX", contents{5, 7, 20})
		u.close()
		c.C("a1 SELECT INBOX")
		u = g.relogin()
		u.C("a1 SELECT INBOX")
	})
}

func TestResumeLogout(t *testing.T) {
	for name, lost := range map[string]bool{"lost before": true, "lost in its course": false} {
		t.Run(name, func(t *testing.T) {
			g := exchangeResuming(t)
			c, u := g.login()
			if lost {
				u.close()
				g.lost()
			}
			c.C("a1 LOGOUT")
			if !lost {
				u.C("a1 LOGOUT")
				u.close()
			}
			c.S("* BYE exgate signing off.")
			c.S("a1 OK LOGOUT completed.")
			c.ends()
		})
	}
	t.Run("after the BYE", func(t *testing.T) {
		c, u := exchangeResuming(t).login()
		c.C("a1 LOGOUT")
		u.C("a1 LOGOUT")
		u.S("* BYE bye")
		c.S("* BYE bye")
		u.close()
		c.S("a1 OK LOGOUT completed.")
		c.ends()
	})
}

// lost waits until the gateway's only session has noticed the loss of its upstream. The client is not told of it.
func (g *gateway) lost() {
	g.t.Helper()
	testkit.Eventually(g.t, "the loss is noticed", func() bool { return g.log.contains("upstream ended") })
}

// A session cannot be resumed if the client has got a part of a response.
func TestResumeNotInsideAResponse(t *testing.T) {
	g := exchangeResuming(t)
	c, u := g.login()
	c.C("a1 FETCH 1 BODY[]")
	u.C("a1 FETCH 1 BODY[]")
	u.raw("* 1 FETCH (BODY[] {10}\r\n01234")
	c.expectRaw("* 1 FETCH (BODY[] {10}\r\n01234")
	u.close()
	c.ends()
}

// A command of which the upstream got only a part was not done, and the client is told so.
func TestResumeCommandCutShort(t *testing.T) {
	for name, tt := range map[string]struct{ first, rest string }{
		"before the +":           {"a1 CREATE {3}\r\n", ""},
		"before the +, not sync": {"a1 CREATE {3+}\r\n", "abc\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			g := exchangeResuming(t)
			c, u := g.login()
			c.raw(tt.first + tt.rest)
			u.C("a1 CREATE {3}")
			u.close()
			c.S("a1 NO [UNAVAILABLE] CREATE: …; nothing was done")
			c.C("a2 NOOP")
			u = g.relogin()
			u.C("a2 NOOP")
			u.S("a2 OK done")
			c.S("a2 OK done")
		})
	}
	t.Run("in the literal", func(t *testing.T) {
		g := exchangeResuming(t)
		c, u := g.login()
		c.C("a1 CREATE {3}")
		u.C("a1 CREATE {3}")
		u.S("+ go")
		c.S("+ go")
		u.close()
		g.lost()
		c.raw("abc\r\n")
		c.S("a1 NO [UNAVAILABLE] CREATE: …; nothing was done")
	})
}

// A short literal is sent again with its command.
func TestResumeCommandWithALiteral(t *testing.T) {
	g := exchangeResuming(t)
	c, u := g.login()
	c.C("a1 STATUS {3}")
	u.C("a1 STATUS {3}")
	u.S("+ go")
	c.S("+ go")
	c.raw("a&b (MESSAGES)\r\n")
	u.C("a&b (MESSAGES)")
	u.close()
	u = g.relogin()
	u.C("a1 STATUS {3}")
	u.S("+ once more")
	u.C("a&b (MESSAGES)")
	u.S("a1 OK done")
	c.S("a1 OK done")
}

// Pipelined commands are sent again in their order. A command with message numbers is not sent again after an EXPUNGE,
// which changes the numbers.
func TestResumePipelined(t *testing.T) {
	g := newGateway(t, resuming)
	c, u := g.login()
	selects(c, u, "SELECT INBOX", contents{5, 7, 20})
	c.raw("a1 NOOP\r\na2 STORE 5 +FLAGS (x)\r\na3 UID FETCH 19 FLAGS\r\n")
	for _, line := range []string{"a1 NOOP", "a2 STORE 5 +FLAGS (x)", "a3 UID FETCH 19 FLAGS"} {
		u.C(line)
	}
	u.S("* 1 EXPUNGE")
	c.S("* 1 EXPUNGE")
	u.close()
	c.S("a2 NO [UNAVAILABLE] …it is not known whether it was done")
	u = g.relogin()
	u.C("xg2 SELECT INBOX")
	for _, line := range (contents{4, 7, 20}).lines() {
		u.S(line)
	}
	u.S("xg2 OK done")
	u.C("xg3 FETCH 4:4 (UID)")
	u.S("* 4 FETCH (UID 19)")
	u.S("xg3 OK done")
	u.C("a1 NOOP")
	u.C("a3 UID FETCH 19 FLAGS")
	u.S("a1 OK done")
	c.S("a1 OK done")
}

// ENABLE is sent again on the new connection. After commands whose state cannot be restored, such as NOTIFY, the
// session ends.
func TestResumeWhatWasEnabled(t *testing.T) {
	g := newGateway(t, resuming)
	c, u := g.login()
	c.C("a1 ENABLE UTF8=ACCEPT")
	u.C("a1 ENABLE UTF8=ACCEPT")
	u.S("a1 OK done")
	c.S("a1 OK done")
	u.close()
	c.C("a2 NOOP")
	u = g.relogin()
	u.C("xg2 ENABLE UTF8=ACCEPT")
	u.S("* ENABLED UTF8=ACCEPT")
	u.S("xg2 OK done")
	u.C("a2 NOOP")
	u.S("a2 OK done")
	c.S("a2 OK done")
	c.C("a3 ENABLE QRESYNC")
	u.C("a3 ENABLE QRESYNC")
	u.S("a3 OK done")
	c.S("a3 OK done")
	u.close()
	c.C("a4 NOOP")
	c.S("* BYE …the session cannot be resumed after ENABLE QRESYNC")
}

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

// A throttled command is sent again after the back-off. Throttles come in three shapes (docs/exchange.md#throttling).
func TestThrottledCommandIsSentAgain(t *testing.T) {
	for name, tt := range map[string]struct {
		reply  string
		closes bool
	}{
		"NO":          {"a1 NO Request is throttled. Suggested Backoff Time: 5 milliseconds", false},
		"BAD":         {"a1 BAD Request is throttled. Suggested Backoff Time: 5 milliseconds", false},
		"BAD and BYE": {"a1 BAD Request is throttled. Suggested Backoff Time: 5 milliseconds\r\n* BYE Connection closed. 14", true},
	} {
		t.Run(name, func(t *testing.T) {
			g := exchangeResuming(t)
			c, u := g.login()
			c.raw("a1 FETCH 1 FLAGS\r\na2 NOOP\r\n")
			u.C("a1 FETCH 1 FLAGS")
			u.S(tt.reply)
			if tt.closes {
				u.close()
				u = g.relogin()
			}
			u.C("a1 FETCH 1 FLAGS")
			u.S("a1 OK done")
			c.S("a1 OK done")
			u.C("a2 NOOP")
			u.S("a2 OK done")
			c.S("a2 OK done")
		})
	}
	t.Run("again and again", func(t *testing.T) {
		c, u := exchangeResuming(t).login()
		c.C("a1 FETCH 1 FLAGS")
		for range delivery.MaxTries {
			u.C("a1 FETCH 1 FLAGS")
			u.S("a1 NO Request is throttled. Suggested Backoff Time: 1 milliseconds")
		}
		u.C("a1 FETCH 1 FLAGS")
		u.S("a1 NO Request is throttled. Suggested Backoff Time: 1 milliseconds")
		c.S("a1 NO Request is throttled. Suggested Backoff Time: 1 milliseconds")
		noop(c, u)
	})
}

// The gateway renews the connection before Exchange's tenth error. It closes the old connection only after the new one
// is proved.
func TestRenewal(t *testing.T) {
	was := contents{2, 7, 20}
	proof := []string{"* 2 FETCH (UID 19)"}
	errors := func(c *client, u *upstream, n int) {
		for range n {
			c.C("a1 STORE 1 +FLAGS (x)")
			u.C("a1 STORE 1 +FLAGS (x)")
			u.S("a1 BAD Command Argument Error. 11")
			c.S("a1 BAD Command Argument Error. 11")
		}
	}
	t.Run("proved", func(t *testing.T) {
		g := exchangeResuming(t)
		c, old := g.login()
		selects(c, old, "SELECT INBOX", was)
		errors(c, old, renewAt)
		c.C("a2 NOOP")
		u := g.relogin()
		u.reselects("SELECT INBOX", was)
		u.proves("2:2", proof...)
		old.ends()
		u.C("a2 NOOP")
		u.S("a2 OK done")
		c.S("a2 OK done")
		errors(c, u, 1) // the new connection has a count of its own
		noop(c, u)
		c.C("a3 LOGOUT")
		u.C("a3 LOGOUT")
		u.S("a3 OK done")
		c.S("a3 OK done")
		if end := g.logged("session end"); end["renewed"] != 1.0 || end["errors"] != float64(renewAt+1) {
			t.Errorf("the log says %v", end)
		}
	})
	t.Run("not proved", func(t *testing.T) {
		g := exchangeResuming(t)
		c, old := g.login()
		selects(c, old, "SELECT INBOX", was)
		errors(c, old, renewAt)
		c.C("a2 NOOP")
		u := g.relogin()
		u.reselects("SELECT INBOX", contents{1, 7, 20})
		u.ends()
		old.C("a2 NOOP")
		old.S("a2 OK done")
		c.S("a2 OK done")
		noop(c, old) // exgate does not try again
	})
}

// What is enabled is remembered once, and said again in one command. Who enables more
// than is remembered keeps the session to the end of its connection.
func TestEnableIsBounded(t *testing.T) {
	enable := func(c *client, u *upstream, args string) {
		t.Helper()
		c.C("a1 ENABLE " + args)
		u.C("a1 ENABLE " + args)
		u.S("a1 OK done")
		c.S("a1 OK done")
	}
	t.Run("many times", func(t *testing.T) {
		g := exchangeResuming(t)
		c, u := g.login()
		for i := range 500 {
			enable(c, u, []string{"UTF8=ACCEPT", "utf8=accept  X-A", "X-A UTF8=ACCEPT x-b"}[i%3])
		}
		u.close()
		g.lost()
		c.C("a2 NOOP")
		u = g.relogin()
		u.C("xg3 ENABLE UTF8=ACCEPT X-A x-b")
		u.S("xg3 OK done")
		u.C("a2 NOOP")
		u.S("a2 OK done")
		c.S("a2 OK done")
	})
	for name, args := range map[string]func(i int) string{
		"many names":  func(i int) string { return fmt.Sprint("X-NAME-", i) },
		"a long name": func(i int) string { return strings.Repeat("X", 60_000) + fmt.Sprint(i) },
	} {
		t.Run(name, func(t *testing.T) {
			g := exchangeResuming(t)
			c, u := g.login()
			for i := range 200 {
				enable(c, u, args(i))
			}
			g.srv.sessions.mu.Lock()
			for conn := range g.srv.sessions.open {
				if _, enabled := conn.link.repeatable(); len(strings.Join(enabled, " ")) > maxEnabled {
					t.Errorf("%d names are remembered", len(enabled))
				}
			}
			g.srv.sessions.mu.Unlock()
			u.close()
			c.S("* BYE …the session cannot be resumed after ENABLE of so much")
			c.ends()
		})
	}
}
