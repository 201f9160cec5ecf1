package proxy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"exgate/backend"
	"exgate/backend/exchangesim"
	"exgate/proxy/delivery"
	"exgate/proxy/spool"
)

// observing sets mode: observe.
func observing(o *Options, _ *limits) { o.Observe = true }

// observed waits for the log line about an observed message, and compares its attributes.
func (g *gateway) observed(want map[string]string) {
	g.t.Helper()
	attrs := g.logged("observed a message")
	for key, value := range want {
		if got := fmt.Sprint(attrs[key]); !matches(got, value) {
			g.t.Errorf("%s is %s, want %s", key, got, value)
		}
	}
}

func TestObserveChangesNothing(t *testing.T) {
	asking := "From: a@example.com\r\nDisposition-Notification-To: b@example.com\r\n\r\nhello\r\n"
	for name, tt := range map[string]struct {
		args, message, answer string
		report                map[string]string
	}{
		"clean": {"INBOX", cleanMessage, "a1 OK [APPENDUID …] APPEND completed.",
			map[string]string{"would_fix": "[]", "reply": "OK APPEND completed.", "size": "104", "would_send": "104", "would_refuse": "<nil>"}},
		"read receipt": {`INBOX (\Seen)`, asking, "a1 OK …",
			map[string]string{"would_fix": "[read-receipt]", "reply": "OK APPEND completed.", "mailbox": "INBOX"}},
		"flags": {`INBOX (\Flagged)`, cleanMessage, "a1 OK …", map[string]string{"would_fix": "[flagged]"}},
		"long line": {"INBOX", "Subject: x\r\nContent-Type: text/plain\r\n\r\n" + strings.Repeat("x ", 5000) + "\r\n", "a1 OK …",
			map[string]string{"would_fix": "[long-lines]", "would_send": "…"}},
		"a header that no fix repairs": {"INBOX", "Subject: " + strings.Repeat("x", 10_000) + "\r\n\r\nhello\r\n", "a1 OK …",
			map[string]string{"would_refuse": "header-line: …"}},
		"content that Exchange refuses": {"INBOX", "Subject: =?TELETEX?Q?x?=\r\n\r\nhello\r\n", "a1 BAD Command Argument Error. 11",
			map[string]string{"would_fix": "[]", "reply": "BAD Command Argument Error. 11"}},
	} {
		for _, plus := range []string{"", "+"} {
			t.Run(name+plus, func(t *testing.T) {
				g, sim := newSimulated(t, exchangesim.Config{Profile: "exchange2016"}, withProfile(exchangeProfile), observing)
				c := g.dial()
				c.S("* OK …")
				c.C("a0 LOGIN alice@example.com alicepass")
				c.S("a0 OK [CAPABILITY …] …")
				c.C(fmt.Sprintf("a1 APPEND %s {%d%s}", tt.args, len(tt.message), plus))
				if plus == "" {
					c.S("+ Ready for additional command text.")
				}
				c.raw(tt.message + "\r\n")
				c.S(tt.answer)
				g.observed(tt.report)
				if strings.HasPrefix(tt.answer, "a1 OK") {
					if m := stored(t, sim, "INBOX"); string(m.Received) != tt.message {
						t.Errorf("arrived: %.300q", m.Received)
					}
				}
				c.C("a2 NOOP")
				c.S("a2 OK …")
			})
		}
	}
}

