//go:build unix

package config

import (
	"io/fs"
	"syscall"
)

// ownedByRoot tells whether a file is root's.
func ownedByRoot(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Uid == 0
}
