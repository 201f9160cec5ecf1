package proxy

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"exgate/config/profile"
	"exgate/proxy/testkit"
)

// These tests send bad input: it gets a clear answer, and no message is lost.

// noop shows that the session still works.
func noop(c *client, u *upstream) {
	c.t.Helper()
	c.C("z9 NOOP")
	u.C("z9 NOOP")
	u.S("z9 OK done")
	c.S("z9 OK done")
}

func TestClientVanishesInALiteral(t *testing.T) {
	command := "a1 APPEND INBOX {100000}"
	half := strings.Repeat("x", 50_000)
	for name, leave := range map[string]func(*client){
		"closes":     func(c *client) { c.close() },
		"resets":     func(c *client) { c.reset() },
		"half-close": func(c *client) { closeWrite(c.t, c) },
	} {
		t.Run("own lane, "+name, func(t *testing.T) {
			g := newGateway(t, withProfile(exchangeProfile), func(o *Options, _ *limits) { o.Spool.Memory = 100 })
			c, u := g.login()
			c.C(command)
			c.S("+ go ahead")
			c.raw(half)
			leave(c)
			u.ends() // no byte of the message may come before
			if end := g.logged("session end")["reason"].(string); !strings.HasPrefix(end, "the client's connection failed: ") {
				t.Errorf("the reason in the log is %q", end)
			}
			if strings.Contains(g.log.String(), "message refused") {
				t.Error("the log takes the client's leaving for a failure of the spool")
			}
		})
		t.Run("direct, "+name, func(t *testing.T) {
			g := newGateway(t)
			c, u := g.login()
			c.C(command)
			u.C(command)
			u.S("+ go")
			c.S("+ go")
			c.raw(half)
			leave(c)
			u.expectRaw(half[:40_000])
			// The literal never comes, so there is no whole command to answer.
			testkit.Eventually(t, "the session has ended", func() bool { return strings.Contains(g.log.String(), "session end") })
		})
		t.Run("observed, "+name, func(t *testing.T) {
			g := newGateway(t, withProfile(exchangeProfile), func(o *Options, _ *limits) { o.Observe, o.Spool.Memory = true, 100 })
			c, u := g.login()
			c.C(command)
			u.C(command)
			u.S("+ go")
			c.S("+ go")
			c.raw(half)
			leave(c)
			g.logged("session end") // nothingLeft is checked at the end of the test
		})
	}
}

func closeWrite(t *testing.T, c *client) {
	t.Helper()
	if err := c.nc.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
}

func TestUpstreamVanishesInAReply(t *testing.T) {
	const lost = "* BYE exgate: the connection to Exchange was lost; try again"
	for name, leave := range map[string]func(*upstream){
		"closes": func(u *upstream) { u.close() },
		"resets": func(u *upstream) { u.reset() },
	} {
		for where, tt := range map[string]struct{ sent, arrives, bye string }{
			"in a literal":           {"* 1 FETCH (BODY[] {10}\r\n01234", "* 1 FETCH (BODY[] {10}\r\n01234", ""},
			"between literals":       {"* 1 FETCH (X {1}\r\nx Y {1}\r\n", "* 1 FETCH (X {1}\r\nx Y {1}\r\n", ""},
			"in a line":              {"* 5 EXISTS\r\n* 6 EXI", "* 5 EXISTS\r\n", lost},
			"between replies":        {"* 5 EXISTS\r\n", "* 5 EXISTS\r\n", lost},
			"after its own farewell": {"* BYE Connection closed. 14\r\n", "* BYE Connection closed. 14\r\n", ""},
			"after a complaint": {"* NO Request is throttled. Suggested Backoff Time: 5 milliseconds\r\n",
				"* NO Request is throttled. Suggested Backoff Time: 5 milliseconds\r\n", "* BYE …Request is throttled. Suggested Backoff Time: 5 milliseconds…"},
		} {
			t.Run(where+", "+name, func(t *testing.T) {
				c, u := newGateway(t).login()
				c.C("a1 FETCH 1 BODY[]")
				u.C("a1 FETCH 1 BODY[]")
				u.raw(tt.sent)
				c.expectRaw(tt.arrives)
				leave(u)
				if tt.bye != "" {
					c.S(tt.bye)
				}
				c.ends()
			})
		}
	}
}

