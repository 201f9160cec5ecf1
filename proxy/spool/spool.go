// Package spool holds uploaded messages while they are repaired and sent: short
// ones in memory, long ones in files, all of them charged to budgets.
package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// Options say where uploaded messages wait and how much they may take.
type Options struct {
	Dir     string // of the files; "" is the system's
	Memory  int64  // bytes of one message kept in memory, a file beyond; 0 is DefaultSpoolMemory
	Session int64  // bytes of one session's messages at a time; 0: no bound
	Account int64  // of one mailbox's, by all its sessions; 0: no bound
	Total   int64  // of the gateway's; 0: no bound
}

// DefaultMemory holds most messages of a mailbox and lets a thousand
// uploads fit in 256 MB.
const DefaultMemory = 256 << 10

// ErrBudget says that too much is being uploaded at a time.
var ErrBudget = errors.New("too many bytes are being uploaded at a time")

// Budget counts bytes against a bound.
type Budget struct {
	mu   sync.Mutex
	max  int64 // 0: no bound
	used int64
}

// SetMax sets the bound, for what is charged from now on.
func (b *Budget) SetMax(max int64) {
	b.mu.Lock()
	b.max = max
	b.mu.Unlock()
}

func (b *Budget) charge(n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.max > 0 && b.used+n > b.max {
		return false
	}
	b.used += n
	return true
}

// Used is the number of bytes charged and not released.
func (b *Budget) Used() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

func (b *Budget) release(n int64) {
	b.mu.Lock()
	b.used -= n
	b.mu.Unlock()
}

// Spool holds one message while it is examined, repaired and sent. Its bytes
// are charged to the budgets as they arrive.
type Spool struct {
	opts     Options
	budgets  []*Budget
	expected int64   // bytes announced
	mem      *[]byte // nil: none yet, or the file
	file     *os.File
	removed  bool // the file has no name any more
	size     int64
}

// New prepares for a message of size bytes. Close gives all back.
func New(opts Options, size int64, budgets ...*Budget) *Spool {
	if opts.Memory == 0 {
		opts.Memory = DefaultMemory
	}
	return &Spool{opts: opts, budgets: budgets, expected: size}
}

// Write appends to the message. After an error the message is incomplete.
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
	if s.file == nil && max(s.size, s.expected) <= s.opts.Memory {
		if s.mem == nil { // not before the first byte: an announcement costs nothing
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
		return n, fmt.Errorf("spool: %w", err)
	}
	return n, nil
}

// spill moves the message to a file that vanishes with its handle.
func (s *Spool) spill() error {
	f, err := os.CreateTemp(s.opts.Dir, "exgate-spool-*")
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	s.file = f
	// Where a file that is open cannot be removed (Windows), Close does it.
	s.removed = os.Remove(f.Name()) == nil
	if s.mem == nil {
		return nil
	}
	if _, err := f.Write(*s.mem); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	s.forget()
	return nil
}

// ReadAt reads what was written.
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

// Bytes is the message while it is in memory, else nil. It must not be changed,
// nor kept after Close.
func (s *Spool) Bytes() []byte {
	if s.mem == nil {
		return nil
	}
	return *s.mem
}

// mostHeaders is more than the header of most messages has.
const mostHeaders = 16 << 10

// Header is the header of the message with some of what follows it, and not
// more than most bytes. It must not be changed, nor kept after Close.
func (s *Spool) Header(most int64) []byte {
	most = min(most, s.size)
	if s.file == nil {
		return s.Bytes()[:most]
	}
	for size := min(most, mostHeaders); ; size = most {
		text := make([]byte, size)
		n, err := s.ReadAt(text, 0)
		if text = text[:n]; size == most || err != nil || bytes.Contains(text, []byte("\r\n\r\n")) {
			return text
		}
	}
}

// copiedAtOnce is what is read of the file at a time.
const copiedAtOnce = 128 << 10

// forget gives back the memory.
func (s *Spool) forget() {
	if s.mem != nil {
		giveMemory(s.mem)
		s.mem = nil
	}
}

// WriteTo writes the message as it came, and may be called again.
func (s *Spool) WriteTo(w io.Writer) (int64, error) {
	if s.file != nil {
		mem := takeMemory(copiedAtOnce)
		defer giveMemory(mem)
		return io.CopyBuffer(w, io.NewSectionReader(s.file, 0, s.size), (*mem)[:copiedAtOnce])
	}
	n, err := w.Write(s.Bytes())
	return int64(n), err
}

// Size is the number of bytes written so far.
func (s *Spool) Size() int64 { return s.size }

// Close frees the memory or the file.
func (s *Spool) Close() error {
	for _, b := range s.budgets {
		b.release(s.size)
	}
	s.budgets = nil
	s.forget()
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	if !s.removed {
		err = errors.Join(err, os.Remove(s.file.Name()))
	}
	s.file = nil
	return err
}
