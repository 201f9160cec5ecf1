package ledger

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// Window is how long an identical message counts as the same message, sent again.
	Window = time.Hour
	// silence is how long an open session says nothing after an answer that its client's
	// machine has not acknowledged, before the answer counts as lost.
	silence = 10 * time.Second
	// maxAttempts limits the attempts that are remembered. Beyond it, the oldest go.
	maxAttempts = 100_000
)

// key identifies a message in a mailbox.
type key struct {
	upstream, account, mailbox string
	sum                        [sha256.Size]byte // without what a client adds to each attempt
}

// attempt is an APPEND of which it is not proven that the client has the answer.
type attempt struct {
	of       *attempts
	id       string // for the peers, also after a restart
	key      key
	row      *row
	at       time.Time // of the last change
	left     bool      // its session has ended, or the outcome is not known
	told     bool      // its session has answered the client
	received bool      // the client has sent a command since
	// arrived reports whether the client's machine has the answer; nil: that is not known.
	arrived func() bool
	taken   bool // a session looks for the message
	gone    bool // it is forgotten
	shown   bool // the peers were told that the client may not have the answer
	mark    Mark
	uid     uint32 // the message is stored under this UID; 0: not known
	stage   int
	tuid    string // mbsync's mark; "" also if it went up in an earlier run of the gateway
}

// attempts are the attempts of Window. The zero value with a clock has none.
type attempts struct {
	now func() time.Time

	mu        sync.Mutex
	peers     Peers // nil: no other gateway has attempts
	byKey     map[key][]*attempt
	count     int
	ending    map[key][]*attempt // dropped attempts whose end may not be on the disk yet
	unsettled map[owner]bool     // accounts with messages whose outcome is not known
}

// add remembers that a message goes up.
func (a *attempts) add(k key, m *Message) *attempt {
	if m.began.IsZero() {
		m.began = a.now()
	}
	t := &attempt{id: attemptID(m.session, m.began), key: k, row: m.rowOf(), tuid: m.TUID}
	a.put(t, a.now())
	return t
}

func (a *attempts) put(t *attempt, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.byKey == nil {
		a.byKey = make(map[key][]*attempt)
	}
	if a.count >= maxAttempts {
		a.expire(Window)
	}
	for age := Window / 2; a.count >= maxAttempts; age /= 2 {
		a.expire(age)
	}
	t.of, t.at = a, at
	a.byKey[t.key] = append(a.byKey[t.key], t)
	a.count++
}

// expire drops the attempts that are older than age. a.mu is held.
func (a *attempts) expire(age time.Duration) {
	now := a.now()
	for k, all := range a.byKey {
		kept := slices.DeleteFunc(all, func(t *attempt) bool { return now.Sub(t.at) >= age })
		a.count -= len(all) - len(kept)
		if a.byKey[k] = kept; len(kept) == 0 {
			delete(a.byKey, k)
		}
	}
}

// marked notes the mark and the stage with which a message goes up.
func (a *attempts) marked(m *Message) {
	a.mu.Lock()
	defer a.mu.Unlock()
	m.attempt.mark, m.attempt.stage, m.attempt.at = m.Mark, m.Stage, a.now()
}

// stored notes that a message is stored.
func (a *attempts) stored(m *Message) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := m.attempt
	t.at, t.stage = a.now(), m.Stage
	if m.UID != 0 {
		t.uid, t.mark = m.UID, Mark{m.UIDValidity, m.UID}
	}
	a.tellSoon(t)
}

// answer notes that the client was told the outcome of an attempt.
func (a *attempts) answer(t *attempt, arrived func() bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t.told, t.at, t.arrived = true, a.now(), arrived
}

// receive notes that the client has the answer.
func (a *attempts) receive(t *attempt) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t.received, t.at = true, a.now()
}

// leave notes that nobody waits for the proof of these attempts any more.
func (a *attempts) leave(all []*attempt) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, t := range all {
		t.left = true
		a.tellSoon(t)
	}
}

