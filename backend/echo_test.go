package backend

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"testing"

	"exgate/backend/leaktest"
)

// TestEchoedSecrets: a server repeats what it was sent, in its reply, under a
// bogus tag, or in its last words.
func TestEchoedSecrets(t *testing.T) {
	const name, password, token = "bob", `gehe"im1\x`, "eyJtoken"
	quoted := escapeQuoted.Replace(password)
	response := base64.StdEncoding.EncodeToString([]byte("\x00bob\x00" + password))
	bearer := base64.StdEncoding.EncodeToString([]byte("user=bob\x01auth=Bearer " + token + "\x01\x01"))
	line := `LOGIN "bob" "` + quoted + `"`
	for what, tt := range map[string]struct {
		caps  string
		cred  Credential
		steps []string
		kind  Kind
	}{
		"tagged":       {"", Credential{Password: NewSecret(password)}, []string{"C: xg1 " + line, "S: xg1 NO LOGIN failed: " + line + "\r\n"}, KindCredentials},
		"unquoted":     {"", Credential{Password: NewSecret(password)}, []string{"C: xg1 " + line, "S: xg1 BAD I know no bob " + password + "\r\n"}, KindOther},
		"bogus tag":    {"", Credential{Password: NewSecret(password)}, []string{"C: xg1 " + line, "S: " + password + " BAD what?\r\n"}, KindOutOfStep},
		"untagged":     {"", Credential{Password: NewSecret(password)}, []string{"C: xg1 " + line, "S: * BAD what is " + line + "\r\n", "S: xg1 NO LOGIN failed.\r\n"}, KindCredentials},
		"last words":   {"", Credential{Password: NewSecret(password)}, []string{"C: xg1 " + line, "S: * BYE who says " + line + "\r\n", "CLOSE"}, KindLost},
		"PLAIN":        {"AUTH=PLAIN SASL-IR LOGINDISABLED", Credential{Password: NewSecret(password)}, []string{"C: xg1 AUTHENTICATE PLAIN " + response, "S: xg1 BAD AUTHENTICATE PLAIN " + response + "?\r\n"}, KindOther},
		"XOAUTH2":      {"AUTH=XOAUTH2 SASL-IR", Credential{Tokens: OwnToken{NewSecret(token)}}, []string{"C: xg1 AUTHENTICATE XOAUTH2 " + bearer, "S: xg1 NO the token " + token + " is wrong\r\n"}, KindOther},
		"as a command": {"AUTH=PLAIN LOGINDISABLED", Credential{Password: NewSecret(password)}, []string{"C: xg1 AUTHENTICATE PLAIN", "S: + \r\n", "C: " + response, "S: " + response + " BAD Command Error. 12\r\n"}, KindOutOfStep},
	} {
		t.Run(what, func(t *testing.T) {
			var seen strings.Builder
			var mu sync.Mutex
			steps := append([]string{"S: * OK [CAPABILITY IMAP4rev1 " + tt.caps + "] ready\r\n"}, tt.steps...)
			u, err := NewUpstream(Options{Address: listen(t, script(tls.Certificate{}, steps...)), TLS: TLSInsecureNone}, func(Evidence) Choice { return Choice{} })
			if err != nil {
				t.Fatal(err)
			}
			_, err = u.Open(t.Context(), Identity{User: name, AsSent: name}, tt.cred, func(sent bool, line []byte) {
				mu.Lock()
				defer mu.Unlock()
				fmt.Fprintf(&seen, "%v %s\n", sent, line)
			})
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintf(&seen, "%v\n%s\n%+v\n", err, FailureOf(err).ClientText(), FailureOf(err))
			if kind := FailureOf(err).Kind; kind != tt.kind {
				t.Errorf("kind %q of %v", kind, err)
			}
			for _, leak := range leaktest.New(password, token, response).Find([]byte(seen.String())) {
				t.Error(leak)
			}
		})
	}
}
