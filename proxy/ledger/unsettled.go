package ledger

import (
	"context"
	"time"
)

// maxUnsettled limits the messages that one session settles.
const maxUnsettled = 100

// Unsettled is a message of which it is not known whether Exchange has stored it, and which no
// client has sent again: mbsync, for one, looks for such a message itself.
type Unsettled struct {
	Mailbox   string // as Exchange calls it
	MessageID string
	Mark      Mark      // the place in the mailbox before the message was sent
	At        time.Time // when its outcome was lost: it may have been held back for long before
	earlier   *Earlier
}

// owner is an account of an upstream.
type owner struct{ upstream, account string }

// HasUnsettled reports whether the account may have messages that Unsettled returns.
func (j *Journal) HasUnsettled() bool {
	if j == nil {
		return false
	}
	a := &j.l.attempts
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.unsettled[j.owner()]
}

func (j *Journal) owner() owner { return owner{j.session.Upstream, j.session.Account} }

// unsettle notes whether an account has messages that Unsettled returns.
func (a *attempts) unsettle(o owner, has bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case !has:
		delete(a.unsettled, o)
	case a.unsettled == nil:
		a.unsettled = map[owner]bool{o: true}
	default:
		a.unsettled[o] = true
	}
}

// Unsettled returns the account's messages whose outcome is not known, the oldest first. Those
// without a Message-ID or a mark cannot be looked for, and are left out.
func (j *Journal) Unsettled() (all []Unsettled) {
	if !j.HasUnsettled() {
		return nil
	}
	j.l.attempts.unsettle(j.owner(), false)
	all, ok := read(j.l, j.unsettled)
	if ok && len(all) < maxUnsettled {
		return all
	}
	j.l.attempts.unsettle(j.owner(), true) // there may be more
	return all
}

const unsettledQuery = `SELECT m.id, m.at + ` + tookColumns + `, m.exchange, m.message_id, m.mark_validity, m.mark_next
	FROM messages m JOIN sessions s ON s.id = m.session_id
	WHERE ` + isOpen + ` AND outcome = 'unknown' AND s.upstream = ? AND s.account = ? AND m.message_id <> ''
	AND m.mark_next > 0 ORDER BY m.id LIMIT ?`

func (j *Journal) unsettled(s *store) (all []Unsettled, err error) {
	rows, err := s.conn.QueryContext(context.Background(), unsettledQuery, j.session.Upstream, j.session.Account,
		maxUnsettled)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var u Unsettled
		var at int64
		place := &row{file: s.number}
		if err := rows.Scan(&place.id, &at, &u.Mailbox, &u.MessageID, &u.Mark.UIDValidity, &u.Mark.Next); err != nil {
			return nil, err
		}
		u.At = time.UnixMilli(at)
		k := key{upstream: j.session.Upstream, account: j.session.Account, mailbox: u.Mailbox}
		u.earlier = &Earlier{j: j, t: &attempt{key: k, row: place}, Mark: u.Mark}
		all = append(all, u)
	}
	return all, rows.Err()
}

// Others returns the UIDs of other messages that exgate has stored in the mailbox since the mark.
func (u *Unsettled) Others() []uint32 { return u.earlier.Others() }

// Stored writes that the message is in the mailbox. The row stays unproven, so that a client
// that sends the message again still gets the answer to this attempt, also from a later run of
// the gateway.
func (u *Unsettled) Stored(validity, uid uint32) {
	u.settle(Stored, validity, uid, "")
}

// Absent writes that the message is not in the mailbox.
func (u *Unsettled) Absent() {
	u.settle(Failed, 0, 0, "Exchange gave no answer, and does not have the message")
}

// Keep leaves the message for a later session.
func (u *Unsettled) Keep() { u.earlier.j.l.attempts.unsettle(u.earlier.j.owner(), true) }

func (u *Unsettled) settle(outcome Outcome, validity, uid uint32, reason string) {
	u.earlier.j.l.put(op{run: func(s *store) error {
		place := u.earlier.t.row
		if !s.has(place) {
			return nil // the file was replaced
		}
		_, err := s.exec(
			"UPDATE messages SET outcome = ?, uid_validity = ?, uid = ?, reason = ? WHERE id = ? AND outcome = ?",
			string(outcome), validity, uid, reason, place.id, string(Unknown))
		return err
	}})
}
