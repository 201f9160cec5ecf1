package proxy

import (
	"strings"
	"testing"
	"time"

	"exgate/backend"
	"exgate/proxy/spool"
	"exgate/proxy/testkit"
)

func TestMessageIsSpooledBeforeUpstreamHearsOfIt(t *testing.T) {
	for name, tt := range map[string]struct {
		announce string
		memory   int64 // spool.memory
	}{
		"synchronizing":          {"{8}", 0},
		"unasked":                {"{8+}", 0},
		"in a file":              {"{8}", 3},
		"in a file, unasked":     {"{8+}", 3},
		"as long as memory":      {"{8}", 8},
		"as long less one":       {"{8}", 7},
		"binary, as if it were ": {"~{8}", 0},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, withProfile(exchangeProfile), func(o *Options, _ *limits) { o.Spool.Memory = tt.memory })
			c, u := g.login()
			c.C("a1 APPEND INBOX " + tt.announce)
			if !strings.Contains(tt.announce, "+") {
				c.S("+ go ahead")
			}
			c.raw("abcdefg")
			testkit.Eventually(t, "the bytes are charged as they come", func() bool {
				return g.srv.uploads.Used() == 7
			})
			u.silent()
			c.raw("h\r\n")
			u.C("xg3 APPEND INBOX {8}")
			u.silent() // the literal waits for the continuation request
			u.S("+ go")
			u.C("abcdefgh")
			u.S("xg3 OK [APPENDUID 1 2] done")
			c.S("a1 OK [APPENDUID 1 2] …")
		})
	}
}

func TestSpoolBudgetsRefuseAMessage(t *testing.T) {
	for name, spool := range map[string]spool.Options{
		"session":                    {Session: 99},
		"account":                    {Account: 99},
		"account, not the session's": {Account: 99, Session: 150},
		"gateway":                    {Total: 99},
		"gateway, not the account's": {Total: 99, Account: 150},
	} {
		for announce, asks := range map[string]bool{"{100}": true, "{100+}": false} {
			t.Run(name+" "+announce, func(t *testing.T) {
				g := newGateway(t, withProfile(exchangeProfile), func(o *Options, _ *limits) {
					dir := o.Spool.Dir
					o.Spool = spool
					o.Spool.Dir = dir
				})
				c, u := g.login()
				c.C("a1 APPEND INBOX " + announce)
				if asks {
					c.S("+ go ahead")
				}
				c.raw(strings.Repeat("a1 LOGOUT\r\n", 9) + "9" + "\r\n")
				c.S("a1 BAD [LIMIT] too many bytes are being uploaded at a time; nothing was stored, try again later")
				// A message of 99 bytes is taken, so the refused one is no longer charged.
				c.raw("a2 APPEND INBOX {99+}\r\n" + strings.Repeat("x", 99) + "\r\n")
				u.C("xg3 APPEND INBOX {99}")
				u.S("xg3 NO no")
				c.S("a2 NO …")
			})
		}
	}
}

// Both sessions are of one mailbox.
func TestSessionsOfAMailboxShareItsSpoolBudget(t *testing.T) {
	g := newGateway(t, withProfile(exchangeProfile), func(o *Options, _ *limits) { o.Spool.Account = 100 })
	first, _ := g.login()
	second, _ := g.login()
	first.C("a1 APPEND INBOX {60}")
	first.S("+ go ahead")
	first.raw(strings.Repeat("x", 59))
	account := g.srv.accounts.get("", "alice", backend.Pacing{}, 0)
	defer g.srv.accounts.close(account)
	testkit.Eventually(t, "59 bytes are charged", func() bool {
		return account.uploads.Used() == 59
	})
	second.raw("b1 APPEND INBOX {60+}\r\n" + strings.Repeat("x", 60) + "\r\n")
	second.S("b1 BAD [LIMIT] …")
}

// The gateway's sessions share limits.spool_memory.
func TestLongMessageIsChargedToTheGateway(t *testing.T) {
	g := newGateway(t, withProfile(exchangeProfile))
	c, _ := g.login()
	c.C("a1 APPEND INBOX {600000}")
	c.S("+ go ahead")
	c.raw(strings.Repeat("x", 1000))
	testkit.Eventually(t, "the memory of a long message is charged", func() bool { return g.srv.longUploads.Used() == 1<<20 })
	c.close()
	testkit.Eventually(t, "it is given back", func() bool { return g.srv.longUploads.Used() == 0 })
}

func TestMessageMustComeAtAMinimumRate(t *testing.T) {
	g := newGateway(t, withProfile(exchangeProfile), func(_ *Options, l *limits) {
		l.Stall, l.MinRate = 20*time.Millisecond, 1<<40
	})
	c, u := g.login()
	c.C("a1 APPEND INBOX {1000}")
	c.S("+ go ahead")
	c.raw("and then nothing")
	c.S("* BYE too slow: …")
	c.ends()
	u.ends()
}

func TestRefusedLiteralIsSkipped(t *testing.T) {
	smuggled := "b1 DELETE INBOX\r\n"
	for name, command := range map[string]string{
		"not relayed":      "a1 REPLACE 1 INBOX {17+}\r\n" + smuggled + "\r\n",
		"several literals": "a1 COMPRESS {17+}\r\n" + smuggled + " {17+}\r\n" + smuggled + " x\r\n",
		"not known":        "a1 XFOO {17+}\r\n" + smuggled + "\r\n",
		"no tag":           "( CREATE {17+}\r\n" + smuggled + "\r\n",
		"arguments":        "a1 APPEND INBOX CATENATE (TEXT {17+}\r\n" + smuggled + ")\r\n",
		"second message":   "a1 APPEND INBOX {2+}\r\nhi {17+}\r\n" + smuggled + "\r\n",
		"long line":        "a1 CREATE " + strings.Repeat("x", 70_000) + " {17+}\r\n" + smuggled + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			c, u := newGateway(t, withProfile(exchangeProfile)).login()
			c.raw(command + "a2 NOOP\r\n")
			c.S("… BAD …")
			u.C("a2 NOOP")
			u.S("a2 OK done")
			c.S("a2 OK done")
		})
	}
}

func TestTooLongARefusedLiteralEndsTheSession(t *testing.T) {
	c, u := newGateway(t, func(_ *Options, l *limits) { l.SkipLiteral = 10 }).login()
	c.raw("a1 REPLACE 1 INBOX {10+}\r\n0123456789\r\n")
	c.S("a1 BAD REPLACE is not relayed: …")
	c.raw("a2 REPLACE 1 INBOX {11+}\r\n")
	c.S("* BYE refused: a literal of 11 bytes was sent without waiting for +")
	c.ends()
	u.ends()
}

// If it is in doubt whether a literal follows, its bytes might be run as commands.
func TestDoubtAboutALiteralEndsTheSession(t *testing.T) {
	for name, line := range map[string]string{
		"leading zero":              `a1 CREATE {017+}`,
		"NUL":                       "a1 CREATE \x00 {17+}",
		"open quote":                `a1 CREATE "x {17+}`,
		"long line, quote in doubt": `a1 SEARCH TEXT "` + strings.Repeat("x", 70_000) + `" {17+}`,
	} {
		t.Run(name, func(t *testing.T) {
			c, u := newGateway(t).login()
			c.raw(line + "\r\nb1 DELETE INBOX\r\n\r\n")
			c.S("* BYE …")
			c.ends()
			u.ends()
		})
	}
}
