package rewrite

import (
	"math/rand/v2"
	"testing"
)

// What vectors count is what is counted without them, at any length and
// alignment.
func TestCensusVectors(t *testing.T) {
	if !hasVector {
		t.Skip("this processor has no AVX2: there is one way to count")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	mem := make([]byte, 3*censusBlock)
	for round := range 300 {
		for i := range mem {
			mem[i] = "\x00\r\n\r\na\x7f\x80\xff"[rng.IntN(9)]
		}
		if round%2 == 0 { // counters that are full
			for i := range mem {
				mem[i] = "\x00\r\n\xff"[round/2%4]
			}
		}
		start := rng.IntN(censusBlock)
		b := mem[start : start+rng.IntN(censusBlock+1)]
		var got, want census
		before := byte("\r\nx"[rng.IntN(3)])
		got.take(b, before)
		want.takeWords(b, before)
		if got != want {
			t.Fatalf("%d bytes from %d: %+v, want %+v", len(b), start, got, want)
		}
	}
}
