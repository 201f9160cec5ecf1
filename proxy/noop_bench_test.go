package proxy

import (
	"log/slog"
	"sync"
	"testing"

	"exgate/backend"
	backendkit "exgate/backend/testkit"
	"exgate/config/profile"
	"exgate/proxy/routing"
)

// BenchmarkNoop measures a NOOP through the gateway to a server that answers at once.
func BenchmarkNoop(b *testing.B) {
	for _, name := range []string{profile.Plain, "exchange2016"} {
		b.Run(name, func(b *testing.B) {
			up, l := backendkit.Listen(b), backendkit.Listen(b)
			opts := Options{
				Upstreams: []routing.Upstream{{Backend: backend.Options{Address: up.Addr().String(), TLS: backend.TLSInsecureNone}}},
				Log:       slog.New(slog.DiscardHandler),
			}
			lim := defaultLimits
			withProfile(profile.Named(name))(&opts, &lim)
			resuming(&opts, &lim)
			srv, err := NewServer(opts)
			if err != nil {
				b.Fatal(err)
			}
			srv.limits = lim
			var serving sync.WaitGroup
			serving.Go(func() { serveSinks(&serving, up) })
			serving.Go(func() { srv.Serve(l, ListenInsecurePlaintext) })
			c := dialBench(b, l.Addr().String(), "LOGIN alice@example.com alicepass")
			b.ReportAllocs()
			for b.Loop() {
				if err := c.ask("NOOP"); err != nil {
					b.Fatal(err)
				}
			}
			c.Close()
			l.Close()
			srv.Close()
			up.Close()
			serving.Wait()
		})
	}
}
