package wire

import (
	"net"
	"slices"
	"sync"
	"weak"
)

// minLent is the least buffer that is worth giving back, in bytes.
const minLent = 8 << 10

// lent is the buffer that a tls.Conn has lent to the Read of its socket. A tls.Conn keeps a buffer of
// the size of its longest record as long as it lives, 18 KiB for the records that servers send, and Go
// has no way to take it. But a Read may use all of the slice that it gets as scratch space (io.Reader),
// and before a record that slice is the whole buffer. So the pages in it can go back to the system while
// the Read waits: their content is of no use to anybody. The system makes new ones when they are
// written to.
type lent struct {
	mu     sync.Mutex
	mem    []byte // nil: no Read waits, or its pages were given back
	isSeen bool   // the last GiveBack has seen this wait already
}

// readWith reads nc into p while mem is lent.
func (l *lent) readWith(mem []byte, nc net.Conn, p []byte) (int, error) {
	if !canGiveBack || len(mem) < minLent {
		return nc.Read(p)
	}
	l.set(mem)
	n, err := nc.Read(p)
	l.set(nil) // mem belongs to the tls.Conn again
	return n, err
}

func (l *lent) set(mem []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mem, l.isSeen = mem, false
}

// giveBack gives back what has been lent since the last call. It returns the number of bytes.
func (l *lent) giveBack() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mem == nil || !l.isSeen {
		l.isSeen = true
		return 0
	}
	n = returnPages(l.mem)
	l.mem = nil
	return n
}

// Lenders are the connections under TLS whose buffers GiveBack gives back. The zero value has none.
type Lenders struct {
	mu     sync.Mutex
	all    []weak.Pointer[lent] // with some that have ended since the last look
	sweeps int                  // the length at which those that have ended are dropped
}

// Add adds a connection, until it ends.
func (s *Lenders) Add(t *TLS) {
	if canGiveBack {
		s.add(&t.records.lent)
	}
}

func (s *Lenders) add(l *lent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) >= s.sweeps {
		s.sweep()
		s.sweeps = 2*len(s.all) + 64
	}
	s.all = append(s.all, weak.Make(l))
}

// alive returns the connections that have not ended.
func (s *Lenders) alive() (found []*lent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep()
	for _, w := range s.all {
		if l := w.Value(); l != nil {
			found = append(found, l)
		}
	}
	return found
}

// sweep drops the connections that have ended. s.mu is held.
func (s *Lenders) sweep() {
	s.all = slices.DeleteFunc(s.all, func(w weak.Pointer[lent]) bool { return w.Value() == nil })
}

// GiveBack returns to the operating system the buffers of the connections that have read nothing
// since the last call. It returns the number of bytes. It does nothing on other systems than Linux.
func (s *Lenders) GiveBack() (n int) {
	for _, l := range s.alive() {
		n += l.giveBack()
	}
	return n
}
