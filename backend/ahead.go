package backend

import (
	"bytes"
	"fmt"
	"net"
)

// maxLine is the maximum length of a line before the login.
const maxLine = 8 << 10

// ahead reads the first lines of a connection. Read first returns the bytes that
// line has read beyond its line.
type ahead struct {
	net.Conn
	rest []byte
}

// Read implements net.Conn.
func (a *ahead) Read(p []byte) (int, error) {
	if len(a.rest) == 0 {
		return a.Conn.Read(p)
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

// line reads a line, including its line end.
func (a *ahead) line() ([]byte, error) {
	for seen := 0; ; {
		if end := bytes.IndexByte(a.rest[seen:], '\n') + 1; end > 0 {
			line := a.rest[:seen+end]
			a.rest = a.rest[seen+end:]
			return line, nil
		}
		if seen = len(a.rest); seen >= maxLine {
			return nil, fmt.Errorf("the server sent a line of more than %d bytes", maxLine)
		}
		var more [512]byte
		n, err := a.Conn.Read(more[:])
		a.rest = append(a.rest, more[:n]...)
		if err != nil && n == 0 {
			return nil, err
		}
	}
}

// conn returns the connection for its next reader, without a if it holds no bytes.
func (a *ahead) conn() net.Conn {
	if len(a.rest) == 0 {
		return a.Conn
	}
	return a
}
