package users

import (
	"testing"
)

func TestHashPassword(t *testing.T) {
	const password = "pa$s w\"ord"
	hash := Hash(password)
	if err := checkHash(hash); err != nil || !matchesHash(hash, password) || matchesHash(hash, "") || hash == Hash(password) {
		t.Errorf("%s: %v", hash, err)
	}
	if matchesHash(unknownCallerHash, "") || checkHash(unknownCallerHash) != nil {
		t.Error("the hash for unknown callers is invalid, or matches the empty password")
	}
}
