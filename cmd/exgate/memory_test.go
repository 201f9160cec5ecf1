package main

import (
	"bytes"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

func TestMemoryIsGivenBackWhenQuiet(t *testing.T) {
	const mib = 1 << 20
	tests := map[string]struct {
		before, now memory
		want        bool
	}{
		"a burst is over": {memory{allocated: 900 * mib}, memory{allocated: 901 * mib, live: 20 * mib, objects: 35 * mib}, true},
		"free pages":      {memory{}, memory{live: 20 * mib, objects: 20 * mib, free: 10 * mib}, true},
		"busy":            {memory{allocated: 900 * mib}, memory{allocated: 1900 * mib, live: 20 * mib, objects: 35 * mib}, false},
		"few sessions":    {memory{}, memory{live: 6 * mib, objects: 9 * mib}, true},
		"little to gain":  {memory{}, memory{live: 3 * mib, objects: 4 * mib, free: mib / 2}, false},
		"many sessions, each with a little": {
			memory{}, memory{allocated: 20 * mib, live: 400 * mib, objects: 620 * mib}, true},
		"less than a quarter": {memory{}, memory{live: 400 * mib, objects: 430 * mib, free: 60 * mib}, false},
		"given back just now": {memory{}, memory{live: 400 * mib, objects: 401 * mib}, false},
		// A sweep that goes on can make objects less than live.
		"fewer objects than live": {memory{}, memory{live: 20 * mib, objects: 19 * mib}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.now.isWorthwhile(tt.before); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

// The garbage of a burst is returned to the operating system at the second look at the latest.
func TestGarbageIsReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		stop := startMemory(t.Context(), func() { looks++ })
		synctest.Wait()
		burst := bytes.Repeat([]byte("x"), 64<<20)
		runtime.KeepAlive(burst)
		time.Sleep(2*memoryEvery + time.Second)
		synctest.Wait()
		// A collection during the burst counts the burst as live: less than a quarter of that is not worth another one.
		m, want := readMemory(), 2
		keepsMuch := func() bool {
			most := max(minGiveBack, m.live/4)
			return m.free > most || m.objects > m.live+most
		}
		for ; keepsMuch() && want < 10; want++ { // what other goroutines of the tests leave meanwhile goes with the next looks
			time.Sleep(memoryEvery)
			synctest.Wait()
			m = readMemory()
		}
		if keepsMuch() {
			t.Errorf("%+v", m)
		}
		stop()
		if looks != want {
			t.Errorf("the sessions were asked %d times", looks)
		}
	})
}
