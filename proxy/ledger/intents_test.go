package ledger

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
)

// outcomes returns the outcomes in the log, the last one first.
func outcomes(t *testing.T, file string) string {
	t.Helper()
	return ask(t, file, "SELECT coalesce(group_concat(outcome, ' '), '') FROM (SELECT outcome FROM log ORDER BY time, message_id)")
}

// A message on its way is in intents, and then in messages, once.
func TestIntents(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ledger.db")
	l, _ := open(t, file, newClock())
	j := session(l, "one")
	m := message("a")
	j.Begin(m)
	for stage := range 3 {
		m.Stage, m.Sent = stage, int64(stage)
		j.Intend(m)()
		where := fmt.Sprintf("SELECT count(*) = 1 AND sum(stage = %d AND sent = %[1]d) = 1 FROM intents", stage)
		if got := ask(t, file, where); got != "1" || outcomes(t, file) != "pending" {
			t.Fatalf("stage %d is not on the disk", stage)
		}
	}
	m.Outcome, m.Rule = Refused, RuleSpool
	j.Done(m)
	l.Flush()
	if n := ask(t, file, "SELECT count(*) FROM intents"); n != "0" || outcomes(t, file) != "refused" {
		t.Errorf("%s on their way, log: %s", n, outcomes(t, file))
	}
}

// What nobody waits for does not go to the disk with each intent: a transaction for each message would cost more than
// the relay. It goes soon.
func TestIntentsGoAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ledger.db")
	l, _ := open(t, file, newClock())
	j := session(l, "one")
	for n := range maxGathered / 2 {
		m := message(fmt.Sprint(n))
		j.Begin(m)
		j.Intend(m)()
		m.Outcome = Stored
		j.Done(m)
		j.Proven()
	}
	l.Flush()
	if got := ask(t, file, "SELECT count(*) || ' ' || sum(proven) || ' ' || sum(outcome = 'stored') FROM messages"); got !=
		fmt.Sprintf("%d %[1]d %[1]d", maxGathered/2) {
		t.Errorf("messages, proven, stored: %s", got)
	}
}

// A session ends without a word about a message, which another session finds in Exchange.
func TestIntentIsFound(t *testing.T) {
	for outcome, end := range map[string]func(*Earlier){
		"stored": func(e *Earlier) { e.Found(7, 4) },
		"resent": (*Earlier).Absent,
	} {
		file := filepath.Join(t.TempDir(), "ledger.db")
		l, _ := open(t, file, newClock())
		j := session(l, "one")
		j.Intend(message("a"))()
		j.End(Totals{})
		e := session(l, "two").Earlier(message("a"))
		if e == nil {
			t.Fatal("no earlier attempt")
		}
		end(e)
		l.Flush()
		if n := ask(t, file, "SELECT count(*) FROM intents"); n != "0" || outcomes(t, file) != outcome {
			t.Errorf("%s on their way, log: %s, want %s", n, outcomes(t, file), outcome)
		}
	}
}

// A transaction that fails leaves the message on its way, as the file has it.
func TestFailedTransactionKeepsIntents(t *testing.T) {
	file, c := filepath.Join(t.TempDir(), "ledger.db"), newClock()
	l, _ := open(t, file, c)
	j, m := session(l, "one"), message("a")
	j.Intend(m)()
	var during place
	l.put(op{run: func(s *store) error {
		m.Outcome = Stored
		if err := j.keep(m)(s); err != nil {
			return err
		}
		during = place{id: m.row.id, intent: m.row.intent}
		return errors.New("the disk is full")
	}})
	l.flush()
	if during.id == 0 || during.intent != 0 || m.row.id != 0 || m.row.intent == 0 {
		t.Errorf("the row was at %+v, and is at %+v", during, m.row)
	}
	if outcomes(t, file) != "pending" {
		t.Errorf("log: %s", outcomes(t, file))
	}
	if again, _ := open(t, killed(t, file), c); session(again, "two").Earlier(message("a")) == nil {
		t.Error("a later run does not know the message")
	}
}

// An exgate before schema 4 has left a message on its way in messages.
func TestIntentsOfSchema3(t *testing.T) {
	file, c := filepath.Join(t.TempDir(), "ledger.db"), newClock()
	db, err := sql.Open("sqlite", dsn(file, "rwc"))
	if err != nil {
		t.Fatal(err)
	}
	for n, step := range migrations[:3] {
		if _, err := db.Exec(fmt.Sprintf("%s; PRAGMA user_version = %d", step, n+1)); err != nil {
			t.Fatal(err)
		}
	}
	m := message("a")
	if _, err := db.Exec("INSERT INTO sessions (id, at, session, upstream, account) VALUES (1, 1, 's', 'default', 'bob')"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("INSERT INTO messages (at, session_id, outcome, mailbox, exchange, size, sha256) VALUES (?, 1, 'pending', 'INBOX', 'INBOX', ?, ?)",
		c.now().UnixMilli(), m.Size, m.Sum[:]); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	l, _ := open(t, file, c)
	if session(l, "two").Earlier(m) == nil {
		t.Error("the message is not known")
	}
	if outcomes(t, file) != "unknown" {
		t.Errorf("log: %s", outcomes(t, file))
	}
}
