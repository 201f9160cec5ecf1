//go:build !linux

package wire

import (
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// Pipe exists on Linux only. Elsewhere readPipe returns none, and all bytes pass by the buffer.
type Pipe struct{}

// Len returns 0.
func (*Pipe) Len() int64 { return 0 }

// Send fails.
func (*Pipe) Send(net.Conn, *WriteDeadline, time.Duration, *atomic.Int64) error {
	return errors.ErrUnsupported
}

func (*Pipe) close() {}

func readPipe(*net.TCPConn, int64) (*Pipe, error) { return nil, nil }
