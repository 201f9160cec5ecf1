package proxy

import (
	"fmt"
	"testing"

	"exgate/proxy/delivery"
)

// An APPEND that fails for no fault of its message is answered BAD, after which mbsync sends the
// message again (replies.NotYet).
func TestAppendNotYet(t *testing.T) {
	const message = "Subject: hi\r\n\r\n"
	for name, tt := range map[string]struct {
		stored  bool // Exchange has read the message
		outcome string
	}{
		"nothing is stored": {false, "nothing was stored"},
		"not known":         {true, "it is not known whether the message was stored"},
	} {
		t.Run(name, func(t *testing.T) {
			g := exchangeResuming(t)
			c, u := g.login()
			c.raw("a1 APPEND INBOX {15+}\r\n" + message + "\r\n")
			u.C("xg3 STATUS INBOX (UIDNEXT UIDVALIDITY)")
			u.S("* STATUS INBOX (UIDNEXT 5 UIDVALIDITY 1)")
			u.S("xg3 OK done")
			u.C("xg4 APPEND INBOX {15}")
			if tt.stored {
				u.S("+ go")
				u.expectRaw(message + "\r\n")
			}
			g.up.Close() // Exchange cannot be reached
			u.close()
			c.S("a1 BAD [UNAVAILABLE] …; " + tt.outcome)
			c.C("a2 NOOP")
			c.S("* BYE …")
			c.ends()
		})
	}
}

// Profile plain relays APPEND, and its loss is answered in the same way.
func TestAppendNotYetRelayed(t *testing.T) {
	g := newGateway(t, resuming)
	c, u := g.login()
	c.C("a1 APPEND INBOX {3}")
	u.C("a1 APPEND INBOX {3}")
	u.close()
	c.S("a1 BAD [UNAVAILABLE] APPEND: …; nothing was done")
	c.C("a2 CHECK")
	u = g.relogin()
	u.C("a2 CHECK")
	u.S("a2 OK done")
	c.S("a2 OK done")
}

// A message that Exchange throttles each time may go later.
func TestAppendThrottledEachTime(t *testing.T) {
	g := newGateway(t, withProfile(exchangeProfile))
	c, u := g.login()
	c.raw("a1 APPEND INBOX {3+}\r\nabc\r\n")
	for n := range delivery.MaxTries + 1 {
		u.C(fmt.Sprintf("xg%d APPEND INBOX {3}", n+3))
		u.S("+ go")
		u.C("abc")
		u.S(fmt.Sprintf("xg%d NO Request is throttled. Suggested Backoff Time: 1 milliseconds", n+3))
	}
	c.S("a1 BAD …throttled…")
}