// drop forgets an attempt. The caller puts an op that writes so, which has the attempt as ends.
func (a *attempts) drop(t *attempt) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !cut(a.byKey, t) {
		return
	}
	a.count--
	t.gone = true
	a.tellSoon(t)
	if a.ending == nil {
		a.ending = make(map[key][]*attempt)
	}
	a.ending[t.key] = append(a.ending[t.key], t)
}

// written notes that the row of an attempt says on the disk that the attempt has ended, or never will. t may be nil.
func (a *attempts) written(t *attempt) {
	if t == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	cut(a.ending, t)
}

// endings returns the attempts for an identical message that have ended, but may not on the disk.
func (a *attempts) endings(k key) []*attempt {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.ending[k])
}

// cut takes an attempt out, and reports whether it was there.
func cut(from map[key][]*attempt, t *attempt) bool {
	all := from[t.key]
	i := slices.Index(all, t)
	if i < 0 {
		return false
	}
	if all = slices.Delete(all, i, i+1); len(all) > 0 {
		from[t.key] = all
	} else {
		delete(from, t.key)
	}
	return true
}

// take returns the attempt that a message that came now may send again, for a look; nil if there is none. It is the
// last attempt of a session, and of the session that has the oldest one: a client has the answer to the last attempt
// only if it has those to the earlier ones of the session. After the last one was absent, the earlier ones
// belong to other messages, which come again by themselves. without has the sessions of which none is taken.
func (a *attempts) take(k key, without []string) (last *attempt) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	for _, t := range a.byKey[k] {
		age := now.Sub(t.at)
		switch {
		case age >= Window || t.taken || !t.left && !t.isSilent(age):
		case slices.Contains(without, sessionOf(t.id)):
		case last == nil || sessionOf(t.id) == sessionOf(last.id):
			last = t
		}
	}
	if last != nil {
		last.taken = true
	}
	return last
}

// hasSent reports whether the session has sent an identical message with that mark of mbsync. Then its
// client is another one, which sends the message again: mbsync would have marked it anew.
func (a *attempts) hasSent(k key, session, tuid string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.ContainsFunc(a.byKey[k], func(t *attempt) bool {
		return t.tuid == tuid && sessionOf(t.id) == session
	})
}

// isSilent reports whether the client of an open session may not have got the answer, or that
// to its next command, since its machine has not acknowledged it for some time. A client that
// is slow, or waits for its user, has the answer.
func (t *attempt) isSilent(age time.Duration) bool {
	if !t.told || age < silence {
		return false
	}
	if t.arrived == nil {
		return !t.received
	}
	return !t.arrived()
}

// Earlier is an identical message that went up before, and may be stored.
type Earlier struct {
	j *Journal
	t *attempt
	m *Message // that came again; nil for the look of an Unsettled
	// Mark is the place in the mailbox before the message was sent; Next is 0 if it is not
	// known. UID is where Exchange has stored it; 0 if that is not known. Stage is the stage
	// of repair with which it went up. At is the time of the attempt.
	Mark  Mark
	UID   uint32
	Stage int
	At    time.Time
	// AtLogin is the age of the attempt when the session began in which the message came again.
	AtLogin time.Duration
}

// Earlier returns an earlier attempt to store an identical message, whose client may not
// have the answer; nil if there is none. The caller ends it with Found, Absent or Leave, and may
// call Earlier again after Found or Absent; after Absent, the attempt is of another session. After
// an identical message whose client has just proven to have the answer, Earlier waits until
// that is on the disk: if exgate died with the proof, it would take this message for the
// earlier one that is sent again.
func (j *Journal) Earlier(m *Message) *Earlier {
	if j == nil {
		return nil
	}
	k := j.key(m)
	j.l.awaitEndings(k)
	a := &j.l.attempts
	without := m.again
	if m.TUID != "" && !a.hasSent(k, j.session.ID, m.TUID) {
		without = append(slices.Clone(without), j.session.ID)
	}
	t := a.takeAny(k, without)
	if t == nil {
		return nil
	}
	a.mu.Lock()
	e := &Earlier{
		j: j, t: t, m: m, Mark: t.mark, UID: t.uid, Stage: t.stage, At: t.at, AtLogin: j.at.Sub(t.at),
	}
	a.mu.Unlock()
	if slices.Contains(m.looked, t.id) { // the peers could not be told how the look has ended
		e.Leave()
		return nil
	}
	m.looked = append(m.looked, t.id)
	return e
}

