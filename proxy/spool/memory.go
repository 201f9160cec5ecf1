package spool

import (
	"math/bits"
	"sync"
)

// Spools share pools of memory, also those of several gateways in a process: it is scratch memory, which each
// spool charges to its own budgets. Memory that is allocated for each message keeps the garbage collector busy
// for as long as the messages themselves take.
const (
	smallestPooled = 1 << 10 // bytes; less is not worth a pool
	sizeClasses    = 13      // 1, 2, … 4096 KiB, which is DefaultMemory
)

// memoryPools has a pool for each size class. Each class has twice the bytes of
// the one before.
var memoryPools [sizeClasses]sync.Pool

// sizeClass returns the index in memoryPools of the smallest memory for n bytes.
// ok is false if no pool has memory of this size.
func sizeClass(n int64) (class int, ok bool) {
	if n < smallestPooled || n > smallestPooled<<(sizeClasses-1) {
		return 0, false
	}
	return bits.Len64(uint64(n-1) / smallestPooled), true
}

// memoryFor returns the bytes that takeMemory takes for n.
func memoryFor(n int64) int64 {
	if class, ok := sizeClass(n); ok {
		return smallestPooled << class
	}
	return n
}

// takeMemory returns an empty slice with a capacity of at least n bytes.
func takeMemory(n int64) *[]byte {
	class, ok := sizeClass(n)
	if ok {
		if mem, _ := memoryPools[class].Get().(*[]byte); mem != nil {
			return mem
		}
		n = smallestPooled << class
	}
	mem := make([]byte, 0, n)
	return &mem
}

// giveMemory returns memory to its pool. The caller must not use any part of it
// afterwards.
func giveMemory(mem *[]byte) {
	if class, ok := sizeClass(int64(cap(*mem))); ok && cap(*mem) == smallestPooled<<class {
		*mem = (*mem)[:0]
		memoryPools[class].Put(mem)
	}
}
