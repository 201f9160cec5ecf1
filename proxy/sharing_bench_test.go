package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"exgate/proxy/cluster"
	"exgate/proxy/ledger"
	"exgate/proxy/testkit"
)

// BenchmarkSharing measures what cluster.address costs: two gateways before one server that answers at once take turns
// with each command, one alone and one that shares its state through Redis. It reports the medians, their ratio, and
// how many scripts Redis has run for each command, also those that nobody has waited for. Neither has a pace: where one
// applies, BenchmarkAsk of package cluster comes to it.
func BenchmarkSharing(b *testing.B) {
	for name, do := range map[string]func(c *benchClient, n int) error{
		"noop":   func(c *benchClient, _ int) error { return c.ask("NOOP") },
		"append": func(c *benchClient, n int) error { return c.ask(benchMessage(n)) },
		"login": func(c *benchClient, _ int) error {
			other := dialBench(b, c.RemoteAddr().String(), "LOGIN alice@example.com alicepass")
			return errors.Join(other.ask("LOGOUT"), other.Close())
		},
	} {
		b.Run(name, func(b *testing.B) { benchmarkSharing(b, do) })
	}
}

// benchMessage is an APPEND of 5 kB.
func benchMessage(n int) string {
	message := fmt.Sprintf("From: a@example.com\r\nDate: Mon, 01 Jan 2024 10:00:00 +0000\r\nMessage-ID: <%d@example.com>\r\n\r\n%s",
		n, strings.Repeat("0123456789 0123456789 0123456789\r\n", 150))
	return fmt.Sprintf("APPEND Drafts {%d+}\r\n%s", len(message), message)
}

func benchmarkSharing(b *testing.B, do func(c *benchClient, n int) error) {
	r := testkit.StartRedis(b)
	shared, err := cluster.Open(b.Context(), cluster.Options{Address: r.Address, Name: "bench", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { shared.Close() })
	up := startSink(b)
	gateways := []*benchClient{sharingGateway(b, up, nil), sharingGateway(b, up, shared)}
	for n := range 50 { // connections to Redis, the scripts there
		for _, c := range gateways {
			if err := do(c, -n); err != nil {
				b.Fatal(err)
			}
		}
	}
	before := scriptsOf(b, r)
	took := make([][]time.Duration, len(gateways))
	n := 0
	for ; b.Loop(); n++ {
		for i, c := range gateways {
			began := time.Now()
			if err := do(c, n); err != nil {
				b.Fatal(err)
			}
			took[i] = append(took[i], time.Since(began))
		}
	}
	scripts := scriptsOf(b, r) - before
	var medians [2]float64
	for i := range took {
		slices.Sort(took[i])
		medians[i] = float64(took[i][len(took[i])/2]) / float64(time.Microsecond)
	}
	b.ReportMetric(0, "ns/op") // of both together: it says nothing
	b.ReportMetric(medians[0], "alone-µs")
	b.ReportMetric(medians[1], "shared-µs")
	b.ReportMetric(medians[1]/medians[0], "ratio")
	b.ReportMetric(float64(scripts)/float64(n), "scripts/op")
}

// sharingGateway starts a gateway with a ledger, and returns a client of it.
func sharingGateway(b *testing.B, up net.Addr, shared *cluster.Cluster) *benchClient {
	return sinkClient(b, up, withProfile(exchangeProfile), func(o *Options, _ *limits) {
		o.Cluster = shared
		o.Ledger = ledger.Open(ledger.Options{File: filepath.Join(b.TempDir(), "ledger.db")})
	})
}

var scriptCalls = regexp.MustCompile(`cmdstat_evalsha:calls=(\d+)`)

// scriptsOf returns how many scripts a Redis has run.
func scriptsOf(b *testing.B, r *testkit.Redis) int {
	nc, err := net.Dial("tcp", r.Address)
	if err != nil {
		b.Fatal(err)
	}
	defer nc.Close()
	reader, size := bufio.NewReader(nc), 0
	if _, err := fmt.Fprint(nc, "INFO commandstats\r\n"); err != nil {
		b.Fatal(err)
	}
	if _, err := fmt.Fscanf(reader, "$%d\r\n", &size); err != nil {
		b.Fatal(err)
	}
	said := make([]byte, size)
	if _, err := io.ReadFull(reader, said); err != nil {
		b.Fatal(err)
	}
	calls := scriptCalls.FindSubmatch(said)
	if calls == nil {
		b.Fatalf("Redis has run no script: %s", said)
	}
	n, err := strconv.Atoi(string(calls[1]))
	if err != nil {
		b.Fatal(err)
	}
	return n
}