func TestUpstreamVanishesDuringAppend(t *testing.T) {
	g := newGateway(t, withProfile(exchangeProfile))
	c, u := g.login()
	c.raw("a1 APPEND INBOX {3+}\r\nabc\r\n")
	u.C("xg3 APPEND INBOX {3}")
	u.S("+ go")
	u.C("abc")
	u.close()
	c.S("a1 BAD [UNAVAILABLE] exgate: the connection to Exchange was lost; try again; it is not known whether the message was stored")
	c.S("* BYE …")
	c.ends()
}

func TestLineWithoutEnd(t *testing.T) {
	endless := strings.Repeat("x", 100_000)
	t.Run("before login", func(t *testing.T) {
		c := newGateway(t).dial()
		c.S("* OK …")
		c.raw(endless[:70_000])
		c.S("* BYE a command line is at most 65536 bytes long here")
		c.ends()
	})
	t.Run("after login", func(t *testing.T) {
		c, u := newGateway(t, func(_ *Options, l *limits) { l.SkipLine = 50_000 }).login()
		c.raw("a1 SEARCH " + endless + endless)
		c.S("* BYE a command line is at most 65536 bytes long here")
		c.ends()
		u.ends()
	})
	t.Run("that does not come", func(t *testing.T) {
		c, u := newGateway(t, func(_ *Options, l *limits) { l.Line = 50 * time.Millisecond }).login()
		c.raw("a1 NOO")
		c.S("* BYE too slow: the command was not completed in time")
		c.ends()
		u.ends()
	})
	t.Run("long, with an end", func(t *testing.T) {
		c, u := newGateway(t).login()
		c.raw("a1 SEARCH " + endless + "\r\n")
		c.S("a1 BAD a command line is at most 65536 bytes long here")
		noop(c, u)
	})
}

func TestSilenceBeforeLogin(t *testing.T) {
	c := newGateway(t, func(_ *Options, l *limits) { l.BeforeLogin = time.Millisecond }).dial()
	c.S("* OK …")
	c.S("* BYE too slow: log in within 1ms")
	c.ends()
}

func TestManyCommandsBeforeLogin(t *testing.T) {
	c := newGateway(t, func(_ *Options, l *limits) { l.CommandsBeforeLogin = 3 }).dial()
	c.S("* OK …")
	for range 3 {
		c.C("a1 NOOP")
		c.S("a1 OK …")
	}
	c.C("a1 NOOP")
	c.S("* BYE too many commands without a login")
	c.ends()
}

func TestAppendToAMissingMailbox(t *testing.T) {
	for name, prof := range map[string]profile.Profile{"own lane": exchangeProfile, "direct": plainProfile} {
		for _, announce := range []string{"{3}", "{3+}"} {
			t.Run(name+" "+announce, func(t *testing.T) {
				c, u := newGateway(t, withProfile(prof)).login()
				c.C("a1 APPEND Missing " + announce)
				if name == "own lane" {
					if announce == "{3}" {
						c.S("+ go ahead")
					}
					c.C("abc")
					u.C("xg3 APPEND Missing {3}")
					u.S("xg3 NO [TRYCREATE] Missing doesn't exist.")
					c.S("a1 NO [TRYCREATE] Missing doesn't exist. (exgate: the mailbox does not exist; create it first)")
				} else {
					u.C("a1 APPEND Missing " + announce)
					u.S("a1 NO [TRYCREATE] Missing doesn't exist.")
					c.S("a1 NO [TRYCREATE] Missing doesn't exist.")
					if announce == "{3+}" { // the server skips the literal (RFC 7888)
						c.C("abc")
						u.C("abc")
					}
				}
				noop(c, u)
			})
		}
	}
}

func TestSpoolThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Run("missing", func(t *testing.T) { spoolFails(t, filepath.Join(file+"s", "missing")) })
	t.Run("not a directory", func(t *testing.T) { spoolFails(t, file) })
}

// spoolFails uploads a message that a spool in dir cannot take.
func spoolFails(t *testing.T, dir string) {
	t.Helper()
	for announce, asks := range map[string]bool{"{100000}": true, "{100000+}": false} {
		g := newGateway(t, withProfile(exchangeProfile), func(o *Options, _ *limits) {
			o.Spool.Dir, o.Spool.Memory = dir, 1000
		})
		c, u := g.login()
		c.C("a1 APPEND INBOX " + announce)
		if asks {
			c.S("+ go ahead")
		}
		c.C(strings.Repeat("a1 LOGOUT\r\n", 9090) + "0123456789")
		c.S("a1 BAD [UNAVAILABLE] exgate cannot keep the message: its spool is full or cannot be written; nothing was stored, try again later")
		noop(c, u)
		// A message that fits in memory is still taken.
		c.raw("a2 APPEND INBOX {3+}\r\nabc\r\n")
		u.C("xg3 APPEND INBOX {3}")
		u.S("xg3 NO no")
		c.S("a2 NO no")
	}
}

