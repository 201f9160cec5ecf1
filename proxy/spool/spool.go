// Package spool holds uploaded messages while they are examined, repaired and
// sent. Short messages stay in memory, long ones go to files without a name.
// Every byte is charged to budgets, so that clients cannot fill the memory or
// the disk. Package proxy spools the uploads of clients, and package delivery the
// repaired versions of a message.
package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
)

// Options set where messages are spooled and how many bytes they may take. A
// Spool uses Dir and Memory; the other fields are limits for the caller's
// budgets.
type Options struct {
	Dir     string // directory of the files; "": the system's temporary directory
	Memory  int64  // bytes of one message in memory; a longer one goes to a file; 0: DefaultMemory
	Long    int64  // bytes in memory of all messages longer than UsualMemory; 0: DefaultLong
	Session int64  // bytes of all messages of one session at a time; 0: no limit
	Account int64  // bytes of all messages of one mailbox at a time, over all its sessions; 0: no limit
	Total   int64  // bytes of all messages of the gateway at a time; 0: no limit
}

// UsualMemory is the bytes of a message that may stay in memory whatever the other messages take.
// Most messages of a mailbox are shorter, and a thousand uploads fit into 256 MB.
const UsualMemory = 256 << 10

// The defaults of Options.Memory and Options.Long, in bytes. To write a message of 1 MB to a file and to
// read it again takes as much of the processor as to relay it.
const (
	DefaultMemory = 4 << 20
	DefaultLong   = 64 << 20
)

// ErrBudget is the error of a write that would exceed a budget.
var ErrBudget = errors.New("too many bytes are being uploaded at a time " +
	"(limits.spool_per_session, limits.spool_per_account, limits.spool_total)")

// Budget counts the spooled bytes against a limit. The zero value has no limit.
// A Budget is safe for use by several goroutines.
type Budget struct {
	mu   sync.Mutex
	max  int64 // bytes; 0: no limit
	used int64 // bytes
}

// SetMax sets the limit in bytes for later writes; 0 is no limit. Bytes that are
// charged already stay charged, even above the limit.
func (b *Budget) SetMax(max int64) {
	b.mu.Lock()
	b.max = max
	b.mu.Unlock()
}

// charge adds n bytes and reports whether the limit allows them. If not, nothing
// is added.
func (b *Budget) charge(n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.max > 0 && b.used+n > b.max {
		return false
	}
	b.used += n
	return true
}

// Used returns the number of bytes that are charged and not yet released.
func (b *Budget) Used() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// release subtracts n bytes that were charged before.
func (b *Budget) release(n int64) {
	b.mu.Lock()
	b.used -= n
	b.mu.Unlock()
}

// Spool holds one message. Its bytes are charged to the budgets as they are
// written. A Spool belongs to one goroutine at a time.
type Spool struct {
	opts      Options
	budgets   []*Budget
	long      *Budget  // of the memory for messages longer than UsualMemory; nil: no limit
	granted   int64    // bytes charged to it
	expected  int64    // bytes announced
	mem       *[]byte  // nil: nothing is written yet, or the message is in the file
	file      *os.File // nil: the message is in memory
	isRemoved bool     // the file has no name any more
	size      int64    // bytes written
}

// New returns an empty spool for a message that is announced with size bytes.
// The announcement decides between memory and file, but does not limit the
// message. The spool takes memory, files and budget only when bytes are written.
// If long has no room, a message longer than UsualMemory goes to a file.
// The caller closes the spool.
func New(opts Options, size int64, long *Budget, budgets ...*Budget) *Spool {
	if opts.Memory == 0 {
		opts.Memory = DefaultMemory
	}
	return &Spool{opts: opts, long: long, budgets: budgets, expected: size}
}

// Write appends p to the message. It returns ErrBudget if p would exceed a
// budget, and otherwise the error of the file. After an error the message is
// incomplete and can only be closed.
func (s *Spool) Write(p []byte) (int, error) {
	for i, b := range s.budgets {
		if !b.charge(int64(len(p))) {
			for _, charged := range s.budgets[:i] {
				charged.release(int64(len(p)))
			}
			return 0, ErrBudget
		}
	}
	s.size += int64(len(p))
	if s.file == nil && s.fitsIntoMemory(max(s.size, s.expected)) {
		if s.mem == nil { // not earlier: the announcement alone costs no memory
			s.mem = takeMemory(s.expected)
		}
		*s.mem = append(*s.mem, p...)
		return len(p), nil
	}
	if s.file == nil {
		if err := s.spill(); err != nil {
			return 0, err
		}
	}
	n, err := s.file.Write(p)
	if err != nil {
		return n, fmt.Errorf("write the message to the spool file: %w", err)
	}
	return n, nil
}

