package report

import (
	"path/filepath"
	"testing"
	"time"

	"exgate/proxy/budget"
	"exgate/proxy/ledger"
)

// BenchmarkStart measures what a gateway reads of a ledger of 1,000,000 messages before it listens: attempts without a
// proven answer, the history for the status page, and what was spent of the budgets of a day.
func BenchmarkStart(b *testing.B) {
	file := filepath.Join(b.TempDir(), "ledger.db")
	fill(b, file, 1_000_000)
	last := time.UnixMilli(1793534400000 + 1_000_000*100)
	options := ledger.Options{File: file, Now: func() time.Time { return last }}
	b.Run("Open", func(b *testing.B) {
		for b.Loop() {
			ledger.Open(options).Close()
		}
	})
	l := ledger.Open(options)
	defer l.Close()
	b.Run("History", func(b *testing.B) {
		for b.Loop() {
			read, err := l.History(b.Context(), 50)
			if err != nil {
				b.Fatal(err)
			}
			if h, err := read(); err != nil || len(h.Accounts) != 500 || len(h.Refusals) != 50 {
				b.Fatalf("%v, %d accounts, %d refusals", err, len(h.Accounts), len(h.Refusals))
			}
		}
	})
	b.Run("Spent", func(b *testing.B) {
		for b.Loop() {
			if spent, err := l.Spent(last.Add(-budget.Day-budget.Quarter), budget.Quarter); err != nil || len(spent) < 500 {
				b.Fatalf("%v, %d pieces", err, len(spent))
			}
		}
	})
}
