package logqueue

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
)

// sink is what takes a log: it blocks, or fails, as a test wants.
type sink struct {
	began chan struct{} // receives at each write that blocks
	open  chan struct{} // a write waits until it is closed; nil: it does not wait

	mu    sync.Mutex
	fails error
	part  int // bytes that a write takes which fails
	text  bytes.Buffer
}

func (s *sink) Write(p []byte) (int, error) {
	if s.open != nil {
		select {
		case s.began <- struct{}{}:
		default:
		}
		<-s.open
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails != nil {
		n := min(s.part, len(p))
		s.text.Write(p[:n])
		return n, s.fails
	}
	return s.text.Write(p)
}

func (s *sink) failsWith(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails = err
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func missing(w io.Writer, n int64) { fmt.Fprintf(w, "%d missing\n", n) }

// Lines arrive in order, and Close waits for them.
func TestOrder(t *testing.T) {
	s := &sink{}
	q := New(s, Options{Max: 1 << 20, Missing: missing})
	var want strings.Builder
	for i := range 10_000 {
		line := fmt.Sprintf("line %d\n", i)
		want.WriteString(line)
		if n, err := io.WriteString(q, line); n != len(line) || err != nil {
			t.Fatal(n, err)
		}
	}
	q.Close(time.Minute)
	if got := s.String(); got != want.String() {
		t.Errorf("got %d bytes, want %d", len(got), want.Len())
	}
}

// While nobody takes the log, nobody who logs waits. What finds no room is counted,
// and told at its place as soon as the log moves again.
func TestStopped(t *testing.T) {
	s := &sink{began: make(chan struct{}, 1), open: make(chan struct{})}
	q := New(s, Options{Max: 20, Missing: missing})
	io.WriteString(q, "first\n")
	<-s.began                               // it is being written
	io.WriteString(q, "0123456789 kept\n")  // 16 bytes
	io.WriteString(q, "no room\n")          // 8
	io.WriteString(q, "nor for this one\n") // 17
	io.WriteString(q, "4th\n")              // 4: it fits
	io.WriteString(q, "none\n")
	close(s.open)
	if lost := q.Close(time.Minute); lost != 3 {
		t.Errorf("%d lines are counted as lost", lost)
	}
	if got, want := s.String(), "first\n0123456789 kept\n2 missing\n4th\n1 missing\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Close does not wait without end, and what is logged afterwards blocks nobody.
func TestCloseWhileStopped(t *testing.T) {
	s := &sink{began: make(chan struct{}, 1), open: make(chan struct{})}
	q := New(s, Options{Max: 1000, Missing: missing})
	io.WriteString(q, "first\n")
	<-s.began
	q.Close(time.Millisecond)
	io.WriteString(q, "late\n")
	close(s.open)
	<-q.ended
	if got, want := s.String(), "first\n1 missing\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Writes that fail are told of once, and their lines are counted; a line that was
// written in part is ended first.
func TestFailing(t *testing.T) {
	full := errors.New("no space left on device")
	s := &sink{fails: full, part: 3}
	heard := make(chan error, 10)
	q := New(s, Options{Max: 1000, Missing: missing, Lost: func(err error) { heard <- err }})
	io.WriteString(q, "lost\n")
	if err := <-heard; err != full {
		t.Errorf("heard of %v", err)
	}
	s.failsWith(nil)
	io.WriteString(q, "found\n")
	if lost := q.Close(time.Minute); lost != 1 {
		t.Errorf("%d lines are counted as lost", lost)
	}
	if got, want := s.String(), "los\n1 missing\nfound\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(heard) != 0 {
		t.Errorf("heard of it %d times more", len(heard))
	}
}
