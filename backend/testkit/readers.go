package testkit

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// Reader checks a reader of what comes from sent, which open makes anew for each way in which that can
// come: it must return want in pieces of any size and then io.EOF, and never nothing without an error.
// A caller who reads until there is something would else read for ever.
func Reader(tb testing.TB, sent, want string, open func(sent io.Reader) io.Reader) {
	tb.Helper()
	for _, way := range []struct {
		name string
		of   func(io.Reader) io.Reader
	}{
		{"whole", func(r io.Reader) io.Reader { return r }},
		{"by bytes", iotest.OneByteReader},
		{"by halves", iotest.HalfReader},
		{"data with EOF", func(r io.Reader) io.Reader { return asking{iotest.DataErrReader(r)} }},
	} {
		r := progressing{open(way.of(strings.NewReader(sent)))}
		if err := iotest.TestReader(r, []byte(want)); err != nil {
			tb.Errorf("%s: %v", way.name, err)
		}
		got, err := io.ReadAll(iotest.OneByteReader(progressing{open(way.of(strings.NewReader(sent)))}))
		if err != nil || string(got) != want {
			tb.Errorf("%s, read by bytes: %.200q, %v; want %.200q", way.name, got, err, want)
		}
	}
}

// progressing is a reader that must not return nothing without an error.
type progressing struct{ io.Reader }

// Read implements io.Reader.
func (r progressing) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n == 0 && err == nil && len(p) > 0 {
		return 0, errors.New("a reader returned 0, nil")
	}
	return n, err
}

// asking leaves reads of nothing out, for which iotest.DataErrReader has no end.
type asking struct{ io.Reader }

// Read implements io.Reader.
func (r asking) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	return r.Reader.Read(p)
}

// ReaderConn is a connection that reads from Reader, and can be closed.
type ReaderConn struct {
	net.Conn // nil
	Reader   io.Reader
}

// Read implements net.Conn.
func (c ReaderConn) Read(p []byte) (int, error) { return c.Reader.Read(p) }

// Close implements net.Conn.
func (ReaderConn) Close() error { return nil }

// SetReadDeadline implements net.Conn.
func (ReaderConn) SetReadDeadline(time.Time) error { return nil }
