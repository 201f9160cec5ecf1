package wire

import (
	"errors"
	"io"
	"sync"
)

// bufferSize bounds a line that is taken in one piece, and is what one read of
// a busy connection brings.
const bufferSize = 64 << 10

var pool = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// errFull says that the buffer holds bufferSize bytes that nobody took.
var errFull = errors.New("buffer full")

// buffer holds the bytes that were read from src and not taken yet.
type buffer struct {
	src  io.Reader
	mem  *[bufferSize]byte // nil while nothing is buffered
	r, w int
	one  [1]byte
}

func (b *buffer) bytes() []byte {
	if b.mem == nil {
		return nil
	}
	return b.mem[b.r:b.w]
}

// take consumes n buffered bytes. They stay valid until the next fill.
func (b *buffer) take(n int) []byte {
	p := b.mem[b.r : b.r+n]
	b.r += n
	return p
}

// fill reads more. When nothing is buffered and idle is set, it waits with a
// single byte and no buffer: an idle connection costs no buffer, at the price
// of one more read when it wakes. (With TLS that read takes what is decrypted
// already; there is no portable way to ask whether a connection is readable.)
func (b *buffer) fill(idle bool) error {
	if b.r == b.w {
		b.r, b.w = 0, 0
		if idle {
			b.release()
			n, err := io.ReadFull(b.src, b.one[:])
			if n == 0 {
				return err
			}
			b.acquire()
			b.mem[0], b.w = b.one[0], 1
			return nil
		}
	}
	b.acquire()
	if b.w == bufferSize {
		if b.r == 0 {
			return errFull
		}
		b.w = copy(b.mem[:], b.mem[b.r:b.w])
		b.r = 0
	}
	for range 100 {
		n, err := b.src.Read(b.mem[b.w:])
		b.w += n
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

func (b *buffer) acquire() {
	if b.mem == nil {
		b.mem = pool.Get().(*[bufferSize]byte)
	}
}

// release gives the buffer back. What it held is gone, and so are the slices
// that take returned.
func (b *buffer) release() {
	if b.mem != nil {
		pool.Put(b.mem)
		b.mem, b.r, b.w = nil, 0, 0
	}
}
