package proxy

import (
	"testing"

	"exgate/config/profile"
)

// BenchmarkSession measures a session that logs in and out, through the gateway to a server that
// answers at once.
func BenchmarkSession(b *testing.B) {
	for _, name := range []string{profile.Plain, "exchange2016"} {
		b.Run(name, func(b *testing.B) {
			address := startBenchGateway(b, startSink(b), withProfile(profile.Named(name)))
			b.ReportAllocs()
			for b.Loop() {
				c := dialBench(b, address, "LOGIN alice@example.com alicepass")
				if err := c.ask("LOGOUT"); err != nil {
					b.Fatal(err)
				}
				c.Close()
			}
		})
	}
}

// BenchmarkNoop measures a NOOP through the gateway to a server that answers at once.
func BenchmarkNoop(b *testing.B) {
	for _, name := range []string{profile.Plain, "exchange2016"} {
		b.Run(name, func(b *testing.B) {
			c := sinkClient(b, startSink(b), withProfile(profile.Named(name)))
			b.ReportAllocs()
			for b.Loop() {
				if err := c.ask("NOOP"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
