package proxy

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"exgate/backend"
	"exgate/backend/exchangesim"
)

// cheapHash is a hash that tests can afford.
func cheapHash(password string) string {
	a := argon{memory: 8, time: 1, threads: 1, salt: []byte("saltsalt")}
	a.key = a.of(password, 32)
	return a.String()
}

// usersFile writes a users file; in its lines, "HASH(x)" is the hash of x.
func usersFile(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "users")
	writeUsers(t, path, lines...)
	return path
}

func writeUsers(t *testing.T, path string, lines ...string) {
	t.Helper()
	text := strings.Join(lines, "\n") + "\n"
	for {
		before, rest, found := strings.Cut(text, "HASH(")
		if !found {
			break
		}
		password, after, _ := strings.Cut(rest, ")")
		text = before + cheapHash(password) + after
	}
	writeFile(t, path, text)
}

func TestUsers(t *testing.T) {
	bcrypted, err := bcrypt.GenerateFromPassword([]byte("bobs"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	users, err := LoadUsers(usersFile(t,
		"# who may open what", "",
		"migration HASH(secret) *@example.com",
		"Bob@example.com "+string(bcrypted)+" bob@example.com Shared",
		"root HASH(secret) *",
		"scanner sha256:"+strings.Repeat("AB:", 31)+"ab scans@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, password, cert string
		want                 error
	}{
		{"migration", "secret", "", nil},
		{"MIGRATION", "secret", "", nil},
		{"migration", "Secret", "", errWrong},
		{"migration", "", "", errWrong},
		{"migration", "", strings.Repeat("ab", 32), errWrong},
		{"bob@example.com", "bobs", "", nil},
		{"bob", "bobs", "", errWrong},
		{"nobody", "", "", errWrong},
		{"nobody", "secret", "", errWrong},
		{"", "", "", errWrong},
		{"scanner", "", strings.Repeat("ab", 32), nil},
		{"scanner", "anything", strings.Repeat("ab", 32), nil},
		{"scanner", "", strings.Repeat("cd", 32), errWrong},
		{"scanner", "", "", errWrong},
	} {
		if err := users.Prove(t.Context(), tt.name, backend.NewSecret(tt.password), tt.cert); err != tt.want {
			t.Errorf("%s with %q: %v", tt.name, tt.password+tt.cert, err)
		}
	}
	for _, tt := range []struct {
		name, mailbox string
		may           bool
	}{
		{"migration", "alice@example.com", true},
		{"migration", "alice@EXAMPLE.com", true},
		{"migration", "alice", false},
		{"migration", "alice@example.com.evil.org", false},
		{"migration", "alice@sub.example.com", false},
		{"bob@example.com", "shared", true},
		{"bob@example.com", "bob@example.com", true},
		{"bob@example.com", "bob", false},
		{"bob@example.com", "alice@example.com", false},
		{"root", "anybody@anywhere.org", true},
		{"root", `EXAMPLE\bob`, false},
		{"root", "", false},
		{"nobody", "bob", false},
	} {
		if err := users.May(tt.name, tt.mailbox); (err == nil) != tt.may {
			t.Errorf("%s, mailbox %s: %v", tt.name, tt.mailbox, err)
		}
	}
	if name, ok := users.Named(strings.Repeat("ab", 32)); !ok || name != "scanner" {
		t.Errorf("the certificate is %s's (%v)", name, ok)
	}
	if name, ok := users.Named(""); ok {
		t.Errorf("no certificate is %s's", name)
	}
}

func TestUsersFileRefused(t *testing.T) {
	good := cheapHash("secret")
	for _, tt := range []struct{ line, want string }{
		{"bob", "a line is"},
		{"bob " + good, "a line is"},
		{"bob secret *", "neither an argon2id"},
		{"bob $argon2id$v=19$m=8,t=1,p=1$c2FsdA$a2V5 *", "neither an argon2id"},
		{"bob " + strings.Replace(good, "m=8", "m=99999999", 1) + " *", "asks for more"},
		{"bob " + strings.Replace(good, "t=1", "t=0", 1) + " *", "neither"},
		{"bob $2y$31$" + strings.Repeat("a", 53) + " *", "cost 31"},
		{"bob $2y$12$short *", "neither"},
		{"bob sha256:abc *", "64 hexadecimal digits"},
		{`EXAMPLE\bob ` + good + " *", "name of the user"},
		{"bob " + good + ` EXAMPLE\bob`, "only ASCII letters"},
		{"bob " + good + " *@", "is empty"},
		{"bob " + good + " b*", "only ASCII letters"},
		{"bob " + good + " *\nBOB " + good + " *", "line 2: BOB is there twice"},
	} {
		if _, err := LoadUsers(usersFile(t, tt.line)); err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", tt.line, err)
		}
	}
	open := usersFile(t, "bob HASH(x) *")
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadUsers(open); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that others can read: %v", err)
	}
	if _, err := LoadUsers(filepath.Join(t.TempDir(), "nowhere")); err == nil {
		t.Error("no file is taken for one")
	}
}

// A file that has changed holds at once; one with a mistake lets nobody in.
func TestUsersFileChanges(t *testing.T) {
	path := usersFile(t, "bob HASH(one) bob")
	users, err := LoadUsers(path)
	if err != nil {
		t.Fatal(err)
	}
	prove := func(password string) error { return users.Prove(t.Context(), "bob", backend.NewSecret(password), "") }
	writeUsers(t, path, "bob HASH(two) bob alice")
	if prove("one") == nil || prove("two") != nil || users.May("bob", "alice") != nil {
		t.Error("the old file holds")
	}
	writeUsers(t, path, "bob HASH(two) bob alice", "carol")
	if err := prove("two"); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("a file with a mistake: %v", err)
	}
	if users.May("bob", "bob") == nil || users.Certificates() {
		t.Error("a file with a mistake says something")
	}
}

