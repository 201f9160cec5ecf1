package ledger

import (
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"exgate/proxy/testkit"
)

// clock is a clock that a test sets.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.at.Store(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC).UnixMilli())
	return c
}

func (c *clock) now() time.Time       { return time.UnixMilli(c.at.Load()) }
func (c *clock) pass(d time.Duration) { c.at.Add(d.Milliseconds()) }
func message(body string) *Message {
	m := &Message{Exchange: "INBOX", Size: 9}
	copy(m.Sum[:], body)
	return m
}
func session(l *Ledger, id string) *Journal {
	return l.Session(Session{ID: id, Upstream: "default", Account: "bob"})
}

func open(t *testing.T, file string, c *clock) (*Ledger, *strings.Builder) {
	t.Helper()
	said := new(strings.Builder)
	l := Open(Options{File: file, Now: c.now, Log: slog.New(slog.NewTextHandler(said, nil))})
	t.Cleanup(l.Close)
	return l, said
}

// killed returns the file of a ledger as a kill would leave it now.
func killed(t *testing.T, file string) string {
	t.Helper()
	left := filepath.Join(t.TempDir(), "ledger.db")
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(file + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(left+suffix, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return left
}

func ask(t *testing.T, file, query string) (result string) {
	t.Helper()
	db, err := sql.Open("sqlite", dsn(file, "ro"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(query).Scan(&result); err != nil {
		t.Fatal(err)
	}
	return result
}

// A message counts as sent again if its last attempt has no proven answer, for an hour, also
// after a kill.
func TestEarlier(t *testing.T) {
	stored := func(j *Journal, m *Message) {
		m.Mark = Mark{7, 3}
		j.Intend(m)()
		m.Outcome, m.UIDValidity, m.UID = Stored, 7, 4
		j.Done(m)
	}
	for _, tt := range []struct {
		name string
		play func(l *Ledger, c *clock)
		want Mark // of the earlier attempt; Next 0: there is none
	}{
		{"killed on its way", func(l *Ledger, _ *clock) {
			m := message("a")
			m.Mark = Mark{7, 3}
			session(l, "one").Intend(m)()
		}, Mark{7, 3}},
		{"killed with the answer", func(l *Ledger, _ *clock) { stored(session(l, "one"), message("a")) }, Mark{7, 4}},
		{"the client went on", func(l *Ledger, _ *clock) {
			j := session(l, "one")
			stored(j, message("a"))
			j.Proven()
		}, Mark{}},
		{"the client may forget it", func(l *Ledger, _ *clock) {
			j := session(l, "one")
			stored(j, message("a"))
			j.Received(true)
		}, Mark{7, 4}},
		{"the client has another answer", func(l *Ledger, _ *clock) {
			j := session(l, "one")
			stored(j, message("a"))
			j.Received(true)
			stored(j, message("b"))
			j.Received(true)
		}, Mark{}},
		{"the client has sent two commands at once", func(l *Ledger, _ *clock) {
			j := session(l, "one")
			stored(j, message("a"))
			j.Received(true)
			j.Received(false)
		}, Mark{7, 4}},
		{"the client left", func(l *Ledger, _ *clock) {
			j := session(l, "one")
			stored(j, message("a"))
			j.End(Totals{})
		}, Mark{7, 4}},
		{"another message", func(l *Ledger, _ *clock) {
			j := session(l, "one")
			stored(j, message("b"))
			j.End(Totals{})
		}, Mark{}},
		{"refused", func(l *Ledger, _ *clock) {
			j, m := session(l, "one"), message("a")
			j.Intend(m)()
			m.Outcome = Rejected
			j.Done(m)
			j.End(Totals{})
		}, Mark{}},
		{"not known, and told so", func(l *Ledger, _ *clock) {
			j, m := session(l, "one"), message("a")
			m.Mark = Mark{7, 3}
			j.Intend(m)()
			m.Outcome = Unknown
			j.Done(m)
			j.Proven()
		}, Mark{7, 3}},
		{"an hour ago", func(l *Ledger, c *clock) {
			j := session(l, "one")
			stored(j, message("a"))
			j.End(Totals{})
			c.pass(Window)
		}, Mark{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, file := newClock(), filepath.Join(t.TempDir(), "ledger.db")
			l, _ := open(t, file, c)
			tt.play(l, c)
			l.flush()
			again, _ := open(t, killed(t, file), c)
			e := session(again, "two").Earlier(message("a"))
			switch {
			case e == nil && tt.want.Next != 0:
				t.Fatal("no earlier attempt")
			case e != nil && e.Mark != tt.want:
				t.Fatalf("earlier attempt at %+v, want %+v", e.Mark, tt.want)
			case e != nil && session(again, "three").Earlier(message("a")) != nil:
				t.Error("two sessions look for one attempt")
			}
		})
	}
}

// mbsync sends a message once in a session: an equal one with another mark is another one. Another client sends a message
// again with the mark that mbsync has left in it.
func TestEarlierOfTheSameSession(t *testing.T) {
	for _, tt := range []struct {
		first, second string // marks
		want          bool
	}{
		{"", "", true},
		{"abc", "abc", true},
		{"abc", "ABC", false},
		{"", "ABC", false},
		{"abc", "", true},
	} {
		l, _ := open(t, filepath.Join(t.TempDir(), "ledger.db"), newClock())
		j, first, second := session(l, "one"), message("a"), message("a")
		first.TUID, second.TUID = tt.first, tt.second
		j.Begin(first)
		j.Intend(first)()
		first.Outcome = Unknown
		j.Done(first)
		if got := j.Earlier(second) != nil; got != tt.want {
			t.Errorf("marks %q and %q: it counts as sent again: %v", tt.first, tt.second, got)
		}
	}
}

// An attempt is as old as what became of it, also for the next run of the gateway: a message may have been held back for
// long before it was stored, and mbsync may have looked too early.
func TestEarlierIsAsOldAsItsOutcome(t *testing.T) {
	const held, later = 90 * time.Second, 5 * time.Second
	stored := func(j *Journal, m *Message) {
		j.Intend(m)()
		m.Outcome, m.UIDValidity, m.UID = Stored, 7, 4
		j.Done(m)
	}
	for _, tt := range []struct {
		name string
		held time.Duration
		play func(j *Journal, m *Message)
	}{
		{"stored", held, stored},
		{"stored after more than an hour", Window + held, stored},
		{"not known", held, func(j *Journal, m *Message) {
			j.Intend(m)()
			m.Outcome = Unknown
			j.Done(m)
		}},
		{"on its way", held, func(j *Journal, m *Message) {
			m.Throttled, m.Paced = held-10*time.Second, 10*time.Second
			j.Intend(m)()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClock()
			file := filepath.Join(t.TempDir(), "ledger.db")
			l, _ := open(t, file, c)
			one, m := session(l, "one"), message("a")
			m.Mark, m.MessageID = Mark{7, 3}, "<a@example.com>"
			one.Begin(m)
			c.pass(tt.held)
			outcome := c.now()
			tt.play(one, m)
			l.flush()
			again, _ := open(t, killed(t, file), c)
			c.pass(later)
			e := session(again, "two").Earlier(message("a"))
			if e == nil {
				t.Fatal("no earlier attempt")
			}
			if !e.At.Equal(outcome) || e.AtLogin != later {
				t.Errorf("it is of %s, %s before the login, want %s and %s", e.At, e.AtLogin, outcome, later)
			}
			for _, u := range session(again, "two").Unsettled() { // a LOGOUT looks for it, unless it is stored
				if !u.At.Equal(outcome) {
					t.Errorf("for a LOGOUT it is of %s, want %s", u.At, outcome)
				}
			}
		})
	}
}

// An attempt that comes back, since the peers could not be told how the look has ended, is looked for once.
func TestEarlierComesOnce(t *testing.T) {
	l, _ := open(t, filepath.Join(t.TempDir(), "ledger.db"), newClock())
	j, m, again := session(l, "one"), message("a"), message("a")
	j.Intend(m)()
	j.End(Totals{})
	e := session(l, "two").Earlier(again)
	if e == nil {
		t.Fatal("no earlier attempt")
	}
	e.Leave()
	if session(l, "two").Earlier(again) != nil {
		t.Error("the attempt came twice")
	}
	if session(l, "two").Earlier(message("a")) == nil {
		t.Error("the attempt was not given back")
	}
}

// An answer of an open session counts as lost when the client's machine has not acknowledged it for some time. A
// client that was not answered yet has lost nothing.
func TestEarlierOfOpenSession(t *testing.T) {
	for _, tt := range []struct {
		name    string
		told    bool
		arrived func() bool
		pass    time.Duration
		want    bool
	}{
		{"just told", true, nil, 0, false},
		{"silent, and not known", true, nil, silence, true},
		{"silent, and acknowledged", true, func() bool { return true }, silence, false},
		{"silent, and not acknowledged", true, func() bool { return false }, silence, true},
		{"not acknowledged yet", true, func() bool { return false }, 0, false},
		{"not told yet", false, nil, silence, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClock()
			l, _ := open(t, filepath.Join(t.TempDir(), "ledger.db"), c)
			m := message("a")
			one := l.Session(Session{ID: "one", Upstream: "default", Account: "bob", Arrived: tt.arrived})
			one.Intend(m)()
			m.Outcome = Stored
			one.Done(m)
			if tt.told {
				one.Told()
			}
			c.pass(tt.pass)
			if got := session(l, "two").Earlier(message("a")) != nil; got != tt.want {
				t.Errorf("the answer counts as lost: %v", got)
			}
		})
	}
}

// An answer that was written, and read before the client closed, is proven at the end of the session. One that was not
// written is not.
func TestEarlierOfClosedSession(t *testing.T) {
	for _, told := range []bool{true, false} {
		l, _ := open(t, filepath.Join(t.TempDir(), "ledger.db"), newClock())
		m := message("a")
		one := session(l, "one")
		one.Intend(m)()
		m.Outcome = Stored
		one.Done(m)
		if told {
			one.Told()
		}
		one.End(Totals{Read: true})
		if lost := session(l, "two").Earlier(message("a")) != nil; lost == told {
			t.Errorf("told %v: the answer counts as lost: %v", told, lost)
		}
	}
}

// A client sends two equal messages on purpose, and exgate is killed while the second goes up: the proof that the client
// has the answer to the first is on the disk by then. So the second is not taken for the first that is sent again.
func TestProofComesBeforeAnEqualMessage(t *testing.T) {
	for _, outcome := range []Outcome{Stored, Found} {
		t.Run(string(outcome), func(t *testing.T) {
			file, c := filepath.Join(t.TempDir(), "ledger.db"), newClock()
			l, _ := open(t, file, c)
			j := session(l, "one")
			first := message("a")
			j.Begin(first)
			j.Intend(first)()
			first.Outcome, first.UIDValidity, first.UID = outcome, 1, 7
			j.Done(first)
			j.Told()
			l.flush()

			// The disk is slow: the writer works only when it has more to do than the proof.
			busy := make(chan struct{})
			l.put(op{run: func(*store) error {
				close(busy)
				for deadline := time.Now().Add(10 * time.Second); l.waiting() < 2 && time.Now().Before(deadline); {
					time.Sleep(time.Millisecond)
				}
				return nil
			}})
			<-busy
			j.Proven()
			second := message("a")
			j.Begin(second)
			j.Intend(second) // the command may go up when this returns
			later, _ := open(t, killed(t, file), c)
			if e := session(later, "two").Earlier(message("a")); e != nil && e.UID != 0 {
				t.Errorf("the second message counts as the first, which has the UID %d", e.UID)
			}
		})
	}
}

// Mail goes on with a ledger that cannot be written. The loss is counted, said, and noted.
func TestUnwritable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "missing")
	file := filepath.Join(dir, "ledger.db")
	l, said := open(t, file, newClock())
	j := session(l, "one")
	j.Intend(message("a"))() // does not wait
	l.flush()
	if l.Lost() == 0 {
		t.Error("no loss is counted")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for l.broken.Load() && time.Now().Before(deadline) {
		j.Intend(message("b"))()
		l.flush()
	}
	j.Intend(message("c"))() // that before may be lost, and the flush after it written
	l.Close()
	if n := ask(t, file, "SELECT sum(rows) FROM losses"); n == "0" {
		t.Error("the ledger does not say that rows are missing")
	}
	if n := ask(t, file, "SELECT count(*) FROM log WHERE account = 'bob'"); n == "0" {
		t.Error("rows are not written again")
	}
	for _, text := range []string{"cannot be written", "written again"} {
		if strings.Count(said.String(), text) != 1 {
			t.Errorf("the log does not say once %q: %s", text, said)
		}
	}
}

// A corrupt file is set aside.
func TestCorrupt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ledger.db")
	if err := os.WriteFile(file, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	l, said := open(t, file, newClock())
	session(l, "one").Intend(message("a"))()
	l.Close()
	if n := ask(t, file, "SELECT count(*) FROM log"); n != "1" {
		t.Errorf("%s rows in the new file", n)
	}
	aside, err := filepath.Glob(file + ".corrupt-*")
	if err != nil || len(aside) != 1 || !strings.Contains(said.String(), filepath.Base(aside[0])) {
		t.Errorf("set aside: %v, %v; the log says %s", aside, err, said)
	}
}

// A file that is corrupt behind its first page is set aside too, when that is found.
func TestCorruptInside(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ledger.db")
	l, _ := open(t, file, newClock())
	for n := range 300 {
		session(l, fmt.Sprint(n)).Intend(message(fmt.Sprint(n)))()
	}
	l.Close()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096; i < len(data); i++ {
		data[i] = 0xff
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	l, said := open(t, file, newClock())
	session(l, "one").Intend(message("a"))()
	l.Close()
	if n := ask(t, file, "SELECT count(*) FROM log"); n != "1" || l.Lost() != 0 {
		t.Errorf("%s rows in the new file, %d lost", n, l.Lost())
	}
	if !strings.Contains(said.String(), "set it aside") {
		t.Errorf("the log says %s", said)
	}
}

// Rows that find no room in the queue are lost. The ledger counts and notes them, and messages do not wait.
func TestSlowDisk(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ledger.db")
	l, said := open(t, file, newClock())
	hold, held := make(chan struct{}), make(chan struct{})
	l.put(op{run: func(*store) error { close(held); <-hold; return nil }})
	<-held
	j := session(l, "one")
	for n := range maxQueue + 10 {
		m := message(fmt.Sprint(n))
		m.Outcome = Refused
		j.Done(m)
	}
	lost := l.Lost()
	close(hold)
	l.Close()
	if lost == 0 || ask(t, file, "SELECT sum(rows) FROM losses") != fmt.Sprint(lost) || l.Lost() != lost {
		t.Errorf("%d lost, then %d", lost, l.Lost())
	}
	if !strings.Contains(said.String(), errBehind.Error()) {
		t.Errorf("the log says %s", said)
	}
}

// A disk that hangs holds a session up for a bounded time, and the rows are not lost to it.
func TestHangingDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Open(Options{File: filepath.Join(t.TempDir(), "ledger.db")})
		defer l.Close()
		one, two, m := session(l, "one"), session(l, "two"), message("a")
		m.Mark, m.MessageID = Mark{7, 3}, "<a@example.com>"
		one.Begin(m)
		one.Intend(m)()
		m.Outcome = Unknown
		one.Done(m)
		one.End(Totals{})
		l.Flush()
		hold := make(chan struct{})
		l.put(op{run: func(*store) error { <-hold; return nil }})
		began := time.Now()
		two.Begin(message("b"))
		if all := two.Unsettled(); len(all) > 0 {
			t.Errorf("%d messages from a disk that hangs", len(all))
		}
		e := two.Earlier(message("a"))
		if e == nil {
			t.Fatal("no earlier attempt")
		}
		e.Others()
		two.Flush()
		if took := time.Since(began); took > 2*patience {
			t.Errorf("the session was held up for %s", took)
		}
		close(hold)
		e.Leave()
		if all := two.Unsettled(); len(all) != 1 {
			t.Errorf("%d messages after the disk has come back, want 1", len(all))
		}
	})
}

