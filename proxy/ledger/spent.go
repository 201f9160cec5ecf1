package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Spent is what an account has stored, or may have, within a time that begins at At.
type Spent struct {
	Upstream, Account string
	At                time.Time
	Messages, Bytes   int64 // as Exchange has got them
}

// Spent returns what was stored since a time, in pieces of the length every. A nil Ledger knows nothing. The rows of
// a busy day take seconds to read: Spent reads them beside the writer, for which messages wait.
func (l *Ledger) Spent(since time.Time, every time.Duration) (all []Spent, err error) {
	if l == nil {
		return nil, nil
	}
	if l.Flush(); l.broken.Load() {
		return nil, fmt.Errorf("the ledger lacks the last rows: %s", l.opts.File)
	}
	ctx := context.Background()
	db, _, err := OpenReader(ctx, l.opts.File)
	if err != nil {
		return nil, fmt.Errorf("the ledger cannot be read: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return spent(ctx, db, since, every)
}

// spent reads what Spent returns. A message that was observed has a reply of Exchange as its
// reason, and went up as it came.
func spent(ctx context.Context, db *sql.DB, since time.Time, every time.Duration) ([]Spent, error) {
	rows, err := db.QueryContext(ctx, `SELECT coalesce(s.upstream, ''), coalesce(s.account, ''),
		(m.at + m.took_ms) / ? AS piece, count(*), sum(iif(m.outcome = ?, m.size, m.sent))
		FROM messages m LEFT JOIN sessions s ON s.id = m.session_id
		WHERE m.at >= ? AND (m.outcome IN (?, ?) OR m.outcome = ? AND m.reason LIKE 'OK%')
		GROUP BY 1, 2, 3`, every.Milliseconds(), string(Observed), since.UnixMilli(), string(Stored), string(Unknown),
		string(Observed))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Spent
	for rows.Next() {
		var one Spent
		var piece int64
		if err := rows.Scan(&one.Upstream, &one.Account, &piece, &one.Messages, &one.Bytes); err != nil {
			return nil, err
		}
		one.At = time.UnixMilli(piece * every.Milliseconds())
		all = append(all, one)
	}
	return all, rows.Err()
}
