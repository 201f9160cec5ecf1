package wire

import (
	"encoding/binary"
	"net"
	"sync"
)

// recordHeader is the size of the header of a record: its type, a version and its length
// (RFC 8446 section 5.1).
const recordHeader = 5

// records is the socket under a tls.Conn. It reads several records at once and hands them on one
// by one. The buffer of a tls.Conn, which it never gives back, thus grows to one record: with a part
// of the next record in it, it would grow to two.
type records struct {
	net.Conn

	// The reader of the connection uses these.
	small   [512]byte         // receives the first bytes after a wait
	mem     *[bufferSize]byte // from the pool; nil: the bytes ahead are in small
	r, w    int               // the bytes ahead: what was read and not handed on
	header  [recordHeader]byte
	seen    int  // bytes of the header that were handed on
	left    int  // bytes of the record that were not handed on
	isHasty bool // Read fails rather than waits
	lent    lent // the slice that Read got, while it waits for a record

	mu       sync.Mutex
	gathers  bool // Write keeps what it gets until flush
	gathered *gathered
	held     []byte // what Write keeps
	err      error  // of a write: what comes after it would be no record
}

// gathered has room for maxGathered bytes as records.
type gathered [4*(maxRecord+recordHeader) + 1024]byte

// gatheredPool has the memory of connections that write nothing.
var gatheredPool = sync.Pool{New: func() any { return new(gathered) }}

// errNotReady is the error of a hasty read. A tls.Conn takes it for a deadline, after which
// it can read on.
var errNotReady net.Error = notReady{}

type notReady struct{}

func (notReady) Error() string   { return "nothing has come yet" }
func (notReady) Timeout() bool   { return true }
func (notReady) Temporary() bool { return true }

// Read implements net.Conn. It ends where a header or a record ends.
func (c *records) Read(p []byte) (int, error) {
	if c.r == c.w {
		if err := c.fill(p); err != nil {
			return 0, err
		}
	}
	n := c.left
	if n == 0 {
		n = recordHeader - c.seen
	}
	n = copy(p[:min(n, len(p))], c.ahead())
	c.note(p[:n])
	if c.r += n; c.r == c.w && c.mem != nil {
		pool.Put(c.mem)
		c.mem = nil
	}
	return n, nil
}

// note takes the place in the record that handing on p leads to.
func (c *records) note(p []byte) {
	if c.left > 0 {
		c.left -= len(p)
		return
	}
	if c.seen += copy(c.header[c.seen:], p); c.seen == recordHeader {
		c.seen, c.left = 0, int(binary.BigEndian.Uint16(c.header[3:]))
	}
}

// fill reads the socket. In the middle of a record it uses a buffer of the pool, and before one it
// waits without. p is what Read got.
func (c *records) fill(p []byte) (err error) {
	if c.isHasty {
		return errNotReady
	}
	c.r, c.w = 0, 0
	switch {
	case c.left == 0:
		c.w, err = c.lent.readWith(p, c.Conn, c.small[:])
	case c.left <= len(c.small):
		c.w, err = c.Conn.Read(c.small[:])
	default:
		c.mem = pool.Get().(*[bufferSize]byte)
		c.w, err = c.Conn.Read(c.mem[:])
	}
	if c.w > 0 {
		return nil // the error comes again
	}
	if c.mem != nil {
		pool.Put(c.mem)
		c.mem = nil
	}
	return err
}

func (c *records) ahead() []byte {
	if c.mem != nil {
		return c.mem[c.r:c.w]
	}
	return c.small[c.r:c.w]
}

// isAhead reports whether bytes have been read that the tls.Conn does not have.
func (c *records) isAhead() bool { return c.r < c.w }

// gather begins to keep what is written, until flush. The reader of a tls.Conn writes, too, an
// alert for instance: its records keep their order.
func (c *records) gather() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gathers = true
	c.gathered = gatheredPool.Get().(*gathered)
	c.held = c.gathered[:0]
}

// flush writes what was kept.
func (c *records) flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.writeHeld()
	gatheredPool.Put(c.gathered)
	c.gathers, c.gathered, c.held = false, nil, nil
	return err
}

// Write implements net.Conn.
func (c *records) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gathers && len(p) <= cap(c.held)-len(c.held) {
		c.held = append(c.held, p...)
		return len(p), c.err
	}
	if err := c.writeHeld(); err != nil {
		return 0, err
	}
	return c.write(p)
}

// writeHeld writes what is kept. c.mu is held.
func (c *records) writeHeld() error {
	if len(c.held) > 0 {
		c.write(c.held)
		c.held = c.held[:0]
	}
	return c.err
}

// write writes to the socket, unless a write has failed. c.mu is held.
func (c *records) write(p []byte) (n int, err error) {
	if c.err != nil {
		return 0, c.err
	}
	n, c.err = c.Conn.Write(p)
	return n, c.err
}
