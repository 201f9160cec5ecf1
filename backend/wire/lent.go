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

	listed bool // in the list of lenders; only the reader uses it
}

// readWith reads nc into p while mem is lent.
func (l *lent) readWith(mem []byte, nc net.Conn, p []byte) (int, error) {
	if !canGiveBack || len(mem) < minLent {
		return nc.Read(p)
	}
	if !l.listed {
		l.listed = true
		lenders.add(l)
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

// list has the connections that have lent a buffer, and those that have ended since the last look.
type list struct {
	mu     sync.Mutex
	all    []weak.Pointer[lent]
	sweeps int // the length at which those that have ended are dropped
}

var lenders list

func (s *list) add(l *lent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) >= s.sweeps {
		s.sweep()
		s.sweeps = 2*len(s.all) + 64
	}
	s.all = append(s.all, weak.Make(l))
}

// alive returns the connections that have not ended.
func (s *list) alive() (found []*lent) {
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
func (s *list) sweep() {
	s.all = slices.DeleteFunc(s.all, func(w weak.Pointer[lent]) bool { return w.Value() == nil })
}

// GiveBack returns to the operating system the buffers of the connections under TLS that have read
// nothing since the last call. It returns the number of bytes. It does nothing on other systems than
// Linux.
func GiveBack() (n int) {
	for _, l := range lenders.alive() {
		n += l.giveBack()
	}
	return n
}
