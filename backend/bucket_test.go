package backend

import (
	"math"
	"math/rand/v2"
	"testing"
)

// What is taken and given back leaves the tokens as they were, however their times are rounded.
func TestBucketGivesBackWhole(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		var b bucket
		b.SetRate(0.1 + 10*random.Float64())
		tokens := b.tokens.Load()
		b.Take(random.IntN(30))
		before := tokens.Tokens()
		n := random.IntN(60)
		_, undo := b.Take(n)
		_, others := b.Take(1)
		undo()
		others()
		// Tokens that came meanwhile fill the bucket.
		if after := tokens.Tokens(); after < before-1e-6 || after > math.Max(before, 0)+float64(tokens.Burst()) {
			t.Fatalf("%d of %v a second: %v tokens before, %v after", n, b.perSecond, before, after)
		}
	}
}
