package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Merge writes the rows of several ledgers into a new one, in a directory for temporary files, which remove removes.
// Gateways may write the ledgers meanwhile. It needs as much space as all of them.
func Merge(ctx context.Context, files []string) (merged string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "exgate-ledgers-") // with mode 0700
	if err != nil {
		return "", nil, err
	}
	remove = func() { os.RemoveAll(dir) }
	merged = filepath.Join(dir, "ledger.db")
	if err := mergeInto(ctx, merged, files); err != nil {
		remove()
		return "", nil, err
	}
	return merged, remove, nil
}

func mergeInto(ctx context.Context, merged string, files []string) (err error) {
	s, err := openStore(ctx, merged)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	// Nobody needs the file after a crash.
	if _, err := s.conn.ExecContext(ctx, "PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF"); err != nil {
		return err
	}
	for _, file := range files {
		if err := s.addAll(ctx, file); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

// addAll adds the rows of another ledger. Its rows get new ids: each ledger counts from 1.
func (s *store) addAll(ctx context.Context, file string) (err error) {
	db, schema, err := OpenReader(ctx, file) // checks that it is a ledger
	if err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	var sessions int64
	if err := s.conn.QueryRowContext(ctx, "SELECT coalesce(max(id), 0) FROM sessions").Scan(&sessions); err != nil {
		return err
	}
	if _, err := s.conn.ExecContext(ctx, "ATTACH ? AS other", dsn(file, "ro")); err != nil {
		return err
	}
	defer func() {
		_, detachErr := s.conn.ExecContext(ctx, "DETACH other")
		err = errors.Join(err, detachErr)
	}()
	if _, err := s.conn.ExecContext(ctx, "BEGIN"); err != nil { // all tables of the other ledger at the same moment
		return err
	}
	for _, table := range tables {
		if err == nil && (table != "intents" || schema.HasIntents()) {
			err = s.addTable(ctx, table, sessions)
		}
	}
	_, endErr := s.conn.ExecContext(ctx, "COMMIT") // after an error too: without a journal, nothing can be rolled back
	return errors.Join(err, endErr)
}

// addTable adds the rows of a table of the other ledger, whose sessions get ids after the known ones.
func (s *store) addTable(ctx context.Context, table string, sessions int64) error {
	rows, err := s.conn.QueryContext(ctx, "SELECT name FROM pragma_table_info(?)", table)
	if err != nil {
		return err
	}
	defer rows.Close()
	var columns, values []string
	for rows.Next() {
		var column string
		if err := rows.Scan(&column); err != nil {
			return err
		}
		value := column
		switch {
		case column == "id" && table == "sessions" || column == "session_id":
			value = fmt.Sprintf("%s + %d", column, sessions)
		case column == "id":
			continue
		}
		columns, values = append(columns, column), append(values, value)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	rows.Close()
	// A name that is mapped in several ledgers is one name.
	_, err = s.conn.ExecContext(ctx, fmt.Sprintf("INSERT OR IGNORE INTO main.%s (%s) SELECT %s FROM other.%s", table,
		strings.Join(columns, ", "), strings.Join(values, ", "), table))
	return err
}
