package control

import (
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// isOurs reports whether the process at the other end runs as this user, or as root.
func isOurs(nc net.Conn) bool {
	raw, err := nc.(*net.UnixConn).SyscallConn()
	if err != nil {
		return false
	}
	var peer *unix.Xucred
	var askErr error
	err = raw.Control(func(fd uintptr) {
		peer, askErr = unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	})
	return err == nil && askErr == nil && (peer.Uid == 0 || int(peer.Uid) == os.Geteuid())
}
