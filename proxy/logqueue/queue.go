// Package logqueue stands between those who log and what takes the log, so that
// nobody waits for a pipe whose reader has stopped, or fails with a full disk.
package logqueue

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"time"
)

// Options are a queue's.
type Options struct {
	// Max bounds the bytes that wait. A line that finds no room is dropped.
	Max int
	// Missing writes a line that tells how many lines are missing at its place.
	Missing func(w io.Writer, lines int64)
	// Lost hears once why lines are lost: ErrNoRoom, or the error of a write. It may
	// be nil.
	Lost func(error)
}

// ErrNoRoom says that more was logged than could be written.
var ErrNoRoom = errors.New("more is logged than can be written")

// Queue is an io.Writer that takes a line with each Write, and never blocks. One
// goroutine writes the lines to what takes them, in order, from New to Close.
type Queue struct {
	w     io.Writer
	opts  Options
	wake  chan struct{} // holds one while there is something to do
	ended chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	waiting []batch
	size    int   // bytes in waiting
	dropped int64 // lines after those in waiting
	lost    int64 // lines in all
	closed  bool

	// Of the goroutine alone.
	unsaid int64 // lines of which it could not be told that they are missing
	torn   bool  // a line was written in part
	told   bool  // Lost has been called
}

// batch is lines that are written in one go.
type batch struct {
	dropped int64 // lines before them
	text    []byte
}

// batchSize bounds the bytes of a batch, but for one long line.
const batchSize = 64 << 10

// New returns a queue before w. The caller closes it.
func New(w io.Writer, opts Options) *Queue {
	q := &Queue{w: w, opts: opts, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	go q.run()
	return q
}

// Write implements io.Writer. It keeps no part of p, and never fails.
func (q *Queue) Write(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.size+len(p) > q.opts.Max {
		q.dropped++
		q.lost++
		return len(p), nil
	}
	last := len(q.waiting) - 1
	if last < 0 || q.dropped > 0 || len(q.waiting[last].text)+len(p) > batchSize {
		q.waiting = append(q.waiting, batch{dropped: q.dropped})
		q.dropped = 0
		last++
	}
	q.waiting[last].text = append(q.waiting[last].text, p...)
	q.size += len(p)
	q.rings()
	return len(p), nil
}

func (q *Queue) rings() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Close waits until what waits is written, but no longer than limit: a write that
// does not end is left behind. It returns how many lines were lost.
func (q *Queue) Close(limit time.Duration) (lost int64) {
	q.mu.Lock()
	q.closed = true
	q.rings()
	q.mu.Unlock()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-q.ended:
	case <-timer.C:
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.lost
}

func (q *Queue) run() {
	defer close(q.ended)
	for {
		b, ok := q.next()
		if !ok {
			return
		}
		q.write(b)
	}
}

// next waits for lines, or for the news that some are missing. It returns false
// when the queue is closed and empty.
func (q *Queue) next() (b batch, ok bool) {
	for {
		q.mu.Lock()
		switch {
		case len(q.waiting) > 0:
			b, ok = q.waiting[0], true
			q.waiting[0] = batch{}
			q.waiting = q.waiting[1:]
			q.size -= len(b.text)
		case q.dropped > 0: // the queue was full, and no line has come since
			b, ok = batch{dropped: q.dropped}, true
			q.dropped = 0
		}
		closed := q.closed
		q.mu.Unlock()
		if ok || closed {
			return b, ok
		}
		<-q.wake
	}
}

// write writes lines, and before them how many are missing.
func (q *Queue) write(b batch) {
	if b.dropped > 0 {
		q.tell(ErrNoRoom)
	}
	if q.unsaid += b.dropped; q.unsaid > 0 {
		var notice bytes.Buffer
		if q.torn {
			notice.WriteByte('\n')
		}
		q.opts.Missing(&notice, q.unsaid)
		if rest := q.put(notice.Bytes()); len(rest) == 0 {
			q.unsaid = 0
		}
	}
	lost := int64(bytes.Count(q.put(b.text), []byte("\n")))
	q.unsaid += lost
	q.mu.Lock()
	defer q.mu.Unlock()
	q.lost += lost
}

// tell has it heard, once, why lines are lost.
func (q *Queue) tell(why error) {
	if !q.told && q.opts.Lost != nil {
		q.opts.Lost(why)
	}
	q.told = true
}

// put writes text, and returns what of it could not be written.
func (q *Queue) put(text []byte) (rest []byte) {
	if len(text) == 0 {
		return nil
	}
	n, err := q.w.Write(text)
	if n > 0 {
		q.torn = text[n-1] != '\n'
	}
	if err == nil {
		return nil
	}
	q.tell(err)
	return text[n:]
}
