package proxy

import (
	"strings"
	"testing"

	"exgate/config/profile"
)

const (
	bogus     = "<body BAD Command Error. 10"
	bogusSaid = "BAD Command Error. 10"
)

func TestUnknownTagEndsTheSession(t *testing.T) {
	later := bogus + "\r\n* 99 EXISTS\r\na1 OK done\r\n"
	bye := "* BYE " + bogusSaid + " (exgate: Exchange replied out of step…"
	t.Run("while idle", func(t *testing.T) {
		c, u := newGateway(t).login()
		u.raw(later)
		c.S(bye)
		c.ends()
		u.ends()
	})
	t.Run("during a command", func(t *testing.T) {
		c, u := newGateway(t).login()
		c.C("a1 NOOP")
		u.C("a1 NOOP")
		u.raw("* 1 EXISTS\r\n" + later)
		c.S("* 1 EXISTS")
		c.S(bye)
		c.ends()
		u.ends()
	})
	t.Run("longer than a buffer", func(t *testing.T) {
		c, u := newGateway(t).login()
		u.raw("nobody NO " + strings.Repeat("x", 200_000) + "\r\n* 99 EXISTS\r\n")
		c.S("* BYE …")
		c.ends()
	})
	t.Run("answered twice", func(t *testing.T) {
		c, u := newGateway(t).login()
		c.C("a1 NOOP")
		u.C("a1 NOOP")
		u.raw("a1 OK done\r\na1 OK done\r\n* 99 EXISTS\r\n")
		c.S("a1 OK done")
		c.S("* BYE …")
		c.ends()
		u.ends()
	})
	t.Run("in the own lane", func(t *testing.T) {
		c, u := newGateway(t, withProfile(exchangeProfile)).login()
		c.raw("a1 APPEND INBOX {3+}\r\nabc\r\n")
		u.C("xg3 APPEND INBOX {3}")
		u.S("+ go")
		u.C("abc")
		u.raw("* 1 EXISTS\r\n" + later)
		c.S("* 1 EXISTS")
		c.S("a1 NO " + bogusSaid + " (exgate: Exchange replied out of step…")
		c.S(bye)
		c.ends()
		u.ends()
	})
	t.Run("at the login", func(t *testing.T) {
		g := newGateway(t)
		c := g.dial()
		c.S("* OK …")
		c.C("a1 LOGIN alice secret")
		u := g.accept()
		u.S("* OK [CAPABILITY IMAP4rev1] ready")
		u.C("xg1 LOGIN …")
		u.raw(later)
		c.S("a1 NO " + bogusSaid + " (exgate: …")
		u.ends()
	})
}

func TestReplyBeforeTheEndOfALiteralEndsTheSession(t *testing.T) {
	t.Run("direct", func(t *testing.T) {
		c, u := newGateway(t, withProfile(exchangeProfile)).login()
		c.C("a1 CREATE {9}")
		u.C("a1 CREATE {9}")
		u.S("+ go")
		c.S("+ go")
		c.raw("b1 D")
		u.expectRaw("b1 D")
		u.raw("a1 NO too early\r\n* 99 EXISTS\r\n")
		c.S("a1 NO too early")
		c.S("* BYE NO too early (exgate: Exchange replied out of step…")
		c.ends()
		u.ends() // no byte may come before
	})
	t.Run("own lane", func(t *testing.T) {
		c, u := newGateway(t, withProfile(exchangeProfile)).login()
		// The message is longer than the socket buffers, and the upstream does not read it.
		message := strings.Repeat(strings.Repeat("x", 98)+"\r\n", 90_000)
		c.raw("a1 APPEND INBOX {9000000+}\r\n" + message + "\r\n")
		u.C("xg3 APPEND INBOX {9000000}")
		u.S("+ go")
		u.expectRaw(message[:1000])
		u.raw("xg3 NO too early\r\n* 99 EXISTS\r\n")
		c.S("a1 NO NO too early (exgate: Exchange replied out of step…")
		c.S("* BYE …")
		c.ends()
	})
	// RFC 7888 section 3 lets a server refuse a literal early. Profile plain trusts the server to skip the literal.
	t.Run("plain with LITERAL+", func(t *testing.T) {
		c, u := newGateway(t).login()
		c.C("a1 CREATE {4+}")
		u.C("a1 CREATE {4+}")
		u.S("a1 NO not that")
		c.S("a1 NO not that")
		c.raw("abcd\r\na2 NOOP\r\n")
		u.expectRaw("abcd\r\na2 NOOP\r\n")
		u.S("a2 OK done")
		c.S("a2 OK done")
	})
}

