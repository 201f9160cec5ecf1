package wire

import "net"

// PipeWriter is a Writer of literals that need not see their bytes. Those of a long literal may come to it
// in a Pipe, from one TCP socket to another.
type PipeWriter interface {
	// TakesPipe reports whether the bytes that come next may come in a pipe.
	TakesPipe() bool
	// WritePipe writes all that is in the pipe.
	WritePipe(p *Pipe) error
}

const (
	// minPiped is the shortest rest of a literal that passes by a pipe. A shorter one takes no less of
	// the processor so.
	minPiped = 128 << 10
	// MaxTail is the longest end of a literal that can be written with the line behind it, in bytes: as much
	// as a record of TLS has. It passes by the buffer.
	MaxTail = 16 << 10
)

// IsBare reports whether nc is a TCP socket with nothing over it, to which a pipe can be sent.
func IsBare(nc net.Conn) bool {
	_, ok := nc.(*net.TCPConn)
	return ok
}

// pipe moves bytes from src to w by a pipe, if the literal that is being read has so many bytes left that
// this pays, both ends allow it, and nothing is buffered. n is the number of bytes that it has read, and an
// error is that of w. If n is 0, the error is that of src, and without one the caller reads into the buffer.
func (b *buffer) pipe(w any, left int64) (n int64, err error) {
	to, ok := w.(PipeWriter)
	if !ok || left < minPiped || b.r < b.w || !to.TakesPipe() {
		return 0, nil
	}
	src, _ := b.src.(CountReader)
	nc, ok := src.Reader.(*net.TCPConn)
	if !ok {
		return 0, nil
	}
	p, err := readPipe(nc, left-MaxTail)
	if p == nil {
		return 0, err
	}
	defer p.close()
	n = p.Len()
	src.N.Add(n)
	return n, to.WritePipe(p)
}
