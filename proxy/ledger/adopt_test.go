package ledger

import (
	"fmt"
	"path/filepath"
	"testing"
)

// Two gateways write one file. What the old one leaves behind of an account is known to the new one when it adopts the
// account, and not before; what an account of the old one still does stays untouched.
func TestAdopt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ledger.db")
	before := Open(Options{File: file})
	defer before.Close()
	session := func(l *Ledger, account string) *Journal {
		return l.Session(Session{ID: account, Upstream: "default", Account: account})
	}
	append1 := func(j *Journal, id string, outcome Outcome) *Message {
		m := &Message{Mailbox: "INBOX", Exchange: "INBOX", MessageID: id, Size: 100, Mark: Mark{7, 20}}
		copy(m.Sum[:], id)
		j.Begin(m)
		j.Intend(m)()
		if m.Outcome = outcome; outcome != Pending {
			j.Done(m)
		}
		return m
	}
	bob, eve := session(before, "Bob"), session(before, "eve")
	append1(session(before, "dan"), "killed", Pending)
	append1(bob, "lost", Stored)
	append1(bob, "cut", Pending)
	proven := append1(bob, "proven", Stored)
	busy := append1(eve, "busy", Pending)
	bob.Told()
	bob.forget(proven)
	before.put(op{run: func(s *store) error {
		_, err := s.exec("UPDATE messages SET proven = 1 WHERE id = ?", proven.row.id)
		return err
	}})
	bob.End(Totals{})
	before.Flush()

	after := Open(Options{File: file, Inherits: true})
	defer after.Close()
	mine, hers := session(after, "bob"), session(after, "eve")
	known := func(j *Journal, id string) bool {
		m := &Message{Exchange: "INBOX", Size: 100}
		copy(m.Sum[:], id)
		e := j.Earlier(m)
		if e != nil {
			e.Leave()
		}
		return e != nil
	}
	other := session(after, "Bob") // the journal's key has the account as the session spells it
	if known(mine, "lost") || known(other, "lost") {
		t.Error("an account is known before it is adopted")
	}
	after.Adopt("default", "bob")
	after.Adopt("default", "BOB") // once only
	for id, want := range map[string]bool{"lost": true, "cut": true, "proven": false} {
		if known(other, id) != want {
			t.Errorf("%s: known %v, want %v", id, !want, want)
		}
	}
	if !other.HasUnsettled() {
		t.Error("the message that was cut is not to be settled")
	}
	if known(hers, "busy") || hers.HasUnsettled() {
		t.Error("the message that the old gateway still sends is taken for lost")
	}
	own := append1(mine, "own", Pending)
	busy.Outcome = Stored
	eve.Done(busy)
	before.Flush()
	after.AdoptRest()
	if !known(hers, "busy") || !known(session(after, "dan"), "killed") {
		t.Error("the rest is not adopted")
	}
	after.Flush()
	if n := ask(t, file, fmt.Sprint("SELECT count(*) FROM intents WHERE id = ", own.row.intent)); n != "1" {
		t.Error("the new gateway's own message is not on its way any more")
	}
}
