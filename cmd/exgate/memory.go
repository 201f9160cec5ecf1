package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

// memoryEvery is the time between two looks at the memory.
const memoryEvery = 30 * time.Second

// startMemory begins to give memory back. Now and then it calls giveBack, which gives back what the sessions need
// not keep. stop ends it, and waits for that.
func startMemory(ctx context.Context, giveBack func()) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() { giveBackMemory(ctx, giveBack) })
	return func() {
		cancel()
		done.Wait()
	}
}

// giveBackMemory returns memory to the operating system when the gateway has become quiet, until
// ctx ends. Go's collector runs when as much was allocated as is in use: after a burst, thousands of
// sessions that idle would keep the garbage of the burst, and Go keeps the pages for the next one.
func giveBackMemory(ctx context.Context, giveBack func()) {
	ticks := time.NewTicker(memoryEvery)
	defer ticks.Stop()
	before, residue := readMemory(), uint64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		giveBack() // also while the gateway is busy: other sessions idle
		now := readMemory()
		residue = min(residue, now.free)
		if now.isWorthwhile(before, residue) {
			debug.FreeOSMemory()
			now = readMemory()
			residue = now.free
		}
		before = now
	}
}

// memory is what Go's runtime tells of its heap, in bytes.
type memory struct {
	allocated uint64 // since the start
	live      uint64 // what the last collection has left
	objects   uint64 // what is in use, or garbage
	free      uint64 // pages that are neither in use nor returned
}

func readMemory() memory {
	samples := [...]metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"},
	}
	metrics.Read(samples[:])
	return memory{
		allocated: samples[0].Value.Uint64(), live: samples[1].Value.Uint64(),
		objects: samples[2].Value.Uint64(), free: samples[3].Value.Uint64(),
	}
}

const (
	// minGiveBack is the least memory that is worth a collection. A collection of a small heap takes some
	// milliseconds of the processor.
	minGiveBack = 2 << 20
	// minQuiet is what a quiet gateway may allocate between two looks, besides an eighth of what is live.
	minQuiet = 4 << 20
)

// isWorthwhile reports whether a collection returns a quarter of what is live at least, and whether
// little was allocated since before. So a quiet gateway pays for one collection after a burst, and a
// busy one for none. residue is what was free after the last collection: some pages, such as those in the
// caches of Go's scheduler, cannot be returned, and a collection for them would come at every look.
func (m memory) isWorthwhile(before memory, residue uint64) bool {
	gain := m.free - min(m.free, residue)
	if m.objects > m.live {
		gain += m.objects - m.live
	}
	return m.allocated-before.allocated <= minQuiet+m.live/8 && gain >= max(minGiveBack, m.live/4)
}
