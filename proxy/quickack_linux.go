package proxy

import (
	"net"
	"syscall"
)

// quickAck acknowledges at once what has been read from a client. One that
// leaves Nagle's algorithm on and writes a literal and the line end after it
// apart (Python's imaplib does) sends the second only then: each APPEND would
// take the 40 ms of a delayed acknowledgement. A failure costs only that time.
func quickAck(nc net.Conn) {
	tcp, ok := nc.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) {
		syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
	})
}
