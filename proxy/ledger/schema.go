package ledger

import (
	"context"
	"database/sql"
	"fmt"
)

// migrations are the steps from an empty file to the current schema. The user_version of the
// file is the number of steps that it has. A step is never changed once a release has it.
var migrations = []string{`
CREATE TABLE sessions (
	id        INTEGER PRIMARY KEY,
	at        INTEGER NOT NULL,            -- times are milliseconds since 1970, UTC
	ended     INTEGER,
	session   TEXT NOT NULL,               -- as in the log
	upstream  TEXT NOT NULL,
	account   TEXT NOT NULL,
	caller    TEXT NOT NULL DEFAULT '',
	form      TEXT NOT NULL DEFAULT '',
	profile   TEXT NOT NULL DEFAULT '',
	client    TEXT NOT NULL DEFAULT '',
	mode      TEXT NOT NULL DEFAULT 'enforce',
	reason    TEXT NOT NULL DEFAULT '',
	stored    INTEGER NOT NULL DEFAULT 0,
	refused   INTEGER NOT NULL DEFAULT 0,
	errors    INTEGER NOT NULL DEFAULT 0,
	waited_ms INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX sessions_at ON sessions (at);
CREATE TABLE messages (
	id            INTEGER PRIMARY KEY,
	at            INTEGER NOT NULL,
	session_id    INTEGER NOT NULL,
	outcome       TEXT NOT NULL,
	proven        INTEGER NOT NULL DEFAULT 0, -- the client has the answer
	mailbox       TEXT NOT NULL,
	exchange      TEXT NOT NULL,
	message_id    TEXT NOT NULL DEFAULT '',
	subject       TEXT,
	date          TEXT NOT NULL DEFAULT '',
	date_from     TEXT NOT NULL DEFAULT '',
	size          INTEGER NOT NULL,
	sent          INTEGER NOT NULL DEFAULT 0,
	sha256        BLOB,
	flags         TEXT NOT NULL DEFAULT '',
	fixes         TEXT NOT NULL DEFAULT '',
	stage         INTEGER NOT NULL DEFAULT 0,
	throttled_ms  INTEGER NOT NULL DEFAULT 0,
	paced_ms      INTEGER NOT NULL DEFAULT 0,
	took_ms       INTEGER NOT NULL DEFAULT 0,
	rule          TEXT NOT NULL DEFAULT '',
	reason        TEXT NOT NULL DEFAULT '',
	would         TEXT NOT NULL DEFAULT '',
	mark_validity INTEGER NOT NULL DEFAULT 0,
	mark_next     INTEGER NOT NULL DEFAULT 0,
	uid_validity  INTEGER NOT NULL DEFAULT 0,
	uid           INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX messages_at ON messages (at);
CREATE INDEX messages_unproven ON messages (at) WHERE proven = 0;
CREATE INDEX messages_left ON messages (at)
	WHERE outcome NOT IN ('stored', 'found', 'resent', 'observed');
CREATE INDEX messages_sha256 ON messages (sha256);
CREATE TABLE login_failures (
	id       INTEGER PRIMARY KEY,
	at       INTEGER NOT NULL,
	upstream TEXT NOT NULL,
	account  TEXT NOT NULL,
	kind     TEXT NOT NULL,
	reason   TEXT NOT NULL
);
CREATE INDEX login_failures_at ON login_failures (at);
CREATE TABLE throttles (
	id         INTEGER PRIMARY KEY,
	at         INTEGER NOT NULL,
	session_id INTEGER NOT NULL,
	backoff_ms INTEGER NOT NULL,
	reason     TEXT NOT NULL
);
CREATE INDEX throttles_at ON throttles (at);
CREATE TABLE folders (
	at       INTEGER NOT NULL,
	upstream TEXT NOT NULL,
	account  TEXT NOT NULL,
	client   TEXT NOT NULL,
	exchange TEXT NOT NULL,
	what     TEXT NOT NULL,
	PRIMARY KEY (upstream, account, client, exchange, what)
) WITHOUT ROWID;
CREATE TABLE losses (                      -- rows that could not be written
	at     INTEGER NOT NULL,
	rows   INTEGER NOT NULL,
	reason TEXT NOT NULL
);
CREATE VIEW log AS
	SELECT datetime(m.at / 1000, 'unixepoch') AS time, s.session, s.upstream, s.account, m.outcome,
		m.mailbox, m.exchange, m.message_id, m.date, m.size, m.sent, m.fixes, m.rule, m.reason, m.uid,
		lower(hex(m.sha256)) AS sha256
	FROM messages m LEFT JOIN sessions s ON s.id = m.session_id;
`, `
CREATE INDEX messages_report ON messages (session_id, outcome, fixes, rule, date_from, at / 3600000, size, throttled_ms,
	paced_ms, at);
`, `
CREATE INDEX messages_pending ON messages (outcome) WHERE outcome IN ('pending', 'unknown');
`, `
CREATE TABLE intents (                     -- messages on their way: few rows, so no index
	id            INTEGER PRIMARY KEY,
	at            INTEGER NOT NULL,
	session_id    INTEGER NOT NULL,
	mailbox       TEXT NOT NULL,
	exchange      TEXT NOT NULL,
	message_id    TEXT NOT NULL,
	subject       TEXT,
	date          TEXT NOT NULL,
	date_from     TEXT NOT NULL,
	size          INTEGER NOT NULL,
	sent          INTEGER NOT NULL,
	sha256        BLOB,
	flags         TEXT NOT NULL,
	fixes         TEXT NOT NULL,
	stage         INTEGER NOT NULL,
	throttled_ms  INTEGER NOT NULL,
	paced_ms      INTEGER NOT NULL,
	mark_validity INTEGER NOT NULL,
	mark_next     INTEGER NOT NULL
);
DROP VIEW log;
CREATE VIEW log AS
	SELECT datetime(m.at / 1000, 'unixepoch') AS time, s.session, s.upstream, s.account, m.outcome,
		m.mailbox, m.exchange, m.message_id, m.date, m.size, m.sent, m.fixes, m.rule, m.reason, m.uid,
		lower(hex(m.sha256)) AS sha256
	FROM messages m LEFT JOIN sessions s ON s.id = m.session_id
	UNION ALL
	SELECT datetime(i.at / 1000, 'unixepoch'), s.session, s.upstream, s.account, 'pending',
		i.mailbox, i.exchange, i.message_id, i.date, i.size, i.sent, i.fixes, '', '', 0, lower(hex(i.sha256))
	FROM intents i LEFT JOIN sessions s ON s.id = i.session_id;
`, `
CREATE INDEX sessions_account ON sessions (upstream, account COLLATE NOCASE);
`}

// Schema is the number of migrations that a file has.
type Schema int

// HasReportIndex reports whether the file has the index messages_report.
func (s Schema) HasReportIndex() bool { return s >= 2 }

// HasIntents reports whether the file has the table intents. Without it, a message on its way is in messages.
func (s Schema) HasIntents() bool { return s >= 4 }

// migrate brings the schema of an open file up to date.
func migrate(ctx context.Context, db *sql.Conn) error {
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > len(migrations) {
		return fmt.Errorf("the ledger has schema %d, and this exgate knows %d at most: use the newer exgate, "+
			"or another file (ledger.file)", version, len(migrations))
	}
	for n := version; n < len(migrations); n++ {
		step := fmt.Sprintf("BEGIN IMMEDIATE; %s; PRAGMA user_version = %d; COMMIT", migrations[n], n+1)
		if _, err := db.ExecContext(ctx, step); err != nil {
			db.ExecContext(ctx, "ROLLBACK") // the error above is the one to report
			return fmt.Errorf("schema %d: %w", n+1, err)
		}
	}
	return nil
}
