package proxy

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"

	"exgate/backend/testkit"
)

func TestProxiedConnReads(t *testing.T) {
	for _, sent := range []string{"", "a1 NOOP\r\n", strings.Repeat("a1 NOOP\r\n", 5000)} {
		testkit.Reader(t, sent, sent, func(r io.Reader) io.Reader {
			c := &proxiedConn{Conn: testkit.ReaderConn{Reader: r}, ahead: bufio.NewReaderSize(r, maxProxyHeader)}
			c.ahead.Peek(1) // as the reader of the header leaves it
			return c
		})
	}
}

func TestLaneConnReads(t *testing.T) {
	for _, command := range []string{"", "T LOGIN a b\r\n", "T APPEND INBOX {5}\r\nhello\r\n"} {
		testkit.Reader(t, "", command, func(io.Reader) io.Reader {
			s := &shot{c: new(conn), in: bytes.NewReader([]byte(command)), done: make(chan struct{})}
			s.replied.Store(true) // and no other command is to come
			return &laneConn{shot: s}
		})
	}
}
