// Package logqueue takes log lines and writes them from its own goroutine. So a goroutine
// that logs does not wait when the reader of a pipe has stopped, and does not fail when the
// disk is full.
package logqueue

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"time"
)

// Options configure a queue.
type Options struct {
	// Max is the largest number of bytes that wait in the queue. The queue drops a line for
	// which it has no room.
	Max int
	// Missing writes one line to w. The line says how many lines are missing at this place.
	Missing func(w io.Writer, lines int64)
	// Lost is called once, when the queue loses lines for the first time. Its argument is
	// the reason: ErrNoRoom, or the error of a write. Lost may be nil.
	Lost func(error)
}

// ErrNoRoom is the reason for lost lines when the program logs faster than the queue can
// write.
var ErrNoRoom = errors.New("more is logged than can be written")

// Queue is an io.Writer that takes one line with each Write and never blocks. One goroutine
// writes the lines in their order to the underlying writer, from New to Close.
type Queue struct {
	w     io.Writer
	opts  Options
	wake  chan struct{} // holds an element while the goroutine has something to do
	ended chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	waiting []batch
	size    int   // bytes in waiting
	dropped int64 // lines that were dropped after the last one in waiting
	lost    int64 // all lines that were dropped or not written
	closed  bool

	// Only the goroutine uses the fields below.
	unsaid int64 // missing lines that no notice in the log reports yet
	torn   bool  // only a part of the last line was written
	told   bool  // Lost has been called
}

// batch holds the lines of one write.
type batch struct {
	dropped int64 // lines that were dropped before these
	text    []byte
}

// batchSize is the largest size of a batch in bytes. A batch of one line can be longer.
const batchSize = 64 << 10

// New returns a queue that writes to w. The caller closes the queue.
func New(w io.Writer, opts Options) *Queue {
	q := &Queue{w: w, opts: opts, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	go q.run()
	return q
}

// Write implements io.Writer. It copies p, and it never returns an error.
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

// Close waits until the queue has written all its lines, but not longer than limit. After
// limit it leaves a write that has not ended. It returns the number of lost lines.
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

// next waits until there are lines to write, or dropped lines to report. It returns false
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
		case q.dropped > 0: // no line has come since the queue was full
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

// write writes the lines of b. Before them it writes how many lines are missing.
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

// tell calls Lost with the reason for lost lines, the first time only.
func (q *Queue) tell(why error) {
	if !q.told && q.opts.Lost != nil {
		q.opts.Lost(why)
	}
	q.told = true
}

// put writes text. It returns the rest of text that it could not write.
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
