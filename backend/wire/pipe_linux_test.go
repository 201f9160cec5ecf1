package wire

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"exgate/backend/testkit"
)

// sockets returns the two ends of a TCP connection.
func sockets(t *testing.T) (near, far *net.TCPConn) {
	t.Helper()
	l := testkit.Listen(t)
	defer l.Close()
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near = nc.(*net.TCPConn)
	if far, err = l.AcceptTCP(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return near, far
}

// passage is the way of bytes from one socket to another. It is a PipeWriter if wants is set.
type passage struct {
	sender   *net.TCPConn
	from     *net.TCPConn
	to       *armedTCP
	receiver *net.TCPConn
	read     atomic.Int64
	wants    bool
	bound    time.Duration
	by       WriteDeadline
	sent     atomic.Int64
	piped    int64
}

// armedTCP remembers the deadlines that are set for its writes.
type armedTCP struct {
	*net.TCPConn

	mu          sync.Mutex
	first, last time.Time
}

func (c *armedTCP) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	if c.first.IsZero() {
		c.first = t
	}
	c.last = t
	c.mu.Unlock()
	return c.TCPConn.SetWriteDeadline(t)
}

// deadlines returns the first deadline that was set, and the last one.
func (c *armedTCP) deadlines() (first, last time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.first, c.last
}

func newPassage(t *testing.T) *passage {
	p := &passage{wants: true, bound: testkit.WaitLimit}
	p.sender, p.from = sockets(t)
	to, receiver := sockets(t)
	p.to, p.receiver = &armedTCP{TCPConn: to}, receiver
	t.Cleanup(func() {
		if idle, made := len(idlePipes), madePipes.Load(); idle != int(made) {
			t.Errorf("%d pipes were made, %d are idle", made, idle)
		}
	})
	return p
}

func (p *passage) source() CountReader { return CountReader{p.from, &p.read} }

func (p *passage) Write(b []byte) (int, error) {
	if err := p.by.Allow(p.to, p.bound); err != nil {
		return 0, err
	}
	n, err := p.to.Write(b)
	p.sent.Add(int64(n))
	return n, err
}

func (p *passage) TakesPipe() bool { return p.wants }

func (p *passage) WritePipe(pipe *Pipe) error {
	p.piped += pipe.Len()
	return pipe.Send(p.to, &p.by, p.bound, &p.sent)
}

// sends sends data, and closes the connection if ends is set.
func (p *passage) sends(data string, ends bool) {
	go func() {
		io.WriteString(p.sender, data)
		if ends {
			p.sender.CloseWrite()
		}
	}()
}

// received returns what comes at the other end, until that is closed.
func (p *passage) received() <-chan []byte {
	all := make(chan []byte, 1)
	go func() {
		got, _ := io.ReadAll(p.receiver)
		all <- got
	}()
	return all
}

// text returns n bytes that do not repeat.
func text(n int) string {
	random := rand.New(rand.NewPCG(1, uint64(n)))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return string(b)
}

var pipedSizes = []struct {
	size    int
	isPiped bool
}{
	{0, false}, {1, false}, {40_000, false}, {minPiped - 1, false}, {minPiped + bufferSize, true},
	{1 << 20, true}, {3<<20 + 7, true},
}

// The bytes are the same, whichever way they pass.
func TestLiteralsInPipes(t *testing.T) {
	for _, tt := range pipedSizes {
		for _, wants := range []bool{true, false} {
			name := strconv.Itoa(tt.size)
			if !wants {
				name += " unwanted"
			}
			literal := text(tt.size)
			check := func(t *testing.T, p *passage, all string, got []byte) {
				t.Helper()
				if p.read.Load() != int64(len(all)) || p.sent.Load() != int64(len(got)) {
					t.Errorf("%d bytes counted as read of %d, %d as sent of %d", p.read.Load(), len(all), p.sent.Load(), len(got))
				}
				if most := int64(max(0, tt.size-MaxTail)); (p.piped > 0) != (tt.isPiped && wants) || p.piped > most {
					t.Errorf("%d bytes in pipes, at most %d can be", p.piped, most)
				}
			}
			t.Run("command "+name, func(t *testing.T) {
				p := newPassage(t)
				p.wants = wants
				all := "a1 APPEND x {9}\r\n" + literal + "\r\na2 NOOP\r\n"
				p.sends(all, true)
				received := p.received()
				r := NewCommandReader(p.source())
				if line, err := r.ReadLine(MaxLine); err != nil || string(line) != "a1 APPEND x {9}" {
					t.Fatalf("%q, %v", line, err)
				}
				if left, err := r.WriteLiteral(p, int64(tt.size)); left != 0 || err != nil {
					t.Fatalf("%d left, %v", left, err)
				}
				for _, want := range []string{"", "a2 NOOP"} {
					if line, err := r.ReadLine(MaxLine); err != nil || string(line) != want {
						t.Errorf("%q and %v, want %q", line, err, want)
					}
				}
				p.to.CloseWrite()
				got := <-received
				if string(got) != literal {
					t.Errorf("%d bytes, not the %d that were sent", len(got), tt.size)
				}
				check(t, p, all, got)
			})
			t.Run("response "+name, func(t *testing.T) {
				p := newPassage(t)
				p.wants = wants
				all := "* 1 FETCH (BODY[] {" + strconv.Itoa(tt.size) + "}\r\n" + literal + ")\r\na1 OK done\r\n"
				p.sends(all, true)
				received := p.received()
				r := NewResponseReader(p.source())
				if err := p.relays(r); err != io.EOF || r.IsInside() {
					t.Fatalf("%v", err)
				}
				p.to.CloseWrite()
				got := <-received
				if string(got) != all {
					t.Errorf("%d bytes, not the %d that were sent", len(got), len(all))
				}
				check(t, p, all, got)
			})
		}
	}
}

