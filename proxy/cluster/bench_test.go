package cluster

import (
	"log/slog"
	"testing"

	"exgate/backend"
	"exgate/proxy/testkit"
)

// BenchmarkAsk measures what Redis costs where a pace applies: one question.
func BenchmarkAsk(b *testing.B) {
	r := testkit.StartRedis(b)
	c, err := Open(b.Context(), Options{Address: r.Address, Name: "bench", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	a := c.Accounts("", backend.Pacing{Each: backend.Rates{Messages: 1e9}}, 0).Open("bob")
	const batch = 1e9/20 + 1 // more than is taken at a time
	for b.Loop() {
		if d := a.Appends.Charge(batch); d < 0 {
			b.Fatal("it is late")
		}
	}
}
