package wire

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

// bufferSize is the maximum length of a line that is taken in one piece, and the size of
// one read of a busy connection.
const bufferSize = 64 << 10

var pool = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// errFull says that the buffer is full: it holds bufferSize bytes.
var errFull = errors.New("the read buffer is full")

// buffer holds the bytes that were read from src and have not been taken.
type buffer struct {
	src  io.Reader
	mem  *[bufferSize]byte // nil while nothing is buffered
	r, w int
	// small is what a connection waits with: it takes most commands, and most
	// replies but those of FETCH, in one read.
	small [256]byte
}

func (b *buffer) bytes() []byte {
	if b.mem == nil {
		return nil
	}
	return b.mem[b.r:b.w]
}

// take consumes n buffered bytes. They stay valid until the next fill. So does the rest of
// the buffer, which follows them up to their capacity.
func (b *buffer) take(n int) []byte {
	p := b.mem[b.r : b.r+n : b.w]
	b.r += n
	return p
}

// fill reads more. When nothing is buffered and idle is set, it waits without
// a buffer from the pool, since most connections idle. (There is no portable
// way to ask whether a connection is readable, under TLS least of all.)
func (b *buffer) fill(idle bool) error {
	if b.r == b.w {
		b.r, b.w = 0, 0
		if idle {
			b.release()
			n, err := b.read(b.small[:])
			if n > 0 {
				b.acquire()
				b.w = copy(b.mem[:], b.small[:n])
			}
			return err
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
	n, err := b.read(b.mem[b.w:])
	b.w += n
	return err
}

// read reads at least one byte into p.
func (b *buffer) read(p []byte) (n int, err error) {
	for range maxEmptyReads {
		if n, err = b.src.Read(p); n > 0 {
			return n, nil
		} else if err != nil {
			return 0, err
		}
	}
	return 0, io.ErrNoProgress
}

// maxEmptyReads is the number of empty reads that a Reader may return, as in bufio.
const maxEmptyReads = 100

func (b *buffer) acquire() {
	if b.mem == nil {
		b.mem = pool.Get().(*[bufferSize]byte)
	}
}

// release returns the buffer to the pool. Its contents, and the slices that take has
// returned, are then invalid.
func (b *buffer) release() {
	if b.mem != nil {
		pool.Put(b.mem)
		b.mem, b.r, b.w = nil, 0, 0
	}
}

// CountReader counts the bytes that are read through it. Other goroutines may read the
// count meanwhile.
type CountReader struct {
	io.Reader
	N *atomic.Int64 // bytes
}

// Read implements io.Reader.
func (r CountReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.N.Add(int64(n))
	return n, err
}
