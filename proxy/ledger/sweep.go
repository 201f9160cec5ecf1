package ledger

import (
	"context"
	"fmt"
	"time"
)

const (
	// sweepEvery is how often old rows are removed.
	sweepEvery = 10 * time.Minute
	// sweepStep is how many rows are removed at a time: a message that comes meanwhile waits for one step, some
	// milliseconds.
	sweepStep = 200
	// minKept is the number of messages that the size limit leaves.
	minKept = 100
)

// sweep removes the rows before a time, in steps. The writer writes what waits between two of them.
type sweep struct {
	before int64 // milliseconds since 1970
	table  int   // the table whose rows go now, of tables
}

// tables are those that have rows by time.
var tables = []string{"messages", "intents", "sessions", "login_failures", "throttles", "folders", "losses"}

// keyOf returns the columns that tell the rows of a table apart.
func keyOf(table string) string {
	if table == "folders" {
		return "upstream, account, client, exchange, what"
	}
	return "rowid"
}

// beginSweep begins to remove the rows that are too old, and the oldest ones of a file that is too large.
func (w *writer) beginSweep() {
	if w.file == nil || w.sweep != nil {
		return
	}
	w.sweep = new(sweep)
	if w.opts.Retention > 0 {
		w.sweep.before = w.opts.Now().Add(-w.opts.Retention).UnixMilli()
	}
}

// sweepOn does a step of the sweep, and writes what has come meanwhile: write's select would do the next step as often.
func (w *writer) sweepOn() {
	defer w.flush(false)
	if w.file == nil {
		w.sweep = nil
		return
	}
	isOver, err := w.sweep.step(w.file)
	if err == nil && isOver {
		w.sweep, err = w.sweepAbove()
	}
	if err != nil {
		w.sweep = nil
		w.opts.Log.Warn("old rows of the ledger could not be removed", "file", w.opts.File, "err", err)
	}
}

// step removes some rows. isOver says that there are no more.
func (p *sweep) step(s *store) (isOver bool, err error) {
	if err := s.sync(false); err != nil {
		return false, err
	}
	for ; p.table < len(tables); p.table++ {
		table := tables[p.table]
		result, err := s.exec(fmt.Sprintf("DELETE FROM %s WHERE (%s) IN (SELECT %[2]s FROM %[1]s WHERE at < ? LIMIT ?)",
			table, keyOf(table)), p.before, sweepStep)
		if err != nil {
			return false, err
		}
		if n, err := result.RowsAffected(); n > 0 || err != nil {
			return false, err
		}
	}
	return true, nil
}

// tenthQuery finds the message before which about a tenth of them are. It asks for the first and the last id apart: for
// both at once, SQLite reads all of them.
const tenthQuery = `SELECT at FROM messages WHERE id >=
	(SELECT 9 * (SELECT min(id) FROM messages) / 10 + (SELECT max(id) FROM messages) / 10) ORDER BY id LIMIT 1`

// sweepAbove returns the sweep that removes about a tenth of the messages, the oldest ones, if the file is too large.
func (w *writer) sweepAbove() (*sweep, error) {
	if w.opts.MaxBytes <= 0 {
		return nil, nil
	}
	var used, kept, at int64
	// Nothing here reads the whole table, which would hold messages up.
	err := w.file.conn.QueryRowContext(context.Background(), `SELECT
		((SELECT page_count FROM pragma_page_count) - (SELECT freelist_count FROM pragma_freelist_count)) *
			(SELECT page_size FROM pragma_page_size),
		(SELECT count(*) FROM (SELECT 1 FROM messages LIMIT ?))`, minKept).Scan(&used, &kept)
	if err != nil || used <= w.opts.MaxBytes || kept < minKept {
		return nil, err
	}
	err = w.file.conn.QueryRowContext(context.Background(), tenthQuery).Scan(&at)
	if err != nil {
		return nil, err
	}
	w.opts.Log.Info("the ledger has reached its size: the oldest rows are removed", "file", w.opts.File,
		"bytes", used, "limit", w.opts.MaxBytes, "before", time.UnixMilli(at+1).UTC().Format(time.RFC3339))
	return &sweep{before: at + 1}, nil
}
