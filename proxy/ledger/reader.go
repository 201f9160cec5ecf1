package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
)

// OpenReader opens a ledger for reading, also while a gateway writes it. The reader sees the
// file as it is when it begins a transaction. schema is that of the file: an older exgate may
// have made it.
func OpenReader(ctx context.Context, file string) (db *sql.DB, schema Schema, err error) {
	if _, err := os.Stat(file); err != nil { // SQLite does not say what is missing
		return nil, 0, err
	}
	db, err = sql.Open("sqlite", dsn(file, "ro"))
	if err != nil {
		return nil, 0, err
	}
	err = db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&schema)
	if err == nil && (schema == 0 || int(schema) > len(migrations)) {
		err = errors.New("it is no ledger that this exgate knows")
	}
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("%s: %w", file, err), db.Close())
	}
	return db, schema, nil
}
