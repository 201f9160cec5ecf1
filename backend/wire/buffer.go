package wire

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

// bufferSize is the size of a buffer in bytes. It limits the length of a line that
// is returned in one piece, and the size of one read.
const bufferSize = 64 << 10

// pool has the buffers that no connection uses, for all gateways of the process: they are scratch memory, and no
// setting concerns them.
var pool = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// errFull is the error of a fill when the whole buffer has bytes that were not
// taken.
var errFull = errors.New("the read buffer is full")

// buffer has the bytes that were read from src and not yet taken: mem[r:w].
type buffer struct {
	src  io.Reader
	mem  *[bufferSize]byte // nil while nothing is buffered
	r, w int
	// small receives the first bytes after a wait. Most commands, and most
	// replies other than those of FETCH, fit into it.
	small [256]byte
}

// bytes returns the buffered bytes without taking them.
func (b *buffer) bytes() []byte {
	if b.mem == nil {
		return nil
	}
	return b.mem[b.r:b.w]
}

// take removes the first n bytes from the buffer and returns them. They are valid
// until the next fill. The capacity of the slice extends over the bytes that remain
// buffered.
func (b *buffer) take(n int) []byte {
	p := b.mem[b.r : b.r+n : b.w]
	b.r += n
	return p
}

// fill reads more bytes from src. If nothing is buffered and isIdle is set, it
// waits without a buffer from the pool, since most connections are idle. (Go has
// no portable way to ask whether a connection is readable, in particular with
// TLS.)
func (b *buffer) fill(isIdle bool) error {
	if b.r == b.w {
		b.r, b.w = 0, 0
		if isIdle {
			b.release()
			n, err := b.read(b.small[:])
			if n > 0 {
				b.acquire()
				b.w = copy(b.mem[:], b.small[:n])
				b.gather(n == len(b.small))
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
	isFilled := b.w+n == bufferSize
	b.w += n
	b.gather(isFilled)
	return err
}

// gather reads on as long as src has more without a wait, as TLS has after its first record: what
// is taken together is written together. isFilled says that the last read has filled its slice.
func (b *buffer) gather(isFilled bool) {
	src, ok := b.src.(readyReader)
	for ok && b.w < bufferSize {
		n := src.ReadReady(b.mem[b.w:], isFilled)
		if n == 0 {
			return
		}
		b.w += n
		isFilled = false // but for the last record, which fits
	}
}

// readyReader is a Reader that tells what it has without a wait, as TLS does.
type readyReader interface {
	ReadReady(p []byte, isFilled bool) (n int)
}

// read reads at least one byte into p, unless it returns an error.
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

// maxEmptyReads is the number of successive reads that may return neither a byte
// nor an error, as in package bufio.
const maxEmptyReads = 100

// acquire takes a buffer from the pool, unless b has one.
func (b *buffer) acquire() {
	if b.mem == nil {
		b.mem = pool.Get().(*[bufferSize]byte)
	}
}

// release returns the buffer to the pool. The buffered bytes are lost, and the
// slices that take returned are invalid.
func (b *buffer) release() {
	if b.mem != nil {
		pool.Put(b.mem)
		b.mem, b.r, b.w = nil, 0, 0
	}
}

// CountReader counts the bytes that are read from a Reader. Other goroutines may
// read the count at any time.
type CountReader struct {
	io.Reader
	N *atomic.Int64 // bytes read so far
}

// Read implements io.Reader.
func (r CountReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.N.Add(int64(n))
	return n, err
}

// ReadReady reads what Reader has without a wait, if it can tell.
func (r CountReader) ReadReady(p []byte, isFilled bool) int {
	src, ok := r.Reader.(readyReader)
	if !ok {
		return 0
	}
	n := src.ReadReady(p, isFilled)
	r.N.Add(int64(n))
	return n
}