func TestHashPassword(t *testing.T) {
	hash := HashPassword("pa$s w\"ord")
	if err := checkHash(hash); err != nil || !matchesHash(hash, "pa$s w\"ord") || matchesHash(hash, "") || hash == HashPassword("pa$s w\"ord") {
		t.Errorf("%s: %v", hash, err)
	}
	if matchesHash(nobodysHash, "") || checkHash(nobodysHash) != nil {
		t.Error("nobody has a password")
	}
}

// newHolder starts a gateway that logs in as admin, before a simulated Exchange
// with TLS.
func newHolder(t *testing.T, cfg exchangesim.Config, users []string, setups ...func(*Options, *limits)) (*gateway, *exchangesim.Server) {
	t.Helper()
	sim, err := exchangesim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	roots, err := sim.RootCAs()
	if err != nil {
		t.Fatal(err)
	}
	l := listen(t)
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := sim.Serve(l, exchangesim.ImplicitTLS); err != nil {
			t.Errorf("exchangesim: %v", err)
		}
	})
	t.Cleanup(func() { sim.Close(); serving.Wait() })
	holds := func(o *Options, _ *limits) {
		o.Upstream.TLS, o.Upstream.RootCAs = backend.TLSImplicit, roots
		o.Upstream.Admin = backend.Admin{Name: `EXAMPLE\admin`, Password: backend.NewSecret("adminpass")}
		if o.Users, err = LoadUsers(usersFile(t, users...)); err != nil {
			t.Fatal(err)
		}
	}
	setups = append([]func(*Options, *limits){withPolicy(exchangePolicy), withDomain, holds}, setups...)
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

// TestConfusedDeputy: whatever a caller writes, in whatever form, the admin's
// password opens only what the file says.
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
					o.Upstream.Login.Forms = []backend.Form{form}
					o.Upstream.Login.Aliases = []backend.Alias{{User: "robert", Alias: "bob"}, {User: "bob", Alias: "cc"}}
					o.Upstream.Login.Separator = "%"
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

// deputy tries one login; if it is accepted, the mailbox must be bob's.
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

// The users file holds at a resume, too.
func TestUsersFileAtResume(t *testing.T) {
	path := usersFile(t, "caller HASH(secret) bob")
	g, sim := newHolder(t, exchangesim.Config{}, nil, func(o *Options, _ *limits) {
		var err error
		if o.Users, err = LoadUsers(path); err != nil {
			t.Fatal(err)
		}
		o.Resume = true
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
	writeUsers(t, path, "caller HASH(secret) alice")
	cut()
	c.C("a3 STATUS INBOX (MESSAGES)")
	c.S("* BYE …caller may not open the mailbox bob…")
	c.ends()
}

func TestClientCertificate(t *testing.T) {
	dir := t.TempDir()
	known, _, err := OwnCertificate(filepath.Join(dir, "known"))
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := OwnCertificate(filepath.Join(dir, "other"))
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
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
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
