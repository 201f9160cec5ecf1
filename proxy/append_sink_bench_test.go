package proxy

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"

	"exgate/backend"
	backendkit "exgate/backend/testkit"
	"exgate/config/profile"
	"exgate/proxy/routing"
	"exgate/proxy/spool"
)

// BenchmarkAppendToSink measures APPENDs with all fixes on, in one session, to a server that does nothing with them: what
// the gateway itself costs.
func BenchmarkAppendToSink(b *testing.B) {
	for _, size := range []int{4 << 10, 64 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("%dkB", size>>10), func(b *testing.B) { benchmarkSink(b, size) })
	}
}

func benchmarkSink(b *testing.B, size int) {
	p := profile.Named("exchange2016")
	p.Pace.Each.Messages = 0
	c := sinkClient(b, startSink(b), withProfile(p))
	body := strings.Repeat("The quick brown fox jumps over the lazy dog, again and again.\r\n", size/63)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	var command, header []byte // used again, so that the client costs little
	for n := 0; b.Loop(); n++ {
		header = fmt.Appendf(header[:0], "Date: Mon, 01 Jan 2024 10:00:00 +0000\r\nFrom: a@example.com\r\n"+
			"To: b@example.com\r\nSubject: number %d\r\nMessage-ID: <%d@example.com>\r\n"+
			"MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n", n, n)
		command = fmt.Appendf(command[:0], "a APPEND Drafts (\\Seen) \"01-Jan-2024 10:00:00 +0000\" {%d+}\r\n", len(header)+len(body))
		command = append(append(append(command, header...), body...), "\r\n"...)
		if _, err := c.Write(command); err != nil {
			b.Fatal(err)
		}
		if err := c.awaitOK(); err != nil {
			b.Fatal(err)
		}
	}
}

// startSink starts a server that answers each command with OK.
func startSink(b *testing.B) net.Addr {
	l := backendkit.Listen(b)
	var serving sync.WaitGroup
	serving.Go(func() { serveSinks(&serving, l) })
	b.Cleanup(func() {
		l.Close()
		serving.Wait()
	})
	return l.Addr()
}

// sinkClient starts a gateway before a server, and returns a client of it that has logged in.
func sinkClient(b *testing.B, up net.Addr, options ...func(*Options, *limits)) *benchClient {
	c := dialBench(b, startBenchGateway(b, up, options...), "LOGIN alice@example.com alicepass")
	b.Cleanup(func() { c.Close() })
	return c
}

// startBenchGateway starts a gateway before a server, and returns the gateway's address.
func startBenchGateway(b *testing.B, up net.Addr, options ...func(*Options, *limits)) string {
	l := backendkit.Listen(b)
	opts := Options{
		Upstreams: []routing.Upstream{{Backend: backend.Options{Address: up.String(), TLS: backend.TLSInsecureNone}}},
		Spool:     spool.Options{Dir: b.TempDir()}, Log: slog.New(slog.DiscardHandler),
	}
	lim := defaultLimits
	for _, set := range append(options, resuming) {
		set(&opts, &lim)
	}
	srv, err := NewServer(opts)
	if err != nil {
		b.Fatal(err)
	}
	srv.limits = lim
	var serving sync.WaitGroup
	serving.Go(func() { srv.Serve(l, ListenInsecurePlaintext) })
	b.Cleanup(func() {
		l.Close()
		srv.Close()
		serving.Wait()
		opts.Ledger.Close()
	})
	return l.Addr().String()
}

// serveSinks runs serveSink for each connection, until the listener is closed.
func serveSinks(serving *sync.WaitGroup, l *net.TCPListener) {
	for nc, err := l.AcceptTCP(); err == nil; nc, err = l.AcceptTCP() {
		serving.Go(func() { serveSink(nc) })
	}
}

// serveSink serves a connection until the peer closes it. It answers each command with OK.
func serveSink(nc net.Conn) {
	defer nc.Close()
	r := bufio.NewReaderSize(nc, 64<<10)
	io.WriteString(nc, "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN UIDPLUS] ready\r\n")
	for uid := 1; ; {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		tag, rest, _ := strings.Cut(line, " ")
		reply := " OK [CAPABILITY IMAP4rev1 UIDPLUS] done\r\n"
		if strings.HasPrefix(rest, "STATUS") {
			io.WriteString(nc, "* STATUS Drafts (UIDNEXT 1 UIDVALIDITY 7)\r\n")
		}
		if open := strings.LastIndexByte(line, '{'); strings.HasPrefix(rest, "APPEND") && open > 0 {
			var size int
			fmt.Sscanf(line[open:], "{%d}", &size)
			io.WriteString(nc, "+ go\r\n")
			if _, err := r.Discard(size + 2); err != nil {
				return
			}
			reply = fmt.Sprintf(" OK [APPENDUID 7 %d] done\r\n", uid)
			uid++
		}
		if _, err := io.WriteString(nc, tag+reply); err != nil {
			return
		}
	}
}
