package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"exgate/backend"
	"exgate/backend/exchangesim"
	backendkit "exgate/backend/testkit"
	"exgate/proxy/ledger"
	"exgate/proxy/routing"
	"exgate/proxy/spool"
)

// BenchmarkAppend measures APPENDs of 5 kB through the gateway to a simulated Exchange, with the ledger and without: in
// one session at once, in one over a link on which each reply takes 5 ms, and in eight sessions.
func BenchmarkAppend(b *testing.B) {
	for _, bm := range []struct {
		name     string
		sessions int
		faults   []string
	}{
		{"near", 1, nil},
		{"5ms", 1, []string{"slow:5ms"}},
		{"near-8", 8, nil},
	} {
		for _, kept := range []string{"off", "on"} {
			b.Run(bm.name+"/ledger="+kept, func(b *testing.B) {
				benchmarkAppend(b, bm.sessions, bm.faults, kept == "on")
			})
		}
	}
}

func benchmarkAppend(b *testing.B, sessions int, faults []string, kept bool) {
	sim, err := exchangesim.New(exchangesim.Config{Profile: "exchange2016"})
	if err != nil {
		b.Fatal(err)
	}
	up, l := backendkit.Listen(b), backendkit.Listen(b)
	opts := Options{
		Upstreams: []routing.Upstream{{Backend: backend.Options{Address: up.Addr().String(), TLS: backend.TLSInsecureNone}}},
		Spool:     spool.Options{Dir: b.TempDir()}, Log: slog.New(slog.DiscardHandler),
	}
	lim := defaultLimits
	withProfile(exchangeProfile)(&opts, &lim)
	resuming(&opts, &lim)
	if kept {
		opts.Ledger = ledger.Open(ledger.Options{File: filepath.Join(b.TempDir(), "ledger.db"), Log: opts.Log})
		defer opts.Ledger.Close()
	}
	srv, err := NewServer(opts)
	if err != nil {
		b.Fatal(err)
	}
	srv.limits = lim
	var serving, clients sync.WaitGroup
	serving.Go(func() { sim.Serve(up, exchangesim.InsecurePlaintext) })
	serving.Go(func() { srv.Serve(l, ListenInsecurePlaintext) })
	defer func() {
		l.Close()
		srv.Close()
		sim.Close()
		serving.Wait()
	}()
	open := make([]*benchClient, sessions)
	for i := range open {
		open[i] = dialBench(b, l.Addr().String(), "LOGIN alice@example.com alicepass")
	}
	for _, fault := range faults {
		if err := sim.AddFault(fault); err != nil {
			b.Fatal(err)
		}
	}
	body := strings.Repeat("0123456789 0123456789 0123456789\r\n", 150)
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ReportAllocs()
	b.ResetTimer()
	for _, c := range open {
		clients.Go(func() {
			for n := left.Add(-1); n >= 0; n = left.Add(-1) {
				message := fmt.Sprintf("From: a@example.com\r\nMessage-ID: <%d@example.com>\r\n\r\n%s", n, body)
				if err := c.ask(fmt.Sprintf("APPEND Drafts {%d+}\r\n%s", len(message), message)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	clients.Wait()
	b.StopTimer()
	for _, c := range open {
		c.Close()
	}
}

// benchClient is a client that only wants OK.
type benchClient struct {
	net.Conn
	r *bufio.Reader
}

func dialBench(b *testing.B, address, login string) *benchClient {
	nc, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	c := &benchClient{nc, bufio.NewReader(nc)}
	if err := c.ask(login); err != nil {
		b.Fatal(err)
	}
	return c
}

func (c *benchClient) ask(command string) error {
	if _, err := io.WriteString(c, "a "+command+"\r\n"); err != nil {
		return err
	}
	return c.awaitOK()
}

// awaitOK reads up to the tagged reply.
func (c *benchClient) awaitOK() error {
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return err
		}
		if reply, ok := strings.CutPrefix(line, "a "); ok {
			if !strings.HasPrefix(reply, "OK") {
				return errors.New(reply)
			}
			return nil
		}
	}
}
