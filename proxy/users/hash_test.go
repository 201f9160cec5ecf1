package users

import (
	"testing"
)

func TestHashPassword(t *testing.T) {
	hash := Hash("pa$s w\"ord")
	if err := checkHash(hash); err != nil || !matchesHash(hash, "pa$s w\"ord") || matchesHash(hash, "") || hash == Hash("pa$s w\"ord") {
		t.Errorf("%s: %v", hash, err)
	}
}
