package wire

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// selfSigned returns the configurations of both sides.
func selfSigned(tb testing.TB, version uint16) (server, client *tls.Config) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	cert := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	server = &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: version, DynamicRecordSizingDisabled: true}
	return server, &tls.Config{InsecureSkipVerify: true, MaxVersion: version, DynamicRecordSizingDisabled: true}
}

// callCounter counts the system calls of a socket.
type callCounter struct {
	net.Conn
	reads, writes atomic.Int64
}

func (c *callCounter) Read(p []byte) (int, error) {
	c.reads.Add(1)
	return c.Conn.Read(p)
}

func (c *callCounter) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// socketPair returns both ends of a TCP connection.
func socketPair(tb testing.TB) (a, b *callCounter) {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	from, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	to, err := l.Accept()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { from.Close(); to.Close() })
	return &callCounter{Conn: from}, &callCounter{Conn: to}
}

// tlsPair returns both ends of a connection under TLS, after the handshake.
func tlsPair(tb testing.TB, from, to net.Conn, version uint16) (client, server *TLS) {
	tb.Helper()
	serverConfig, clientConfig := selfSigned(tb, version)
	client, server = NewTLS(from, tls.Client, clientConfig), NewTLS(to, tls.Server, serverConfig)
	done := make(chan error, 1)
	go func() { done <- server.Handshake() }()
	if err := errors.Join(client.Handshake(), <-done); err != nil {
		tb.Fatal(err)
	}
	return client, server
}

func TestTLSPassesEveryByte(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			from, to := socketPair(t)
			client, server := tlsPair(t, from, to, version)
			random := mathrand.New(mathrand.NewPCG(1, uint64(version)))
			text := make([]byte, 3<<20)
			rand.Read(text)
			for _, way := range [][2]*TLS{{client, server}, {server, client}} {
				go func() {
					for rest := text; len(rest) > 0; {
						n := min(len(rest), 1+random.IntN(1<<(1+random.IntN(18))))
						if _, err := way[0].Write(rest[:n]); err != nil {
							t.Error(err)
							return
						}
						rest = rest[n:]
					}
				}()
				var got []byte
				for b := (buffer{src: way[1]}); len(got) < len(text); {
					if err := b.fill(len(got)%3 == 0); err != nil {
						t.Fatal(err)
					}
					got = append(got, b.take(len(b.bytes()))...)
				}
				if !bytes.Equal(got, text) {
					t.Error("other bytes have come")
				}
			}
		})
	}
}

