package main

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// waits are the times for which clients waited for a reply.
type waits struct {
	mu   sync.Mutex
	list []time.Duration
}

func (w *waits) add(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, d)
}

// print prints how many there were, and how long: the line of the soak hostile.
func (w *waits) print() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.list) == 0 {
		return
	}
	slices.Sort(w.list)
	of := func(percent int) float64 { return w.list[(len(w.list)-1)*percent/100].Seconds() * 1000 }
	fmt.Printf("Waits for a reply: %d; 50 %% %.1f ms, 95 %% %.1f ms, 99 %% %.1f ms, longest %.1f ms\n",
		len(w.list), of(50), of(95), of(99), of(100))
}
