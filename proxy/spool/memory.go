package spool

import (
	"math/bits"
	"sync"
)

// The memory of spools is used again: made anew for each message, it would keep
// the collector busy for as long as the messages themselves take.
const (
	leastSpoolMemory = 8 << 10 // what is less is not worth keeping
	spoolMemorySizes = 6       // 8 KiB, 16, … 256 KiB: DefaultSpoolMemory
)

var spoolMemory [spoolMemorySizes]sync.Pool // by size, each twice the one before

// sizeClass is the index in spoolMemory of the least memory for n bytes; ok is
// false where none is kept.
func sizeClass(n int64) (class int, ok bool) {
	if n < leastSpoolMemory || n > leastSpoolMemory<<(spoolMemorySizes-1) {
		return 0, false
	}
	return bits.Len64(uint64(n-1) / leastSpoolMemory), true
}

// takeMemory returns empty memory for n bytes.
func takeMemory(n int64) *[]byte {
	class, ok := sizeClass(n)
	if ok {
		if mem, _ := spoolMemory[class].Get().(*[]byte); mem != nil {
			return mem
		}
		n = leastSpoolMemory << class
	}
	mem := make([]byte, 0, n)
	return &mem
}

// giveMemory takes it back; nobody may have a part of it any more.
func giveMemory(mem *[]byte) {
	if class, ok := sizeClass(int64(cap(*mem))); ok && cap(*mem) == leastSpoolMemory<<class {
		*mem = (*mem)[:0]
		spoolMemory[class].Put(mem)
	}
}
