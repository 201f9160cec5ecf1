package proxy

import (
	"context"
	"fmt"
	"testing"

	"exgate/backend"
	"exgate/proxy/mailbox"
)

// What is known of an account's APPENDs outlives its last session, and a change of its pace, for as long as a message
// may come late. Accounts that have nothing of the kind are dropped.
func TestClaimsOutliveTheSession(t *testing.T) {
	a := newAccounts(nil)
	get := func(user string, pace backend.Pacing) *account { return a.get("default", user, pace, 0) }
	first := get("Alice@example.com", backend.Pacing{})
	intent, err := first.claims.Enter(context.Background(), "inbox", mailbox.MessageKey{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	intent.SetMark(7, 20)
	intent.Sending()
	intent.Stored(nil) // OK without a UID
	intent.Close()
	a.close(first)
	for n := range 3 * minClaims {
		a.close(get(fmt.Sprintf("user%d@example.com", n), backend.Pacing{}))
	}
	if n := len(a.claims); n > minClaims+1 {
		t.Errorf("the claims of %d accounts are kept", n)
	}
	if again := get("alice@EXAMPLE.com", backend.Pacing{All: backend.Rates{Commands: 5}}); again.claims != first.claims {
		t.Error("the claims of the account are lost with its session")
	}
}
