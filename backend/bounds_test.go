package backend

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"exgate/backend/wire"
)

// What a server announces and says is remembered within bounds.
func TestWhatAServerSaysIsBounded(t *testing.T) {
	var many strings.Builder
	for i := range 5_000 {
		fmt.Fprintf(&many, "X-%d ", i)
	}
	if got := capabilities("IMAP4rev1 " + strings.Repeat("x", maxCapability+1) + " " + many.String()); len(got) != maxCapabilities || got[0] != "IMAP4rev1" || got[1] != "X-0" {
		t.Errorf("%d capabilities, %q", len(got), got[:2])
	}
	if got := capabilities(" "); got == nil || len(got) != 0 {
		t.Errorf("none: %#v", got)
	}
	var id strings.Builder
	for i := range 5_000 {
		fmt.Fprintf(&id, `"k%d" "v" `, i)
	}
	long := strings.Repeat("x", maxIDValue+1)
	if got := parseID(`("name" "Microsoft" "` + long + `" "x" "vendor" "` + long + `" ` + id.String() + ")"); len(got) > maxIDPairs || got["name"] != "Microsoft" || got["vendor"] != "" || len(got[long]) != 0 {
		t.Errorf("%d pairs: %v", len(got), got)
	}
	c := scripted(t)
	c.Said(wire.Status{Word: "NO", Text: long + long + long})
	if n := len(c.said); n > 400 {
		t.Errorf("%d bytes of a complaint", n)
	}
}

// Lines that are no responses count towards the bound of an answer.
func TestStraysOfAnAnswerAreBounded(t *testing.T) {
	c := scripted(t, "C: xg1 NOOP", "S: "+strings.Repeat("no response\r\n", maxAnswerLines+1)+"xg1 OK done\r\n")
	if _, err := c.Do(t.Context(), NewRequest("NOOP")); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("the error is %v", err)
	}
}

// A server has the same bounds in its greeting, before STARTTLS and after.
func TestCapabilitiesOfAConnectionAreBounded(t *testing.T) {
	words := strings.Repeat("XX ", maxCapabilities+100)
	u, err := NewUpstream(Options{
		Address: listen(t, script(tls.Certificate{}, "S: * OK [CAPABILITY IMAP4rev1 "+words+"] ready\r\n",
			`C: xg1 LOGIN "bob" "secret"`, "S: xg1 OK [CAPABILITY IMAP4rev1 "+words+"] done\r\n")),
		TLS: TLSInsecureNone,
	}, func(Evidence) Choice { return Choice{} })
	if err != nil {
		t.Fatal(err)
	}
	s, err := u.Open(t.Context(), Identity{User: "bob", AsSent: "bob"}, Credential{Password: NewSecret("secret")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if len(s.before) != maxCapabilities || len(s.Capabilities) != maxCapabilities {
		t.Errorf("%d before the login, %d after", len(s.before), len(s.Capabilities))
	}
}

// Names that are too long are refused before anything is remembered of them.
func TestLongLoginNames(t *testing.T) {
	longest := strings.Repeat("x", maxName)
	for _, tt := range []struct {
		claim Claim
		ok    bool
	}{
		{Claim{Authcid: longest}, true},
		{Claim{Authcid: longest + "x"}, false},
		{Claim{Authcid: "admin", Authzid: longest}, true},
		{Claim{Authcid: "admin", Authzid: longest + "x"}, false},
	} {
		_, err := LoginOptions{}.Resolve(tt.claim)
		if (err == nil) != tt.ok || err != nil && len(err.Error()) > 300 {
			t.Errorf("%d and %d bytes: %v", len(tt.claim.Authcid), len(tt.claim.Authzid), err)
		}
	}
}

// Accounts without a session are kept while they are throttled, up to a bound.
func TestThrottledAccountsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewAccounts(perMessage(4), time.Hour)
		held := r.Open("held")
		held.Throttle.Block(time.Hour)
		for i := range 5 * maxIdleAccounts {
			a := r.Open(fmt.Sprint("user", i))
			a.Throttle.Block(time.Hour)
			r.Close(a)
		}
		if n := len(r.open); n > 2*(maxIdleAccounts+1) {
			t.Errorf("%d accounts kept", n)
		}
		if r.Open("held") != held {
			t.Error("an account with a session was dropped")
		}
	})
}

// A token with what ends a field of XOAUTH2, or a line, is not sent on.
func TestTokenWithControlCharacters(t *testing.T) {
	for name, tt := range map[string]struct{ token, want string }{
		"^A":        {"good\x01auth=Bearer other", "0x01, byte 5"},
		"CR":        {"good\rx", "0x0D"},
		"LF":        {"good\n", "0x0A"},
		"NUL":       {"\x00", "0x00, byte 1 of 1"},
		"blank":     {"two words", "0x20"},
		"not ASCII": {"gr\u00fcn", "0xC3"},
		"too long":  {strings.Repeat("x", maxToken+1), fmt.Sprintf("more than %d", maxToken)},
		"longest":   {strings.Repeat("x", maxToken), ""},
		"one":       {"eyJ0eXAi.OiJKV1Qi-LCJub25j_ZSI6~+/==", ""},
	} {
		t.Run(name, func(t *testing.T) {
			encoded, err := json.Marshal(tt.token)
			if err != nil {
				t.Fatal(err)
			}
			web := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				fmt.Fprintf(w, `{"access_token": %s, "token_type": "Bearer", "expires_in": 3600}`, encoded)
			}))
			t.Cleanup(web.Close)
			s, err := NewOAuth2(OAuth2Options{Flow: FlowClientCredentials, TokenURL: web.URL, ClientID: "client", ClientSecret: NewSecret("secret"), HTTP: web.Client()})
			if err != nil {
				t.Fatal(err)
			}
			token, err := s.Token(t.Context(), "bob@example.com")
			var known *Error
			switch {
			case tt.want == "" && (err != nil || token.Value.Reveal() != tt.token):
				t.Errorf("got %v", err)
			case tt.want != "" && (!errors.As(err, &known) || known.Kind != KindTokenRefused || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want %q", err, tt.want)
			case tt.want != "" && strings.Contains(err.Error(), "good"):
				t.Errorf("the token is told: %v", err)
			}
		})
	}
}
