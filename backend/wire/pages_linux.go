package wire

import (
	"os"

	"golang.org/x/sys/unix"
)

// canGiveBack says that returnPages does something here.
const canGiveBack = true

// pageSize is the size of a page. No less can be returned.
var pageSize = os.Getpagesize()

// objectStep divides the address of every object that the Go runtime makes of 8 KiB or more.
const objectStep = 128

// returnPages returns the whole pages in p to the system, and thereby overwrites them with zeros. It
// returns the number of bytes. The system refuses an address where no page begins, and madvise (2)
// would go on to the end of a page: so the number of bytes is that of whole pages.
func returnPages(p []byte) int {
	for begin := 0; begin < pageSize; begin += objectStep {
		whole := (len(p) - begin) / pageSize * pageSize
		if whole <= 0 {
			return 0
		}
		if unix.Madvise(p[begin:begin+whole], unix.MADV_DONTNEED) == nil {
			return whole
		}
	}
	return 0
}
