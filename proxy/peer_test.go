package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"exgate/proxy/testkit"
)

// The test language. A test plays both ends of a session, in one goroutine:
//
//	c.C("a1 NOOP")    the client sends a line
//	u.C("a1 NOOP")    the upstream must get it
//	u.S("a1 OK done") the upstream sends a line
//	c.S("a1 OK done") the client must get it
//
// In what is expected, "…" stands for anything. A failure prints all that was
// said so far.

// transcript is what was said in a test, in the order in which the test saw it.
type transcript struct {
	mu    sync.Mutex
	lines []string
}

func (t *transcript) add(who, what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(what) > 300 {
		what = fmt.Sprintf("%s... (%d bytes)", what[:300], len(what))
	}
	t.lines = append(t.lines, fmt.Sprintf("%s %q", who, what))
}

func (t *transcript) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = nil
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return "so far:\n" + strings.Join(t.lines, "\n")
}

// peer is one end of a connection with the gateway.
type peer struct {
	t    *testing.T
	name string
	nc   net.Conn
	r    *bufio.Reader
	said *transcript
	// limit is how long each wait may last.
	limit time.Duration
}

func newPeer(t *testing.T, name string, nc net.Conn, said *transcript) *peer {
	t.Helper()
	t.Cleanup(func() { nc.Close() })
	p := &peer{t: t, name: name, said: said, limit: testkit.WaitLimit}
	p.attach(nc)
	return p
}

// attach gives the peer its connection, or TLS over it after a handshake.
func (p *peer) attach(nc net.Conn) {
	p.t.Helper()
	p.nc, p.r = nc, bufio.NewReader(nc)
	p.wait()
}

func (p *peer) fatalf(format string, args ...any) {
	p.t.Helper()
	p.t.Fatalf("%s: %s\n%s", p.name, fmt.Sprintf(format, args...), p.said)
}

// wait sets the deadline of the peer's next read or write. The test as a whole has none, since some tests have
// thousands of lines.
func (p *peer) wait() {
	p.t.Helper()
	if err := p.nc.SetDeadline(time.Now().Add(p.limit)); err != nil {
		p.fatalf("%v", err)
	}
}

// raw sends bytes as they are.
func (p *peer) raw(data string) {
	p.t.Helper()
	p.said.add(p.name+" >", data)
	p.wait()
	if _, err := io.WriteString(p.nc, data); err != nil {
		p.fatalf("sending: %v", err)
	}
}

// expect reads a line.
func (p *peer) expect(want string) (line string) {
	p.t.Helper()
	p.wait()
	line, err := p.r.ReadString('\n')
	p.said.add(p.name+" <", line)
	if err != nil {
		p.fatalf("want %q, got %q and %v", want, line, err)
	}
	got, ok := strings.CutSuffix(line, "\r\n")
	if !ok || !matches(got, want) {
		p.fatalf("want %q", want)
	}
	return got
}

// matches compares with a pattern in which "…" stands for anything.
func matches(got, pattern string) bool {
	parts := strings.Split(pattern, "…")
	if len(parts) == 1 {
		return got == pattern
	}
	rest, ok := strings.CutPrefix(got, parts[0])
	for _, part := range parts[1 : len(parts)-1] {
		var found bool
		_, rest, found = strings.Cut(rest, part)
		ok = ok && found
	}
	return ok && strings.HasSuffix(rest, parts[len(parts)-1])
}

// expectRaw reads exactly these bytes.
func (p *peer) expectRaw(want string) {
	p.t.Helper()
	got := make([]byte, len(want))
	p.wait()
	n, err := io.ReadFull(p.r, got)
	p.said.add(p.name+" <", string(got[:n]))
	if err != nil || string(got) != want {
		p.fatalf("want %d bytes %.200q, got %d bytes %.200q and %v", len(want), want, n, got[:n], err)
	}
}

// ends expects the gateway to close the connection, and nothing before that.
func (p *peer) ends() {
	p.t.Helper()
	p.wait()
	rest, err := io.ReadAll(p.r)
	if len(rest) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		p.fatalf("want the end of the connection, got %.300q and %v", rest, err)
	}
	p.said.add(p.name+" <", "(end)")
	p.nc.Close() // without this, the gateway would wait for limits.Linger
}

// silent expects that nothing comes for a short time. It may miss a fault, but reports none by mistake.
func (p *peer) silent() {
	p.t.Helper()
	p.nc.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
	if b, err := p.r.Peek(1); err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		rest, _ := p.r.Peek(p.r.Buffered())
		p.fatalf("want silence, got %.300q (%q) and %v", b, rest, err)
	}
}

// reset closes the connection with a TCP reset.
func (p *peer) reset() {
	p.t.Helper()
	if tcp, ok := p.nc.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	p.close()
}

func (p *peer) close() {
	p.said.add(p.name+" >", "(end)")
	p.nc.Close()
}

// client is a mail program.
type client struct{ *peer }

// C sends a line.
func (c *client) C(line string) { c.t.Helper(); c.raw(line + "\r\n") }

// S expects a line.
func (c *client) S(want string) string { c.t.Helper(); return c.expect(want) }

// until reads up to the wanted line. It skips keep-alives and the allowed lines.
func (c *client) until(want string, allowed ...string) {
	c.t.Helper()
	allowed = append(allowed, "* OK exgate: still working: …")
	for line := c.S("…"); !matches(line, want); line = c.S("…") {
		if !slices.ContainsFunc(allowed, func(a string) bool { return matches(line, a) }) {
			c.fatalf("want %q", want)
		}
	}
}

// upstream is the server's end of a connection that the gateway has made.
type upstream struct{ *peer }

// C expects a line.
func (u *upstream) C(want string) string { u.t.Helper(); return u.expect(want) }

// S sends a line.
func (u *upstream) S(line string) { u.t.Helper(); u.raw(line + "\r\n") }
