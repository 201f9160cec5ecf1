package proxy

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"exgate/backend"
	"exgate/backend/exchangesim"
	"exgate/config/profile"
	"exgate/proxy/testkit"
)

// newTokenHolder starts a gateway that opens mailboxes with the credentials of an application, in front of a simulated
// Exchange Online with its token endpoint.
func newTokenHolder(t *testing.T, users ...string) (*gateway, *exchangesim.Server, *testkit.Clock) {
	t.Helper()
	clock := &testkit.Clock{T: time.Now()}
	var client *http.Client
	var web = testkit.Listen(t)
	prof := exchangeProfile
	prof.Name, prof.Flagged = profile.Online, false
	g, sim := newHolder(t, exchangesim.Config{Profile: profile.Online, Now: clock.Now}, users, withProfile(prof), func(o *Options, _ *limits) {
		client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: o.Upstreams[0].Backend.RootCAs}}}
		o.Upstreams[0].Backend.Admin = backend.Admin{}
		o.Upstreams[0].Backend.OAuth2 = backend.OAuth2Options{
			Flow: backend.FlowClientCredentials, ClientID: exchangesim.TokenClient, ClientSecret: backend.NewSecret(exchangesim.TokenSecret), HTTP: client,
			TokenURL: "https://" + web.Addr().String() + "/" + exchangesim.TokenTenant + "/oauth2/v2.0/token",
		}
		o.Upstreams[0].Resume = true
	})
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := sim.ServeTokens(web); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		client.CloseIdleConnections()
		sim.Close()
		serving.Wait()
	})
	return g, sim, clock
}

func TestHeldTokens(t *testing.T) {
	g, sim, _ := newTokenHolder(t, "migration HASH(secret) *@example.com", "bob@example.com HASH(bobs) bob@example.com")
	for _, tt := range []struct{ command, opens string }{
		{"LOGIN bob@example.com bobs", "bob"},
		{`LOGIN migration\alice@example.com secret`, "alice"},
		{`LOGIN migration\alice secret`, "alice"}, // exgate adds @example.com, and the users file allows that
		{"AUTHENTICATE PLAIN " + plainResponse("bob@example.com", "migration", "secret"), "bob"},
		{"LOGIN bob@example.com bobpass", ""},
		{`LOGIN bob@example.com\alice@example.com bobs`, ""},
		{"AUTHENTICATE XOAUTH2 " + xoauth2Response("bob@example.com", "unknown"), ""},
	} {
		c := g.dial()
		c.S("* OK [CAPABILITY … AUTH=XOAUTH2 AUTH=OAUTHBEARER…] …")
		c.C("a1 " + tt.command)
		if tt.opens == "" {
			if line := c.S("…"); strings.HasPrefix(line, "+ ") {
				c.C("")
				c.S("a1 NO …")
			} else if !strings.HasPrefix(line, "a1 NO ") {
				t.Errorf("%s: %s", tt.command, line)
			}
			continue
		}
		c.S("a1 OK …")
		before := len(sim.Messages(tt.opens, "INBOX"))
		c.upload("INBOX", cleanMessage)
		c.S("a1 OK …")
		if len(sim.Messages(tt.opens, "INBOX")) != before+1 {
			t.Errorf("%s opened another mailbox", tt.command)
		}
	}
	if n := sim.TokensGranted(); n != 1 {
		t.Errorf("%d tokens", n)
	}
}

// A token expires in the middle of a sync, again and again, and the client sees
// nothing of it.
func TestTokenExpiresDuringASync(t *testing.T) {
	g, sim, clock := newTokenHolder(t, "migration HASH(secret) *@example.com")
	const messages, each = 1000, 100
	for _, user := range []string{"alice", "bob"} {
		c := g.dial()
		c.S("* OK …")
		c.C(`a1 LOGIN migration\` + user + `@example.com secret`)
		c.S("a1 OK …")
		c.C("a2 SELECT INBOX")
		c.until("a2 OK …", "* …")
		for i := range messages / 2 {
			switch i % each {
			case each / 2:
				sim.RevokeTokens() // the next command fails
			case each - 1:
				clock.Add(2 * time.Hour)
			}
			message := fmt.Sprintf("Message-ID: <%d@example.com>\r\n%s", i, cleanMessage)
			c.C(fmt.Sprintf("m%d APPEND INBOX {%d}", i, len(message)))
			c.until("+ …", "* … EXISTS", "* … RECENT")
			c.raw(message + "\r\n")
			c.until(fmt.Sprintf("m%d OK …", i), "* … EXISTS", "* … RECENT")
		}
		if got := len(sim.Messages(user, "INBOX")); got != messages/2 {
			t.Errorf("%s has %d messages", user, got)
		}
	}
	if n := sim.TokensGranted(); n < 2*(messages/2)/each {
		t.Errorf("%d tokens for so many that expired", n)
	}
}
