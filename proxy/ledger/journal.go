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
// the message, even if the message did not go up. Intend itself waits as Earlier
// does: another session may have ended an attempt since.
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
	o := op{run: j.intend(m), alone: true}
	if !j.l.broken.Load() {
		o.done = make(chan struct{})
	}
	waits := j.l.put(o) && o.done != nil
	j.l.awaitEndings(m.attempt.key)
	told := j.l.attempts.tell(m.attempt)
	return func() {
		told()
		if waits {
			j.l.await(o.done)
		}
	}
}

// awaitEndings waits until the ends of attempts for an identical message are on the disk, and known to the peers.
func (l *Ledger) awaitEndings(k key) {
	endings := l.attempts.endings(k)
	for _, t := range endings {
		l.attempts.tell(t)()
	}
	for len(endings) > 0 && !l.broken.Load() {
		l.Flush() // an ending may be put a moment later
		endings = l.attempts.endings(k)
	}
}

// Done writes what became of a message: its fields say so, and none of them changes any more. The answer is proven by
// the client's next commands.
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

// Flush waits until what became of the session's messages is on the disk, or lost. If exgate is
// killed after that, it need not ask Exchange for them. A session without messages waits for nothing,
// and none waits for a disk that hangs already.
func (j *Journal) Flush() {
	if j != nil && !j.began.IsZero() && !j.l.broken.Load() {
		j.l.Flush()
	}
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
			if !s.has(row) || row.hasProof {
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

// intend returns the op that writes that a message goes up as it is now.
func (j *Journal) intend(m *Message) func(*store) error {
	row, fixed, values := m.rowOf(), j.fixed(m), m.changing()
	return func(s *store) error {
		if s.hasIntent(row) {
			_, err := s.exec(updateIntent, append(values, row.intent)...)
			return err
		}
		if err := j.insert(s); err != nil {
			return err
		}
		return s.insertIntent(row, insertIntent, slices.Concat(fixed, values, []any{j.row.id})...)
	}
}

// keep returns the op that writes what became of a message.
func (j *Journal) keep(m *Message) func(*store) error {
	took := time.Duration(0)
	if !m.began.IsZero() {
		took = j.l.opts.Now().Sub(m.began)
	}
	row, fixed, values := m.rowOf(), j.fixed(m), m.changing()
	ended := []any{
		string(m.Outcome), took.Milliseconds(), m.Rule, bounded(m.Reason), bounded(m.Would), m.UIDValidity, m.UID,
	}
	return func(s *store) error {
		if err := j.insert(s); err != nil {
			return err
		}
		intent, hasIntent := row.intent, s.hasIntent(row)
		row.hasProof = row.proven.Load()
		all := slices.Concat(fixed, values, []any{j.row.id}, ended, []any{row.hasProof})
		if err := s.insert(row, insertMessage, all...); err != nil || !hasIntent {
			return err
		}
		return s.dropIntent(intent)
	}
}

// The columns of a message, in the order of fixed, changing and keep.
const (
	fixedColumns    = "mailbox exchange message_id subject size sha256 flags at"
	changingColumns = "date date_from sent fixes stage throttled_ms paced_ms mark_validity mark_next"
	intentColumns   = fixedColumns + " " + changingColumns + " session_id"
	endedColumns    = "outcome took_ms rule reason would uid_validity uid proven"
)

var (
	insertIntent  = insertOf("intents", intentColumns)
	updateIntent  = "UPDATE intents SET " + strings.ReplaceAll(changingColumns, " ", " = ?, ") + " = ? WHERE id = ?"
	insertMessage = insertOf("messages", intentColumns+" "+endedColumns)
	// insertPending moves the rows of intents that a condition selects. The caller removes them there.
	insertPending = "INSERT INTO messages (outcome, " + listOf(intentColumns) + ") SELECT 'pending', " +
		listOf(intentColumns) + " FROM intents WHERE "
)

// insertOf returns the statement that inserts a row with these columns.
func insertOf(table, columns string) string {
	return "INSERT INTO " + table + " (" + listOf(columns) + ") VALUES (?" +
		strings.Repeat(", ?", strings.Count(columns, " ")) + ")"
}

func listOf(columns string) string { return strings.ReplaceAll(columns, " ", ", ") }

// fixed returns what does not change while a message goes up.
func (j *Journal) fixed(m *Message) []any {
	at := m.began
	if at.IsZero() {
		at = j.l.opts.Now()
	}
	var subject, sum any
	if j.l.opts.Subjects {
		subject = bounded(m.Subject)
	}
	if m.Sum != [len(m.Sum)]byte{} {
		sum = m.Sum[:]
	}
	return []any{
		bounded(m.Mailbox), bounded(m.Exchange), bounded(m.MessageID), subject, m.Size, sum,
		bounded(strings.Join(m.Flags, " ")), at.UnixMilli(),
	}
}

// changing returns what may change while a message goes up.
func (m *Message) changing() []any {
	return []any{
		bounded(m.Date), m.DateFrom, m.Sent, strings.Join(m.Fixes, ","), m.Stage, m.Throttled.Milliseconds(),
		m.Paced.Milliseconds(), m.Mark.UIDValidity, m.Mark.Next,
	}
}

// rowOf returns the row of a message.
func (m *Message) rowOf() *row {
	if m.row == nil {
		m.row = new(row)
	}
	return m.row
}

// dropIntent removes a row from intents.
func (s *store) dropIntent(id int64) error {
	_, err := s.exec("DELETE FROM intents WHERE id = ?", id)
	return err
}

// settle moves the row of a message on its way to messages: its session has ended, and writes nothing more of it.
func (s *store) settle(r *row) error {
	intent := r.intent
	if err := s.insert(r, insertPending+"id = ?", intent); err != nil {
		return err
	}
	return s.dropIntent(intent)
}

// key returns what an identical message has in common with this one.
func (j *Journal) key(m *Message) key {
	return key{j.session.Upstream, j.session.Account, strings.ToLower(m.Exchange), m.Sum}
}
