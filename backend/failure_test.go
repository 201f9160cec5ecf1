package backend

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"exgate/backend/wire"
)

func TestClassify(t *testing.T) {
	// The replies are those of docs/exchange.md#login-failures and docs/exchange.md#errors.
	tests := []struct {
		line   string
		kind   Kind
		code   string // for the client
		retry  bool
		errors int
	}{
		{"a NO LOGIN failed.", KindCredentials, "AUTHENTICATIONFAILED", false, 0},
		{"a NO AUTHENTICATE failed.", KindCredentials, "AUTHENTICATIONFAILED", false, 0},
		{"a BAD User is authenticated but not connected.", KindNotConnected, "", false, 5},
		{"a BAD Command received in Invalid state.", KindInvalidState, "", false, 5},
		{"a NO Command received in Invalid state.", KindReadOnly, "", false, 0},
		{"a NO Server Unavailable. 15", KindUnavailable, "UNAVAILABLE", false, 0},
		{"a BAD Command Argument Error. 11", KindArgument, "", false, 1},
		{"a BAD Command Argument Error 11", KindArgument, "", false, 1}, // as the FAQ writes it
		{"a BAD Command Argument Error. 12", KindArgument, "", false, 1},
		{"a BAD Command Error. 10", KindCommand, "", false, 1},
		{"a NO Request is throttled. Suggested Backoff Time: 299609 milliseconds", KindThrottled, "UNAVAILABLE", true, 0},
		{"a BAD Request is throttled. Suggested Backoff Time: 89117 milliseconds", KindThrottled, "UNAVAILABLE", true, 1},
		{"* BYE Request is throttled. Suggested Backoff Time: 92415 milliseconds", KindThrottled, "UNAVAILABLE", true, 0},
		{"a NO Maximum size of appendable message has been exceeded", KindTooBig, "TOOBIG", false, 0},
		{"* BYE Connection closed. 14", KindClosed, "UNAVAILABLE", true, 0},
		{"* BYE Connection closed.", KindClosed, "UNAVAILABLE", true, 0}, // after NO Server Unavailable. 15 at the end of IDLE
		{"* BYE Microsoft Exchange Server 2016 IMAP4 server signing off.", KindClosed, "UNAVAILABLE", true, 0},
		{"* BYE Connection is closed. 13", KindClosedAtOnce, "UNAVAILABLE", true, 0},
		{"* BYE Session invalidated - AccessTokenExpired", KindTokenExpired, "UNAVAILABLE", true, 0},
		{"a BAD command line limit exceeded", KindCommand, "", false, 1},
		{"* BAD command line limit exceeded", KindCommand, "", false, 1},
		{"a BAD The specified message set is invalid.", KindMessageSet, "", false, 1},
		{"a NO The specified message set is invalid.", KindMessageSet, "", false, 0},
		{"a NO Message contains NUL characters", KindContent, "", false, 0},
		{"a NO Message contains invalid header", KindContent, "", false, 0},
		{"a NO APPEND failed", KindOther, "", false, 0},                     // says nothing
		{"a NO [LIMIT] too many connections", KindOther, "LIMIT", false, 0}, // Exchange has no such text
		{"a NO [BADCHARSET (US-ASCII)] The specified charset is not supported.", KindBadCharset, "BADCHARSET (US-ASCII)", false, 0},
		{"a NO Mailbox already exists.", KindMailboxExists, "ALREADYEXISTS", false, 0},
		{"a NO Folder name is reserved", KindReservedName, "CANNOT", false, 0},
		{"a NO [TRYCREATE] no such mailbox", KindTryCreate, "TRYCREATE", false, 0},
		{"a NO [nonexistent] no such mailbox", KindNoMailbox, "nonexistent", false, 0},
		{"a NO something new", KindOther, "", false, 0},
		{"a NO [OVERQUOTA] full, says another server", KindOther, "OVERQUOTA", false, 0},
		{"a NO [CAPABILITY IMAP4rev1] whatever", KindOther, "", false, 0},
		{"a BAD something new", KindOther, "", false, 1},
		{"a NO", KindOther, "", false, 0},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			status, ok := wire.ParseStatus([]byte(tt.line + "\r\n"))
			if !ok {
				t.Fatal("not a status line")
			}
			f := Classify(status)
			if f.Kind != tt.kind || f.ClientCode() != tt.code || f.IsRetryable() != tt.retry || f.Errors() != tt.errors {
				t.Errorf("got %s [%s] retry %v errors %d, want %s [%s] retry %v errors %d",
					f.Kind, f.ClientCode(), f.IsRetryable(), f.Errors(), tt.kind, tt.code, tt.retry, tt.errors)
			}
			if !strings.Contains(f.ClientText(), status.Text) {
				t.Errorf("Exchange's own words %q are not in %q", status.Text, f.ClientText())
			}
		})
	}
}