// Found ends an attempt whose message is in the mailbox.
func (e *Earlier) Found(validity, uid uint32) {
	e.j.l.attempts.settleShared(e.t, validity, uid)
	e.j.l.found(e.t, validity, uid)
}

// Absent ends an attempt whose message is not in the mailbox, and is sent again.
func (e *Earlier) Absent() {
	e.m.again = append(e.m.again, sessionOf(e.t.id))
	e.j.l.attempts.settleShared(e.t, 0, 0)
	e.j.l.absent(e.t)
}

// found ends an attempt whose message is in the mailbox.
func (l *Ledger) found(t *attempt, validity, uid uint32) {
	l.end(t, "UPDATE messages SET outcome = "+unlessFound+", proven = 1, uid_validity = ?, uid = ? WHERE id = ?",
		string(Stored), validity, uid)
}

// absent ends an attempt whose message is not in the mailbox.
func (l *Ledger) absent(t *attempt) {
	l.end(t, "UPDATE messages SET outcome = "+unlessFound+", proven = 1 WHERE id = ?", string(Resent))
}

// unlessFound is a new outcome. A row of outcome Found keeps it: the row of the attempt that
// had stored the message says what became of the message.
const unlessFound = "CASE outcome WHEN 'found' THEN outcome ELSE ? END"

// end ends an attempt.
func (l *Ledger) end(t *attempt, update string, args ...any) {
	l.attempts.drop(t)
	l.put(op{ends: t, run: func(s *store) error {
		if s.hasIntent(t.row) {
			if err := s.settle(t.row); err != nil {
				return err
			}
		}
		if !s.has(t.row) {
			return nil // it was lost, or is another gateway's
		}
		_, err := s.exec(update, append(args, t.row.id)...)
		return err
	}})
}

// Leave gives an attempt back, for a later look.
func (e *Earlier) Leave() {
	e.j.l.attempts.leaveShared(e.t)
}

// Others returns the UIDs of other messages that exgate has stored in the mailbox since the
// mark, also through other gateways. The message that is looked for has none of them.
func (e *Earlier) Others() []uint32 {
	return append(e.here(), e.j.l.attempts.uids(e.t.key, e.Mark, e.t.uid)...)
}

// othersQuery goes by the sessions of the account, not by all messages of these hours: many connections may be lost at
// once, and the writer answers it.
const othersQuery = `SELECT m.uid, m.exchange FROM sessions s CROSS JOIN messages m ON m.session_id = s.id
	WHERE s.upstream = ? AND s.account = ? COLLATE NOCASE AND m.outcome IN (?, ?) AND m.at >= ?
	AND m.uid >= ? AND m.uid_validity = ? AND m.id <> ? AND m.uid <> ?`

// here is Others for this gateway.
func (e *Earlier) here() []uint32 {
	uids, _ := read(e.j.l, func(s *store) (uids []uint32, err error) {
		k := &e.t.key
		rows, err := s.conn.QueryContext(context.Background(), othersQuery,
			k.upstream, k.account, string(Stored), string(Found), e.j.l.oldest(),
			e.Mark.Next, e.Mark.UIDValidity, e.t.row.id, e.t.uid)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		for rows.Next() {
			var uid uint32
			var mailbox string
			if err := rows.Scan(&uid, &mailbox); err != nil {
				return nil, err
			}
			if strings.EqualFold(mailbox, k.mailbox) {
				uids = append(uids, uid)
			}
		}
		return uids, rows.Err()
	})
	return uids
}