func TestMoreThanOneMessage(t *testing.T) {
	for name, tt := range map[string]struct{ command, answer string }{
		"MULTIAPPEND":       {"a1 APPEND INBOX {3+}\r\nabc (\\Seen) {3+}\r\nabc\r\n", "a1 BAD APPEND takes one message; nothing was stored (MULTIAPPEND is not offered)"},
		"MULTIAPPEND, sync": {"a1 APPEND INBOX {3+}\r\nabc {3}\r\n", "a1 BAD APPEND takes one message; nothing was stored (MULTIAPPEND is not offered)"},
		"CATENATE":          {"a1 APPEND INBOX CATENATE (TEXT {3+}\r\nabc URL \"/x\" TEXT {3+}\r\nabc)\r\n", "a1 BAD APPEND takes a mailbox, flags, a date and one message; …"},
		"UTF8":              {"a1 APPEND INBOX UTF8 (~{3+}\r\nabc)\r\n", "a1 BAD APPEND takes a mailbox, flags, a date and one message; …"},
		"no message":        {"a1 APPEND INBOX\r\n", "a1 BAD APPEND without a message: …"},
		"no mailbox":        {"a1 APPEND {3+}\r\nabc\r\n", "a1 BAD APPEND without a message: …"},
		"nothing":           {"a1 APPEND\r\n", "a1 BAD APPEND …"},
		"flags without end": {"a1 APPEND INBOX (\\Seen {3+}\r\nabc\r\n", "a1 BAD APPEND: the list of flags has no closing parenthesis"},
	} {
		t.Run(name, func(t *testing.T) {
			c, u := newGateway(t, withProfile(exchangeProfile)).login()
			c.raw(tt.command)
			c.S(tt.answer)
			noop(c, u) // the upstream has heard of nothing before
		})
	}
}

func TestTLSOnAPlainPort(t *testing.T) {
	for name, how := range map[string]Listen{"starttls": ListenStartTLS, "insecure-plaintext": ListenInsecurePlaintext} {
		t.Run(name, func(t *testing.T) {
			g := newTLSGateway(t, how)
			c := g.dial()
			c.S("* OK …")
			hello := make(chan error, 1)
			go func() {
				// The handshake fails, since the gateway answers in plain text.
				hello <- tls.Client(c.nc, &tls.Config{InsecureSkipVerify: true}).Handshake()
			}()
			if err := <-hello; err == nil {
				t.Error("the handshake succeeded")
			}
			g.logged("TLS on a port that begins in plain text")
		})
	}
	t.Run("what it is told", func(t *testing.T) {
		c := newTLSGateway(t, ListenStartTLS).dial()
		c.S("* OK …")
		c.raw("\x16\x03\x01\x00\x05hello")
		c.S("* BYE this port begins in plain text: set the client to STARTTLS, or use the SSL/TLS port")
		c.ends()
	})
	t.Run("other bytes", func(t *testing.T) {
		c := newTLSGateway(t, ListenStartTLS).dial()
		c.S("* OK …")
		c.raw("\x80\x2e\x01\x00\x02\x00\xff\n")
		c.S("* BYE …")
		c.ends()
	})
}

func TestPlainTextOnTheTLSPort(t *testing.T) {
	g := newTLSGateway(t, ListenImplicit)
	c := g.dial()
	c.C("a1 CAPABILITY")
	c.S("* BYE this port speaks TLS from the first byte: set the client to SSL/TLS, or use the STARTTLS port")
	c.ends()
	g.logged("plain text on the TLS port")
}

func TestAClientThatDoesNotRead(t *testing.T) {
	g := newGateway(t, func(_ *Options, l *limits) { l.Write = 100 * time.Millisecond })
	c, u := g.login()
	c.C("a1 FETCH 1 BODY[]")
	u.C("a1 FETCH 1 BODY[]")
	// The upstream sends more than socket buffers hold, until the gateway gives up writing.
	u.raw("* 1 FETCH (BODY[] {1000000000}\r\n")
	chunk := make([]byte, 1<<20)
	for err := error(nil); err == nil; {
		_, err = u.nc.Write(chunk)
	}
	if end := g.logged("session end")["reason"].(string); !strings.Contains(end, "timeout") {
		t.Errorf("the reason in the log is %q", end)
	}
}
