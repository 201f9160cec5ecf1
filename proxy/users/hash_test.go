package users

import (
	"testing"
)

func TestHashPassword(t *testing.T) {
	const password = "pa$s w\"ord"
	hash := Hash(password)
	if err := checkHash(hash); err != nil || !matchesHash(hash, password) || matchesHash(hash, "") {
		t.Errorf("%s: %v", hash, err)
	}
	if hash == Hash(password) {
		t.Error("two hashes of a password have the same salt")
	}
}