// A megabyte takes a fourth of the system calls that its records would take.
func TestTLSGathersRecords(t *testing.T) {
	from, to := socketPair(t)
	client, server := tlsPair(t, from, to, tls.VersionTLS13)
	writes := from.writes.Load()
	text := make([]byte, 1<<20)
	done := make(chan error, 1)
	go func() {
		_, err := io.ReadFull(server, make([]byte, len(text)))
		done <- err
	}()
	if n, err := client.Write(text); n != len(text) || err != nil {
		t.Fatal(n, err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := from.writes.Load() - writes; n != int64(len(text)/maxGathered) {
		t.Errorf("%d writes to the socket", n)
	}
}

// What has come is read at once, and nothing waits for more.
func TestReadReadyWaitsForNothing(t *testing.T) {
	from, to := socketPair(t)
	client, server := tlsPair(t, from, to, tls.VersionTLS13)
	if _, err := client.Write([]byte("a")); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 1)
	if n, err := server.Read(p); n != 1 || err != nil { // the slice is filled, and nothing has come besides
		t.Fatal(n, err)
	}
	if n := server.ReadReady(p, true); n != 0 {
		t.Errorf("%d bytes out of nothing", n)
	}
	if _, err := client.Write([]byte("bc")); err != nil {
		t.Fatal(err)
	}
	if n, err := server.Read(p); n != 1 || err != nil || p[0] != 'b' { // a hasty read has broken nothing
		t.Fatalf("%d %q %v", n, p, err)
	}
	if n := server.ReadReady(p, true); n != 1 || p[0] != 'c' {
		t.Errorf("%d bytes, %q, want the rest of the record", n, p)
	}
}

// A record that has come in part is read when the rest has come.
func TestReadReadyInTheMiddleOfARecord(t *testing.T) {
	from, to := socketPair(t)
	out := new(slicer)
	out.Conn = from
	client, server := tlsPair(t, out, to, tls.VersionTLS13)
	out.holds.Store(true)
	for _, text := range []string{"first", "second"} {
		if _, err := client.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	cut := len(out.held) - 7
	if _, err := from.Write(out.held[:cut]); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 100)
	n, err := server.Read(p)
	if string(p[:n]) != "first" || err != nil {
		t.Fatalf("%q %v", p[:n], err)
	}
	if n := server.ReadReady(p, false); n != 0 {
		t.Fatalf("%q of half a record", p[:n])
	}
	if _, err := from.Write(out.held[cut:]); err != nil {
		t.Fatal(err)
	}
	if n, err = server.Read(p); string(p[:n]) != "second" || err != nil {
		t.Fatalf("%q %v", p[:n], err)
	}
}

// slicer keeps what is written.
type slicer struct {
	net.Conn
	holds atomic.Bool
	held  []byte
}

func (s *slicer) Write(p []byte) (int, error) {
	if !s.holds.Load() {
		return s.Conn.Write(p)
	}
	s.held = append(s.held, p...)
	return len(p), nil
}

// A Close ends a Write that waits for the peer, and waits for nothing itself.
func TestCloseEndsAFlush(t *testing.T) {
	from, to := socketPair(t)
	client, _ := tlsPair(t, from, to, tls.VersionTLS13)
	wrote := make(chan error, 1)
	go func() {
		for {
			if _, err := client.Write(make([]byte, maxGathered)); err != nil {
				wrote <- err
				return
			}
		}
	}()
	for seen, same := int64(-1), 0; same < 10; time.Sleep(5 * time.Millisecond) { // until the socket is full
		if n := from.writes.Load(); n == seen && client.flushes.Load() {
			same++
		} else {
			seen, same = n, 0
		}
	}
	began := time.Now()
	client.Close()
	if err := <-wrote; err == nil {
		t.Error("no error")
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("closed after %s", took)
	}
}

// After a deadline in the middle of a record, nothing more is written.
func TestNothingIsWrittenAfterAFailure(t *testing.T) {
	from, to := socketPair(t)
	client, _ := tlsPair(t, from, to, tls.VersionTLS13)
	client.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
	var err error
	for err == nil {
		_, err = client.Write(make([]byte, maxGathered))
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	writes := from.writes.Load()
	client.SetWriteDeadline(time.Time{})
	if _, err := client.Write([]byte("x")); err == nil || from.writes.Load() != writes {
		t.Errorf("%v after %d more writes", err, from.writes.Load()-writes)
	}
}

// A connection that has read much keeps the buffer of one record: 16 KiB and the rest of a size
// class. A tls.Conn alone keeps 37 KiB.
func TestTLSKeepsOneRecord(t *testing.T) {
	const connections = 50
	var live runtime.MemStats
	heap := func() int64 {
		runtime.GC()
		runtime.GC() // the second one empties the pools
		runtime.ReadMemStats(&live)
		return int64(live.HeapAlloc)
	}
	readers := make([]*TLS, connections)
	writers := make([]*TLS, connections)
	for i := range readers {
		from, to := socketPair(t)
		writers[i], readers[i] = tlsPair(t, from, to, tls.VersionTLS13)
	}
	before := heap()
	for i := range readers {
		go writers[i].Write(make([]byte, 1<<20))
		if _, err := io.ReadFull(readers[i], make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	kept := (heap() - before) / connections
	runtime.KeepAlive(readers)
	runtime.KeepAlive(writers)
	if kept > 20<<10 {
		t.Errorf("%d bytes a connection", kept)
	}
}

// BenchmarkTLS passes a megabyte from one connection to the buffer of a reader.
func BenchmarkTLS(b *testing.B) {
	type end interface {
		net.Conn
		Handshake() error
	}
	serverConfig, clientConfig := selfSigned(b, tls.VersionTLS13)
	for _, bm := range []struct {
		name string
		wrap func(net.Conn, func(net.Conn, *tls.Config) *tls.Conn, *tls.Config) end
	}{
		{"records", func(nc net.Conn, under func(net.Conn, *tls.Config) *tls.Conn, c *tls.Config) end { return under(nc, c) }},
		{"gathered", func(nc net.Conn, under func(net.Conn, *tls.Config) *tls.Conn, c *tls.Config) end {
			return NewTLS(nc, under, c)
		}},
	} {
		b.Run(bm.name, func(b *testing.B) {
			from, to := socketPair(b)
			client, server := bm.wrap(from, tls.Client, clientConfig), bm.wrap(to, tls.Server, serverConfig)
			go server.Handshake()
			if err := client.Handshake(); err != nil {
				b.Fatal(err)
			}
			text := make([]byte, 1<<20)
			b.SetBytes(int64(len(text)))
			buf := buffer{src: server}
			for b.Loop() {
				go client.Write(text)
				for n := 0; n < len(text); {
					if err := buf.fill(false); err != nil {
						b.Fatal(err)
					}
					n += len(buf.take(len(buf.bytes())))
				}
			}
			b.ReportMetric(float64(to.reads.Load())/float64(b.N), "reads/op")
			b.ReportMetric(float64(from.writes.Load())/float64(b.N), "writes/op")
		})
	}
}