func TestLiteralsAreSentSynchronizing(t *testing.T) {
	withPlus := exchangeProfile
	withPlus.LiteralPlus = true
	for name, tt := range map[string]struct {
		profile profile.Profile
		sent    string // announcement that goes upstream for the client's {5+}
	}{
		"exchange":           {exchangeProfile, "{5}"},
		"exchange by choice": {withPlus, "{5+}"},
		"plain":              {plainProfile, "{5+}"},
	} {
		t.Run(name, func(t *testing.T) {
			c, u := newGateway(t, withProfile(tt.profile)).login()
			c.raw("a1 CREATE {5+}\r\nabcde\r\n")
			u.C("a1 CREATE " + tt.sent)
			if tt.sent == "{5}" {
				u.silent()
				u.S("+ go")
			}
			u.C("abcde")
			u.S("a1 OK done")
			c.S("a1 OK done") // and no "+" before
		})
	}
	t.Run("LITERAL- is for 4096 bytes", func(t *testing.T) {
		g := newGateway(t)
		c := g.dial()
		c.S("* OK …")
		c.C("a0 LOGIN alice secret")
		u := g.accept()
		u.S("* OK [CAPABILITY IMAP4rev1] ready")
		u.C("xg1 LOGIN …")
		u.S("xg1 OK [CAPABILITY IMAP4rev1 LITERAL-] done")
		c.S("a0 OK …")
		c.raw("a1 X {4096+}\r\n" + strings.Repeat("x", 4096) + "\r\n")
		u.C("a1 X {4096+}")
		u.C(strings.Repeat("x", 4096))
		c.raw("a2 X {4097+}\r\n" + strings.Repeat("x", 4097) + "\r\n")
		u.C("a2 X {4097}")
		u.silent()
		u.S("+ go")
		u.C(strings.Repeat("x", 4097))
	})
}

func TestRefusedSynchronizingLiteralNeverComes(t *testing.T) {
	next := func(c *client, u *upstream) {
		t.Helper()
		c.C("a2 NOOP")
		u.C("a2 NOOP")
		u.S("a2 OK done")
		c.S("a2 OK done")
	}
	t.Run("direct, by the upstream", func(t *testing.T) {
		c, u := newGateway(t, withProfile(exchangeProfile)).login()
		c.C("a1 CREATE {5}")
		u.C("a1 CREATE {5}")
		u.S("a1 NO no")
		c.S("a1 NO no")
		next(c, u)
	})
	t.Run("direct, by the upstream, sent unasked", func(t *testing.T) {
		c, u := newGateway(t, withProfile(exchangeProfile)).login()
		c.raw("a1 CREATE {5+}\r\nabcde\r\n")
		u.C("a1 CREATE {5}")
		u.S("a1 NO no")
		c.S("a1 NO no")
		next(c, u)
	})
	t.Run("direct, by exgate", func(t *testing.T) {
		c, u := newGateway(t).login()
		c.C("a1 COMPRESS {5}")
		c.S("a1 BAD …")
		next(c, u)
	})
	t.Run("own, by exgate", func(t *testing.T) {
		c, u := newGateway(t, withProfile(exchangeProfile)).login()
		c.C("a1 APPEND INBOX {300000000}")
		c.S("a1 NO [TOOBIG] …")
		next(c, u)
	})
	t.Run("own, by the upstream", func(t *testing.T) {
		c, u := newGateway(t, withProfile(exchangeProfile)).login()
		c.C("a1 APPEND INBOX {5}")
		c.S("+ go ahead")
		c.C("abcde")
		u.C("xg3 APPEND INBOX {5}")
		u.S("xg3 NO no")
		c.S("a1 NO no")
		next(c, u)
	})
}
