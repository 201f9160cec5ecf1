package proxy

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"

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

// While its session idles, an account keeps only what the next APPEND needs to know.
func TestIdleAccountsForget(t *testing.T) {
	tests := map[string]struct {
		append func(*mailbox.Claim)
		wait   time.Duration
		want   int
	}{
		"an APPEND is on its way":      {func(*mailbox.Claim) {}, time.Hour, 1},
		"its UID is told":              {endsStored(&imap.AppendData{UIDValidity: 7, UID: 20}), time.Minute, 0},
		"its UID may be the next mark": {endsStored(&imap.AppendData{UIDValidity: 7, UID: 20}), time.Second, 1},
		"its UID is not known":         {endsStored(nil), 30 * time.Second, 1},
		"its UID will never be known":  {endsStored(nil), mailbox.Memory + time.Second, 0},
		"its outcome is not known":     {(*mailbox.Claim).Close, 30 * time.Second, 1},
		"its outcome matters no more":  {(*mailbox.Claim).Close, mailbox.Memory + time.Second, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAccounts(nil)
				account := a.get("default", "alice@example.com", backend.Pacing{}, 0)
				claim, err := account.claims.Enter(t.Context(), "inbox", mailbox.MessageKey{}, 0)
				if err != nil {
					t.Fatal(err)
				}
				claim.SetMark(7, 20)
				claim.Sending()
				tt.append(claim)
				time.Sleep(tt.wait)
				if got := a.giveBack(); got != tt.want {
					t.Errorf("%d mailboxes are kept, want %d", got, tt.want)
				}
			})
		})
	}
}

// endsStored ends an APPEND with OK, and with this UID.
func endsStored(uid *imap.AppendData) func(*mailbox.Claim) {
	return func(claim *mailbox.Claim) {
		claim.Stored(uid)
		claim.Close()
	}
}
