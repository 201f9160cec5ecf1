package ledger

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// History is what the ledger has of earlier runs of the gateway, for the operator.
type History struct {
	Since    time.Time // the first message; zero: there is none
	Accounts []PastAccount
	Refusals []PastRefusal // the last ones; the oldest first
}

// PastAccount sums up the messages of an account.
type PastAccount struct {
	Upstream, Account        string
	Stored, Refused, Unknown int64
	Bytes                    int64 // of the stored ones
	Waited                   time.Duration
	Last                     time.Time
}

// PastRefusal is a message that was refused.
type PastRefusal struct {
	At                                  time.Time
	Session, Upstream, Account, Mailbox string
	Size                                int64
	Rule, Reason                        string
}

// refusedWhere is the condition for a message that counts as refused.
const refusedWhere = "rule <> '' AND outcome NOT IN ('stored', 'found', 'resent', 'unknown', 'observed')"

// History returns the question for what the file has now, with at most so many refusals. The caller calls read once. It
// may do so beside its work: read takes a second for a million messages. The error of read is that of ctx
// if ctx has ended. A nil Ledger has no history.
func (l *Ledger) History(ctx context.Context, refusals int) (read func() (History, error), err error) {
	if l == nil {
		return func() (History, error) { return History{}, nil }, nil
	}
	db, _, err := OpenReader(ctx, l.opts.File)
	if err != nil {
		return nil, err
	}
	var newest sql.NullInt64 // the messages that come from now on have higher ids
	if err := db.QueryRowContext(ctx, "SELECT max(id) FROM messages").Scan(&newest); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return func() (h History, err error) {
		defer func() { err = errors.Join(err, db.Close()) }()
		if h.Accounts, h.Since, err = pastAccounts(ctx, db, newest.Int64); err != nil {
			return h, err
		}
		h.Refusals, err = pastRefusals(ctx, db, newest.Int64, refusals)
		return h, err
	}, nil
}

// pastAccounts reads the sums. The index messages_report has all that this needs.
func pastAccounts(
	ctx context.Context, db *sql.DB, newest int64,
) (all []PastAccount, since time.Time, err error) {
	rows, err := db.QueryContext(ctx, `SELECT s.upstream, s.account, sum(g.stored), sum(g.refused), sum(g.unknown),
		sum(g.bytes), sum(g.waited), max(g.last), min(g.first) FROM (
			SELECT session_id, sum(outcome = 'stored') AS stored, sum(`+refusedWhere+`) AS refused,
				sum(outcome = 'unknown') AS unknown, sum(iif(outcome = 'stored', size, 0)) AS bytes,
				sum(throttled_ms + paced_ms) AS waited, max(at) AS last, min(at) AS first
			FROM messages WHERE id <= ? GROUP BY session_id
		) g JOIN sessions s ON s.id = g.session_id GROUP BY s.upstream, lower(s.account)`, newest)
	if err != nil {
		return nil, since, err
	}
	defer rows.Close()
	for rows.Next() {
		var a PastAccount
		var waited, last, first int64
		if err := rows.Scan(&a.Upstream, &a.Account, &a.Stored, &a.Refused, &a.Unknown, &a.Bytes, &waited, &last,
			&first); err != nil {
			return nil, since, err
		}
		a.Waited, a.Last = time.Duration(waited)*time.Millisecond, time.UnixMilli(last)
		if at := time.UnixMilli(first); since.IsZero() || at.Before(since) {
			since = at
		}
		all = append(all, a)
	}
	return all, since, rows.Err()
}

func pastRefusals(ctx context.Context, db *sql.DB, newest int64, most int) (all []PastRefusal, err error) {
	rows, err := db.QueryContext(ctx, `SELECT m.at, s.session, s.upstream, s.account, m.exchange, m.size, m.rule, m.reason
		FROM (SELECT * FROM messages WHERE outcome NOT IN ('stored', 'found', 'resent', 'observed') AND `+refusedWhere+`
			AND id <= ? ORDER BY at DESC LIMIT ?) m
		JOIN sessions s ON s.id = m.session_id ORDER BY m.at`, newest, most)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r PastRefusal
		var at int64
		if err := rows.Scan(&at, &r.Session, &r.Upstream, &r.Account, &r.Mailbox, &r.Size, &r.Rule,
			&r.Reason); err != nil {
			return nil, err
		}
		r.At = time.UnixMilli(at)
		all = append(all, r)
	}
	return all, rows.Err()
}
