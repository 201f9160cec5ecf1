package wire

import (
	"crypto/tls"
	"net"
	"sync/atomic"
)

// TLS is a connection under TLS. It reads and writes its socket in pieces of several records,
// where a tls.Conn makes a system call for each record.
type TLS struct {
	*tls.Conn
	records *records
	flushes atomic.Bool // Write waits for the socket
}

// NewTLS puts nc under TLS. under is tls.Client or tls.Server.
func NewTLS(nc net.Conn, under func(net.Conn, *tls.Config) *tls.Conn, config *tls.Config) *TLS {
	r := &records{Conn: nc}
	return &TLS{Conn: under(r, config), records: r}
}

// maxRecord is the most data that one record has (RFC 8446 section 5.1).
const maxRecord = 16 << 10

// maxGathered is the most data that is encrypted before it is written.
const maxGathered = 4 * maxRecord

// Write implements net.Conn.
func (t *TLS) Write(p []byte) (n int, err error) {
	for {
		piece := p[n:min(len(p), n+maxGathered)]
		written, err := t.writePiece(piece)
		if n += written; err != nil || n == len(p) {
			return n, err
		}
	}
}

func (t *TLS) writePiece(p []byte) (n int, err error) {
	if len(p) <= maxRecord {
		return t.Conn.Write(p)
	}
	t.records.gather()
	n, err = t.Conn.Write(p)
	t.flushes.Store(true)
	defer t.flushes.Store(false)
	if flushErr := t.records.flush(); err == nil {
		err = flushErr
	}
	return n, err
}

// Close implements net.Conn. A tls.Conn closes the socket at once if a Write waits for it, and
// otherwise says goodbye first. It does not know of a flush.
func (t *TLS) Close() error {
	if t.flushes.Load() {
		t.records.Conn.Close()
	}
	return t.Conn.Close()
}

// ReadReady reads what has come already, and waits for nothing. n is 0 if there is nothing. An
// error is left to the next Read. The caller has called Read, which has filled its slice or not.
func (t *TLS) ReadReady(p []byte, isFilled bool) (n int) {
	if !isFilled && !t.records.isAhead() {
		return 0
	}
	t.records.isHasty = true
	n, _ = t.Conn.Read(p)
	t.records.isHasty = false
	return n
}