// If Exchange refuses a literal, the client is not asked for it.
func TestObserveARefusedLiteral(t *testing.T) {
	unseen := map[string]string{"not_examined": "it was not sent", "would_fix": "[]"}
	keyword := map[string]string{"not_examined": "it was not sent", "would_fix": "[keywords]"}
	for name, tt := range map[string]struct {
		args, answer, reply string
		report              map[string]string
	}{
		"oversize": {"INBOX {99000000}", "a1 NO Maximum size of appendable message has been exceeded",
			"NO Maximum size of appendable message has been exceeded", map[string]string{"would_refuse": "the message has 99000000 bytes …", "size": "9.9e+07"}},
		"keyword":         {"INBOX (foo) {3}", "a1 BAD Command Argument Error. 11", "BAD Command Argument Error. 11", keyword},
		"keyword, sent":   {"INBOX (foo) {13+}\r\na9 LOGOUT\r\n\r\n", "a1 BAD Command Argument Error. 11", "BAD Command Argument Error. 11", keyword},
		"missing mailbox": {"Missing {3}", "a1 NO [TRYCREATE] Missing doesn't exist.", "NO Missing doesn't exist.", unseen},
	} {
		t.Run(name, func(t *testing.T) {
			g, _ := newSimulated(t, exchangesim.Config{Profile: "exchange2016"}, withProfile(exchangeProfile), observing)
			c := g.dial()
			c.S("* OK …")
			c.C("a0 LOGIN alice@example.com alicepass")
			c.S("a0 OK [CAPABILITY …] …")
			c.C("a1 APPEND " + tt.args)
			c.S(tt.answer)
			if attrs := g.logged("Exchange refused a command"); attrs["reply"] != tt.reply || attrs["command"] != "APPEND" {
				t.Errorf("the log says %v", attrs)
			}
			g.observed(tt.report)
			c.C("a2 NOOP")
			c.S("a2 OK …")
		})
	}
}

// A message is relayed even if the spool cannot take its copy.
func TestObserveWithoutASpool(t *testing.T) {
	g := newGateway(t, withProfile(exchangeProfile), observing, func(o *Options, _ *limits) { o.Spool.Session = 5 })
	c, u := g.login()
	c.C("a1 APPEND INBOX {10}")
	u.C("a1 APPEND INBOX {10}")
	u.S("+ go")
	c.S("+ go")
	c.C("0123456789")
	u.C("0123456789")
	u.S("a1 OK done")
	c.S("a1 OK done")
	g.observed(map[string]string{"not_examined": spool.ErrBudget.Error(), "reply": "OK done"})
}

func TestObserveReportsWhatItWouldWait(t *testing.T) {
	g := newGateway(t, withProfile(exchangeProfile), observing)
	c, u := g.login()
	account := g.srv.accounts.get("", "alice", backend.Pacing{}, 0)
	defer g.srv.accounts.close(account)
	account.Throttle.Block(time.Hour)
	c.C("a1 FETCH 1 BODY[]")
	u.C("a1 FETCH 1 BODY[]")
	u.S("a1 OK done")
	c.S("a1 OK done")
	attrs := g.logged("observed a command that a throttle would have delayed")
	if attrs["for"] != "throttle" {
		t.Errorf("the log says %v", attrs)
	}
}

func TestObserveThrottleIsASwitch(t *testing.T) {
	g := newGateway(t, withProfile(exchangeProfile), observing, shortWaits, func(o *Options, _ *limits) { o.ObserveThrottle = true })
	c, u := g.login()
	c.C("a1 FETCH 1 BODY[]")
	u.C("a1 FETCH 1 BODY[]")
	u.S("a1 NO Request is throttled. Suggested Backoff Time: 400 milliseconds")
	c.until("a1 NO Request is throttled. Suggested Backoff Time: 400 milliseconds")
	c.C("a2 FETCH 1 BODY[]")
	c.until("* OK exgate: still working: Exchange throttles this account")
	u.C("a2 FETCH 1 BODY[]")
}

// A throttle on one connection holds back all sessions of the account.
func TestThrottleHoldsBackAllSessionsOfAnAccount(t *testing.T) {
	g := newGateway(t, withProfile(exchangeProfile), shortWaits)
	first, u1 := g.login()
	second, u2 := g.login()
	first.C("a1 FETCH 1 BODY[]")
	u1.C("a1 FETCH 1 BODY[]")
	u1.S("a1 NO Request is throttled. Suggested Backoff Time: 400 milliseconds")
	first.until("a1 NO Request is throttled. Suggested Backoff Time: 400 milliseconds")
	second.raw("b1 APPEND INBOX {3+}\r\nabc\r\n")
	second.until("* OK exgate: still working: Exchange throttles this account; …")
	u2.C("xg3 APPEND INBOX {3}")
	u2.S("xg3 NO no")
	second.until("b1 NO no")
}

