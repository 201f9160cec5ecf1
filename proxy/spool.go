package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// SpoolOptions say where uploaded messages wait and how much they may take.
type SpoolOptions struct {
	Dir     string // of the files; "" is the system's
	Memory  int64  // bytes of one message kept in memory, a file beyond; 0 is DefaultSpoolMemory
	Session int64  // bytes of one session's messages at a time; 0: no bound
	Account int64  // of one mailbox's, by all its sessions; 0: no bound
	Total   int64  // of the gateway's; 0: no bound
}

// DefaultSpoolMemory holds most messages of a mailbox and lets a thousand
// uploads fit in 256 MB.
const DefaultSpoolMemory = 256 << 10

// errSpoolBudget says that too much is being uploaded at a time.
var errSpoolBudget = errors.New("too many bytes are being uploaded at a time")

// budget counts bytes against a bound.
type budget struct {
	mu   sync.Mutex
	max  int64 // 0: no bound
	used int64
}

// bound sets the bound, for what is charged from now on.
func (b *budget) bound(max int64) {
	b.mu.Lock()
	b.max = max
	b.mu.Unlock()
}

func (b *budget) charge(n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.max > 0 && b.used+n > b.max {
		return false
	}
	b.used += n
	return true
}

func (b *budget) release(n int64) {
	b.mu.Lock()
	b.used -= n
	b.mu.Unlock()
}

// spool holds one message while it is examined, repaired and sent. Its bytes
// are charged to the budgets as they arrive.
type spool struct {
	opts     SpoolOptions
	budgets  []*budget
	expected int64   // bytes announced
	mem      *[]byte // nil: none yet, or the file
	file     *os.File
	removed  bool // the file has no name any more
	size     int64
}

// newSpool prepares for a message of size bytes. Close gives all back.
func newSpool(opts SpoolOptions, size int64, budgets ...*budget) *spool {
	if opts.Memory == 0 {
		opts.Memory = DefaultSpoolMemory
	}
	return &spool{opts: opts, budgets: budgets, expected: size}
}

// Write appends to the message. After an error the message is incomplete.
func (s *spool) Write(p []byte) (int, error) {
	for i, b := range s.budgets {
		if !b.charge(int64(len(p))) {
			for _, charged := range s.budgets[:i] {
				charged.release(int64(len(p)))
			}
			return 0, errSpoolBudget
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
func (s *spool) spill() error {
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
func (s *spool) ReadAt(p []byte, off int64) (int, error) {
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
func (s *spool) Bytes() []byte {
	if s.mem == nil {
		return nil
	}
	return *s.mem
}

// mostHeaders is more than the header of most messages has.
const mostHeaders = 16 << 10

// beginning is the header of the message with some of what follows it, and not
// more than most bytes. It must not be changed, nor kept after Close.
func (s *spool) beginning(most int64) []byte {
	most = min(most, s.size)
	if s.file == nil {
		return s.Bytes()[:most]
	}
	for size := min(most, mostHeaders); ; size = most {
		text := make([]byte, size)
		n, err := s.ReadAt(text, 0)
		if text = text[:n]; size == most || err != nil || bytes.Contains(text, headerEnd) {
			return text
		}
	}
}

// copiedAtOnce is what is read of the file at a time.
const copiedAtOnce = 128 << 10

// forget gives back the memory.
func (s *spool) forget() {
	if s.mem != nil {
		giveMemory(s.mem)
		s.mem = nil
	}
}

// WriteTo writes the message as it came, and may be called again.
func (s *spool) WriteTo(w io.Writer) (int64, error) {
	if s.file != nil {
		mem := takeMemory(copiedAtOnce)
		defer giveMemory(mem)
		return io.CopyBuffer(w, io.NewSectionReader(s.file, 0, s.size), (*mem)[:copiedAtOnce])
	}
	n, err := w.Write(s.Bytes())
	return int64(n), err
}

// Close frees the memory or the file.
func (s *spool) Close() error {
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
