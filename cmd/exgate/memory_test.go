package main

import (
	"bytes"
	"runtime"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"
)

func TestMemoryIsGivenBackWhenQuiet(t *testing.T) {
	const mib = 1 << 20
	tests := map[string]struct {
		before, now memory
		residue     uint64
		want        bool
	}{
		"a burst is over": {memory{allocated: 900 * mib}, memory{allocated: 901 * mib, live: 20 * mib, objects: 35 * mib}, 0, true},
		"free pages":      {memory{}, memory{live: 20 * mib, objects: 20 * mib, free: 10 * mib}, 0, true},
		"busy":            {memory{allocated: 900 * mib}, memory{allocated: 1900 * mib, live: 20 * mib, objects: 35 * mib}, 0, false},
		"few sessions":    {memory{}, memory{live: 6 * mib, objects: 9 * mib}, 0, true},
		"little to gain":  {memory{}, memory{live: 3 * mib, objects: 4 * mib, free: mib / 2}, 0, false},
		"many sessions, each with a little": {
			memory{}, memory{allocated: 20 * mib, live: 400 * mib, objects: 620 * mib}, 0, true},
		"less than a quarter": {memory{}, memory{live: 400 * mib, objects: 430 * mib, free: 60 * mib}, 0, false},
		"cannot be returned":  {memory{}, memory{live: 8 * mib, objects: 8 * mib, free: 3 * mib}, 5 * mib / 2, false},
		"less free than then": {memory{}, memory{live: 4 * mib, objects: 8 * mib, free: mib}, 3 * mib, true},
		"given back just now": {memory{}, memory{live: 400 * mib, objects: 401 * mib}, 0, false},
		// A sweep that goes on can make objects less than live.
		"fewer objects than live": {memory{}, memory{live: 20 * mib, objects: 19 * mib}, 0, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.now.isWorthwhile(tt.before, tt.residue); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

// The garbage of a burst is returned to the operating system at the second look at the latest.
func TestGarbageIsReturned(t *testing.T) {
	const burst = 64 << 20
	// A collection that began during the burst would count the burst as live, and Go's own, every two minutes, would
	// have to come first.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		stop := startMemory(t.Context(), func() { looks++ })
		synctest.Wait()
		before := readMemory()
		runtime.KeepAlive(bytes.Repeat([]byte("x"), burst))
		time.Sleep(2*memoryEvery + time.Second)
		synctest.Wait()
		stop()
		if looks != 2 {
			t.Errorf("the sessions were asked %d times", looks)
		}
		// The memory is that of the whole process: other tests have left garbage before, and it may go meanwhile.
		if m := readMemory(); m.objects+m.free > before.objects+before.free+burst/4 {
			t.Errorf("before %+v, now %+v", before, m)
		}
	})
}
