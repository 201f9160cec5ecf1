package guard

import (
	"log/slog"
	"sync"
	"time"
)

// RefusalLog keeps a flood of refused clients from filling the log: of an
// address the first refusal for a reason is logged, and then how many more there
// were, once in so many minutes.
type RefusalLog struct {
	now   func() time.Time
	every time.Duration

	mu    sync.Mutex
	since map[refusalKey]*unsaid
}

type refusalKey struct{ reason, address string }

// unsaid are the refusals since the last line of the log.
type unsaid struct {
	count int
	since time.Time
}

const (
	refusalsEvery = 5 * time.Minute
	// maxRefusalKeys bounds the memory, and what is logged of a flood from many
	// addresses: the others are counted together.
	maxRefusalKeys = 1000
	otherAddresses = "others"
)

func NewRefusalLog() *RefusalLog {
	return &RefusalLog{now: time.Now, every: refusalsEvery, since: make(map[refusalKey]*unsaid)}
}

// IsFirst reports whether a refusal is to be logged by itself; else it is counted.
func (r *RefusalLog) IsFirst(reason, address string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := refusalKey{reason, address}
	if r.since[key] == nil && len(r.since) >= maxRefusalKeys {
		key.address = otherAddresses
	}
	if entry := r.since[key]; entry != nil {
		entry.count++
		return false
	}
	r.since[key] = &unsaid{since: r.now()}
	return true
}

// Flush logs what has been counted for long enough, or all of it.
func (r *RefusalLog) Flush(log *slog.Logger, all bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, entry := range r.since {
		took := r.now().Sub(entry.since)
		if took < r.every && !all {
			continue
		}
		if entry.count == 0 {
			delete(r.since, key)
			continue
		}
		log.Warn("more clients refused", "reason", key.reason, "address", key.address, "refused", entry.count, "within", took.Round(time.Second))
		entry.count, entry.since = 0, r.now()
	}
}
