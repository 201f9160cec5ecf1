package ledger

import (
	"slices"
	"strings"
	"time"
)

// Journal writes the rows of one session. A nil Journal records nothing. The session's
// goroutine uses it, or the own lane while that runs.
type Journal struct {
	l        *Ledger
	session  Session
	row      row // only the writer uses it
	at       time.Time
	began    time.Time  // when the last APPEND began
	open     []*attempt // of which the client has no answer that is proven
	answered []*Message // that the client's next commands prove
	told     int        // of answered, those whose answer was written
	received int        // of answered, those whose client has sent a command since
}

// Session begins the row of a session.
func (l *Ledger) Session(session Session) *Journal {
	if l == nil {
		return nil
	}
	j := &Journal{l: l, session: session, at: l.opts.Now()}
	l.put(op{run: j.insert})
	return j
}

// insert inserts the row of the session, if it has none.
func (j *Journal) insert(s *store) error {
	if s.has(&j.row) {
		return nil
	}
	mode := "enforce"
	if j.session.Observe {
		mode = "observe"
	}
	n := &j.session
	return s.insert(&j.row, "INSERT INTO sessions (at, session, upstream, account, caller, form, profile, mode) "+
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		j.at.UnixMilli(), n.ID, n.Upstream, bounded(n.Account), bounded(n.Caller), n.Form, n.Profile, mode)
}

// End ends the row of the session. The answers that are not proven by now stay so.
func (j *Journal) End(t Totals) {
	if j == nil {
		return
	}
	if t.Read {
		j.prove(j.told)
	}
	j.l.attempts.leave(j.open)
	ended := j.l.opts.Now().UnixMilli()
	j.l.put(op{run: func(s *store) error {
		if err := j.insert(s); err != nil {
			return err
		}
		_, err := s.exec("UPDATE sessions SET ended = ?, client = ?, reason = ?, stored = ?, refused = ?, errors = ?, "+
			"waited_ms = ? WHERE id = ?", ended, bounded(t.Client), bounded(t.Reason), t.Stored, t.Refused, t.Errors,
			t.Waited.Milliseconds(), j.row.id)
		return err
	}})
}

// Throttled records that Exchange throttles the account.
func (j *Journal) Throttled(backoff time.Duration, reason string) {
	if j == nil {
		return
	}
	at := j.l.opts.Now().UnixMilli()
	j.l.put(op{run: func(s *store) error {
		if err := j.insert(s); err != nil {
			return err
		}
		_, err := s.exec("INSERT INTO throttles (at, session_id, backoff_ms, reason) VALUES (?, ?, ?, ?)",
			at, j.row.id, backoff.Milliseconds(), bounded(reason))
		return err
	}})
}

// Folder records a name that is mapped. Later records of the same name change nothing.
func (j *Journal) Folder(f Folder) {
	if j == nil {
		return
	}
	at := j.l.opts.Now().UnixMilli()
	j.l.put(op{run: func(s *store) error {
		_, err := s.exec("INSERT OR IGNORE INTO folders (at, upstream, account, client, exchange, what) "+
			"VALUES (?, ?, ?, ?, ?, ?)", at, j.session.Upstream, j.session.Account, bounded(f.Client),
			bounded(f.Exchange), f.What)
		return err
	}})
}

// HasSubjects reports whether rows have the subjects of messages.
func (j *Journal) HasSubjects() bool { return j != nil && j.l.opts.Subjects }

// Begin notes when the APPEND of a message began. No other of the session has the same time,
// to the millisecond: attemptID needs that.
func (j *Journal) Begin(m *Message) {
	if j == nil {
		return
	}
	m.began, m.session = j.l.opts.Now(), j.session.ID
	if next := j.began.Add(time.Millisecond); m.began.Before(next) {
		m.began = next
	}
	j.began = m.began
}

// Intend begins to write that the message goes up. It returns a function that waits until
// that is on the disk and the peers know of it, or until that cannot be. The caller waits before it says what became of
// the message, even if the message did not go up. After an identical
// message whose client has just proven to have the answer, Intend waits itself: if exgate died
// with the proof, it would take this message for the earlier one that is sent again.
func (j *Journal) Intend(m *Message) (wait func()) {
	if j == nil {
		return func() {}
	}
	m.Outcome = Pending
	if m.attempt == nil {
		m.attempt = j.l.attempts.add(j.key(m), m)
		j.open = append(j.open, m.attempt)
	}
	j.l.attempts.marked(m)
	o := op{run: j.keep(m)}
	if !j.l.broken.Load() {
		o.done = make(chan struct{})
	}
	waits := j.l.put(o) && o.done != nil
	if endings := j.l.attempts.endings(m.attempt.key); len(endings) > 0 {
		for _, t := range endings {
			j.l.attempts.tell(t)()
		}
		if waits {
			j.l.await(o.done) // the endings were put before
		}
	}
	told := j.l.attempts.tell(m.attempt)
	return func() {
		told()
		if waits {
			j.l.await(o.done)
		}
	}
}

// Done writes what became of a message: its fields say so. The answer is proven by the
// client's next commands.
func (j *Journal) Done(m *Message) {
	if j == nil {
		return
	}
	var ends *attempt
	switch m.Outcome {
	case Stored, Found:
		if m.attempt == nil {
			m.attempt = j.l.attempts.add(j.key(m), m)
			j.open = append(j.open, m.attempt)
		}
		j.l.attempts.stored(m)
	case Unknown:
		if m.attempt != nil {
			j.l.attempts.leave([]*attempt{m.attempt})
		}
		j.l.attempts.unsettle(j.owner(), true)
	default:
		ends = j.forget(m)
	}
	j.l.put(op{run: j.keep(m), ends: ends})
	j.answered = append(j.answered, m)
}

