package ledger

import (
	"context"
	"errors"
	"slices"
	"time"
)

const (
	// maxBatch limits the ops of one transaction.
	maxBatch = 1000
	// gatherFor is how long an op for which nobody waits may stay in memory, so that many of them go to the disk in one
	// transaction. A kill loses the op, as if it had come a moment earlier. maxGathered limits their number: intents
	// wait for the transaction.
	gatherFor, maxGathered = 50 * time.Millisecond, 250
	// retry is the pause before the writer tries a file again that could not be written.
	retry = time.Second
)

// errBehind says why rows are lost that had no room in the queue.
var errBehind = errors.New("the disk does not keep up")

// writer is the state of the goroutine that writes.
type writer struct {
	*Ledger
	file   *store // nil: it is not open
	next   time.Time
	lost   int64       // rows lost since the last row that was written
	why    error       // the reason
	loaded bool        // the attempts of earlier runs are known
	number int         // of the file; see store.number
	spare  []op        // empty; its memory is for the next ops
	timer  *time.Timer // runs while ops wait for which nobody waits

	isGathering bool // timer runs

	sweep *sweep // under way; nil: none is
}

// write runs until Close. It closes opened after the first try to open the file.
func (l *Ledger) write(opened chan<- struct{}) {
	defer close(l.ended)
	w := &writer{Ledger: l, number: 1, timer: time.NewTimer(gatherFor)}
	w.timer.Stop()
	if err := w.open(); err != nil {
		w.failed(0, err)
	}
	close(opened)
	sweeps := time.NewTicker(sweepEvery)
	defer sweeps.Stop()
	always := make(chan struct{})
	close(always)
	for {
		var more <-chan struct{} // nil: there is nothing to be removed
		if w.sweep != nil {
			more = always
		}
		select {
		case <-l.wake:
			w.flush(false)
		case <-w.timer.C:
			w.flush(true)
		case <-sweeps.C:
			w.beginSweep()
		case <-more:
			w.sweepOn()
		case <-l.closing:
			w.flush(true)
			if err := w.file.close(); err != nil {
				l.opts.Log.Warn("closing the ledger", "err", err)
			}
			return
		}
	}
}

// open opens the file, if it is not open. A corrupt file is set aside.
func (w *writer) open() error {
	if w.file != nil {
		return nil
	}
	err := w.openFile()
	if isCorrupt(err) {
		if err := w.replace(err); err != nil {
			return err
		}
		err = w.openFile()
	}
	if err == nil {
		w.beginSweep()
	}
	return err
}

// openFile opens the file as it is.
func (w *writer) openFile() error {
	file, err := openStore(context.Background(), w.opts.File)
	if err != nil {
		return err
	}
	w.file, file.number = file, w.number
	if w.loaded || w.opts.Inherits {
		return nil
	}
	if err := w.load(file, nil); err != nil {
		w.file = nil
		return errors.Join(err, file.close())
	}
	w.loaded = true
	return nil
}

// replace sets a corrupt file aside. The error is one of doing so.
func (w *writer) replace(corrupt error) error {
	if w.file != nil {
		w.file.close() // its file is corrupt in any case
		w.file = nil
	}
	aside, err := setAside(w.opts.File, w.opts.Now())
	if err != nil {
		return errors.Join(corrupt, err)
	}
	w.opts.Log.Error("the ledger was corrupt: exgate has set it aside, and begins a new one",
		"file", w.opts.File, "aside", aside, "err", corrupt)
	w.number++
	return nil
}

// flush writes the ops that are to go to the disk now. isDue says that those for which nobody waits have waited
// long enough.
func (w *writer) flush(isDue bool) {
	ops, waits := w.take(isDue, w.spare)
	for batch := range slices.Chunk(ops, maxBatch) {
		w.batch(batch)
	}
	clear(ops)
	w.spare = ops[:0]
	switch {
	case !waits:
		w.timer.Stop()
	case !w.isGathering:
		w.timer.Reset(gatherFor)
	}
	w.isGathering = waits
}

// batch writes ops in one transaction.
func (w *writer) batch(ops []op) {
	if missed := w.missed.Swap(0); missed > 0 {
		w.failed(missed, errBehind)
	}
	var err error
	switch now := time.Now(); {
	case now.Before(w.next):
		err = w.why
	default:
		if err = w.commit(ops); isCorrupt(err) {
			if err = w.replace(err); err == nil {
				err = w.commit(ops)
			}
		}
		if err != nil {
			w.next = now.Add(retry)
		}
	}
	if err != nil {
		w.failed(int64(len(ops)), err)
		w.Ledger.lost.Add(int64(len(ops)))
	} else {
		if w.why != nil {
			w.opts.Log.Warn("the ledger is written again", "file", w.opts.File, "rows_lost", w.lost)
			w.why, w.lost = nil, 0
		}
		w.broken.Store(false)
	}
	for _, o := range ops {
		w.attempts.written(o.ends)
		if o.done != nil {
			close(o.done)
		}
	}
}

// commit writes ops in one transaction, or none of them.
func (w *writer) commit(ops []op) (err error) {
	if err := w.open(); err != nil {
		return err
	}
	waits := false
	for _, o := range ops {
		waits = waits || o.done != nil
	}
	if err := w.file.sync(waits); err != nil {
		return err
	}
	if _, err := w.file.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			w.file.undo()
			if _, rollbackErr := w.file.exec("ROLLBACK"); rollbackErr != nil {
				// SQLite has rolled back by itself, or the connection is of no use any more.
				w.file.close()
				w.file = nil
			}
		}
	}()
	if w.lost > 0 {
		if _, err := w.file.exec("INSERT INTO losses (at, rows, reason) VALUES (?, ?, ?)",
			w.opts.Now().UnixMilli(), w.lost, bounded(w.why.Error())); err != nil {
			return err
		}
	}
	for _, o := range ops {
		if err := o.run(w.file); err != nil {
			return err
		}
	}
	_, err = w.file.exec("COMMIT")
	if err == nil {
		w.file.inserted = w.file.inserted[:0]
	}
	return err
}

// failed counts rows that are lost, and says the first loss in the log.
func (w *writer) failed(rows int64, err error) {
	if w.why == nil {
		w.opts.Log.Error("the ledger cannot be written: mail goes on, and rows are lost",
			"file", w.opts.File, "err", err, "remedy", "make room on the disk, or let exgate write to the file")
	}
	w.why = err
	w.lost += rows
	w.broken.Store(true)
}
