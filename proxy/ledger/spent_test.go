package ledger

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

func TestSpent(t *testing.T) {
	c := newClock()
	l, _ := open(t, filepath.Join(t.TempDir(), "ledger.db"), c)
	began := c.now()
	bob, eve := l.Session(Session{Account: "bob"}), l.Session(Session{Account: "eve", Upstream: "online"})
	for _, m := range []Message{
		{Outcome: Stored, Size: 10, Sent: 11},
		{Outcome: Stored, Size: 10, Sent: 12},
		{Outcome: Unknown, Size: 10, Sent: 13}, // it may be in Exchange
		{Outcome: Limited, Size: 10},
		{Outcome: Rejected, Size: 10, Sent: 10},
		{Outcome: Found, Size: 10, Sent: 10}, // the row of the earlier attempt counts
		{Outcome: Observed, Size: 14, Sent: 99, Reason: "OK APPEND completed."},
		{Outcome: Observed, Size: 14, Reason: "NO no"},
	} {
		bob.Begin(&m)
		bob.Done(&m)
	}
	c.pass(time.Hour)
	late := Message{Outcome: Stored, Size: 20, Sent: 20}
	eve.Begin(&late)
	eve.Done(&late)
	spent, err := l.Spent(began.Add(-time.Minute), 15*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, s := range spent {
		got += fmt.Sprintf("%q %s %d: %d, %d\n", s.Upstream, s.Account, s.At.Sub(began.Truncate(15*time.Minute))/time.Minute,
			s.Messages, s.Bytes)
	}
	if want := "\"\" bob 0: 4, 50\n\"online\" eve 60: 1, 20\n"; got != want {
		t.Errorf("got %swant %s", got, want)
	}
	if spent, err := l.Spent(c.now(), time.Minute); err != nil || len(spent) != 1 {
		t.Errorf("since now: %v, %v", spent, err)
	}
	var none *Ledger
	if spent, err := none.Spent(began, time.Minute); err != nil || spent != nil {
		t.Errorf("of no ledger: %v, %v", spent, err)
	}
}
