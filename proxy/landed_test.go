package proxy

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"exgate/backend/exchangesim"
	"exgate/proxy/testkit"
)

// wireCutter relays between the gateway and its upstream. It cuts a connection after a number of bytes in one
// direction.
type wireCutter struct {
	t    *testing.T
	l    *net.TCPListener
	to   string
	wait sync.WaitGroup

	mu    sync.Mutex
	armed bool
	up    bool // bytes towards the upstream are counted
	left  int  // bytes that still pass
	cuts  int
}

func newWireCutter(t *testing.T, to string) *wireCutter {
	w := &wireCutter{t: t, l: testkit.Listen(t), to: to}
	w.wait.Go(w.serve)
	t.Cleanup(func() { w.l.Close(); w.wait.Wait() })
	return w
}

func (w *wireCutter) serve() {
	for {
		near, err := w.l.AcceptTCP()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", w.to)
		if err != nil {
			near.Close()
			continue
		}
		w.wait.Go(func() { w.copy(far, near, true) })
		w.wait.Go(func() { w.copy(near, far, false) })
	}
}

// cutAfter orders a cut after n more bytes in one direction, counted over all connections.
func (w *wireCutter) cutAfter(up bool, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.armed, w.up, w.left = true, up, n
}

// disarm cancels an ordered cut. It reports whether there was one to cancel.
func (w *wireCutter) disarm() (unused bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	unused, w.armed = w.armed, false
	return unused
}

func (w *wireCutter) copy(to, from net.Conn, up bool) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		pass, cut := n, false
		w.mu.Lock()
		if w.armed && w.up == up {
			pass = min(n, w.left)
			w.left -= pass
			if cut = pass < n || w.left == 0; cut {
				w.armed = false
				w.cuts++
			}
		}
		w.mu.Unlock()
		if _, writeErr := to.Write(buf[:pass]); writeErr != nil || cut || err != nil {
			return
		}
	}
}

// newCutSimulated starts a gateway that reaches a simulated Exchange through a wireCutter, with resuming on.
func newCutSimulated(t *testing.T, cfg exchangesim.Config, setups ...func(*Options, *limits)) (*gateway, *exchangesim.Server, *wireCutter) {
	t.Helper()
	var cut *wireCutter
	through := func(o *Options, l *limits) {
		cut = newWireCutter(t, o.Upstreams[0].Backend.Address)
		o.Upstreams[0].Backend.Address = cut.l.Addr().String()
		l.Looks, l.LooksPending, l.Replay = []time.Duration{0, 20 * time.Millisecond, 200 * time.Millisecond}, nil, 0
	}
	g, sim := newSimulated(t, cfg, append([]func(*Options, *limits){withProfile(exchangeProfile), resuming, through}, setups...)...)
	return g, sim, cut
}

// loginSimulated opens a session with the simulated Exchange.
func (g *gateway) loginSimulated() *client {
	g.t.Helper()
	c := g.dial()
	c.S("* OK …")
	c.C("a0 LOGIN alice@example.com alicepass")
	c.until("a0 OK [CAPABILITY …] …")
	return c
}

