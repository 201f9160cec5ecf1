package backend

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// TestSecretShowsStars prints a secret in every way that comes to hand, also in
// fields that are not exported, of which fmt asks no method.
func TestSecretShowsStars(t *testing.T) {
	const text = "geheim"
	s := NewSecret(text)
	values := []any{s, &s, []Secret{s}, map[Secret]Secret{s: s}, struct{ hidden Secret }{s}, &struct{ hidden *Secret }{&s},
		OwnToken{s}, Credential{Password: s, Tokens: OwnToken{s}}, Token{Value: s}, Claim{Authcid: "bob", Password: s, Token: s},
		xoauth2{"bob", s}, secretSource{nil, s}, accessToken{value: s}, keptToken{token: accessToken{value: s}},
		&OAuth2{opts: OAuth2Options{ClientSecret: s}}, Options{Admin: Admin{"admin", s}, OAuth2: OAuth2Options{ClientSecret: s}},
		fmt.Errorf("with %v", s), fmt.Errorf("with %v", struct{ hidden Secret }{s})}
	var shown bytes.Buffer
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%+q", "%x", "%X", "% x", "%d", "%p", "%c", "%U", "%b", "%o", "%t", "%e"} {
			fmt.Fprintf(&shown, verb+"\n", v)
		}
		fmt.Fprintln(&shown, v)
		for _, h := range []slog.Handler{slog.NewJSONHandler(&shown, nil), slog.NewTextHandler(&shown, nil)} {
			slog.New(h).Info("m", "v", v)
		}
		if data, err := json.Marshal(v); err == nil {
			shown.Write(data)
		}
	}
	if err := gob.NewEncoder(&shown).Encode(struct{ Shown Secret }{s}); err == nil {
		t.Error("gob takes it, though there is nothing to read back")
	}
	for _, form := range []string{text, fmt.Sprintf("%x", text), fmt.Sprintf("%X", text), fmt.Sprintf("% x", text), fmt.Sprint([]byte(text)), "Z2VoZWlt"} {
		if i := strings.Index(shown.String(), form); i >= 0 {
			t.Errorf("it shows: %.200s", shown.String()[max(0, i-100):])
		}
	}
	if !strings.Contains(shown.String(), stars) || NewSecret("").String() != "" {
		t.Errorf("no stars: %s", shown.String())
	}
	if s != NewSecret(text) || s == NewSecret("other") || s.Reveal() != text || (Secret{}).Reveal() != "" || NewSecret("") != (Secret{}) {
		t.Error("secrets are not what they were made of")
	}
}
