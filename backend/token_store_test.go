package backend

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTokenStore(t *testing.T) {
	dir := t.TempDir()
	store := &TokenStore{Dir: filepath.Join(dir, "tokens"), KeyFile: filepath.Join(dir, "key")}
	for account, token := range map[string]string{"bob@example.com": "refresh-b", "alice@example.com": "refresh-a"} {
		if err := store.Save("client", account, NewSecret(token)); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := store.Load("client", "BOB@example.com"); err != nil || got.Reveal() != "refresh-b" {
		t.Errorf("got %q, %v", got.Reveal(), err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("files %q, %v", files, err)
	}
	for _, file := range append(files, store.KeyFile) {
		data, err := os.ReadFile(file)
		if err != nil || strings.Contains(string(data), "refresh") {
			t.Errorf("%s: %v, or it can be read", file, err)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, mode %v", file, err, info.Mode())
		}
	}
	// alice's token under bob's name is not bob's.
	bob, alice := store.path("client", "bob@example.com"), store.path("client", "alice@example.com")
	data, err := os.ReadFile(alice)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"another's": data, "cut short": data[:5], "changed": append([]byte("x"), data[1:]...)} {
		if err := os.WriteFile(bob, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := store.Load("client", "bob@example.com"); err == nil || !got.IsNone() || !strings.Contains(err.Error(), "exgate login bob@example.com") {
			t.Errorf("%s: got %q, %v", name, got.Reveal(), err)
		}
	}
	if err := os.Chmod(store.KeyFile, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Load("client", "alice@example.com"); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others can read: %v", err)
	}
}
