package proxy

import (
	"crypto/sha256"
	"sync"
)

// maxPoisons bounds the memory of what cost a connection.
const maxPoisons = 10_000

// poisons are the messages, by content, that Exchange has taken for commands.
// None of them is sent again.
type poisons struct {
	mu    sync.Mutex
	sums  map[[sha256.Size]byte]bool
	order [][sha256.Size]byte // oldest first
}

func (p *poisons) add(sum [sha256.Size]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sums[sum] {
		return
	}
	if p.sums == nil {
		p.sums = make(map[[sha256.Size]byte]bool)
	}
	if len(p.order) == maxPoisons {
		delete(p.sums, p.order[0])
		p.order = p.order[1:]
	}
	p.sums[sum] = true
	p.order = append(p.order, sum)
}

func (p *poisons) has(sum [sha256.Size]byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sums[sum]
}

func (p *poisons) empty() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.sums) == 0
}