// isOpen is the condition of the index messages_pending. SQLite uses the index only if a query
// has it word for word.
const isOpen = "outcome IN ('pending', 'unknown')"

// oldest returns the time of the oldest row that may be of an attempt of Window, in milliseconds since 1970: a row has
// the time at which its APPEND began, and the message may have been held back for long before it was stored.
func (l *Ledger) oldest() int64 { return l.opts.Now().Add(-2 * Window).UnixMilli() }

// tookColumns are how long after its beginning an attempt had its outcome, in milliseconds; without one, when it went
// up, or some of the time until then.
const tookColumns = "max(m.took_ms, m.throttled_ms + m.paced_ms)"

// loadQuery has UNION ALL, since SQLite scans the whole table for a UNION that is sorted by id.
const loadQuery = `SELECT m.id, m.at, m.at + ` + tookColumns + `, m.outcome, m.exchange,
	m.sha256, m.stage, m.mark_validity, m.mark_next, m.uid_validity, m.uid, s.upstream, s.account, s.session
	FROM messages m JOIN sessions s ON s.id = m.session_id
	WHERE m.id IN (SELECT id FROM messages WHERE proven = 0 AND at >= ?1
		UNION ALL SELECT id FROM messages WHERE ` + isOpen + ` AND outcome = 'unknown' AND at >= ?1)
	AND m.outcome IN ('pending', 'unknown', 'stored', 'found') AND m.sha256 IS NOT NULL`

// load remembers the attempts of earlier runs of the gateway, whose sessions have ended: those of one account, or all.
func (l *Ledger) load(s *store, of *owner) error {
	where, args := of.where()
	for _, move := range []string{insertPending + "1", "DELETE FROM intents WHERE 1"} {
		if _, err := s.exec(move+where, args...); err != nil {
			return err
		}
	}
	rows, err := s.conn.QueryContext(context.Background(), loadQuery+where+" ORDER BY m.at",
		append([]any{l.oldest()}, args...)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var (
			t        = &attempt{row: &row{file: s.number}, left: true}
			at       int64
			ended    int64
			outcome  string
			sum      []byte
			validity uint32
			mailbox  string
			session  string
		)
		if err := rows.Scan(&t.row.id, &at, &ended, &outcome, &mailbox, &sum, &t.stage, &t.mark.UIDValidity,
			&t.mark.Next, &validity, &t.uid, &t.key.upstream, &t.key.account, &session); err != nil {
			return err
		}
		copy(t.key.sum[:], sum)
		t.key.mailbox = strings.ToLower(mailbox)
		if t.uid != 0 {
			t.mark = Mark{validity, t.uid}
		}
		t.id = attemptID(session, time.UnixMilli(at))
		// As while exgate runs: at the beginning of the APPEND, nothing was stored yet, which counts where Exchange
		// does not show a message at once.
		l.attempts.put(t, time.UnixMilli(ended))
		l.attempts.mention(t)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	rows.Close()
	if _, err := s.exec("UPDATE messages SET outcome = 'unknown' WHERE "+isOpen+" AND outcome = 'pending'"+where,
		args...); err != nil {
		return err
	}
	return l.loadUnsettled(s, of)
}

// loadUnsettled remembers the accounts that have messages whose outcome is not known, however
// old: one account, or all.
func (l *Ledger) loadUnsettled(s *store, of *owner) error {
	where, args := of.where()
	rows, err := s.conn.QueryContext(context.Background(), `SELECT DISTINCT s.upstream, s.account FROM messages m
		JOIN sessions s ON s.id = m.session_id WHERE `+isOpen+` AND outcome = 'unknown'`+where, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var o owner
		if err := rows.Scan(&o.upstream, &o.account); err != nil {
			return err
		}
		l.attempts.unsettle(o, true)
	}
	return rows.Err()
}
