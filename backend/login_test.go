package backend

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"exgate/backend/wire"
)

// plain is the response of SASL PLAIN, RFC 4616.
func plain(authzid, authcid, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(authzid + "\x00" + authcid + "\x00" + password))
}

// greet is a greeting with the capabilities in it.
func greet(capabilities string) string {
	return "S: * OK [CAPABILITY " + capabilities + "] The Microsoft Exchange IMAP4 service is ready.\r\n"
}

// loggedIn is the answer to a login, with the capabilities in it.
func loggedIn(tag string) string {
	return "S: " + tag + " OK [CAPABILITY IMAP4rev1 ID MOVE] LOGIN completed.\r\n"
}

// newUpstream is an upstream that follows one script for each connection.
func newUpstream(t *testing.T, login LoginOptions, choice Choice, scripts ...[]string) *Upstream {
	t.Helper()
	next := 0
	address := listen(t, func(conn net.Conn) {
		if next == len(scripts) {
			t.Error("one connection more than expected")
			return
		}
		next++
		script(tls.Certificate{}, scripts[next-1]...)(conn)
	})
	u, err := NewUpstream(Options{Address: address, TLS: TLSInsecureNone, Login: login}, func(Evidence) Choice { return choice })
	if err != nil {
		t.Fatal(err)
	}
	return u
}

var (
	bob   = Identity{User: "bob", AsSent: "bob"}
	admin = Identity{Domain: "EXAMPLE", Admin: "admin", User: "bob", AsSent: `EXAMPLE\admin\bob`}
)

func TestLogin(t *testing.T) {
	forms := LoginOptions{Domains: []string{"EXAMPLE", "example.local"}, Forms: []Form{FormDomainUser}}
	for _, tt := range []struct {
		name     string
		login    LoginOptions
		id       Identity
		password string
		script   []string
		want     Form
	}{
		{"as sent", LoginOptions{}, bob, "secret",
			[]string{greet("IMAP4rev1"), `C: xg1 LOGIN "bob" "secret"`, loggedIn("xg1")}, FormAsSent},
		{"backslashes are doubled", LoginOptions{}, Identity{User: `EXAMPLE\bob`, AsSent: `EXAMPLE\bob`}, `se"cr\et`,
			[]string{greet("IMAP4rev1 AUTH=PLAIN"), `C: xg1 LOGIN "EXAMPLE\\bob" "se\"cr\\et"`, loggedIn("xg1")}, FormAsSent},
		{"LOGIN is off: PLAIN, with SASL-IR", LoginOptions{}, bob, "secret",
			[]string{greet("IMAP4rev1 LOGINDISABLED AUTH=PLAIN SASL-IR"), "C: xg1 AUTHENTICATE PLAIN " + plain("", "bob", "secret"), loggedIn("xg1")}, FormAsSent},
		{"LOGIN is off: PLAIN, without SASL-IR", LoginOptions{}, bob, "secret",
			[]string{greet("IMAP4rev1 logindisabled AUTH=PLAIN"), "C: xg1 AUTHENTICATE PLAIN", "S: +\r\n", "C: " + plain("", "bob", "secret"), loggedIn("xg1")}, FormAsSent},
		{"8-bit password: PLAIN", LoginOptions{}, bob, "s\xc3\xa4cret",
			[]string{greet("IMAP4rev1 AUTH=PLAIN SASL-IR"), "C: xg1 AUTHENTICATE PLAIN " + plain("", "bob", "s\xc3\xa4cret"), loggedIn("xg1")}, FormAsSent},
		{"8-bit name: PLAIN", LoginOptions{}, Identity{User: "b\xc3\xb6b", AsSent: "b\xc3\xb6b"}, "secret",
			[]string{greet("IMAP4rev1 AUTH=PLAIN SASL-IR"), "C: xg1 AUTHENTICATE PLAIN " + plain("", "b\xc3\xb6b", "secret"), loggedIn("xg1")}, FormAsSent},
		{"8-bit password, no PLAIN: a literal", LoginOptions{}, bob, "s\xc3\xa4cret",
			[]string{greet("IMAP4rev1"), `C: xg1 LOGIN "bob" {7}`, "S: + OK\r\n", "C: s\xc3\xa4cret", loggedIn("xg1")}, FormAsSent},
		{"8-bit name and password, no PLAIN", LoginOptions{}, Identity{User: "b\xf6b", AsSent: "b\xf6b"}, "\xff",
			[]string{greet("IMAP4rev1"), `C: xg1 LOGIN {3}`, "S: +\r\n", "C: b\xf6b {1}", "S: +\r\n", "C: \xff", loggedIn("xg1")}, FormAsSent},
		{"the second form", forms, bob, "secret",
			[]string{greet("IMAP4rev1"), `C: xg1 LOGIN "EXAMPLE\\bob" "secret"`, "S: xg1 NO LOGIN failed.\r\n",
				`C: xg2 LOGIN "example.local\\bob" "secret"`, loggedIn("xg2")}, FormDomainUser},
		{"admin for user", LoginOptions{Domains: []string{"EXAMPLE"}, Forms: []Form{FormDomainAdminUser}}, admin, "secret",
			[]string{greet("IMAP4rev1"), `C: xg1 LOGIN "EXAMPLE\\admin\\bob" "secret"`, loggedIn("xg1")}, FormDomainAdminUser},
		{"PLAIN with authzid", LoginOptions{Forms: []Form{FormPlainAuthzid}}, Identity{Admin: "admin", User: "bob"}, "secret",
			[]string{greet("IMAP4rev1 AUTH=PLAIN SASL-IR"), "C: xg1 AUTHENTICATE PLAIN " + plain("bob", "admin", "secret"), loggedIn("xg1")}, FormPlainAuthzid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := newUpstream(t, tt.login, Choice{}, tt.script)
			s, err := u.Open(t.Context(), tt.id, Credential{Password: NewSecret(tt.password)}, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if s.Attempt.Form != tt.want {
				t.Errorf("form %s, want %s", s.Attempt.Form, tt.want)
			}
			if want := []string{"IMAP4rev1", "ID", "MOVE"}; !slices.Equal(s.Capabilities, want) || !slices.Equal(s.Evidence.Capabilities, want) {
				t.Errorf("capabilities %q, evidence %q", s.Capabilities, s.Evidence.Capabilities)
			}
		})
	}
}

