package proxy

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"exgate/proxy/testkit"
)

// step is what one side of a transcript sends before it waits for the other.
type step struct {
	fromClient bool
	data       []byte
}

var rawLine = regexp.MustCompile(`^("(?:[^"\\]|\\.)*")(?: \* (\d+))?$`)

// readTranscript reads a file of ../testdata/transcripts. The README there describes the format.
func readTranscript(t *testing.T, name string) []step {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("..", "testdata", "transcripts", name))
	if err != nil {
		t.Fatal(err)
	}
	var steps []step
	for n, line := range strings.Split(string(file), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		var data string
		switch kind, rest := line[:2], strings.TrimPrefix(line[2:], " "); kind {
		case "C:", "S:":
			data = rest + "\r\n"
		case "C!", "S!":
			m := rawLine.FindStringSubmatch(rest)
			if m == nil {
				t.Fatalf("%s:%d: not a quoted string: %s", name, n+1, rest)
			}
			if data, err = strconv.Unquote(m[1]); err != nil {
				t.Fatalf("%s:%d: %v: %s", name, n+1, err, rest)
			}
			if m[2] != "" {
				times, _ := strconv.Atoi(m[2])
				data = strings.Repeat(data, times)
			}
		default:
			t.Fatalf("%s:%d: neither client nor server: %s", name, n+1, line)
		}
		fromClient := line[0] == 'C'
		if last := len(steps) - 1; last < 0 || steps[last].fromClient != fromClient {
			steps = append(steps, step{fromClient: fromClient})
		}
		last := &steps[len(steps)-1]
		last.data = append(last.data, data...)
	}
	return steps
}

// play sends both sides of a transcript, and has the server close at the end. It returns what arrived at each end.
func play(t *testing.T, steps []step, client, server net.Conn, cut *cutter) (atClient, atServer []byte) {
	t.Helper()
	for i, s := range steps {
		from, to, got := server, client, &atClient
		if s.fromClient {
			from, to, got = client, server, &atServer
		}
		written := make(chan error, 1)
		go func() { written <- cut.write(from, s.data) }()
		heard := make([]byte, len(s.data))
		n, err := io.ReadFull(to, heard)
		*got = append(*got, heard[:n]...)
		if err != nil {
			from.Close()
			<-written
			t.Fatalf("step %d: of %d bytes %.200q arrived %d: %.200q: %v", i, len(s.data), s.data, n, heard[:n], err)
		}
		if err := <-written; err != nil {
			t.Fatalf("step %d: sending: %v", i, err)
		}
	}
	server.Close()
	rest, _ := io.ReadAll(client)
	return append(atClient, rest...), atServer
}

// cutter writes to a connection, and cuts the bytes in two at one place. It sends the second part only when the
// gateway has read the first.
type cutter struct {
	t    *testing.T
	nc   net.Conn // connection whose bytes are cut; nil: none
	at   int64    // number of bytes before the cut
	read func() int64
	sent int64
}

func (c *cutter) write(nc net.Conn, p []byte) error {
	if c.nc == nil || nc != c.nc {
		_, err := nc.Write(p)
		return err
	}
	before := c.at - c.sent
	c.sent += int64(len(p))
	if before <= 0 || before >= int64(len(p)) {
		_, err := nc.Write(p)
		return err
	}
	if _, err := nc.Write(p[:before]); err != nil {
		return err
	}
	for end := time.Now().Add(testkit.WaitLimit); c.read() < c.at; runtime.Gosched() {
		if time.Now().After(end) {
			c.t.Errorf("the gateway has read %d bytes of %d", c.read(), c.at)
			break
		}
	}
	_, err := nc.Write(p[before:])
	return err
}

// pair returns the two ends of a TCP connection.
func pair(t *testing.T) (net.Conn, net.Conn) {
	t.Helper()
	l := testkit.Listen(t)
	defer l.Close()
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	for _, nc := range []net.Conn{near, far} {
		t.Cleanup(func() { nc.Close() })
		nc.SetDeadline(time.Now().Add(testkit.WaitLimit))
	}
	return near, far
}

// open serves a client as Server.Serve does, and logs it in. The counters of the returned conn tell what the gateway
// has read.
func (g *gateway) open() (*client, *upstream, *conn) {
	g.t.Helper()
	near, far := pair(g.t)
	served := g.srv.newConn(far, ListenInsecurePlaintext)
	stop := served.enlist()
	g.srv.conns.Go(func() {
		defer stop()
		served.serve()
	})
	c := &client{newPeer(g.t, "client", near, g.said)}
	return c, g.logInAs(c), served
}

// TestPlainRelaysByteForByte plays a session with many kinds of commands, once directly and once through a gateway
// with profile plain. Both ends get the same bytes.
func TestPlainRelaysByteForByte(t *testing.T) {
	for _, name := range []string{"mixed.txt", "short.txt"} {
		t.Run(name, func(t *testing.T) {
			steps := readTranscript(t, name)
			near, far := pair(t)
			wantClient, wantServer := play(t, steps, near, far, new(cutter))

			c, u, _ := newGateway(t).open()
			gotClient, gotServer := play(t, steps, c.nc, u.nc, new(cutter))
			if !bytes.Equal(gotClient, wantClient) || !bytes.Equal(gotServer, wantServer) {
				i := firstDifference(gotClient, wantClient)
				j := firstDifference(gotServer, wantServer)
				t.Errorf("client: from %d on %.200q, want %.200q\nserver: from %d on %.200q, want %.200q",
					i, gotClient[i:], wantClient[i:], j, gotServer[j:], wantServer[j:])
			}
		})
	}
}

func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// TestCutAnywhere plays a session once for each of its bytes, and cuts it at that byte.
func TestCutAnywhere(t *testing.T) {
	steps := readTranscript(t, "short.txt")
	total := map[bool]int{}
	for _, s := range steps {
		total[s.fromClient] += len(s.data)
	}
	near, far := pair(t)
	wantClient, wantServer := play(t, steps, near, far, new(cutter))
	g := newGateway(t)
	for _, ofClient := range []bool{true, false} {
		for at := 1; at < total[ofClient]; at++ {
			c, u, served := g.open()
			// The bytes of the login are not in the transcript.
			in, _ := served.link.upstream.Traffic()
			cut := &cutter{t: t, nc: u.nc, read: func() int64 { n, _ := served.link.upstream.Traffic(); return n - in }}
			if ofClient {
				in := served.client.received.Load()
				cut.nc, cut.read = c.nc, func() int64 { return served.client.received.Load() - in }
			}
			cut.at = int64(at)
			gotClient, gotServer := play(t, steps, c.nc, u.nc, cut)
			if !bytes.Equal(gotClient, wantClient) || !bytes.Equal(gotServer, wantServer) {
				t.Fatalf("cut at byte %d of client's (%t): client %.300q\nserver %.300q", at, ofClient, gotClient, gotServer)
			}
			c.nc.Close()
			g.said.reset()
		}
	}
}
