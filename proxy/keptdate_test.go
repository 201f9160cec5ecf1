package proxy

import (
	"fmt"
	"strings"
	"testing"

	"exgate/backend/exchangesim"
	"exgate/config/profile"
)

// datedProfile returns a profile that checks whether Exchange keeps the dates of messages.
func datedProfile() profile.Profile {
	p := exchangeProfile
	p.InternalDate, p.MayDropDates = true, true
	return p
}

const (
	sentDate    = `" 3-Mar-2026 10:00:00 +0100"`
	dateWarning = "* NO exgate: Exchange does not keep the dates of messages: sent with  3-Mar-2026 10:00:00 +0100, kept with …"
	notKept     = `"msg":"Exchange does not keep the dates of messages"`
)

// The date is checked once for an upstream, after the reply to the APPEND, in whichever
// mailbox the message is stored. No connection is left open for it.
func TestDroppedDateIsTold(t *testing.T) {
	dropped := []string{"date-dropped"}
	written := strings.Replace(cleanMessage, "\r\n", "\r\nDate: Tue, 3 Mar 2026 10:00:00 +0100\r\n", 1)
	for _, test := range []struct {
		name, open, args, message string
		quirks                    []string
		leave                     bool
		told                      bool
	}{
		{name: "mailbox selected", open: "SELECT INBOX", args: "INBOX " + sentDate, quirks: dropped, told: true},
		{name: "mailbox examined", open: "EXAMINE INBOX", args: "inbox " + sentDate, quirks: dropped, told: true},
		{name: "another one", open: "SELECT Drafts", args: "INBOX " + sentDate, quirks: dropped, told: true},
		{name: "none", args: "INBOX " + sentDate, quirks: dropped, told: true},
		{name: "derived", args: "INBOX", message: written, quirks: dropped, told: true},
		{name: "no date", open: "SELECT INBOX", args: "INBOX", quirks: dropped},
		{name: "no matter", open: "SELECT INBOX", args: "INBOX " + sentDate, quirks: dropped, leave: true},
		{name: "kept", open: "SELECT INBOX", args: "INBOX " + sentDate},
		{name: "kept in another", open: "SELECT Drafts", args: "INBOX " + sentDate},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := datedProfile()
			p.InternalDate = !test.leave
			g, sim := newSimulated(t, exchangesim.Config{Profile: "exchange2010", Quirks: test.quirks}, withProfile(p))
			c := g.loggedIn()
			if test.open != "" {
				c.C("b " + test.open)
				c.until("b OK …", "* …")
			}
			message := test.message
			if message == "" {
				message = cleanMessage
			}
			told := 0
			for n := 1; n <= 2; n++ {
				c.C(fmt.Sprintf("a1 APPEND %s {%d}", test.args, len(message)))
				c.until("+ …", "* …")
				c.raw(message + "\r\n")
				for line := c.S("…"); !strings.HasPrefix(line, "a1 OK"); line = c.S("…") {
					if !strings.Contains(line, " EXISTS") && !strings.Contains(line, " RECENT") {
						t.Errorf("before the reply the client got %q", line)
					}
				}
				// The reply to the next command is sent after the check.
				c.C("a2 NOOP")
				for line := c.S("…"); !strings.HasPrefix(line, "a2 OK"); line = c.S("…") {
					if matches(line, dateWarning) {
						told++
					}
				}
			}
			second := g.loggedIn()
			second.upload(test.args, message)
			second.until("a1 OK …", "* …")
			second.C("a2 NOOP")
			second.until("a2 OK …")
			// One connection for each client, and one for the check.
			want := map[bool]int{true: 3, false: 2}[!test.leave && test.name != "no date"]
			if n := sim.Stats().Logins; n != want {
				t.Errorf("%d logins were made, want %d", n, want)
			}
			logged := strings.Count(g.log.String(), notKept)
			if want = map[bool]int{true: 1}[test.told]; told != want || logged != want {
				t.Errorf("told %d times, logged %d times, want %d\n%s", told, logged, want, g.log)
			}
			if n := len(sim.Messages("alice", "INBOX")); n != 3 {
				t.Errorf("%d messages were stored", n)
			}
			c.C("c NOOP")
			c.until("c OK …", "* …")
		})
	}
}