// At a login some texts mean something else than elsewhere (docs/exchange.md#login-failures).
func TestClassifyLogin(t *testing.T) {
	for line, want := range map[string]Kind{
		"a NO Basic authentication is disabled.":                  KindPasswordsOff,
		"a NO Ambiguous Alias":                                    KindNameRefused,
		"a NO Logon failure: unknown user name or bad password.":  KindCredentials,
		`a BAD Protocol Error: "Provided username is not valid".`: KindNameRefused,
		`a BAD Protocol Error: "Expected SPACE not found".`:       KindLoginNotRead,
		"a BAD Command Argument Error. 12":                        KindLoginNotRead,
		"a NO Server Unavailable. 15":                             KindLoginUnavailable,
		"a BAD Command received in Invalid state.":                KindInvalidState,
	} {
		status, _ := wire.ParseStatus([]byte(line + "\r\n"))
		if f := ClassifyLogin(status, false); f.Kind != want {
			t.Errorf("%s: %s, want %s", line, f.Kind, want)
		}
	}
	status, _ := wire.ParseStatus([]byte("a NO AUTHENTICATE failed.\r\n"))
	if f := ClassifyLogin(status, true); f.Kind != KindTokenNotTaken {
		t.Errorf("a token: %s", f.Kind)
	}
}

// Every kind has one row, and what clients read of it is one short line.
func TestFailureTable(t *testing.T) {
	source, err := os.ReadFile("failure.go")
	if err != nil {
		t.Fatal(err)
	}
	constants := regexp.MustCompile(`(?m)^\s+Kind\w+ +Kind = "([a-z-]+)"`).FindAllStringSubmatch(string(source), -1)
	if len(constants) != len(failureTable) {
		t.Errorf("%d kinds, %d rows", len(constants), len(failureTable))
	}
	for _, m := range constants {
		kind := Kind(m[1])
		row := rowOf(kind)
		if row.kind != kind {
			t.Errorf("%s: no row", kind)
		}
		if row.explain == "" != (kind == KindOther) {
			t.Errorf("%s: explanation %q", kind, row.explain)
		}
		for _, r := range row.explain {
			if r < ' ' || r > '~' {
				t.Errorf("%s: explanation has %q", kind, r)
			}
		}
		if n := len(row.explain); n > 320 {
			t.Errorf("%s: explanation of %d bytes", kind, n)
		}
		for _, text := range row.texts {
			if text != strings.ToLower(text) {
				t.Errorf("%s: %q never matches", kind, text)
			}
		}
	}
	if f := (Failure{}); f.Explanation() != "" || f.ClientCode() != "" || f.IsRetryable() {
		t.Error("the zero Failure is not KindOther")
	}
}

func TestFailureFor(t *testing.T) {
	f := Failure{Kind: KindNotConnected}
	if got := f.For(Identity{User: "bob"}).Kind; got != KindNotConnected {
		t.Errorf("own mailbox: %s", got)
	}
	admin := f.For(Identity{User: "bob", Admin: "admin"})
	if admin.Kind != KindAdminNotAllowed || admin.ClientCode() != "AUTHORIZATIONFAILED" {
		t.Errorf("an admin's: %s [%s]", admin.Kind, admin.ClientCode())
	}
	if got := (Failure{Kind: KindCredentials}).For(Identity{Admin: "admin"}).Kind; got != KindCredentials {
		t.Errorf("another failure: %s", got)
	}
}

