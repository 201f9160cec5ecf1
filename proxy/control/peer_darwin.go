package control

import "golang.org/x/sys/unix"

// peerUID returns the user that the process at the other end of a socket runs as.
func peerUID(fd int) (uint32, error) {
	peer, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return 0, err
	}
	return peer.Uid, nil
}
