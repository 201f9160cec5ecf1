package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"exgate/backend"
)

func TestStatusAccess(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	const long = "a token that is long enough"
	token, short := write("token", long+"\n"), write("short", "abc\n")
	for name, test := range map[string]struct {
		listen   Listen
		loopback bool
		needed   bool
		fails    string
	}{
		"loopback":          {listen: Listen{Status: "127.0.0.1:9143"}, loopback: true},
		"IPv6 loopback":     {listen: Listen{Status: "[::1]:9143"}, loopback: true},
		"every address":     {listen: Listen{Status: ":9143"}},
		"none":              {},
		"token":             {listen: Listen{Status: "localhost:1", StatusToken: backend.NewSecret(long)}, loopback: true, needed: true},
		"token in a file":   {listen: Listen{Status: "192.0.2.1:1", StatusTokenFile: token}, needed: true},
		"short in a file":   {listen: Listen{StatusTokenFile: short}, fails: "listen.status_token: too short"},
		"no such file":      {listen: Listen{StatusTokenFile: filepath.Join(dir, "none")}, fails: "listen.status_token_file: "},
		"no such variable":  {listen: Listen{StatusTokenEnv: "EXGATE_TEST_NONE"}, fails: "listen.status_token_env: "},
		"no such authority": {listen: Listen{StatusClientCA: filepath.Join(dir, "none")}, fails: "listen.status_client_ca: "},
		"no authority":      {listen: Listen{StatusClientCA: token}, fails: "listen.status_client_ca: no certificate (PEM)"},
	} {
		c := Default()
		c.Listen = test.listen
		got, err := c.StatusAccess()
		if test.fails != "" {
			if err == nil || !strings.HasPrefix(err.Error(), test.fails) || strings.Contains(err.Error(), "abc") {
				t.Errorf("%s: %v, want %s", name, err, test.fails)
			}
			continue
		}
		if err != nil || got.Loopback != test.loopback || got.IsNeeded() != test.needed || test.needed && got.Token.Reveal() != long {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