// errTo is an error of the receiver's side.
type errTo struct{ error }

// relays passes responses until an error.
func (p *passage) relays(r *ResponseReader) error {
	for {
		for f, ok := r.Scan(); ok; f, ok = r.Scan() {
			if _, err := p.Write(f.Data); err != nil {
				return errTo{err}
			}
		}
		isPiped, err := r.Pipe(p)
		switch {
		case isPiped && err != nil:
			return errTo{err}
		case !isPiped && err == nil:
			err = r.Fill()
		}
		if err != nil {
			return err
		}
	}
}

// What ends the passage in the middle of a literal is known by its side. Nothing is lost but what was on its way
// to a receiver that has failed.
func TestPipesThatAreCut(t *testing.T) {
	const size = 8 << 20 // more than sockets hold
	literal := text(size)
	tests := map[string]struct {
		sent     int                        // bytes of the literal
		prepare  func(p *passage, sent int) // sent: all bytes that the source sends
		isSource bool                       // the source has failed
		is       error
	}{
		"the source ends":     {400_000, func(*passage, int) {}, true, io.EOF},
		"the source is reset": {0, func(p *passage, _ int) { p.sender.SetLinger(0); p.sender.Close() }, true, syscall.ECONNRESET},
		"the source stops": {
			400_000, func(p *passage, sent int) {
				go func() {
					for p.read.Load() < int64(sent) {
						time.Sleep(time.Millisecond)
					}
					p.from.SetReadDeadline(time.Now())
				}()
			}, true, os.ErrDeadlineExceeded,
		},
		"the receiver is closed": {size, func(p *passage, _ int) { p.to.Close() }, false, net.ErrClosed},
		"the receiver is reset": {
			size, func(p *passage, _ int) { p.receiver.SetLinger(0); p.receiver.Close() }, false, nil, // EPIPE or ECONNRESET
		},
		"the receiver stops": {size, func(p *passage, _ int) { p.bound = 50 * time.Millisecond }, false, os.ErrDeadlineExceeded},
	}
	for name, tt := range tests {
		t.Run("command, "+name, func(t *testing.T) {
			p, sent := newPassage(t), tt.sent
			r := NewCommandReader(p.source())
			if sent == size {
				p.sends(literal+"\r\na2 NOOP\r\n", true)
			} else {
				p.sends(literal[:sent], tt.is == io.EOF)
			}
			tt.prepare(p, sent)
			var received <-chan []byte
			if tt.isSource {
				received = p.received()
			}
			left, err := r.WriteLiteral(p, size)
			var source *ReadError
			if errors.As(err, &source) != tt.isSource || !errors.Is(err, tt.is) && tt.is != nil && tt.is != io.EOF {
				t.Fatalf("error %v", err)
			}
			if tt.is == io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("error %v, want an end that was not expected", err)
			}
			if !tt.isSource {
				// What the sender sends after the literal is found.
				if left, err := r.WriteLiteral(io.Discard, left); left != 0 || err != nil {
					t.Fatalf("%d left, %v", left, err)
				}
				for _, want := range []string{"", "a2 NOOP"} {
					if line, err := r.ReadLine(MaxLine); err != nil || string(line) != want {
						t.Errorf("%q and %v, want %q", line, err, want)
					}
				}
				return
			}
			if left != int64(size-sent) {
				t.Errorf("%d left, want %d", left, size-sent)
			}
			if tt.is == os.ErrDeadlineExceeded { // the passage goes on
				p.from.SetReadDeadline(time.Time{})
				p.sends(literal[sent:], true)
				sent = size
				if left, err := r.WriteLiteral(p, left); left != 0 || err != nil {
					t.Errorf("%d left, %v", left, err)
				}
			}
			p.to.CloseWrite()
			if got := <-received; string(got) != literal[:sent] {
				t.Errorf("%d bytes, not the %d that were sent", len(got), sent)
			}
		})
		t.Run("response, "+name, func(t *testing.T) {
			p := newPassage(t)
			r := NewResponseReader(p.source())
			announced := "* 1 FETCH (BODY[] {" + strconv.Itoa(size) + "}\r\n"
			if tt.sent > 0 {
				p.sends(announced+literal[:tt.sent], tt.is == io.EOF)
			}
			tt.prepare(p, len(announced)+tt.sent)
			var received <-chan []byte
			if tt.isSource {
				received = p.received()
			}
			err := p.relays(r)
			var to errTo
			if errors.As(err, &to) == tt.isSource || !errors.Is(err, tt.is) && !(errors.As(err, &to) && errors.Is(to.error, tt.is)) && tt.is != nil {
				t.Fatalf("error %v", err)
			}
			if !tt.isSource {
				return
			}
			want := announced + literal[:tt.sent]
			if tt.sent == 0 {
				want = ""
			}
			if tt.is == os.ErrDeadlineExceeded { // the passage goes on
				p.from.SetReadDeadline(time.Time{})
				p.sends(literal[tt.sent:]+")\r\n", true)
				want = announced + literal + ")\r\n"
				if err := p.relays(r); err != io.EOF {
					t.Errorf("error %v", err)
				}
			}
			p.to.CloseWrite()
			if got := <-received; string(got) != want {
				t.Errorf("%d bytes, not the %d that were sent", len(got), len(want))
			}
		})
	}
}

