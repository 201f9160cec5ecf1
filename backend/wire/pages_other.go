//go:build !linux

package wire

// canGiveBack says that returnPages does nothing: Windows cannot take back a part of what it gave.
const canGiveBack = false

func returnPages([]byte) int { return 0 }
