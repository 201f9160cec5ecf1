package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"modernc.org/sqlite" // also the driver of database/sql
	sqlite3 "modernc.org/sqlite/lib"
)

// store is the open file. It belongs to the writer.
type store struct {
	db    *sql.DB
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
	full  bool // synchronous is FULL
	// number counts the files that the ledger has had: a corrupt one is replaced.
	number   int
	inserted []place // in the current transaction
}

// place is where a row was before a transaction.
type place struct {
	row        *row
	id, intent int64
	file       int
}

// dsn returns the data source of a file. The pragmas hold for each connection.
func dsn(path, mode string) string {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()}
	q := url.Values{"mode": {mode}, "_pragma": {"busy_timeout(5000)"}}
	if mode == "rwc" {
		q.Add("_pragma", "auto_vacuum(incremental)")
		q.Add("_pragma", "journal_mode(wal)")
		q.Add("_pragma", "journal_size_limit(16777216)")
		q.Add("_pragma", "wal_autocheckpoint(4000)") // 16 MB, too: a page that changes often is copied less often
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// openStore opens the file, which it creates if necessary, for writing.
func openStore(ctx context.Context, path string) (*store, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) // SQLite would use the umask
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", dsn(path, "rwc"))
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err == nil {
		if err = migrate(ctx, conn); err != nil {
			conn.Close()
		}
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &store{db: db, conn: conn, stmts: make(map[string]*sql.Stmt)}, nil
}

func (s *store) close() error {
	if s == nil {
		return nil
	}
	for _, stmt := range s.stmts {
		stmt.Close()
	}
	return errors.Join(s.conn.Close(), s.db.Close())
}

// exec runs a statement, which it prepares once.
func (s *store) exec(query string, args ...any) (sql.Result, error) {
	stmt := s.stmts[query]
	if stmt == nil {
		var err error
		if stmt, err = s.conn.PrepareContext(context.Background(), query); err != nil {
			return nil, err
		}
		s.stmts[query] = stmt
	}
	return stmt.Exec(args...)
}

// insert runs an INSERT and notes where the row is.
func (s *store) insert(r *row, query string, args ...any) error {
	id, err := s.insertID(query, args...)
	if err != nil {
		return err
	}
	s.move(r, id, 0)
	return nil
}

// insertIntent is insert for the table intents.
func (s *store) insertIntent(r *row, query string, args ...any) error {
	id, err := s.insertID(query, args...)
	if err != nil {
		return err
	}
	s.move(r, 0, id)
	return nil
}

// insertID returns the id of the row that an INSERT has made; 0 if it has made none.
func (s *store) insertID(query string, args ...any) (int64, error) {
	result, err := s.exec(query, args...)
	if err != nil {
		return 0, err
	}
	if n, err := result.RowsAffected(); n == 0 || err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

// move notes that a row is in the file now.
func (s *store) move(r *row, id, intent int64) {
	s.inserted = append(s.inserted, place{r, r.id, r.intent, r.file})
	r.id, r.intent, r.file = id, intent, s.number
}

// has reports whether the row is in the file. The row of a message that is on its way is not in messages.
func (s *store) has(r *row) bool { return r.id != 0 && r.file == s.number }

// hasIntent reports whether the row is in the table intents.
func (s *store) hasIntent(r *row) bool { return r.intent != 0 && r.file == s.number }

// undo notes that the rows of the current transaction are where they were before it.
func (s *store) undo() {
	for _, p := range slices.Backward(s.inserted) {
		p.row.id, p.row.intent, p.row.file = p.id, p.intent, p.file
	}
	s.inserted = s.inserted[:0]
}

// sync sets whether a commit waits for the disk. A commit that does not wait survives the
// end of the process, but not that of the machine.
func (s *store) sync(full bool) error {
	if s.full == full {
		return nil
	}
	word := "NORMAL"
	if full {
		word = "FULL"
	}
	_, err := s.exec("PRAGMA synchronous = " + word)
	if err == nil {
		s.full = full
	}
	return err
}

// isCorrupt reports whether an error says that the file is no usable database.
func isCorrupt(err error) bool {
	var coded *sqlite.Error
	if !errors.As(err, &coded) {
		return false
	}
	code := coded.Code() & 0xff
	return code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB
}

// setAside renames a corrupt file, with the files that SQLite keeps beside it, and returns
// the new name.
func setAside(path string, now time.Time) (string, error) {
	aside := fmt.Sprintf("%s.corrupt-%s", path, now.UTC().Format("20060102T150405"))
	if err := os.Rename(path, aside); err != nil {
		return "", err
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Rename(path+suffix, aside+suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
	}
	return aside, nil
}
