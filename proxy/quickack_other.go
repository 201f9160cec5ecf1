//go:build !linux

package proxy

import "net"

// quickAck does nothing: TCP_QUICKACK exists on Linux only.
func quickAck(net.Conn) {}
