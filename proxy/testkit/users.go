package testkit

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// CheapHash is a hash of a password that tests can afford.
func CheapHash(password string) string {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		panic(err) // a password of more than 72 bytes
	}
	return string(hash)
}

// UsersFile writes a users file; in its lines, "HASH(x)" is the hash of x.
func UsersFile(t *testing.T, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "users")
	WriteUsers(t, path, lines...)
	return path
}

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