// fitsIntoMemory reports whether the message may stay in memory with size bytes. It charges what
// memory for them takes.
func (s *Spool) fitsIntoMemory(size int64) bool {
	switch {
	case size > s.opts.Memory:
		return false
	case size <= UsualMemory, size <= s.granted, s.long == nil:
		return true
	}
	takes := memoryFor(size)
	if !s.long.charge(takes - s.granted) {
		return false
	}
	s.granted = takes
	return true
}

// spill moves the message to a new file. The file loses its name at once, so
// that the system removes it when exgate ends in any way.
func (s *Spool) spill() error {
	f, err := os.CreateTemp(s.opts.Dir, "exgate-spool-*")
	if err != nil {
		return fmt.Errorf("create a spool file (spool.dir): %w", err)
	}
	s.file = f
	// Windows does not remove an open file. Close removes it there.
	s.isRemoved = os.Remove(f.Name()) == nil
	if s.mem != nil {
		if _, err := f.Write(*s.mem); err != nil {
			return fmt.Errorf("move the message to the spool file: %w", err)
		}
	}
	s.releaseMemory()
	return nil
}

// ReadAt implements io.ReaderAt for the bytes written so far.
func (s *Spool) ReadAt(p []byte, off int64) (int, error) {
	if s.file != nil {
		return s.file.ReadAt(p, off)
	}
	text := s.Bytes()
	if off >= int64(len(text)) {
		return 0, io.EOF
	}
	n := copy(p, text[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Bytes returns the message if it is in memory. It returns nil if the message is
// in a file or empty. The caller must not change the bytes, and must not use them
// after Close.
func (s *Spool) Bytes() []byte {
	if s.mem == nil {
		return nil
	}
	return *s.mem
}

// usualHeader is the number of bytes that Header reads of a file at first. Most
// headers are shorter.
const usualHeader = 16 << 10

// Header returns the beginning of the message: at most limit bytes, and within
// this limit the whole header and some bytes of the body. If reading the file
// fails, Header returns the bytes before the failure. The caller must not change
// the bytes, and must not use them after Close.
func (s *Spool) Header(limit int64) []byte {
	limit = min(limit, s.size)
	if s.file == nil {
		return s.Bytes()[:limit]
	}
	for size := min(limit, usualHeader); ; size = limit {
		text := make([]byte, size)
		n, err := s.ReadAt(text, 0)
		if text = text[:n]; size == limit || err != nil || bytes.Contains(text, []byte("\r\n\r\n")) {
			return text
		}
	}
}

// copySize is the number of bytes that WriteTo writes, and reads of a file, at a time.
const copySize = 128 << 10

// releaseMemory gives the memory back to the pool, and what is charged for it to its budget.
func (s *Spool) releaseMemory() {
	if s.granted > 0 {
		s.long.release(s.granted)
		s.granted = 0
	}
	if s.mem != nil {
		giveMemory(s.mem)
		s.mem = nil
	}
}

// WriteTo implements io.WriterTo. Each call writes the whole message to w. WriteTo
// returns the errors of w and of the file unchanged.
func (s *Spool) WriteTo(w io.Writer) (int64, error) {
	if s.file != nil {
		mem := takeMemory(copySize)
		defer giveMemory(mem)
		return io.CopyBuffer(w, io.NewSectionReader(s.file, 0, s.size), (*mem)[:copySize])
	}
	var n int64 // in pieces: a write of a whole message to a slow server would take too long for its deadline
	for piece := range slices.Chunk(s.Bytes(), copySize) {
		written, err := w.Write(piece)
		if n += int64(written); err != nil {
			return n, err
		}
	}
	return n, nil
}

// Size returns the number of bytes written so far.
func (s *Spool) Size() int64 { return s.size }

// Close releases the memory, the file and the budgets. It returns an error if
// the file cannot be closed or removed. A second call does nothing.
func (s *Spool) Close() error {
	for _, b := range s.budgets {
		b.release(s.size)
	}
	s.budgets = nil
	s.releaseMemory()
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	if !s.isRemoved {
		err = errors.Join(err, os.Remove(s.file.Name()))
	}
	s.file = nil
	return err
}
