package cluster

import "sync"

// members are the parts of this gateway that share one thing with other gateways, such as its ledgers. None is removed.
// The zero value has none. It is safe for concurrent use.
type members[T any] struct {
	mu   sync.Mutex
	list []T
}

func (m *members[T]) add(one T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list = append(m.list, one)
}

// all returns those that have been added so far.
func (m *members[T]) all() []T {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.list
}