// A receiver that is slow, but not silent, gets everything.
func TestPipesToASlowReceiver(t *testing.T) {
	p := newPassage(t)
	p.bound = 2 * time.Second
	p.to.SetWriteBuffer(64 << 10)
	p.receiver.SetReadBuffer(64 << 10)
	literal := text(8 << 20)
	p.sends(literal, true)
	written := make(chan error, 1)
	go func() {
		_, err := NewCommandReader(p.source()).WriteLiteral(p, int64(len(literal)))
		p.to.CloseWrite()
		written <- err
	}()
	var got bytes.Buffer
	take := func(n int64) error {
		_, err := io.CopyN(&got, p.receiver, n)
		return err
	}
	// Each piece is taken when a quarter of the sender's time is gone, and gives it the whole time again, until the time
	// that it had at first is over.
	for isOver := false; !isOver; {
		testkit.Eventually(t, "a quarter of the sender's time is gone", func() bool {
			_, last := p.to.deadlines()
			return !last.IsZero() && time.Until(last) < p.bound-p.bound/4
		})
		if err := take(256 << 10); err != nil { // as much as the sockets hold: the sender writes more
			t.Fatalf("after %d bytes: %v", got.Len(), err)
		}
		testkit.Eventually(t, "the sender has its time again", func() bool {
			first, last := p.to.deadlines()
			isOver = time.Now().After(first)
			return time.Until(last) >= p.bound-p.bound/4 || len(written) > 0
		})
	}
	if sent := p.sent.Load(); sent == int64(len(literal)) {
		t.Error("everything was sent within the first deadline")
	}
	if err := take(int64(len(literal) - got.Len())); err != nil {
		t.Errorf("after %d bytes: %v", got.Len(), err)
	}
	if err := <-written; err != nil || got.String() != literal || p.piped == 0 {
		t.Errorf("%d bytes of %d, %v; %d bytes in pipes", got.Len(), len(literal), err, p.piped)
	}
}

// Without a pipe, the bytes pass by the buffer.
func TestLiteralsWithoutPipes(t *testing.T) {
	var taken []*Pipe
	for p := openPipe(); p != nil; p = openPipe() {
		taken = append(taken, p)
	}
	if len(taken) != maxPipes {
		t.Errorf("%d pipes, want %d", len(taken), maxPipes)
	}
	giveBack := func() {
		for _, p := range taken {
			p.close()
		}
		taken = nil
	}
	defer giveBack()
	literal := strings.Repeat("0123456789abcdef", 1<<16)
	p := newPassage(t)
	p.sends(literal, true)
	received := p.received()
	if left, err := NewCommandReader(p.source()).WriteLiteral(p, int64(len(literal))); left != 0 || err != nil {
		t.Errorf("%d left, %v", left, err)
	}
	p.to.CloseWrite()
	if got := <-received; string(got) != literal || p.piped > 0 {
		t.Errorf("%d bytes of %d, %d in pipes", len(got), len(literal), p.piped)
	}
}
