package proxy

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"exgate/backend"
	"exgate/backend/exchangesim"
	"exgate/proxy/certificate"
	"exgate/proxy/testkit"
	"exgate/proxy/users"
)

// newHolder starts a gateway that holds the admin's password, in front of a simulated Exchange with TLS.
func newHolder(t *testing.T, cfg exchangesim.Config, callers []string, setups ...func(*Options, *limits)) (*gateway, *exchangesim.Server) {
	t.Helper()
	sim, err := exchangesim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	roots, err := sim.RootCAs()
	if err != nil {
		t.Fatal(err)
	}
	l := testkit.Listen(t)
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := sim.Serve(l, exchangesim.ImplicitTLS); err != nil {
			t.Errorf("exchangesim: %v", err)
		}
	})
	t.Cleanup(func() { sim.Close(); serving.Wait() })
	holds := func(o *Options, _ *limits) {
		o.Upstreams[0].Backend.TLS, o.Upstreams[0].Backend.RootCAs = backend.TLSImplicit, roots
		o.Upstreams[0].Backend.Admin = backend.Admin{Name: `EXAMPLE\admin`, Password: backend.NewSecret("adminpass")}
		if o.Users, err = users.Load(testkit.UsersFile(t, callers...)); err != nil {
			t.Fatal(err)
		}
	}
	setups = append([]func(*Options, *limits){withProfile(exchangeProfile), withDomain, holds}, setups...)
	return startGateway(t, ListenInsecurePlaintext, l.Addr().String(), setups...), sim
}

func TestHeldAdmin(t *testing.T) {
	users := []string{"migration HASH(secret) alice@example.com bob", "bob HASH(bobs) bob", "alice@example.com HASH(own) alice@example.com"}
	for name, tt := range map[string]struct{ command, opens, says string }{
		"a caller for a user":         {`LOGIN migration\bob secret`, "bob", ""},
		"by PLAIN":                    {"AUTHENTICATE PLAIN " + plainResponse("bob", "migration", "secret"), "bob", ""},
		"by PROXYAUTH, after his own": {"LOGIN bob bobs", "bob", ""},
		"for an address":              {"AUTHENTICATE PLAIN " + plainResponse("alice@example.com", "migration", "secret"), "alice", ""},
		"domain before the caller":    {`LOGIN EXAMPLE\migration\bob secret`, "bob", ""},
		"a user himself":              {"LOGIN bob bobs", "bob", ""},
		"his address":                 {"LOGIN alice@example.com own", "alice", ""},
		"wrong password":              {`LOGIN migration\bob wrong`, "", "AUTHENTICATIONFAILED] wrong name or password"},
		"the admin's own password":    {`LOGIN admin adminpass`, "", "AUTHENTICATIONFAILED] wrong name or password"},
		"Exchange's own password":     {`LOGIN bob bobpass`, "", "AUTHENTICATIONFAILED] wrong name or password"},
		"no password":                 {`LOGIN bob ""`, "", "AUTHENTICATIONFAILED] wrong name or password"},
		"another mailbox":             {`LOGIN bob\alice bobs`, "", "AUTHORIZATIONFAILED] bob may not open the mailbox alice"},
		"one not in the file":         {`LOGIN migration\carol secret`, "", "AUTHORIZATIONFAILED] migration may not"},
		"a spelling not in the file":  {`LOGIN migration\alice secret`, "", "AUTHORIZATIONFAILED] migration may not"},
	} {
		t.Run(name, func(t *testing.T) {
			g, sim := newHolder(t, exchangesim.Config{}, users)
			c := g.dial()
			c.S("* OK …")
			c.C("a1 " + tt.command)
			if tt.opens == "" {
				c.S("a1 NO [" + tt.says + "…")
				return
			}
			c.S("a1 OK [CAPABILITY …] …")
			c.upload("INBOX", cleanMessage)
			c.S("a1 OK …")
			for _, user := range []string{"alice", "bob", "admin"} {
				if got := len(sim.Messages(user, "INBOX")); (got == 1) != (user == tt.opens) {
					t.Errorf("%s has %d messages", user, got)
				}
			}
		})
	}
}

