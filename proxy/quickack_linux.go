package proxy

import (
	"net"
	"syscall"
)

// quickAck makes the kernel acknowledge at once what was read from a client.
// Python's imaplib writes a literal and the CRLF after it apart, with Nagle's
// algorithm on, so the client's kernel sends the CRLF only after an
// acknowledgement. Without quickAck each APPEND would take 40 ms longer, the time
// of a delayed acknowledgement. A failure costs only that time.
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
