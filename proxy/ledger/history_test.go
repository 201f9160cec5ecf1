package ledger

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

func TestHistory(t *testing.T) {
	c := newClock()
	l, _ := open(t, filepath.Join(t.TempDir(), "ledger.db"), c)
	began := c.now()
	bob, again := l.Session(Session{ID: "s1", Account: "bob"}), l.Session(Session{ID: "s2", Account: "BOB"})
	for i, m := range []Message{
		{Outcome: Stored, Size: 10, Throttled: time.Second},
		{Outcome: Unknown, Size: 10, Paced: time.Second},
		{Outcome: Refused, Rule: "header-line", Reason: "r", Size: 11},
		{Outcome: TooLarge, Rule: "oversize", Reason: "t", Size: 12},
		{Outcome: Limited, Rule: "budget", Reason: "l", Size: 13},
		{Outcome: Found, Rule: ""},
		{Outcome: Observed, Rule: "oversize"},
		{Outcome: Failed},
	} {
		c.pass(time.Second)
		j := bob
		if i%2 == 1 {
			j = again
		}
		m.Exchange = "Box"
		j.Begin(&m)
		j.Done(&m)
	}
	l.Flush()
	read, err := l.History(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	late := Message{Outcome: Refused, Rule: "header-line"} // the gateway counts it itself
	bob.Begin(&late)
	bob.Done(&late)
	l.Close()
	h, err := read()
	if err != nil {
		t.Fatal(err)
	}
	if len(h.Accounts) != 1 || !h.Since.Equal(began.Add(time.Second)) {
		t.Fatalf("%+v", h)
	}
	a := h.Accounts[0]
	got := fmt.Sprint(a.Stored, a.Refused, a.Unknown, a.Bytes, a.Waited, a.Last.Sub(began))
	if want := "1 3 1 10 2s 8s"; got != want {
		t.Errorf("bob: %s, want %s", got, want)
	}
	got = ""
	for _, r := range h.Refusals {
		got += fmt.Sprintln(r.At.Sub(began), r.Session, r.Account, r.Mailbox, r.Size, r.Rule, r.Reason)
	}
	if want := "4s s2 BOB Box 12 oversize t\n5s s1 bob Box 13 budget l\n"; got != want {
		t.Errorf("refusals: %s", got)
	}
	var none *Ledger
	if read, err = none.History(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if h, err := read(); err != nil || len(h.Accounts) != 0 {
		t.Errorf("of no ledger: %+v, %v", h, err)
	}
}
