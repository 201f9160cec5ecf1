package progress

import (
	"fmt"
	"testing"
	"time"

	"exgate/proxy/counters"
	"exgate/proxy/ledger"
	"exgate/proxy/status"
)

// Where there are too many accounts, those are counted and shown that were active last, also after a restart.
func TestProgressHasABound(t *testing.T) {
	var b Board
	count := func(one *Account) {
		b.Add(one, &counters.Values{counters.Stored: 3}, &counters.Values{counters.Stored: 1})
	}
	shown := func() map[string]int64 {
		stored := make(map[string]int64)
		for _, a := range b.Describe(nil) {
			stored[a.User] = a.Stored
		}
		if len(stored) > maxAccounts {
			t.Errorf("%d accounts", len(stored))
		}
		return stored
	}
	past := ledger.History{}
	began := time.Now().Add(-time.Hour)
	for i := range maxAccounts + 10 {
		past.Accounts = append(past.Accounts, ledger.PastAccount{
			Account: fmt.Sprint("user", i), Stored: 1, Last: began.Add(time.Duration(i) * time.Millisecond),
		})
	}
	b.Recall(past)
	if now := shown(); len(now) != maxAccounts || now["user9"] != 0 || now["user10"] != 1 {
		t.Errorf("after a restart, %d accounts, %d and %d messages", len(now), now["user9"], now["user10"])
	}
	early := b.Account("", "user11")
	count(early)
	for i := range maxAccounts {
		count(b.Account("", fmt.Sprint("user", 20_000+i)))
	}
	if now := shown(); now["user11"] != 0 || now["user20000"] != 2 || now["user29999"] != 2 {
		t.Errorf("after as many new accounts, %d, %d and %d messages", now["user11"], now["user20000"], now["user29999"])
	}
	count(early) // its session was silent meanwhile
	if now := shown(); now["user11"] != 2 || now["user29999"] != 2 {
		t.Errorf("after a command of an account that was dropped, %d and %d messages", now["user11"], now["user29999"])
	}
	for i := range MaxRefusals + 3 {
		b.Note(status.Refusal{Size: int64(i)}, "")
	}
	if last := b.Refusals(); len(last) != MaxRefusals || last[0].Size != MaxRefusals+2 {
		t.Errorf("%d refusals, the last of %d bytes", len(last), last[0].Size)
	}
}

// The ledger is read while sessions count: what it has is added, and comes before what they have noted.
func TestRecallAddsToWhatIsCounted(t *testing.T) {
	var b Board
	early := time.Now().Add(-time.Hour)
	b.Add(b.Account("", "Bob"), &counters.Values{counters.Stored: 2}, &counters.Values{})
	b.Note(status.Refusal{Size: 2}, "")
	b.Recall(ledger.History{
		Since:    early,
		Accounts: []ledger.PastAccount{{Account: "bob", Stored: 3, Last: early}, {Account: "eve", Stored: 1, Last: early}},
		Refusals: []ledger.PastRefusal{{At: early, Size: 1}},
	})
	got := ""
	for _, a := range b.Describe(nil) {
		got += fmt.Sprintln(a.User, a.Stored, a.LastActive.After(early))
	}
	for _, r := range b.Refusals() {
		got += fmt.Sprintln(r.Size)
	}
	if want := "Bob 5 true\neve 1 false\n2\n1\n"; got != want || !b.Since().Equal(early) {
		t.Errorf("got %s, since %s", got, b.Since())
	}
}
