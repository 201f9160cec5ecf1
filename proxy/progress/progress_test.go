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
