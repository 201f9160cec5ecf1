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
	// maxCounted limits the messages that are counted to find a tenth of them: so a thousand go, in such steps,
	// before the size of the file is looked at again.
	maxCounted = 10_000
	// minKept is the number of messages that the size limit leaves.
	minKept = 100
)

// sweep removes the rows before a time, in steps. The writer writes what waits between two of them.
type sweep struct {
	before int64 // milliseconds since 1970
	table  int   // the table whose rows go now, of tables

	makesRoom bool // the file was too large
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
		w.sweep, err = w.sweepAbove(w.sweep.makesRoom)
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

// sweepAbove returns the sweep that removes some of the oldest messages, if the file is too large. Once it is,
// they are removed until a tenth of the file is free: goesOn says that some were. Nothing here reads the whole
// table, which would hold messages up.
func (w *writer) sweepAbove(goesOn bool) (*sweep, error) {
	limit := w.opts.MaxBytes
	if limit <= 0 {
		return nil, nil
	}
	if goesOn {
		limit -= limit / 10
	}
	var used, kept, at int64
	err := w.file.conn.QueryRowContext(context.Background(), `SELECT
		((SELECT page_count FROM pragma_page_count) - (SELECT freelist_count FROM pragma_freelist_count)) *
			(SELECT page_size FROM pragma_page_size),
		(SELECT count(*) FROM (SELECT 1 FROM messages LIMIT ?))`, maxCounted).Scan(&used, &kept)
	if err != nil || used <= limit || kept < minKept {
		return nil, err
	}
	// The times tell, and not the ids: after a clock that was wrong for a while, most messages would go, or one
	// at a time.
	err = w.file.conn.QueryRowContext(context.Background(), "SELECT at FROM messages ORDER BY at LIMIT 1 OFFSET ?",
		kept/10).Scan(&at)
	if err != nil {
		return nil, err
	}
	if !goesOn {
		w.opts.Log.Info("the ledger has reached its size: the oldest rows are removed", "file", w.opts.File,
			"bytes", used, "limit", limit)
	}
	return &sweep{before: at + 1, makesRoom: true}, nil
}
