package proxy

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// arrivals returns a function that reports whether the machine of a client has acknowledged
// all that was written to the client; nil if that is not known. A load balancer acknowledges
// in place of its client.
func arrivals(nc net.Conn) func() bool {
	tcp, ok := nc.(syscall.Conn)
	if _, isProxied := nc.(*proxiedConn); isProxied || !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	return func() bool {
		waiting, err := 0, error(nil)
		closed := raw.Control(func(fd uintptr) { waiting, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
		return closed == nil && err == nil && waiting == 0
	}
}
