package testkit

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// CheapHash returns a bcrypt hash of the password with the lowest cost, so that
// tests stay fast. It panics if the password has more than 72 bytes.
func CheapHash(password string) string {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		panic(err)
	}
	return string(hash)
}

// UsersFile writes a users file with the lines and returns its path. "HASH(x)" in
// a line is replaced by CheapHash of x. The file is removed after the test.
func UsersFile(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "users")
	WriteUsers(t, path, lines...)
	return path
}

// WriteUsers writes a users file with the lines to path, as UsersFile does.
func WriteUsers(t *testing.T, path string, lines ...string) {
	t.Helper()
	text := strings.Join(lines, "\n") + "\n"
	for {
		before, rest, found := strings.Cut(text, "HASH(")
		if !found {
			break
		}
		password, after, _ := strings.Cut(rest, ")")
		text = before + CheapHash(password) + after
	}
	WriteFile(t, path, text)
}