// The oldest rows go when they are too old, or the file is too large.
func TestSweep(t *testing.T) {
	c, file := newClock(), filepath.Join(t.TempDir(), "ledger.db")
	l := Open(Options{File: file, Now: c.now, Retention: 24 * time.Hour, MaxBytes: 200_000})
	for n := range 2000 {
		if n == 100 {
			c.pass(25 * time.Hour)
		}
		m := message(fmt.Sprint(n))
		m.Outcome = Refused
		session(l, fmt.Sprint(n)).Done(m)
		c.pass(time.Millisecond)
	}
	l.Close()
	l = Open(Options{File: file, Now: c.now, Retention: 24 * time.Hour, MaxBytes: 200_000})
	defer l.Close()
	begun := fmt.Sprintf("SELECT min(at) >= %d FROM messages", c.now().Add(-time.Hour).UnixMilli())
	testkit.Eventually(t, "old rows go", func() bool { return ask(t, file, begun) == "1" })
	testkit.Eventually(t, "the size of the file is kept", func() bool {
		return ask(t, file, "SELECT count(*) BETWEEN 50 AND 1500 FROM messages") == "1"
	})
}

// While many rows are removed, a message waits for a step of that, and not for all.
func TestSweepGoesInSteps(t *testing.T) {
	s, err := openStore(t.Context(), filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	count := func() (n int) {
		if err := s.conn.QueryRowContext(t.Context(), `SELECT (SELECT count(*) FROM messages) +
			(SELECT count(*) FROM folders) + (SELECT count(*) FROM losses)`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	const rows = 2*sweepStep + 50
	for n := range rows {
		for _, insert := range []string{
			"INSERT INTO messages (at, session_id, outcome, mailbox, exchange, size) VALUES (?1, 1, 'stored', 'a', 'a', 1)",
			"INSERT INTO folders (at, upstream, account, client, exchange, what) VALUES (?1, 'u', 'a', ?1, 'x', 'renamed')",
			"INSERT INTO losses (at, rows, reason) VALUES (?1, 1, 'full')",
		} {
			if _, err := s.exec(insert, n); err != nil {
				t.Fatal(err)
			}
		}
	}
	old := sweep{before: rows - 1}
	for isOver, left := false, count(); !isOver; left = count() {
		if isOver, err = old.step(s); err != nil || left-count() > sweepStep {
			t.Fatalf("%d rows go at a time, %v", left-count(), err)
		}
	}
	if n := count(); n != 3 {
		t.Errorf("%d rows are left, want those of the last moment", n)
	}
}

// A file that is too large loses its oldest messages and no others, also if the clock was wrong for a while, and says so
// once.
func TestSweepMakesRoom(t *testing.T) {
	now := time.Now()
	for name, wrong := range map[string]int{"the last of the first tenth": 299, "a little later": 300, "nearly at the end": 2990} {
		t.Run(name, func(t *testing.T) {
			s, err := openStore(t.Context(), filepath.Join(t.TempDir(), "ledger.db"))
			if err != nil {
				t.Fatal(err)
			}
			defer s.close()
			if _, err := s.exec("BEGIN"); err != nil { // else it takes a second
				t.Fatal(err)
			}
			for n := range 3000 {
				at := now.Add(time.Duration(n-3000) * time.Minute)
				if n >= wrong && n < wrong+3 {
					at = now.AddDate(10, 0, 0)
				}
				if _, err := s.exec("INSERT INTO messages (at, session_id, outcome, mailbox, exchange, size) "+
					"VALUES (?, 1, 'stored', 'a', 'a', 1)", at.UnixMilli()); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := s.exec("COMMIT"); err != nil {
				t.Fatal(err)
			}
			var log strings.Builder
			w := &writer{
				Ledger: &Ledger{wake: make(chan struct{}, 1), opts: Options{
					Now: time.Now, MaxBytes: 400_000, Log: slog.New(slog.NewTextHandler(&log, nil)),
				}},
				file: s, timer: time.NewTimer(time.Hour),
			}
			for w.beginSweep(); w.sweep != nil; {
				w.sweepOn()
			}
			var left, ahead, first int
			if err := s.conn.QueryRowContext(t.Context(), "SELECT count(*), sum(at > ?), min(id) FROM messages",
				now.UnixMilli()).Scan(&left, &ahead, &first); err != nil {
				t.Fatal(err)
			}
			if left < 1000 || left > 2900 || ahead != 3 || first == 1 {
				t.Errorf("%d messages are left, %d of those of a wrong clock, from number %d on", left, ahead, first)
			}
			if n := strings.Count(log.String(), "has reached its size"); n != 1 {
				t.Errorf("the log says so %d times", n)
			}
		})
	}
}

// What has come during a step of a sweep does not wait for the next one.
func TestSweepWritesBetweenTwoSteps(t *testing.T) {
	s, err := openStore(t.Context(), filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	w := &writer{
		Ledger: &Ledger{wake: make(chan struct{}, 1)}, file: s, timer: time.NewTimer(time.Hour), sweep: new(sweep),
	}
	waits := op{run: func(*store) error { return nil }, done: make(chan struct{})}
	w.put(waits)
	w.sweepOn()
	select {
	case <-waits.done:
	default:
		t.Error("an op waits for the next step")
	}
}

// flush waits until the writer has taken what is in its queue.
func (l *Ledger) flush() {
	o := op{run: func(*store) error { return nil }, done: make(chan struct{})}
	if l.put(o) {
		<-o.done
	}
}

// waiting returns how many ops wait for the writer.
func (l *Ledger) waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue)
}
