package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
)

// OpenReader opens a ledger for reading, also while a gateway writes it. The reader sees the
// file as it is when it begins a transaction. indexed reports whether the file has the index
// messages_report, which an older exgate has not made.
func OpenReader(ctx context.Context, file string) (db *sql.DB, indexed bool, err error) {
	if _, err := os.Stat(file); err != nil { // SQLite does not say what is missing
		return nil, false, err
	}
	db, err = sql.Open("sqlite", dsn(file, "ro"))
	if err != nil {
		return nil, false, err
	}
	var version int
	err = db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version)
	if err == nil && (version == 0 || version > len(migrations)) {
		err = errors.New("it is no ledger that this exgate knows")
	}
	if err != nil {
		return nil, false, errors.Join(fmt.Errorf("%s: %w", file, err), db.Close())
	}
	return db, version >= 2, nil
}
