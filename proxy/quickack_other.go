//go:build !linux

package proxy

import "net"

// quickAck is for Linux alone; elsewhere a client that leaves Nagle's algorithm
// on waits for a delayed acknowledgement.
func quickAck(net.Conn) {}