// Whatever the server answers to the check of the date, the client gets nothing of it.
func TestKeptDateQuestion(t *testing.T) {
	const ask, seen = "UID FETCH 7 (UID INTERNALDATE)", `* 3 FETCH (INTERNALDATE " 3-Mar-2026 09:00:00 +0000" UID 7)`
	const again = "S * 3 EXISTS"
	for _, test := range []struct {
		name   string
		script []string // "C …" comes from the gateway, "S …" is answered
		says   string   // in the log
	}{
		{"the same instant", []string{"C xg3 " + ask, "S " + seen, "S xg3 OK done"}, ""},
		{"other data", []string{"C xg3 " + ask, again, `S * 3 FETCH (FLAGS (\Seen) UID 7)`, "S " + seen, "S xg3 OK done"}, ""},
		{"seen after NOOP", []string{"C xg3 " + ask, "S xg3 OK done", "C xg4 NOOP", again, "S xg4 OK done",
			"C xg5 " + ask, "S " + seen, "S xg5 OK done"}, ""},
		{"never seen", []string{"C xg3 " + ask, "S xg3 OK done", "C xg4 NOOP", "S xg4 OK done", "C xg5 " + ask, "S xg5 OK done"},
			"UID FETCH was answered OK without a date"},
		{"refused", []string{"C xg3 " + ask, "S xg3 NO Server Unavailable. 15"}, "it is not known whether Exchange keeps"},
		{"a date that is none", []string{"C xg3 " + ask, `S * 3 FETCH (UID 7 INTERNALDATE "yesterday")`, "S xg3 OK done"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := datedProfile()
			p.Verify = false
			g := newGateway(t, withProfile(p))
			c, u := g.login()
			c.raw("a1 APPEND INBOX " + sentDate + " {1+}\r\nx\r\n")
			u.C("xg2 APPEND INBOX " + sentDate + " {1}")
			u.S("+ go on")
			u.C("x")
			u.S("xg2 OK [APPENDUID 1 7] done")
			c.S("a1 OK [APPENDUID 1 7] …")
			s := g.relogin()
			s.C("xg2 SELECT INBOX")
			s.S("* 9 EXISTS")
			s.S("xg2 OK [READ-WRITE] done")
			for _, line := range test.script {
				if text, ok := strings.CutPrefix(line, "C "); ok {
					s.C(text)
				} else {
					s.S(line[2:])
				}
			}
			s.ends()
			c.C("b NOOP")
			u.C("b NOOP")
			u.S("b OK done")
			c.S("b OK done")
			log := g.log.String()
			if !strings.Contains(log, test.says) || strings.Contains(log, notKept) {
				t.Errorf("the log: %s", log)
			}
			if test.says == "" && strings.Contains(log, "it is not known") {
				t.Errorf("the log: %s", log)
			}
		})
	}
}

// If the connection is lost during the check of the date, no message and no reply is lost.
func TestKeptDateAndALostConnection(t *testing.T) {
	g, sim := newSimulated(t, exchangesim.Config{Profile: "exchange2010"}, withProfile(datedProfile()), resuming)
	c := g.loggedIn()
	c.C("b SELECT INBOX")
	c.until("b OK …", "* …")
	if err := sim.AddFault("cut:FETCH"); err != nil {
		t.Fatal(err)
	}
	c.upload("INBOX "+sentDate, cleanMessage)
	c.until("a1 OK [APPENDUID …] …", "* …")
	stored(t, sim, "INBOX")
	g.logged("it is not known whether Exchange keeps the dates of messages")
	c.C("d NOOP")
	c.until("d OK …", "* …")
}