// If \Flagged cannot be set, the message stays stored. The gateway tries again, and in the end tells the client.
func TestFlaggedThatCannotBeSet(t *testing.T) {
	refused := func(reply string) func(int) string {
		return func(tag int) string {
			return fmt.Sprintf("C xg%d NOOP\nC xg%d UID STORE 7 +FLAGS (\\Flagged)\nS xg%[1]d OK done\nS xg%[2]d %s", tag, tag+1, reply)
		}
	}
	for name, tt := range map[string]struct {
		appended string
		try      func(tag int) string
		tags     int // tags that one try takes
		tries    int
	}{
		"unavailable": {"OK [APPENDUID 1 7] done", refused("NO Server Unavailable. 15"), 2, delivery.MaxTries},
		"throttled":   {"OK [APPENDUID 1 7] done", refused("NO Request is throttled. Suggested Backoff Time: 1 milliseconds"), 2, delivery.MaxTries},
		"refused":     {"OK [APPENDUID 1 7] done", refused("BAD Command Argument Error. 11"), 2, 1},
		"not proved": {"OK [APPENDUID 1 7] done", func(tag int) string {
			return refused("OK done")(tag) + "\n" + refused("OK done")(tag+2)
		}, 4, delivery.MaxTries},
		"no UID is named": {"OK done", nil, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, withProfile(exchangeProfile), func(_ *Options, l *limits) { l.Replay = 0 })
			c, u := g.login()
			c.C("a1 SELECT INBOX")
			u.C("a1 SELECT INBOX")
			u.S("a1 OK [READ-WRITE] done")
			c.S("a1 OK [READ-WRITE] done")
			c.raw("a2 APPEND INBOX (\\Flagged) {3+}\r\nabc\r\n")
			u.C("xg3 APPEND INBOX {3}")
			u.S("+ go")
			u.C("abc")
			u.S("xg3 " + tt.appended)
			for i := range tt.tries {
				u.play(tt.try(4 + i*tt.tags))
			}
			c.S("* NO exgate: the message is stored, but \\Flagged could not be set on it: …")
			c.S("a2 OK …")
			g.logged(`\Flagged was not set`)
			noop(c, u)
		})
	}
}

// The log and the ledger say which message was observed, and what exgate would have done.
func TestObserveIsRecorded(t *testing.T) {
	file := ""
	record := recording(t)
	g, _ := newSimulated(t, exchangesim.Config{Profile: "exchange2016"}, withProfile(exchangeProfile), observing,
		func(o *Options, l *limits) {
			record(o, l)
			file = o.Ledger.Options().File
		})
	c := g.loginSimulated()
	message := "From: a@example.com\r\nMessage-ID: <one@example.com>\r\nDisposition-Notification-To: b@example.com\r\n\r\n.\r\n"
	c.upload(`INBOX (\Seen)`, message)
	c.until("a1 OK …", "* …")
	g.observed(map[string]string{"user": "alice@example.com", "message_id": "<one@example.com>", "mailbox": "INBOX"})
	c.close()
	end := g.logged("session end")
	if end["messages_observed"] != 1.0 || end["messages_would_repair"] != 1.0 || end["messages_would_refuse"] != 0.0 {
		t.Errorf("the session ends with %v", end)
	}
	g.srv.settings.Load().opts.Ledger.Close()
	want := "observed|<one@example.com>|INBOX|" + fmt.Sprint(len(message)) + "|read-receipt|…|" +
		"OK APPEND completed.|alice@example.com"
	got := ask(t, file, `SELECT outcome || '|' || message_id || '|' || mailbox || '|' || size || '|' || fixes || '|' || sent || '|' ||
		m.reason || '|' || account FROM messages m JOIN sessions s ON s.id = session_id`)
	if !matches(got, want) {
		t.Errorf("the row is %s, want %s", got, want)
	}
}
