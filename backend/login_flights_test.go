package backend

import (
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// newSecureUpstream is newUpstream over TLS. The choice may depend on the evidence.
func newSecureUpstream(t *testing.T, login LoginOptions, choose func(Evidence) Choice, scripts ...[]string) *Upstream {
	t.Helper()
	cert := newAuthority(t).issue(t, time.Now().Add(time.Hour), "mail.example.com")
	next := 0
	address := listen(t, func(conn net.Conn) {
		if next == len(scripts) {
			t.Error("one connection more than expected")
			return
		}
		next++
		script(cert, append([]string{"TLS"}, scripts[next-1]...)...)(conn)
	})
	u, err := NewUpstream(Options{Address: address, Pin: fingerprint(cert.Leaf), Login: login}, choose)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

const (
	exchangeCaps = "IMAP4 IMAP4rev1 AUTH=PLAIN UIDPLUS MOVE ID"
	askBefore    = "C: xg1 CAPABILITY"
	toldBefore   = "S: * CAPABILITY " + exchangeCaps + "\r\nxg1 OK CAPABILITY completed.\r\n"
	inbox        = "STATUS INBOX (UIDNEXT UIDVALIDITY)"
)

// after is what a server with ID answers to the flight behind the login, after it has read all of it.
func after(first, second, third string) []string {
	return []string{
		"C: " + first + " CAPABILITY", "C: " + second + " " + inbox, "C: " + third + " ID NIL",
		"S: * CAPABILITY " + exchangeCaps + " XPROXY3\r\n" + first + " OK CAPABILITY completed.\r\n" +
			"* STATUS INBOX (UIDNEXT 7 UIDVALIDITY 14)\r\n" + second + " OK STATUS completed.\r\n" +
			"* ID (\"name\" \"Microsoft.Exchange.Imap4.Imap4Server\" \"version\" \"15.0\")\r\n" + third + " OK ID completed.\r\n",
	}
}

// A login costs two flights besides the connection: the login itself, and everything after it. The first one to an
// upstream costs one more.
func TestFlightsOfALogin(t *testing.T) {
	login := func(tag string) []string {
		return []string{"C: " + tag + ` LOGIN "bob" "secret"`, "S: " + tag + " OK LOGIN completed.\r\n"}
	}
	first := slices.Concat([]string{greetingLine, askBefore, toldBefore}, login("xg2"), after("xg3", "xg4", "xg5"))
	later := slices.Concat([]string{greetingLine}, login("xg1"), after("xg2", "xg3", "xg4"))
	u := newSecureUpstream(t, LoginOptions{}, func(e Evidence) Choice {
		if got := strings.Join(e.Capabilities, " "); got != exchangeCaps {
			t.Errorf("the evidence before the login is %q", got)
		}
		return Choice{Verify: true, Identify: true}
	}, first, later, later)
	for n := range 3 {
		s, err := u.Open(t.Context(), bob, Credential{Password: NewSecret("secret")}, nil)
		if err != nil {
			t.Fatalf("login %d: %v", n+1, err)
		}
		s.Close()
		if !s.Has("XPROXY3") || s.Evidence.ID["version"] != "15.0" ||
			string(s.Inbox.Status) != "* STATUS INBOX (UIDNEXT 7 UIDVALIDITY 14)\r\n" || s.Inbox.Asked.IsZero() {
			t.Errorf("login %d: %q, %+v, %q", n+1, s.Capabilities, s.Evidence, s.Inbox.Status)
		}
	}
}

// What is remembered of a server is checked: a server that has changed is noticed.
func TestChangedServerIsNoticed(t *testing.T) {
	const ok, no = " OK LOGIN completed.\r\n", " NO LOGIN failed.\r\n"
	first := []string{greetingLine, askBefore, toldBefore, `C: xg2 LOGIN "A\\bob" "secret"`, "S: xg2" + ok,
		"C: xg3 CAPABILITY", "S: * CAPABILITY IMAP4rev1\r\nxg3 OK done\r\n"}
	told := func(tag, caps string) []string {
		return []string{"C: " + tag + " CAPABILITY", "S: * CAPABILITY " + caps + "\r\n" + tag + " OK done\r\n"}
	}
	ir := plain("", `A\bob`, "secret")
	for _, tt := range []struct {
		name    string
		scripts [][]string // of the second login, and later ones
		fails   int        // of them
	}{
		{"the same", [][]string{slices.Concat([]string{greetingLine, `C: xg1 LOGIN "A\\bob" "secret"`, "S: xg1" + ok}, told("xg2", "IMAP4rev1"))}, 0},
		{"another greeting", [][]string{slices.Concat([]string{"S: * OK ready\r\n"}, told("xg1", "IMAP4rev1 LOGINDISABLED SASL-IR AUTH=PLAIN"),
			[]string{"C: xg2 AUTHENTICATE PLAIN " + ir, "S: xg2" + ok}, told("xg3", "IMAP4rev1"))}, 0},
		{"LOGIN is disabled now", [][]string{slices.Concat([]string{greetingLine, `C: xg1 LOGIN "A\\bob" "secret"`, "S: xg1" + no},
			told("xg2", "IMAP4rev1 LOGINDISABLED SASL-IR AUTH=PLAIN"),
			[]string{"C: xg3 AUTHENTICATE PLAIN " + ir, "S: xg3" + ok}, told("xg4", "IMAP4rev1"))}, 0},
		{"no further attempt than before", [][]string{slices.Concat([]string{greetingLine, `C: xg1 LOGIN "A\\bob" "secret"`, "S: xg1" + no},
			told("xg2", "IMAP4rev1 LOGINDISABLED SASL-IR AUTH=PLAIN"),
			[]string{"C: xg3 AUTHENTICATE PLAIN " + ir, "S: xg3" + no, "CLOSE"})}, 1},
		{"a wrong password", [][]string{slices.Concat([]string{greetingLine, `C: xg1 LOGIN "A\\bob" "secret"`, "S: xg1" + no},
			told("xg2", exchangeCaps), []string{"CLOSE"})}, 1},
		{"asked again after a refusal that another form does not mend", [][]string{
			{greetingLine, `C: xg1 LOGIN "A\\bob" "secret"`, "S: xg1 BAD Command received in Invalid state.\r\n", "CLOSE"},
			slices.Concat([]string{greetingLine, askBefore, toldBefore, `C: xg2 LOGIN "A\\bob" "secret"`, "S: xg2" + ok}, told("xg3", "IMAP4rev1")),
		}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			login := LoginOptions{Domains: []string{"A"}, Forms: []Form{FormDomainUser}}
			u := newSecureUpstream(t, login, func(Evidence) Choice { return Choice{} }, append([][]string{first}, tt.scripts...)...)
			for n := range 1 + len(tt.scripts) {
				s, err := u.Open(t.Context(), bob, Credential{Password: NewSecret("secret")}, nil)
				if err == nil {
					s.Close()
				}
				if fails := n > 0 && n <= tt.fails; fails != (err != nil) {
					t.Fatalf("login %d: %v", n+1, err)
				}
			}
		})
	}
}

// In plain text a server is always asked first: it may have said since that it takes no password there.
func TestPlainTextIsAlwaysAsked(t *testing.T) {
	script := []string{greetingLine, askBefore, toldBefore, `C: xg2 LOGIN "bob" "secret"`, "S: xg2 OK [CAPABILITY IMAP4rev1] done\r\n"}
	disabled := []string{greetingLine, askBefore, "S: * CAPABILITY IMAP4rev1 LOGINDISABLED STARTTLS\r\nxg1 OK done\r\n", "CLOSE"}
	u := newUpstream(t, LoginOptions{}, Choice{}, script, script, disabled)
	for n := range 3 {
		s, err := u.Open(t.Context(), bob, Credential{Password: NewSecret("secret")}, nil)
		if err == nil {
			s.Close()
		}
		if refused := n == 2; refused != (err != nil && FailureOf(err).Kind == KindNotOffered) {
			t.Errorf("login %d: %v", n+1, err)
		}
	}
}

// The names of hosts in the greetings of Exchange Online are no change.
func TestGreetingWithoutHost(t *testing.T) {
	const a = "The Microsoft Exchange IMAP4 service is ready. [QQBCAC4AbwB1AHQAbABvAG8AawAuAGMAbwBtAA==]"
	const b = "The Microsoft Exchange IMAP4 service is ready. [QwBCAC4AbwB1AHQAbABvAG8AawAuAGMAbwBtAA==]"
	if withoutHost(a) != withoutHost(b) || withoutHost(a) == withoutHost("The Microsoft Exchange IMAP4 service is ready.") {
		t.Errorf("%q and %q", withoutHost(a), withoutHost(b))
	}
}

func TestDoTogether(t *testing.T) {
	c := scripted(t, "C: xg1 NOOP", "C: xg2 UID STORE 7 x", "C: xg3 NOOP",
		"S: * 3 EXISTS\r\n* 9 FETCH (UID 7)\r\nxg2 OK second\r\n* 8 FETCH (UID 7)\r\nxg1 NO first\r\n* 2 FETCH (UID 7)\r\nxg3 OK third\r\n",
		"C: xg4 NOOP", "S: xg4 OK done\r\n")
	var sink recorder
	c.Relay(&sink)
	var asked []string
	store := NewRequest("UID STORE").Raw("7").Raw("x")
	store.Untagged = func(line []byte) bool {
		if !strings.Contains(string(line), "FETCH") {
			return false
		}
		asked = append(asked, strings.TrimSpace(string(line)))
		return true
	}
	replies, err := c.DoTogether(t.Context(), NewRequest("NOOP"), store, NewRequest("NOOP"))
	if err != nil || replies[0].Text != "first" || replies[1].Text != "second" || replies[2].Text != "third" {
		t.Errorf("%+v, %v", replies, err)
	}
	if want := []string{"* 9 FETCH (UID 7)"}; !slices.Equal(asked, want) {
		t.Errorf("the STORE was given %q", asked) // it gets nothing after its reply
	}
	if s := do(t, c, NewRequest("NOOP")); s.Word != "OK" {
		t.Error(s)
	}
	if got := sink.taken.String(); got != "* 3 EXISTS\r\n* 8 FETCH (UID 7)\r\n* 2 FETCH (UID 7)\r\n" {
		t.Errorf("the sink was given %q", got)
	}
}

// What a server has answered of a flight before it ends the connection is known.
func TestDoTogetherLost(t *testing.T) {
	for _, tt := range []struct {
		name, says string
		words      [3]string
	}{
		{"all but one", "xg1 OK done\r\nxg2 NO refused\r\n", [3]string{"OK", "NO"}},
		{"the last", "xg3 OK done\r\n", [3]string{2: "OK"}},
		{"none", "", [3]string{}},
		{"a tag of nobody", "xg1 OK done\r\nxg7 OK done\r\nxg2 OK done\r\n", [3]string{"OK"}},
		{"one reply twice", "xg2 OK done\r\nxg2 OK done\r\nxg1 OK done\r\n", [3]string{1: "OK"}},
		{"a tagged BYE", "xg1 OK done\r\nxg2 BYE closed\r\n", [3]string{"OK"}},
		{"a refusal without a tag", "Server Unavailable. 15\r\nxg2 OK done\r\n", [3]string{"NO", "OK"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := connect(t, nil, script(tls.Certificate{}, "C: xg1 NOOP", "C: xg2 NOOP", "C: xg3 NOOP", "S: "+tt.says, "CLOSE"))
			replies, err := c.DoTogether(t.Context(), NewRequest("NOOP"), NewRequest("NOOP"), NewRequest("NOOP"))
			if err == nil {
				t.Error("no error")
			}
			for i, want := range tt.words {
				if replies[i].Word != want {
					t.Errorf("reply %d is %+v, want %q", i+1, replies[i], want)
				}
			}
			if _, err := c.Do(t.Context(), NewRequest("NOOP")); err == nil {
				t.Error("the connection is used again")
			}
		})
	}
}

// Exchange closes the connection over the second command of a mailbox that cannot be opened.
func TestNotConnectedInAFlight(t *testing.T) {
	const not = " BAD User is authenticated but not connected.\r\n"
	u := newUpstream(t, LoginOptions{}, Choice{Verify: true, Identify: true}, []string{greet(exchangeCaps),
		`C: xg1 LOGIN "bob" "secret"`, "S: xg1 OK LOGIN completed.\r\n", "C: xg2 CAPABILITY", "C: xg3 " + inbox, "C: xg4 ID NIL",
		"S: xg2" + not + "xg3" + not + "* BYE Connection closed. 14\r\n", "CLOSE"})
	_, err := u.Open(t.Context(), bob, Credential{Password: NewSecret("secret")}, nil)
	var known *Error
	if !errors.As(err, &known) || known.Kind != KindNotConnected {
		t.Errorf("%v", err)
	}
}