// An APPEND is cut at every byte of its upstream conversation. In the end the message is in the mailbox exactly once,
// or the client was told that it is not.
func TestAppendCutAnywhere(t *testing.T) {
	const parts = 4 // run in parallel, since most of the time is spent waiting
	for name, tt := range map[string]struct{ selects, mailbox, flags string }{
		"another mailbox": {"", "Drafts", `(\Seen)`},
		"the mailbox selected, with a flag that is replayed": {"SELECT INBOX", "INBOX", `(\Flagged)`},
	} {
		for part := range 2 * parts {
			up := part%2 == 0
			t.Run(fmt.Sprintf("%s, upwards %t, part %d", name, up, part/2), func(t *testing.T) {
				t.Parallel()
				g, sim, cut := newCutSimulated(t, exchangesim.Config{})
				outcomes := map[string]int{}
				for at := 1 + part/2; ; at += parts {
					id := fmt.Sprintf("<%t-%d@example.com>", up, at)
					message := "From: a@example.com\r\nMessage-ID: " + id + "\r\nSubject: cut\r\n\r\nHello.\r\n"
					c := g.loginSimulated()
					if tt.selects != "" {
						c.C("a1 " + tt.selects)
						c.until("a1 OK …", "* …")
					}
					cut.cutAfter(up, at)
					c.C(fmt.Sprintf("a2 APPEND %s %s {%d}", tt.mailbox, tt.flags, len(message)))
					c.until("+ …")
					c.raw(message + "\r\n")
					reply := c.S("…")
					for strings.HasPrefix(reply, "* ") {
						reply = c.S("…")
					}
					unused := cut.disarm()
					c.close()
					count, flagged := 0, false
					for _, m := range sim.Messages("alice", tt.mailbox) {
						if strings.Contains(string(m.Received), id) {
							count++
							flagged = m.OutlookFlagged
						}
					}
					want := 1
					if !strings.HasPrefix(reply, "a2 OK [APPENDUID ") {
						want = 0
					}
					if count != want || flagged != (want == 1 && strings.Contains(tt.flags, "Flagged")) {
						t.Fatalf("cut after byte %d: %d messages, flagged %t, the client was told %s\n%s", at, count, flagged, reply, g.log)
					}
					outcomes[strings.Fields(reply)[1]]++
					g.said.reset()
					if unused {
						break
					}
				}
				t.Logf("%d cuts: %v", cut.cuts, outcomes)
				if outcomes["NO"] > 0 {
					t.Errorf("%d were refused; Exchange could be asked each time", outcomes["NO"])
				}
			})
		}
	}
}

// Exchange 2007 has no UIDPLUS. A message whose reply was lost is found there too, and so is a message whose \Flagged
// is set afterwards.
func TestAppendCutWithoutUIDPLUS(t *testing.T) {
	u := func(g *gateway) (*client, *upstream) { return g.login() }
	g := exchangeResuming(t, func(o *Options, l *limits) { l.Looks, l.LooksPending = []time.Duration{0}, nil })
	c, up := u(g)
	c.raw("a1 APPEND Drafts (\\Flagged) {28+}\r\nMessage-ID: <1@x>\r\n\r\nhello\r\n\r\n")
	up.C("xg3 STATUS Drafts (UIDNEXT UIDVALIDITY)")
	up.S("* STATUS Drafts (UIDNEXT 20 UIDVALIDITY 7)")
	up.S("xg3 OK done")
	up.C("xg4 APPEND Drafts {28}")
	up.S("+ go")
	up.expectRaw("Message-ID: <1@x>\r\n\r\nhello\r\n\r\n")
	up.close()
	up = g.relogin()
	up.C("xg3 EXAMINE Drafts")
	up.S("* 3 EXISTS")
	up.S("* OK [UIDVALIDITY 7] it")
	up.S("* OK [UIDNEXT 22] it")
	up.S("xg3 OK done")
	up.C("xg4 UID FETCH 20:* (UID INTERNALDATE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID SUBJECT FROM DATE)])")
	up.raw("* 2 FETCH (UID 20 BODY[HEADER.FIELDS (MESSAGE-ID SUBJECT FROM DATE)] {4}\r\n\r\n\r\n)\r\n")
	up.raw("* 3 FETCH (BODY[HEADER.FIELDS (MESSAGE-ID SUBJECT FROM DATE)] {24}\r\nMessage-Id:\r\n  <1@x>\r\n\r\n UID 21)\r\n")
	up.S("xg4 OK done")
	up.C("xg5 FETCH 1:3 (UID)")
	up.raw("* 1 FETCH (UID 19)\r\n* 2 FETCH (UID 20)\r\n* 3 FETCH (UID 21)\r\n")
	up.S("xg5 OK done")
	up.C("xg6 CLOSE")
	up.S("xg6 OK done")
	side := g.relogin()
	side.C("xg3 SELECT Drafts")
	side.S("xg3 OK done")
	side.C("xg4 NOOP")
	side.C(`xg5 UID STORE 21 +FLAGS (\Flagged)`) // in the same flight
	side.S("xg4 OK done")
	side.S(`* 3 FETCH (UID 21 FLAGS (\Flagged))`)
	side.S("xg5 OK done")
	c.S("a1 OK [APPENDUID 7 21] …")

	// The reply to the next APPEND comes, but without a UID.
	c.raw("a2 APPEND Drafts (\\Flagged) {28+}\r\nMessage-ID: <2@x>\r\n\r\nhello\r\n\r\n")
	up.C("xg7 APPEND Drafts {28}")
	up.S("+ go")
	up.expectRaw("Message-ID: <2@x>\r\n\r\nhello\r\n\r\n")
	up.S("xg7 OK done")
	side.C("xg6 NOOP")
	side.C("xg7 UID FETCH 22:* (UID INTERNALDATE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID SUBJECT FROM DATE)])")
	side.S("* 4 EXISTS")
	side.S("xg6 OK done")
	side.raw("* 4 FETCH (UID 22 BODY[HEADER.FIELDS (MESSAGE-ID SUBJECT FROM DATE)] {21}\r\nMessage-ID: <2@x>\r\n\r\n)\r\n")
	side.S("xg7 OK done")
	side.C("xg8 NOOP")
	side.C(`xg9 UID STORE 22 +FLAGS (\Flagged)`)
	side.S("xg8 OK done")
	side.S(`* 4 FETCH (UID 22 FLAGS (\Flagged))`)
	side.S("xg9 OK done")
	c.S("a2 OK …")
}