// TestConfusedDeputy checks that the admin's password opens only the mailboxes that the users file allows, whatever
// name a caller writes in whatever form.
func TestConfusedDeputy(t *testing.T) {
	targets := []string{
		"alice", "ALICE", "alice@example.com", `EXAMPLE\alice`, `bob\alice`, "bob/alice", "EXAMPLE/alice", "alice@example.com@example.com",
		"bob\x01alice", "bob\x01auth=Bearer x\x01\x01", "bob\r\na2 LOGIN alice", "bob\nalice", " alice", "alice ", ".alice", "alice.", "a..b",
		"\uff41lice", "alic\u00e9", "a\u017flice", "alice\x00", "-alice", `"alice"`, "{5}", "*", "%", "a*", "cc", "bob,alice", "bob;alice", "(alice)",
		strings.Repeat("a", 300), "admin", "Administrator", `admin@example.com\alice`, "bob@example.com", "bob@EXAMPLE.COM",
	}
	for _, form := range backend.Forms {
		t.Run(string(form), func(t *testing.T) {
			g, sim := newHolder(t, exchangesim.Config{Users: append(exchangesim.DefaultUsers(), exchangesim.User{Name: "carol", Alias: "cc", Password: "x"})},
				[]string{"caller HASH(secret) bob"}, func(o *Options, l *limits) {
					o.Upstreams[0].Backend.Login.Forms = []backend.Form{form}
					o.Upstreams[0].Backend.Login.Aliases = []backend.Alias{{User: "robert", Alias: "bob"}, {User: "bob", Alias: "cc"}}
					o.Upstreams[0].Backend.Login.Separator = "%"
					l.CommandsBeforeLogin = 1000
				})
			for mailbox, n := range map[string]int{"bob": 1, "carol": 2, "admin": 3, "alice": 4} {
				for range n {
					if _, err := sim.Deliver(mailbox, "INBOX", nil, time.Unix(0, 0), []byte(cleanMessage)); err != nil {
						t.Fatal(err)
					}
				}
			}
			for _, target := range append(targets, "robert", "bob") {
				for _, command := range []string{
					"AUTHENTICATE PLAIN " + plainResponse(target, "caller", "secret"),
					literalLogin(`caller\`+target, "secret"),
					literalLogin(target+"%caller", "secret"),
					literalLogin(`EXAMPLE\caller\`+target, "secret"),
				} {
					deputy(t, g, target, command)
				}
			}
		})
	}
}

func literalLogin(name, password string) string {
	return fmt.Sprintf("LOGIN {%d+}\r\n%s %s", len(name), name, password)
}

// deputy tries one login. If it is accepted, it must have opened bob's mailbox.
func deputy(t *testing.T, g *gateway, target, command string) {
	t.Helper()
	c := g.dial()
	defer c.close()
	c.S("* OK …")
	c.C("a1 " + command)
	reply := c.S("…")
	if !strings.HasPrefix(reply, "a1 OK ") {
		if !strings.HasPrefix(reply, "a1 NO ") && !strings.HasPrefix(reply, "a1 BAD ") && !strings.HasPrefix(reply, "* BYE ") {
			t.Errorf("%q: %s", target, reply)
		}
		return
	}
	c.C("a2 STATUS INBOX (MESSAGES)")
	if reply := c.S("…"); !strings.Contains(reply, "(MESSAGES 1)") {
		t.Errorf("%q opened another mailbox: %s", target, reply)
	}
}

// A resume fails if the users file does not allow the mailbox any more.
func TestUsersFileAtResume(t *testing.T) {
	path := testkit.UsersFile(t, "caller HASH(secret) bob")
	g, sim := newHolder(t, exchangesim.Config{}, nil, func(o *Options, _ *limits) {
		var err error
		if o.Users, err = users.Load(path); err != nil {
			t.Fatal(err)
		}
		o.Upstreams[0].Resume = true
	})
	c := g.dial()
	c.S("* OK …")
	c.C(`a1 LOGIN caller\bob secret`)
	c.S("a1 OK …")
	cut := func() {
		if err := sim.AddFault("token-expiry"); err != nil {
			t.Fatal(err)
		}
	}
	cut()
	c.C("a2 STATUS INBOX (MESSAGES)")
	c.S("* STATUS INBOX (MESSAGES 0)")
	c.S("a2 OK …")
	testkit.WriteUsers(t, path, "caller HASH(secret) alice")
	cut()
	c.C("a3 STATUS INBOX (MESSAGES)")
	c.S("* BYE …caller may not open the mailbox bob…")
	c.ends()
}

func TestClientCertificate(t *testing.T) {
	dir := t.TempDir()
	known, _, err := certificate.Own(filepath.Join(dir, "known"))
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := certificate.Own(filepath.Join(dir, "other"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(known.Certificate[0])
	for name, tt := range map[string]struct {
		certs   []tls.Certificate
		command string
		answer  string
	}{
		"EXTERNAL":                {[]tls.Certificate{known}, "a1 AUTHENTICATE EXTERNAL =", "a1 OK …"},
		"EXTERNAL, asked for":     {[]tls.Certificate{known}, "a1 AUTHENTICATE EXTERNAL", "+ "},
		"EXTERNAL, his mailbox":   {[]tls.Certificate{known}, "a1 AUTHENTICATE EXTERNAL " + b64("bob"), "a1 OK …"},
		"EXTERNAL, another":       {[]tls.Certificate{known}, "a1 AUTHENTICATE EXTERNAL " + b64("alice"), "a1 NO [AUTHORIZATIONFAILED] …"},
		"EXTERNAL, NUL":           {[]tls.Certificate{known}, "a1 AUTHENTICATE EXTERNAL " + b64("bob\x00alice\x00x"), "a1 BAD …"},
		"LOGIN, any password":     {[]tls.Certificate{known}, "a1 LOGIN bob x", "a1 OK …"},
		"LOGIN, another's name":   {[]tls.Certificate{known}, "a1 LOGIN alice x", "a1 NO [AUTHENTICATIONFAILED] wrong …"},
		"another certificate":     {[]tls.Certificate{other}, "a1 AUTHENTICATE EXTERNAL =", "a1 NO [AUTHENTICATIONFAILED] EXTERNAL needs …"},
		"another, LOGIN":          {[]tls.Certificate{other}, "a1 LOGIN bob x", "a1 NO [AUTHENTICATIONFAILED] wrong …"},
		"no certificate":          {nil, "a1 AUTHENTICATE EXTERNAL =", "a1 NO [AUTHENTICATIONFAILED] EXTERNAL needs …"},
		"no certificate, LOGIN":   {nil, "a1 LOGIN bob x", "a1 NO [AUTHENTICATIONFAILED] wrong …"},
		"a password all the same": {nil, "a1 LOGIN alice own", "a1 OK …"},
	} {
		t.Run(name, func(t *testing.T) {
			g, _ := newHolder(t, exchangesim.Config{}, []string{"bob sha256:" + hex.EncodeToString(sum[:]) + " bob", "alice HASH(own) alice"},
				func(o *Options, _ *limits) { o.Certificate = known })
			l := testkit.Listen(t)
			var serving sync.WaitGroup
			serving.Go(func() { g.srv.Serve(l, ListenImplicit) })
			t.Cleanup(func() { l.Close(); serving.Wait() })
			nc, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true, Certificates: tt.certs})
			if err != nil {
				t.Fatal(err)
			}
			c := &client{newPeer(t, "client", nc, g.said)}
			greeting := c.S("* OK …")
			if offered := strings.Contains(greeting, "AUTH=EXTERNAL"); offered != (len(tt.certs) > 0 && &tt.certs[0].Certificate[0][0] == &known.Certificate[0][0]) {
				t.Errorf("%s", greeting)
			}
			c.C(tt.command)
			c.S(tt.answer)
		})
	}
}