func TestBackoff(t *testing.T) {
	tests := []struct {
		text string
		want time.Duration
	}{
		{"Request is throttled. Suggested Backoff Time: 299961 milliseconds", 299961 * time.Millisecond},
		{"request is throttled. suggested backoff time:1 milliseconds", time.Millisecond},
		{"Request is throttled. Suggested Backoff Time: 0 milliseconds", 0},
		{"Request is throttled.", defaultBackoff},
		{"Request is throttled. Suggested Backoff Time: -5 milliseconds", defaultBackoff},
		{"Request is throttled. Suggested Backoff Time: soon", defaultBackoff},
		{"Request is throttled. Suggested Backoff Time: 5 seconds", defaultBackoff},
		{"Suggested Backoff Time: 999999999999999999 milliseconds", maxSuggested},
		{"Suggested Backoff Time: 99999999999999999999999 milliseconds", defaultBackoff},
	}
	for _, tt := range tests {
		if got := Classify(wire.Status{Word: "NO", Text: tt.text}).Backoff; got != tt.want {
			t.Errorf("%q: %s, want %s", tt.text, got, tt.want)
		}
	}
	if got := Classify(wire.Status{Word: "NO", Text: "LOGIN failed."}).Backoff; got != 0 {
		t.Errorf("no throttle: %s", got)
	}
}

func FuzzClassify(f *testing.F) {
	f.Add("NO", "", "Request is throttled. Suggested Backoff Time: 299961 milliseconds")
	f.Add("BAD", "", "Request is throttled. Suggested Backoff Time: 89117 milliseconds")
	f.Add("BYE", "", "Connection closed. 14")
	f.Add("NO", "BADCHARSET (US-ASCII)", "The specified charset is not supported.")
	f.Add("NO", "", "[half a code \r\n* OK injected")
	f.Add("NO", "", "Suggested Backoff Time: 99999999999999999999 milliseconds")
	f.Add("NO", "", "\x85ber \xff")
	f.Fuzz(func(t *testing.T, word, code, text string) {
		failure := Classify(wire.Status{Word: word, Code: code, Text: text})
		if failure.Backoff < 0 || failure.Backoff > maxSuggested {
			t.Errorf("backoff %s", failure.Backoff)
		}
		if failure.Kind != KindThrottled && failure.Backoff != 0 {
			t.Errorf("%s with a backoff", failure.Kind)
		}
		said := failure.ClientText()
		if said == "" || strings.ContainsAny(said, "\r\n\x00") || strings.HasPrefix(said, "[") || len(said) > 2000 {
			t.Errorf("not the text of a reply: %q", said)
		}
	})
}

func TestError(t *testing.T) {
	status, _ := wire.ParseStatus([]byte("xg7 NO [TRYCREATE] no Sent here\r\n"))
	err := fmt.Errorf("session 5: %w", ReplyError("APPEND", status))
	if got, want := err.Error(), "session 5: APPEND: NO [TRYCREATE] no Sent here"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	lost := &Error{Doing: "APPEND", Failure: Failure{Kind: KindLost}, Err: io.ErrUnexpectedEOF}
	if got, want := lost.Error(), "APPEND: unexpected EOF"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !errors.Is(lost, io.ErrUnexpectedEOF) {
		t.Error("the cause is not found")
	}
}

func TestFailureOf(t *testing.T) {
	status, _ := wire.ParseStatus([]byte("x NO Mailbox already exists.\r\n"))
	tests := []struct {
		name string
		err  error
		kind Kind
		text string // a part of what the client reads
	}{
		{"reply", fmt.Errorf("create: %w", ReplyError("CREATE", status)), KindMailboxExists, "Mailbox already exists. (exgate: "},
		{"bogus tag", OutOfStep([]byte("<body BAD Command Error. 10\r\n")), KindOutOfStep, "BAD Command Error. 10 (exgate: "},
		{"lost, with the last complaint", &LostError{Err: io.EOF, Said: "NO Request is throttled."}, KindLost, "NO Request is throttled. (exgate: "},
		{"lost", &LostError{Err: io.EOF}, KindLost, "exgate: the connection to Exchange was lost"},
		{"no connection, and no address of ours in the text", &Error{Failure: Failure{Kind: KindUnreachable}, Err: errors.New("10.0.0.1 refused")},
			KindUnreachable, "exgate: no connection to Exchange"},
		{"another", io.EOF, KindOther, "gave no reason"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := FailureOf(tt.err)
			if f.Kind != tt.kind || !strings.Contains(f.ClientText(), tt.text) {
				t.Errorf("got %s %q", f.Kind, f.ClientText())
			}
			if strings.Contains(f.ClientText(), "10.0.0.1") {
				t.Errorf("the client is told too much: %q", f.ClientText())
			}
		})
	}
}