// Exchange puts no capabilities into its greeting and its OK to a login.
func TestLoginAsksForCapabilities(t *testing.T) {
	address := listen(t, script(tls.Certificate{}, greetingLine,
		"C: xg1 CAPABILITY", "S: * CAPABILITY IMAP4  IMAP4rev1 LOGINDISABLED AUTH=PLAIN SASL-IR\r\nxg1 OK CAPABILITY completed.\r\n",
		"C: xg2 AUTHENTICATE PLAIN "+plain("", "bob", "secret"), "S: * capability OLD\r\nxg2 OK AUTHENTICATE completed.\r\n",
		"C: xg3 CAPABILITY", "S: * capability IMAP4rev1 MOVE XPROXY3\r\nxg3 OK CAPABILITY completed.\r\n"))
	var before Evidence
	u, err := NewUpstream(Options{Address: address, TLS: TLSInsecureNone}, func(e Evidence) Choice {
		before = e
		return Choice{}
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := u.Open(t.Context(), bob, Credential{Password: NewSecret("secret")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if before.Greeting != "The Microsoft Exchange IMAP4 service is ready." || !slices.Equal(before.Capabilities, []string{"IMAP4", "IMAP4rev1", "LOGINDISABLED", "AUTH=PLAIN", "SASL-IR"}) {
		t.Errorf("chosen by %+v", before)
	}
	if want := []string{"IMAP4rev1", "MOVE", "XPROXY3"}; !slices.Equal(s.Capabilities, want) || !slices.Equal(s.Evidence.Capabilities, want) || s.Evidence.Greeting != before.Greeting {
		t.Errorf("capabilities %q, evidence %+v", s.Capabilities, s.Evidence)
	}
}

// What Exchange says at a login decides whether another form is tried (docs/exchange.md#login-failures).
func TestLoginWalksOn(t *testing.T) {
	three := LoginOptions{Domains: []string{"A", "B", "C"}, Forms: []Form{FormDomainUser}}
	for reply, walks := range map[string]bool{
		"NO LOGIN failed.": true,
		"NO Logon failure: unknown user name or bad password.": true,
		"NO Ambiguous Alias": true,
		`BAD Protocol Error: "Provided username is not valid".`: true,
		`BAD Protocol Error: "Expected SPACE not found".`:       true,
		"BAD Command Argument Error. 12":                        true,
		"NO Server Unavailable. 15":                             true,
		"NO Basic authentication is disabled.":                  false,
		"NO Request is throttled. Suggested Backoff Time: 9 ms": false,
		"BAD User is authenticated but not connected.":          false,
	} {
		t.Run(reply, func(t *testing.T) {
			script := []string{greet("IMAP4rev1"), `C: xg1 LOGIN "A\\bob" "secret"`, "S: xg1 " + reply + "\r\n"}
			if walks {
				script = append(script, `C: xg2 LOGIN "B\\bob" "secret"`, loggedIn("xg2"))
			} else {
				script = append(script, "CLOSE")
			}
			s, err := newUpstream(t, three, Choice{}, script).Open(t.Context(), bob, Credential{Password: NewSecret("secret")}, nil)
			if err == nil {
				s.Close()
			}
			if walks != (err == nil) {
				t.Errorf("%v", err)
			}
		})
	}
}

// A mailbox without INBOX is opened: its other folders can be used (EX-81).
func TestLoginWithoutInbox(t *testing.T) {
	for reply, opens := range map[string]bool{
		"NO INBOX doesn't exist.":                      true,
		`NO "INBOX" doesn't exist.`:                    true,
		"NO [NONEXISTENT] no such mailbox":             true,
		"NO Server Unavailable. 15":                    false,
		"BAD User is authenticated but not connected.": false,
	} {
		u := newUpstream(t, LoginOptions{}, Choice{Verify: true}, []string{greet("IMAP4rev1"), `C: xg1 LOGIN "bob" "secret"`,
			loggedIn("xg1"), "C: xg2 STATUS INBOX (UIDNEXT UIDVALIDITY)", "S: xg2 " + reply + "\r\n", "CLOSE"})
		s, err := u.Open(t.Context(), bob, Credential{Password: NewSecret("secret")}, nil)
		if err == nil {
			s.Close()
		}
		if opens != (err == nil) {
			t.Errorf("%s: %v", reply, err)
		}
	}
}

func TestLoginRefused(t *testing.T) {
	const no = " NO LOGIN failed.\r\n"
	three := LoginOptions{Domains: []string{"A", "B", "C"}, Forms: []Form{FormDomainUser}}
	with := func(o LoginOptions, failures int) LoginOptions {
		o.MaxFailures = failures
		return o
	}
	verify := Choice{Verify: true}
	delegates := Choice{Verify: true, Forms: []Form{FormDomainAdminUser, FormPlainAuthzid}}
	for _, tt := range []struct {
		name   string
		login  LoginOptions
		choice Choice
		id     Identity
		script []string // ends by CLOSE: what is sent after it would be lost, not refused
		kind   Kind
		text   string
	}{
		{"one form", LoginOptions{}, Choice{}, bob,
			[]string{`C: xg1 LOGIN "bob" "secret"`, "S: xg1" + no, "CLOSE"}, KindCredentials, "LOGIN failed."},
		{"two failures at most", three, Choice{}, bob,
			[]string{`C: xg1 LOGIN "A\\bob" "secret"`, "S: xg1" + no, `C: xg2 LOGIN "B\\bob" "secret"`, "S: xg2" + no, "CLOSE"}, KindCredentials, "LOGIN failed."},
		{"one failure at most", with(three, 1), Choice{}, bob,
			[]string{`C: xg1 LOGIN "A\\bob" "secret"`, "S: xg1" + no, "CLOSE"}, KindCredentials, "LOGIN failed."},
		{"as many as there are", with(three, 9), Choice{}, bob,
			[]string{`C: xg1 LOGIN "A\\bob" "secret"`, "S: xg1" + no, `C: xg2 LOGIN "B\\bob" "secret"`, "S: xg2" + no,
				`C: xg3 LOGIN "C\\bob" "secret"`, "S: xg3 NO no more\r\n", "CLOSE"}, KindOther, "no more"},
		{"a user's login never walks the admin's forms", LoginOptions{Domains: []string{"A"}}, delegates, bob,
			[]string{`C: xg1 LOGIN "bob" "secret"`, "S: xg1" + no, "CLOSE"}, KindCredentials, "LOGIN failed."},
		{"another form would fare no better", three, Choice{}, bob,
			[]string{`C: xg1 LOGIN "A\\bob" "secret"`, "S: xg1 BAD Command received in Invalid state.\r\n", "CLOSE"}, KindInvalidState, "Command received in Invalid state."},
		{"authenticated but not connected", three, verify, bob,
			[]string{`C: xg1 LOGIN "A\\bob" "secret"`, loggedIn("xg1"), "C: xg2 STATUS INBOX (UIDNEXT UIDVALIDITY)",
				"S: xg2 BAD User is authenticated but not connected.\r\n", "CLOSE"}, KindNotConnected, "User is authenticated but not connected."},
		{"an admin authenticated but not connected", LoginOptions{Domains: []string{"EXAMPLE"}}, delegates, admin,
			[]string{`C: xg1 LOGIN "EXAMPLE\\admin\\bob" "secret"`, loggedIn("xg1"), "C: xg2 STATUS INBOX (UIDNEXT UIDVALIDITY)",
				"S: xg2 BAD User is authenticated but not connected.\r\n* BYE Connection closed. 14\r\n", "CLOSE"}, KindAdminNotAllowed, "User is authenticated but not connected."},
		{"mailbox cannot be opened", LoginOptions{}, verify, bob,
			[]string{`C: xg1 LOGIN "bob" "secret"`, loggedIn("xg1"), "C: xg2 STATUS INBOX (UIDNEXT UIDVALIDITY)",
				"S: xg2 NO Server Unavailable. 15\r\n", "CLOSE"}, KindUnavailable, "Server Unavailable. 15"},
		{"closed in the middle", LoginOptions{}, Choice{}, bob,
			[]string{`C: xg1 LOGIN "bob" "secret"`, "S: * BYE Connection is closed. 13\r\n", "CLOSE"}, KindLost, "BYE Connection is closed. 13"},
		{"closed after one failure", three, Choice{}, bob,
			[]string{`C: xg1 LOGIN "A\\bob" "secret"`, "S: xg1" + no, `C: xg2 LOGIN "B\\bob" "secret"`, "CLOSE"}, KindLost, "NO LOGIN failed."},
		{"what the server does not offer is not tried", LoginOptions{Domains: []string{"EXAMPLE"}}, Choice{Forms: []Form{FormPlainAuthzid, FormDomainAdminUser}}, admin,
			[]string{`C: xg1 LOGIN "EXAMPLE\\admin\\bob" "secret"`, "S: xg1" + no, "CLOSE"}, KindCredentials, "LOGIN failed."},
		{"nothing that the server offers", LoginOptions{}, Choice{}, Identity{Admin: "admin", User: "bob"},
			[]string{"CLOSE"}, KindNotOffered, "the server does not support this login: the login needs AUTH=PLAIN, but the server offers IMAP4rev1"},
		{"the built-in Administrator", LoginOptions{Domains: []string{"EXAMPLE"}}, Choice{Exchange: true, Forms: []Form{FormDomainAdminUser}},
			Identity{Domain: "EXAMPLE", Admin: "administrator@example.com", User: "bob"}, []string{"CLOSE"}, KindRefusedHere,
			`login as "administrator@example.com": Exchange never accepts the built-in Administrator over IMAP, ` +
				"and each attempt counts towards its lock-out: use another admin account that has its own mailbox, and FullAccess on this one"},
		{"the built-in Administrator elsewhere", LoginOptions{Domains: []string{"EXAMPLE"}}, Choice{Forms: []Form{FormDomainAdminUser}},
			Identity{Domain: "EXAMPLE", Admin: "Administrator", User: "bob"},
			[]string{`C: xg1 LOGIN "EXAMPLE\\Administrator\\bob" "secret"`, "S: xg1" + no, "CLOSE"}, KindCredentials, "LOGIN failed."},
		{"out of step", LoginOptions{}, Choice{}, bob,
			[]string{`C: xg1 LOGIN "bob" "secret"`, "S: bob OK done\r\n", "CLOSE"}, KindOutOfStep, "OK done"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := newUpstream(t, tt.login, tt.choice, append([]string{greet("IMAP4rev1")}, tt.script...))
			s, err := u.Open(t.Context(), tt.id, Credential{Password: NewSecret("secret")}, nil)
			if err == nil {
				s.Close()
				t.Fatal("logged in")
			}
			var known *Error
			if !errors.As(err, &known) || known.Kind != tt.kind || known.Text != tt.text {
				t.Errorf("got %v (%+v), want %s %q", err, FailureOf(err), tt.kind, tt.text)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the password is in %v", err)
			}
		})
	}
}

func TestLoginTimeout(t *testing.T) {
	for name, lines := range map[string][]string{
		"login":                {greet("IMAP4rev1"), `C: xg1 LOGIN "bob" "secret"`},
		"in place of a + line": {greet("IMAP4rev1 LOGINDISABLED AUTH=PLAIN"), "C: xg1 AUTHENTICATE PLAIN"},
	} {
		t.Run(name, func(t *testing.T) {
			u, err := NewUpstream(Options{Address: listen(t, script(tls.Certificate{}, lines...)), TLS: TLSInsecureNone,
				Timeouts: Timeouts{Login: 50 * time.Millisecond}}, func(Evidence) Choice { return Choice{} })
			if err != nil {
				t.Fatal(err)
			}
			_, err = u.Open(t.Context(), bob, Credential{Password: NewSecret("secret")}, nil)
			if FailureOf(err).Kind != KindLost || !strings.Contains(err.Error(), "the server has not answered the login for 50ms") {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("context ends", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		left := errors.New("the client left")
		u, err := NewUpstream(Options{Address: listen(t, script(tls.Certificate{}, greet("IMAP4rev1"))), TLS: TLSInsecureNone},
			func(Evidence) Choice {
				cancel(left) // after the dial, before the login
				return Choice{}
			})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = u.Open(ctx, bob, Credential{Password: NewSecret("secret")}, nil); !errors.Is(err, left) {
			t.Errorf("got %v", err)
		}
	})
}

func TestLoginRemembersWhatWorked(t *testing.T) {
	login := LoginOptions{Domains: []string{"A", "B"}, Forms: []Form{FormDomainUser}}
	const status = "C: xg3 STATUS INBOX (UIDNEXT UIDVALIDITY)"
	walk := []string{greet("IMAP4rev1"), `C: xg1 LOGIN "A\\bob" "secret"`, "S: xg1 NO LOGIN failed.\r\n", `C: xg2 LOGIN "B\\bob" "secret"`, loggedIn("xg2")}
	u := newUpstream(t, login, Choice{Verify: true},
		// A mailbox that cannot be opened is no success: nothing is remembered.
		append(slices.Clone(walk), status, "S: xg3 BAD User is authenticated but not connected.\r\n"),
		append(slices.Clone(walk), status, "S: * STATUS INBOX (UIDNEXT 7)\r\nxg3 OK STATUS completed.\r\n"),
		[]string{greet("IMAP4rev1"), `C: xg1 LOGIN "B\\bob" "secret"`, loggedIn("xg1"), "C: xg2 STATUS INBOX (UIDNEXT UIDVALIDITY)", "S: xg2 OK STATUS completed.\r\n"},
		// A mistyped password costs one failure.
		[]string{greet("IMAP4rev1"), `C: xg1 LOGIN "B\\bob" "mistyped"`, "S: xg1 NO LOGIN failed.\r\n", "CLOSE"},
		// It is still tried first. It knows nothing of others.
		[]string{greet("IMAP4rev1"), `C: xg1 LOGIN "B\\bob" "secret"`, loggedIn("xg1"), "C: xg2 STATUS INBOX (UIDNEXT UIDVALIDITY)", "S: xg2 OK STATUS completed.\r\n"},
		[]string{greet("IMAP4rev1"), `C: xg1 LOGIN "A\\carol" "secret"`, "S: xg1 BAD Command received in Invalid state.\r\n", "CLOSE"})
	for i, step := range []struct {
		user, password, spelling string
		kind                     Kind
	}{
		{"bob", "secret", "", KindNotConnected},
		{"bob", "secret", "B", ""},
		{"BOB", "secret", "B", ""},
		{"bob", "mistyped", "", KindCredentials},
		{"bob", "secret", "B", ""},
		{"carol", "secret", "", KindInvalidState},
	} {
		id := Identity{User: strings.ToLower(step.user), AsSent: step.user}
		s, err := u.Open(t.Context(), id, Credential{Password: NewSecret(step.password)}, nil)
		if step.kind != "" {
			if FailureOf(err).Kind != step.kind {
				t.Fatalf("step %d: got %v, want %s", i, err, step.kind)
			}
			continue
		}
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		if s.Attempt.Spelling != step.spelling {
			t.Errorf("step %d: %+v", i, s.Attempt)
		}
		s.Close()
	}
}

// What was remembered and is taken no more, since an administrator has changed
// something, is tried once alone and once before the others; no login costs
// more failures than allowed.
func TestLoginForgetsWhatWorksNoMore(t *testing.T) {
	login := LoginOptions{Domains: []string{"A", "B", "C"}, Forms: []Form{FormDomainUser}}
	tries := func(domains ...string) []string { // the last is accepted, unless it is ""
		lines := []string{greet("IMAP4rev1")}
		for i, domain := range domains {
			tag := fmt.Sprintf("xg%d", i+1)
			if domain == "" {
				return append(lines, "CLOSE")
			}
			lines = append(lines, `C: `+tag+` LOGIN "`+domain+`\\bob" "secret"`)
			if i == len(domains)-1 {
				return append(lines, loggedIn(tag))
			}
			lines = append(lines, "S: "+tag+" NO LOGIN failed.\r\n")
		}
		return lines
	}
	steps := [][]string{
		{"A", "B"}, {"B"},
		{"B", ""}, {"B"}, // mistyped, and then not: it was no fault of the form
		{"B", ""}, {"B", "A"}, // it was one
		{"A"},
		{"A", ""}, {"A", "B", ""}, // two more changes
		{"A", "B", ""}, {"A", "B", ""}, {"A"},
	}
	var scripts [][]string
	for _, domains := range steps {
		scripts = append(scripts, tries(domains...))
	}
	u := newUpstream(t, login, Choice{}, scripts...)
	for i, domains := range steps {
		s, err := u.Open(t.Context(), bob, Credential{Password: NewSecret("secret")}, nil)
		last := domains[len(domains)-1]
		if (err != nil) != (last == "") {
			t.Fatalf("step %d, %q: %v", i, domains, err)
		}
		if err == nil {
			if s.Attempt.Spelling != last {
				t.Errorf("step %d: %+v", i, s.Attempt)
			}
			s.Close()
		}
	}
}

// A form that the server offers no more is not tried, though it was remembered.
func TestLoginLeavesWhatIsNotOffered(t *testing.T) {
	login := LoginOptions{Domains: []string{"EXAMPLE"}, Forms: []Form{FormPlainAuthzid, FormDomainAdminUser}}
	u := newUpstream(t, login, Choice{},
		[]string{greet("IMAP4rev1 AUTH=PLAIN SASL-IR"), "C: xg1 AUTHENTICATE PLAIN " + plain("bob", `EXAMPLE\admin`, "secret"), loggedIn("xg1")},
		[]string{greet("IMAP4rev1"), `C: xg1 LOGIN "EXAMPLE\\admin\\bob" "secret"`, loggedIn("xg1")})
	for _, form := range login.Forms {
		s, err := u.Open(t.Context(), admin, Credential{Password: NewSecret("secret")}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if s.Attempt.Form != form {
			t.Errorf("%+v", s.Attempt)
		}
		s.Close()
	}
}

func TestLoginIdentifies(t *testing.T) {
	const exchange = `("name" "Microsoft.Exchange.Imap4.Imap4Server" "version" "15.20")`
	for _, tt := range []struct {
		name         string
		capabilities string
		script       []string
		want         map[string]string
	}{
		{"ID", "IMAP4rev1 ID", []string{"C: xg2 ID NIL", "S: * ID " + exchange + "\r\nxg2 OK ID completed\r\n"},
			map[string]string{"name": "Microsoft.Exchange.Imap4.Imap4Server", "version": "15.20"}},
		{"not announced", "IMAP4rev1", nil, nil},
		{"refused", "IMAP4rev1 id", []string{"C: xg2 ID NIL", "S: xg2 BAD Command Error. 10\r\n"}, nil},
		{"NIL", "IMAP4rev1 ID", []string{"C: xg2 ID NIL", "S: * ID NIL\r\nxg2 OK ID completed\r\n"}, map[string]string{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := newUpstream(t, LoginOptions{}, Choice{Identify: true}, append([]string{greet("IMAP4rev1"),
				`C: xg1 LOGIN "bob" "secret"`, "S: xg1 OK [CAPABILITY " + tt.capabilities + "] done\r\n"}, tt.script...))
			s, err := u.Open(t.Context(), bob, Credential{Password: NewSecret("secret")}, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if !maps.Equal(s.Evidence.ID, tt.want) || (s.Evidence.ID == nil) != (tt.want == nil) {
				t.Errorf("got %q, want %q", s.Evidence.ID, tt.want)
			}
		})
	}
}

// A connection on which the login failed is closed, and one where it succeeded
// is not: the server reads on.
func TestLoginOwnsItsConnection(t *testing.T) {
	u := newUpstream(t, LoginOptions{}, Choice{}, []string{greet("IMAP4rev1"), `C: xg1 LOGIN "bob" "secret"`, loggedIn("xg1"), "C: xg2 NOOP", "S: xg2 OK done\r\n"})
	s, err := u.Open(t.Context(), bob, Credential{Password: NewSecret("secret")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := do(t, s.Conn, NewRequest("NOOP")); got != (wire.Status{Tag: "xg2", Word: "OK", Text: "done"}) {
		t.Errorf("got %+v", got)
	}
}

func TestNewUpstreamValidates(t *testing.T) {
	if _, err := NewUpstream(Options{}, nil); err == nil || !strings.Contains(err.Error(), "address") {
		t.Errorf("got %v", err)
	}
}

func TestParseID(t *testing.T) {
	for _, tt := range []struct {
		list string
		want map[string]string
	}{
		{`("name" "Dovecot")`, map[string]string{"name": "Dovecot"}},
		{`("NAME" "a \"b\" \\c" "version" NIL)`, map[string]string{"name": `a "b" \c`, "version": ""}},
		{`("name"   "x" "odd")`, map[string]string{"name": "x"}},
		{`("remark" "NIL (x)" "os" "")`, map[string]string{"remark": "NIL (x)", "os": ""}},
		{"NIL\r\n", map[string]string{}},
		{`("name" "no end`, map[string]string{}},
		{"", map[string]string{}},
	} {
		if got := parseID(tt.list); !maps.Equal(got, tt.want) {
			t.Errorf("%s: got %q", tt.list, got)
		}
	}
}

func FuzzParseID(f *testing.F) {
	f.Add(`("name" "Microsoft.Exchange.Imap4.Imap4Server" "version" "15.20")`)
	f.Add(`("a\"b" NIL "" "\\")`)
	f.Fuzz(func(t *testing.T, list string) {
		for key, value := range parseID(list) {
			if key != strings.ToLower(key) || len(key)+len(value) > len(list)*3 {
				t.Errorf("%q: %q %q", list, key, value)
			}
		}
	})
}
