//go:build linux || darwin

package control

import (
	"net"
	"os"
)

// isOurs reports whether the process at the other end runs as this user, or as root.
func isOurs(nc net.Conn) bool {
	raw, err := nc.(*net.UnixConn).SyscallConn()
	if err != nil {
		return false
	}
	var uid uint32
	var askErr error
	err = raw.Control(func(fd uintptr) { uid, askErr = peerUID(int(fd)) })
	return err == nil && askErr == nil && (uid == 0 || int(uid) == os.Geteuid())
}
