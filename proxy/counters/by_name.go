package counters

import (
	"maps"
	"sync"
)

// ByName counts by name. The zero value is ready.
type ByName struct {
	mu sync.Mutex
	n  map[string]int64
}

func (t *ByName) Count(name string) { t.add(name, 1) }

func (t *ByName) add(name string, n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n == nil {
		t.n = make(map[string]int64)
	}
	t.n[name] += n
}

// all is a copy of the counts.
func (t *ByName) all() map[string]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n == nil {
		return map[string]int64{}
	}
	return maps.Clone(t.n)
}
