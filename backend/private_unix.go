//go:build unix

package backend

import (
	"io/fs"
	"os"
	"syscall"
)

// ownerOf returns the owner and the group of a file, and reports whether the file is root's.
func ownerOf(info fs.FileInfo) (uid, gid int, isRoots bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return int(stat.Uid), int(stat.Gid), stat.Uid == 0
}

// writesAsRoot reports whether new files would belong to root.
func writesAsRoot() bool { return os.Geteuid() == 0 }
