package proxy

import (
	"encoding/base64"
	"strings"
	"testing"

	"exgate/backend/exchangesim"
)

func xoauth2Response(user, token string) string {
	return b64("user=" + user + "\x01auth=Bearer " + token + "\x01\x01")
}

// A client's own token goes upstream by the mechanism that the upstream offers.
func TestOwnToken(t *testing.T) {
	bearer := b64("n,a=bob@example.com,\x01host=mail.example.com\x01port=993\x01auth=Bearer to.k-n\x01\x01")
	long := strings.Repeat("x", 8000)
	for name, tt := range map[string]struct{ client, capabilities, upstream string }{
		"XOAUTH2":              {"a1 AUTHENTICATE XOAUTH2\n+ \n" + xoauth2Response("bob@example.com", "to.k-n"), "AUTH=XOAUTH2 SASL-IR", "C xg1 AUTHENTICATE XOAUTH2 " + xoauth2Response("bob@example.com", "to.k-n")},
		"initial response":     {"a1 authenticate xoauth2 " + xoauth2Response("bob@example.com", "to.k-n"), "AUTH=XOAUTH2", "C xg1 AUTHENTICATE XOAUTH2\nS +\nC " + xoauth2Response("bob@example.com", "to.k-n")},
		"OAUTHBEARER":          {"a1 AUTHENTICATE OAUTHBEARER " + bearer, "AUTH=XOAUTH2 LOGINDISABLED SASL-IR", "C xg1 AUTHENTICATE XOAUTH2 " + xoauth2Response("bob@example.com", "to.k-n")},
		"OAUTHBEARER upstream": {"a1 AUTHENTICATE XOAUTH2 " + xoauth2Response("bob@example.com", "to.k-n"), "AUTH=OAUTHBEARER SASL-IR", "C xg1 AUTHENTICATE OAUTHBEARER " + b64("n,a=bob@example.com,\x01auth=Bearer to.k-n\x01\x01")},
		"a long token":         {"a1 AUTHENTICATE XOAUTH2 " + xoauth2Response("bob@example.com", long), "AUTH=XOAUTH2 SASL-IR", "C xg1 AUTHENTICATE XOAUTH2 " + xoauth2Response("bob@example.com", long)},
		"the suffix is added":  {"a1 AUTHENTICATE XOAUTH2 " + xoauth2Response("bob", "tok"), "AUTH=XOAUTH2 SASL-IR", "C xg1 AUTHENTICATE XOAUTH2 " + xoauth2Response("bob@example.com", "tok")},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, withDomain)
			c := g.dial()
			c.S("* OK …")
			for line := range strings.SplitSeq(tt.client, "\n") {
				if strings.HasPrefix(line, "+") {
					c.S(line)
				} else {
					c.C(line)
				}
			}
			u := g.accept()
			u.S("* OK [CAPABILITY IMAP4rev1 " + tt.capabilities + "] ready")
			u.play(tt.upstream)
			u.S("xg1 OK [CAPABILITY IMAP4rev1] done")
			c.S("a1 OK [CAPABILITY IMAP4rev1] …")
			c.C("a2 PROXYAUTH alice")
			c.S("a2 NO a login with a token names its mailbox itself: …")
			noop(c, u)
		})
	}
}

// After a refused token the client is sent the reason and must answer. The upstream counts one failure.
func TestOwnTokenRefused(t *testing.T) {
	for _, answer := range []string{"AQ==", "", "*", "=", xoauth2Response("bob@example.com", "old")} {
		t.Run(answer, func(t *testing.T) {
			g := newGateway(t)
			c := g.dial()
			c.S("* OK …")
			c.C("a1 AUTHENTICATE XOAUTH2 " + xoauth2Response("bob@example.com", "old"))
			u := g.accept()
			u.S("* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR] ready")
			u.C("xg1 AUTHENTICATE XOAUTH2 …")
			u.S("+ " + b64(`{"status":"400"}`)) // Gmail answers so
			u.C("")
			u.S("xg1 NO AUTHENTICATE failed.")
			u.ends()
			challenge, _ := strings.CutPrefix(c.S("+ …"), "+ ")
			if text, err := base64.StdEncoding.DecodeString(challenge); err != nil || string(text) != tokenRefused {
				t.Errorf("challenge %q", text)
			}
			c.C(answer)
			c.S("a1 NO [AUTHENTICATIONFAILED] AUTHENTICATE failed. …")
			c.C("a2 NOOP")
			c.S("a2 OK …")
		})
	}
}

// A mailbox whose INBOX does not open can be used otherwise (EX-81).
func TestLoginWithoutInbox(t *testing.T) {
	prof := repairing(true)
	prof.Verify = true
	g, _ := newSimulated(t, exchangesim.Config{Profile: "exchange2016", Quirks: []string{"inbox-missing"}}, withProfile(prof))
	c := g.loginSimulated()
	c.do("SELECT INBOX", "NO [NONEXISTENT] …")
	c.do("SELECT Drafts", "OK [READ-WRITE] SELECT completed.")
}

func TestParseToken(t *testing.T) {
	for _, tt := range []struct{ mechanism, response string }{
		{xoauth2, ""},
		{xoauth2, "user=bob\x01auth=Bearer x"},
		{xoauth2, "user=\x01auth=Bearer x\x01\x01"},
		{xoauth2, "user=bob\x01auth=Bearer \x01\x01"},
		{xoauth2, "user=bob\x01auth=Basic x\x01\x01"},
		{xoauth2, "user=bob\x01\x01"},
		{xoauth2, "auth=Bearer x\x01user=bob\x01\x01"},
		{xoauth2, "user=bob\r\n\x01auth=Bearer x\x01\x01"},
		{xoauth2, "user=bob\x01auth=Bearer x y\x01\x01"},
		{oauthBearer, "user=bob\x01auth=Bearer x\x01\x01"},
		{oauthBearer, "n,,\x01auth=Bearer x\x01\x01"},
		{oauthBearer, "p=tls-unique,a=bob,\x01auth=Bearer x\x01\x01"},
		{oauthBearer, "n,a=bob,a=alice,\x01auth=Bearer x\x01\x01"},
	} {
		if user, token, ok := parseToken(tt.mechanism, tt.response); ok {
			t.Errorf("%s %q: %q %q", tt.mechanism, tt.response, user, token)
		}
	}
	if user, token, ok := parseToken(oauthBearer, "n,a=b=2Co=3Db,\x01auth=bearer x\x01\x01"); !ok || user != "b,o=b" || token != "x" {
		t.Errorf("got %q %q %v", user, token, ok)
	}
}