// Told notes that the answers were written to the client.
func (j *Journal) Told() {
	if j == nil {
		return
	}
	for _, m := range j.answered[j.told:] {
		if m.attempt != nil {
			j.l.attempts.answer(m.attempt, j.session.Arrived)
		}
	}
	j.told = len(j.answered)
}

// HasUnproven reports whether there is a message whose answer is not proven.
func (j *Journal) HasUnproven() bool { return j != nil && len(j.answered) > 0 }

// Received notes that the client has the answers to its earlier commands, since it has sent
// another one. The messages whose answers it had before that are proven, if it has the answer
// to the last command, too.
func (j *Journal) Received(answered bool) {
	if j == nil {
		return
	}
	if answered {
		j.prove(j.received)
	}
	for _, m := range j.answered[j.received:] {
		if m.attempt != nil {
			j.l.attempts.receive(m.attempt)
		}
	}
	j.received = len(j.answered)
}

// Proven notes that the client has the answers to its earlier commands, and will not send
// these messages again.
func (j *Journal) Proven() {
	if j != nil {
		j.prove(len(j.answered))
	}
}

// prove notes that the client has the first n answers.
func (j *Journal) prove(n int) {
	for _, m := range j.answered[:n] {
		var ends *attempt
		if m.Outcome != Unknown {
			ends = j.forget(m)
		}
		row := m.row
		row.proven.Store(true)
		j.l.put(op{ends: ends, run: func(s *store) error {
			if !s.has(row) || row.provenIn == s.transaction {
				return nil // it was lost, or its outcome was written with the proof
			}
			_, err := s.exec("UPDATE messages SET proven = 1 WHERE id = ?", row.id)
			return err
		}})
	}
	j.answered = append(j.answered[:0], j.answered[n:]...)
	j.told, j.received = max(j.told-n, 0), max(j.received-n, 0)
}

// forget drops the attempt of a message, and returns it; nil if it has none. The caller writes so.
func (j *Journal) forget(m *Message) *attempt {
	if m.attempt == nil {
		return nil
	}
	j.l.attempts.drop(m.attempt)
	for i, a := range j.open {
		if a == m.attempt {
			j.open = append(j.open[:i], j.open[i+1:]...)
			break
		}
	}
	return m.attempt
}

// keep returns the op that writes the row of a message as it is now.
func (j *Journal) keep(m *Message) func(*store) error {
	if m.row == nil {
		m.row = new(row)
	}
	at, took := m.began, time.Duration(0)
	if at.IsZero() {
		at = j.l.opts.Now()
	} else if m.Outcome != Pending {
		took = j.l.opts.Now().Sub(at)
	}
	var subject any
	if j.l.opts.Subjects {
		subject = bounded(m.Subject)
	}
	var sum any
	if m.Sum != [len(m.Sum)]byte{} {
		sum = m.Sum[:]
	}
	row, values := m.row, []any{
		string(m.Outcome), bounded(m.Date), m.DateFrom, m.Sent, strings.Join(m.Fixes, ","), m.Stage,
		m.Throttled.Milliseconds(), m.Paced.Milliseconds(), took.Milliseconds(), m.Rule, bounded(m.Reason),
		bounded(m.Would), m.Mark.UIDValidity, m.Mark.Next, m.UIDValidity, m.UID,
	}
	first := []any{
		bounded(m.Mailbox), bounded(m.Exchange), bounded(m.MessageID), subject, m.Size, sum,
		bounded(strings.Join(m.Flags, " ")), at.UnixMilli(),
	}
	return func(s *store) error {
		if row.proven.Load() {
			row.provenIn = s.transaction
		}
		switch {
		case !s.has(row):
			if err := j.insert(s); err != nil {
				return err
			}
			return s.insert(row, insertMessage, slices.Concat(values, first, []any{j.row.id, row.provenIn != 0})...)
		case row.provenIn == s.transaction:
			_, err := s.exec(updateProven, append(values, row.id)...)
			return err
		default:
			_, err := s.exec(updateMessage, append(values, row.id)...)
			return err
		}
	}
}

// messageColumns are the columns of a message that may change while it goes up, in the order of keep. firstColumns are
// those that do not. An UPDATE touches the index of each column that it names.
const (
	messageColumns = "outcome date date_from sent fixes stage throttled_ms paced_ms took_ms rule reason would " +
		"mark_validity mark_next uid_validity uid"
	firstColumns = "mailbox exchange message_id subject size sha256 flags at session_id proven"
)

var (
	insertMessage = insertOf(strings.Fields(messageColumns + " " + firstColumns))
	updateMessage = "UPDATE messages SET " + strings.ReplaceAll(messageColumns, " ", " = ?, ") + " = ? WHERE id = ?"
	updateProven  = strings.Replace(updateMessage, " SET ", " SET proven = 1, ", 1)
)

// insertOf returns the statement that inserts the columns of a message.
func insertOf(columns []string) string {
	return "INSERT INTO messages (" + strings.Join(columns, ", ") + ") VALUES (?" +
		strings.Repeat(", ?", len(columns)-1) + ")"
}

// key returns what an identical message has in common with this one.
func (j *Journal) key(m *Message) key {
	return key{j.session.Upstream, j.session.Account, strings.ToLower(m.Exchange), m.Size, m.Sum}
}
