//go:build unix

package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// check tells of secrets that others may read, and refuses those that they may
// write, as serve does, since both load the configuration alike.
func TestCheckTellsOfExposedSecrets(t *testing.T) {
	dir := t.TempDir()
	file, state := filepath.Join(dir, "exgate.yaml"), filepath.Join(dir, "state")
	users := filepath.Join(dir, "users")
	if _, err := exgateWith(t, "password\n", "user", "add", "alice", "--file", users); err != nil {
		t.Fatal(err)
	}
	text := "state_dir: " + state + "\nlisten: {implicit: 127.0.0.1:0}\nusers_file: " + users +
		"\nupstream: {address: mail.example.com:993, login: {admin: EXAMPLE\\svc, admin_password: secret}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		mode    fs.FileMode
		warning bool
		code    int
	}{
		{0o600, false, 0},
		{0o644, true, 0},
		{0o666, false, exitConfig},
	} {
		if err := os.Chmod(file, tt.mode); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"check"}, {"check", "--json"}} {
			out, err := exgate(t, append(args, "--config", file)...)
			if exitCode(err) != tt.code {
				t.Errorf("%04o: %v", tt.mode, err)
			}
			if strings.Contains(out, "others may read") != tt.warning {
				t.Errorf("%04o, %q: %s", tt.mode, args, out)
			}
			if tt.code != 0 && !strings.Contains(out+err.Error(), "others may write to "+file) {
				t.Errorf("%04o, %q: %s, %v", tt.mode, args, out, err)
			}
		}
	}
}
