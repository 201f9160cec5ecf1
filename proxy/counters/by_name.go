package counters

import (
	"maps"
	"sync"
)

// ByName has a count for each name. The zero value has counted nothing. ByName is
// safe for use by several goroutines.
type ByName struct {
	mu     sync.Mutex
	counts map[string]int64
}

// Count adds one to the count of name.
func (b *ByName) Count(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.counts == nil {
		b.counts = make(map[string]int64)
	}
	b.counts[name]++
}

// copyCounts returns a copy of the counts. It is never nil.
func (b *ByName) copyCounts() map[string]int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.counts == nil {
		return map[string]int64{}
	}
	return maps.Clone(b.counts)
}
