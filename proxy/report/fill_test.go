package report

import (
	"database/sql"
	"testing"

	"exgate/proxy/ledger"
)

// fill writes a ledger of many messages, three of a thousand of which are left behind.
func fill(tb testing.TB, file string, messages int) {
	tb.Helper()
	ledger.Open(ledger.Options{File: file}).Close() // with its tables
	db, err := sql.Open("sqlite", file)
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{
		"PRAGMA synchronous = OFF",
		`INSERT INTO sessions (id, at, session, upstream, account)
			WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
			SELECT i, 1793534400000 + i * 20000, 's' || i, 'default', 'user' || (i % 500) || '@example.com' FROM n`,
		`INSERT INTO messages (id, at, session_id, outcome, proven, mailbox, exchange, message_id, date, date_from, size, sent,
			sha256, fixes, throttled_ms, paced_ms, rule, reason, uid_validity, uid)
			WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
			SELECT i, 1793534400000 + i * 100, 1 + i * 4999 / ?1, iif(i % 1000 < 3, 'rejected', 'stored'), 1,
				'Archive/' || (i % 50), 'Archive/' || (i % 50), '<' || i || '@example.com>', '01-Nov-2026 10:00:00 +0000',
				'client', 500 + i % 100000, 500 + i % 100000, randomblob(32),
				iif(i % 10 = 0, 'long-lines', iif(i % 97 = 0, 'long-lines,flagged', '')), 0, i % 300,
				iif(i % 1000 < 3, 'refused by Exchange', ''), iif(i % 1000 < 3, 'BAD Command Argument Error. 11', ''), 7, i
			FROM n`,
	} {
		if _, err := db.Exec(statement, messages); err != nil {
			tb.Fatal(err)
		}
	}
}
