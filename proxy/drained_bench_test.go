package proxy

import (
	"fmt"
	"testing"
	"time"

	"exgate/backend"
)

// BenchmarkDrained is the question that the next gateway asks ten times in a second, of a gateway that knows as many
// accounts as have come in a day, and a hundredth of them throttled.
func BenchmarkDrained(b *testing.B) {
	const accounts = 22_000
	pace := backend.Pacing{Each: backend.Rates{Messages: 4}}
	a := newAccounts(nil)
	for i := range accounts {
		account := a.get("", fmt.Sprintf("user%05d@example.com", i), pace, 0)
		if i%100 == 0 {
			account.Throttled(time.Hour)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if n := len(a.throttled(time.Now())); n != accounts/100 {
			b.Fatalf("%d accounts are throttled, want %d", n, accounts/100)
		}
	}
}
