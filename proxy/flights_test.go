package proxy

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"exgate/backend/exchangesim"
	"exgate/config/profile"
	"exgate/proxy/handover"
	"exgate/proxy/status"
)

// openWith logs alice in. The proof of her mailbox shows these numbers of INBOX.
func (g *gateway) openWith(numbers string) (*client, *upstream) {
	g.t.Helper()
	c := g.dial()
	c.S("* OK …")
	c.C("a0 LOGIN alice secret")
	u := g.accept()
	u.S("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready")
	u.C(`xg1 LOGIN "alice" "secret"`)
	u.S("xg1 OK [CAPABILITY " + capabilities + "] done")
	u.C("xg2 STATUS INBOX (UIDNEXT UIDVALIDITY)")
	u.S("* STATUS INBOX " + numbers)
	u.S("xg2 OK done")
	c.until("a0 OK …")
	return c, u
}

// uploadsID sends a message with its Message-ID to a mailbox.
func (c *client) uploadsID(mailbox string) {
	c.t.Helper()
	c.raw("a1 APPEND " + mailbox + " {28+}\r\nMessage-ID: <1@x>\r\n\r\nhello\r\n\r\n")
}

// The first APPEND to INBOX costs no flight more than the others: the proof of the mailbox has shown its mark.
func TestFlightsOfTheFirstAppend(t *testing.T) {
	for _, tt := range []struct {
		name, numbers, mailbox string
		asks                   bool
	}{
		{"INBOX", "(UIDNEXT 21 UIDVALIDITY 7)", "Inbox", false},
		{"in another order", "(UIDVALIDITY 7 UIDNEXT 21)", "INBOX", false},
		{"another mailbox", "(UIDNEXT 21 UIDVALIDITY 7)", "Drafts", true},
		{"UIDVALIDITY is not told", "(UIDNEXT 21)", "INBOX", true},
		{"UIDNEXT is not told", "(UIDVALIDITY 7)", "INBOX", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := exchangeResuming(t)
			c, u := g.openWith(tt.numbers)
			c.uploadsID(tt.mailbox)
			tag := "xg3"
			if tt.asks {
				u.C("xg3 STATUS " + tt.mailbox + " (UIDNEXT UIDVALIDITY)")
				u.S("* STATUS " + tt.mailbox + " (UIDNEXT 21 UIDVALIDITY 7)")
				u.S("xg3 OK done")
				tag = "xg4"
			}
			u.C(tag + " APPEND " + tt.mailbox + " {28}")
			u.S("+ go")
			u.expectRaw("Message-ID: <1@x>\r\n\r\nhello\r\n\r\n")
			u.S(tag + " OK [APPENDUID 7 21] done")
			c.S("a1 OK [APPENDUID 7 21] …")
		})
	}
}

// The mark by which a lost message is looked for may be that of the login.
func TestMarkOfTheLogin(t *testing.T) {
	g := exchangeResuming(t, shortWaits)
	c, u := g.openWith("(UIDNEXT 21 UIDVALIDITY 7)")
	c.uploadsID("INBOX")
	u.C("xg3 APPEND INBOX {28}")
	u.S("+ go")
	u.expectRaw("Message-ID: <1@x>\r\n\r\nhello\r\n\r\n")
	u.close()
	up := g.relogin()
	up.C("xg3 EXAMINE INBOX")
	up.S("* 3 EXISTS")
	up.S("* OK [UIDVALIDITY 7] it")
	up.S("* OK [UIDNEXT 22] it")
	up.S("xg3 OK done")
	up.C("xg4 UID FETCH 21:* (UID INTERNALDATE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID SUBJECT FROM DATE)])")
	up.raw("* 3 FETCH (UID 21 BODY[HEADER.FIELDS (MESSAGE-ID SUBJECT FROM DATE)] {21}\r\nMessage-ID: <1@x>\r\n\r\n)\r\n")
	up.S("xg4 OK done")
	up.C("xg5 FETCH 2:3 (UID)")
	up.S("* 2 FETCH (UID 20)")
	up.S("xg5 OK done")
	up.C("xg6 CLOSE")
	up.S("xg6 OK done")
	c.until("a1 OK [APPENDUID 7 21] …")
}

// What a login shows is no mark while the gateway before this one may still store messages of the account.
func TestLoginWhileTheForerunnerStores(t *testing.T) {
	var leaves atomic.Bool
	heir, ended, followed := new(heirs), make(chan struct{}), make(chan struct{})
	forerunner := handover.NewForerunner(func(context.Context) (status.Drain, error) {
		drain := status.Drain{Draining: true, Open: []status.Owner{{User: "alice"}}}
		if leaves.Load() {
			drain.Open = nil
		}
		return drain, nil
	}, heir, slog.New(slog.DiscardHandler))
	g := exchangeResuming(t, func(o *Options, l *limits) {
		o.Forerunner = forerunner
		l.Forerunner = time.Millisecond
	})
	heir.srv = g.srv
	go func() {
		forerunner.Follow(t.Context(), ended)
		close(followed)
	}()
	c, u := g.openWith("(UIDNEXT 21 UIDVALIDITY 7)")
	leaves.Store(true)
	c.uploadsID("INBOX")
	u.C("xg3 STATUS INBOX (UIDNEXT UIDVALIDITY)")
	u.S("* STATUS INBOX (UIDNEXT 22 UIDVALIDITY 7)")
	u.S("xg3 OK done")
	u.C("xg4 APPEND INBOX {28}")
	u.S("+ go")
	u.expectRaw("Message-ID: <1@x>\r\n\r\nhello\r\n\r\n")
	u.S("xg4 OK [APPENDUID 7 22] done")
	c.until("a1 OK [APPENDUID 7 22] …")
	close(ended)
	<-followed
}

// A server is looked at for dropped dates only where it may be one that drops them.
func TestDateIsComparedWhereItMayBeDropped(t *testing.T) {
	for _, tt := range []struct {
		configured, simulated string
		looks                 bool
	}{
		{"exchange2007", "exchange2007", true},
		{"exchange2010", "exchange2010", true},
		{"exchange2016", "exchange2016", false},
		{profile.Online, profile.Online, false},
		{profile.Auto, "exchange2010", true}, // which has no ID
		{profile.Auto, "exchange2016", false},
	} {
		t.Run(tt.configured+" in front of "+tt.simulated, func(t *testing.T) {
			g, sim := newSimulated(t, exchangesim.Config{Profile: tt.simulated}, func(o *Options, _ *limits) {
				o.Upstreams[0].Profile = tt.configured
				o.Upstreams[0].Profiles = func(name string) profile.Profile {
					p := profile.Named(name)
					p.Pace.Each.Messages = 0
					return p
				}
			})
			c := g.loggedIn()
			c.upload(`INBOX " 3-Mar-2026 10:00:00 +0100"`, cleanMessage)
			c.until("a1 OK …", "* …")
			c.C("a2 NOOP") // its reply is sent after the look
			c.until("a2 OK …", "* …")
			want := 1
			if tt.looks && tt.simulated != "exchange2007" { // which names no UID, so nothing can be looked at
				want = 2
			}
			if n := sim.Stats().Logins; n != want {
				t.Errorf("%d logins were made, want %d\n%s", n, want, g.log)
			}
		})
	}
}