// If the gateway cannot find out whether the message was stored, it tells the client so.
func TestAppendCutAndNotKnown(t *testing.T) {
	for name, script := range map[string]string{
		"the mailbox has gone":  "C xg3 EXAMINE Drafts\nS xg3 NO [NONEXISTENT] no\n",
		"it is another mailbox": "C xg3 EXAMINE Drafts\nS * 3 EXISTS\nS * OK [UIDVALIDITY 8] it\nS xg3 OK done\n",
		"a message like it is there": "C xg3 EXAMINE Drafts\nS * 3 EXISTS\nS * OK [UIDVALIDITY 7] it\nS * OK [UIDNEXT 21] it\nS xg3 OK done\n" +
			"C xg4 UID FETCH 20:* (UID INTERNALDATE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID SUBJECT FROM DATE)])\n" +
			"S * 3 FETCH (UID 20 BODY[HEADER.FIELDS (MESSAGE-ID SUBJECT FROM DATE)] \"\")\nS xg4 OK done\n" +
			"C xg5 FETCH 2:3 (UID)\nS * 2 FETCH (UID 19)\nS * 3 FETCH (UID 20)\nS xg5 OK done\n",
	} {
		t.Run(name, func(t *testing.T) {
			g := exchangeResuming(t, func(o *Options, l *limits) { l.Looks, l.LooksPending = []time.Duration{0}, nil })
			c, u := g.login()
			c.raw("a1 APPEND Drafts {3+}\r\nabc\r\n")
			u.C("xg3 STATUS Drafts (UIDNEXT UIDVALIDITY)")
			u.S("* STATUS Drafts (UIDNEXT 20 UIDVALIDITY 7)")
			u.S("xg3 OK done")
			u.C("xg4 APPEND Drafts {3}")
			u.S("+ go")
			u.C("abc")
			u.close()
			u = g.relogin()
			u.play(script)
			closing := u.C("…")
			u.S(strings.Fields(closing)[0] + " OK done")
			c.S("a1 BAD [UNAVAILABLE] …; it is not known whether the message was stored")
			noop(c, u)
		})
	}
}
