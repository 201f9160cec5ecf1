package proxy

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"exgate/backend"
	"exgate/proxy/budget"
	"exgate/proxy/counters"
	"exgate/proxy/routing"
)

// manyAccounts returns a gateway that has had so many accounts.
func manyAccounts(tb testing.TB, accounts int) *Server {
	tb.Helper()
	srv, err := NewServer(Options{Log: slog.New(slog.DiscardHandler), Upstreams: []routing.Upstream{{
		Backend: backend.Options{Address: "127.0.0.1:1", TLS: backend.TLSInsecureNone},
	}}})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(srv.Close)
	for i := range accounts {
		user := fmt.Sprintf("account%d@example.com", i)
		srv.progress.Add(srv.progress.Account("", user), &counters.Values{counters.Stored: 3}, &counters.Values{})
		srv.budgets.Add("", user, time.Now(), budget.Amount{Messages: 3, Bytes: 6000})
	}
	return srv
}

// BenchmarkMonitoring measures what a scrape of the metrics asks of a gateway that has had many accounts, and what the
// status page asks.
func BenchmarkMonitoring(b *testing.B) {
	for _, accounts := range []int{100, 10_000} {
		srv := manyAccounts(b, accounts)
		b.Run(fmt.Sprintf("metrics/accounts=%d", accounts), func(b *testing.B) {
			for b.Loop() {
				srv.Totals()
				srv.Budgets()
			}
		})
		b.Run(fmt.Sprintf("page/accounts=%d", accounts), func(b *testing.B) {
			for b.Loop() {
				srv.Snapshot()
			}
		})
	}
}

// BenchmarkCountWhileShown measures how long a session waits to count a command while an operator is shown thousands
// of accounts.
func BenchmarkCountWhileShown(b *testing.B) {
	srv := manyAccounts(b, 10_000)
	one := srv.progress.Account("", "account1@example.com")
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				srv.Snapshot()
			}
		}
	}()
	var waits []time.Duration
	for b.Loop() {
		began := time.Now()
		srv.progress.Add(one, &counters.Values{counters.Direct: 1}, &counters.Values{})
		waits = append(waits, time.Since(began))
		time.Sleep(100 * time.Microsecond) // a session that counts each moment
	}
	close(stop)
	<-stopped
	slices.Sort(waits)
	b.ReportMetric(float64(waits[len(waits)*99/100].Microseconds()), "µs-of-99%")
	b.ReportMetric(float64(waits[len(waits)-1].Microseconds()), "µs-at-most")
}
