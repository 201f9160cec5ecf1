package ledger

import (
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Options configure a ledger.
type Options struct {
	File      string        // path of the file
	Retention time.Duration // how long a row is kept; 0: for ever
	MaxBytes  int64         // size of the file above which the oldest rows go; 0: no limit
	Subjects  bool          // rows have the subjects of messages
	Log       *slog.Logger
	Now       func() time.Time // nil: time.Now
	// Inherits says that another gateway writes the same file, and drains: what it knows of accounts is taken by Adopt
	// and AdoptRest, and not before.
	Inherits bool
}

// Ledger writes the file. A nil Ledger records nothing. Ledger is safe for use by several
// goroutines.
type Ledger struct {
	opts     Options
	wake     chan struct{} // holds a value when the writer must look at the queue
	closing  chan struct{} // closed when no op comes any more
	ended    chan struct{} // closed when the writer has ended
	broken   atomic.Bool   // the last rows could not be written: nobody waits for the disk
	lost     atomic.Int64  // rows that were not written
	missed   atomic.Int64  // of lost, those that the writer does not know of yet
	attempts attempts
	adopted  map[owner]bool // by Adopt; only the writer uses it

	mu     sync.Mutex
	queue  []op // that wait for the writer
	closed bool
}

// maxQueue limits the ops that wait for the writer.
const maxQueue = 8192

// Open opens the ledger and starts its writer. The caller closes it. A file that cannot be
// opened is no error: the writer says so in the log, and tries again.
func Open(opts Options) *Ledger {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	l := &Ledger{opts: opts, wake: make(chan struct{}, 1), closing: make(chan struct{}), ended: make(chan struct{})}
	l.attempts.now = opts.Now
	opened := make(chan struct{})
	go l.write(opened)
	<-opened
	return l
}

// Close writes what waits, and closes the file.
func (l *Ledger) Close() {
	if l == nil {
		return
	}
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		close(l.closing)
	}
	l.mu.Unlock()
	<-l.ended
}

// Flush waits until what was recorded before is in the file, or lost.
func (l *Ledger) Flush() {
	if l == nil {
		return
	}
	l.do(func(*store) error { return nil })
}

// Lost returns the number of rows that could not be written since Open.
func (l *Ledger) Lost() int64 {
	if l == nil {
		return 0
	}
	return l.lost.Load()
}

// Options returns the options of the ledger.
func (l *Ledger) Options() Options { return l.opts }

// op is a change of the file.
type op struct {
	run   func(*store) error
	done  chan struct{} // closed when it is on the disk, or lost; nil: nobody waits
	alone bool          // it does not need the ops that were put before it, and may go to the disk before them
	ends  *attempt      // the attempt whose end the op writes; nil: none
}

// takesAll reports whether somebody waits for the op and all that were put before it.
func (o op) takesAll() bool { return o.done != nil && !o.alone }

// put hands an op to the writer. It reports whether there was room for the op. The writer is woken only
// if the op is to go to the disk now, or nothing waited before: to wake it costs as much as to write a row.
func (l *Ledger) put(o op) bool {
	l.mu.Lock()
	if l.closed || len(l.queue) >= maxQueue {
		l.mu.Unlock()
		l.attempts.written(o.ends)
		l.lost.Add(1)
		l.missed.Add(1)
		return false
	}
	l.queue = append(l.queue, o)
	isFirst, isFull := len(l.queue) == 1, len(l.queue) >= maxGathered
	l.mu.Unlock()
	if isFirst || isFull || o.alone || o.done != nil {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
	return true
}

// take returns the ops that go to the disk now: all of them if somebody waits for one, if they are many, or
// if isDue says that they have waited long enough; otherwise those that may go alone. waits says that some are
// left. The ops are appended to spare.
func (l *Ledger) take(isDue bool, spare []op) (ops []op, waits bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if isDue || len(l.queue) >= maxGathered || slices.ContainsFunc(l.queue, op.takesAll) {
		ops, l.queue = l.queue, spare[:0]
		return ops, false
	}
	left := l.queue[:0]
	ops = spare[:0]
	for _, o := range l.queue {
		if o.alone {
			ops = append(ops, o)
		} else {
			left = append(left, o)
		}
	}
	clear(l.queue[len(left):])
	l.queue = left
	return ops, len(left) > 0
}

// patience is how long a message waits for the disk.
const patience = 5 * time.Second

// await waits until an op is done. Where the disk hangs, it gives up, and nobody waits for the
// disk until the next rows are written.
func (l *Ledger) await(done <-chan struct{}) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		if l.broken.CompareAndSwap(false, true) {
			l.opts.Log.Error("the disk of the ledger hangs: messages go on without their rows", "file", l.opts.File,
				"waited", patience)
		}
	}
}

// do has the writer run an op, and waits until it is on the disk, or lost: then the log says so. It reports whether
// there was room for the op.
func (l *Ledger) do(run func(*store) error) bool {
	o := op{run: run, done: make(chan struct{})}
	if !l.put(o) {
		return false
	}
	l.await(o.done)
	return true
}

// read returns what a query finds in the file after what was recorded before. ok is false if the file cannot
// be read, or the disk hangs.
func read[T any](l *Ledger, query func(*store) (T, error)) (result T, ok bool) {
	found := make(chan T, 1)
	hadRoom := l.do(func(s *store) error {
		got, err := query(s)
		if err != nil {
			return err
		}
		select {
		case found <- got:
		default: // it runs a second time, since the file was corrupt and is a new one now
		}
		return nil
	})
	if !hadRoom {
		return result, false
	}
	select {
	case result = <-found:
		return result, true
	default:
		return result, false
	}
}

// Failed records a failed login.
func (l *Ledger) Failed(f LoginFailure) {
	if l == nil {
		return
	}
	at := l.opts.Now().UnixMilli()
	l.put(op{run: func(s *store) error {
		_, err := s.exec("INSERT INTO login_failures (at, upstream, account, kind, reason) VALUES (?, ?, ?, ?, ?)",
			at, f.Upstream, bounded(f.Account), f.Kind, bounded(f.Reason))
		return err
	}})
}
