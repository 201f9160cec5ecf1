package guard

import (
	"log/slog"
	"sync"
	"time"
)

// RefusalLog keeps refused clients from filling the log. For each address and
// reason, the caller logs the first refusal. RefusalLog counts the others and
// logs their number every flushEvery. It is safe for use by several goroutines.
type RefusalLog struct {
	now   func() time.Time
	every time.Duration

	mu       sync.Mutex
	unlogged map[refusalKey]*refusals
}

// refusalKey identifies refusals that are counted together.
type refusalKey struct{ reason, address string }

// refusals counts the refusals since the last line of the log.
type refusals struct {
	count int
	since time.Time
}

const (
	flushEvery = 5 * time.Minute
	// maxRefusalKeys limits the memory, and the lines that a flood from many
	// addresses can cause. The refusals of further addresses are counted
	// together, under otherAddresses.
	maxRefusalKeys = 1000
	otherAddresses = "others"
)

// NewRefusalLog returns a RefusalLog that has counted nothing.
func NewRefusalLog() *RefusalLog {
	return &RefusalLog{now: time.Now, every: flushEvery, unlogged: make(map[refusalKey]*refusals)}
}

// IsFirst reports whether this refusal is the first one of its address for its
// reason. The caller logs a first refusal. RefusalLog counts any other one.
func (r *RefusalLog) IsFirst(reason, address string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := refusalKey{reason, address}
	if r.unlogged[key] == nil && len(r.unlogged) >= maxRefusalKeys {
		key.address = otherAddresses
	}
	if entry := r.unlogged[key]; entry != nil {
		entry.count++
		return false
	}
	r.unlogged[key] = &refusals{since: r.now()}
	return true
}

// Flush logs the number of refusals for each address and reason whose last line in
// the log is at least flushEvery old, or for every one if all is set. It forgets
// those without a further refusal.
func (r *RefusalLog) Flush(log *slog.Logger, all bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, entry := range r.unlogged {
		took := r.now().Sub(entry.since)
		if took < r.every && !all {
			continue
		}
		if entry.count == 0 {
			delete(r.unlogged, key)
			continue
		}
		log.Warn("more clients refused", "reason", key.reason, "address", key.address, "refused", entry.count,
			"within", took.Round(time.Second))
		entry.count, entry.since = 0, r.now()
	}
}
