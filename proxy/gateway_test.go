package proxy

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"exgate/backend"
	"exgate/backend/exchangesim"
	"exgate/config/profile"
	"exgate/proxy/routing"
	"exgate/proxy/spool"
	"exgate/proxy/testkit"
	"exgate/proxy/trace"
	"exgate/rewrite"
)

// The profiles of the tests are those of package profile, without their pace.
var (
	plainProfile    = profile.Profile{Name: profile.Plain, Pipeline: 1000, LiteralPlus: true, Forms: []backend.Form{backend.FormPlainAuthzid}}
	exchangeProfile = profile.Profile{
		Name: "exchange2016", MessageLimit: 10_000_000,
		Message: rewrite.Options{LongLines: rewrite.LongLinesRecode, LineLimit: 9900, ReadReceipt: rewrite.ReadReceiptAll},
		Flagged: true, Keywords: true, Pipeline: 1, Verify: true,
		Forms: []backend.Form{backend.FormPlainAuthzid, backend.FormDomainAdminUser, backend.FormAdminUPNUser},
	}
)

// withProfile returns a setup that puts a profile in force, whatever the server announces.
func withProfile(p profile.Profile) func(*Options, *limits) {
	return func(o *Options, _ *limits) {
		o.Upstreams[0].Profile = p.Name
		o.Upstreams[0].Profiles = func(string) profile.Profile { return p }
	}
}

// gateway is a gateway under test.
type gateway struct {
	t     *testing.T
	srv   *Server
	l     *countingListener
	up    *net.TCPListener // the scripted upstream; nil with a simulated one
	log   *buffer
	trace *buffer
	said  *transcript
}

// newGateway starts a gateway with a scripted upstream. accept returns the upstream's connections. The profile is
// plain unless a setup sets another.
func newGateway(t *testing.T, setups ...func(*Options, *limits)) *gateway {
	t.Helper()
	up := testkit.Listen(t)
	g := startGateway(t, ListenInsecurePlaintext, up.Addr().String(), setups...)
	g.up = up
	t.Cleanup(func() { up.Close() })
	return g
}

// newSimulated starts a gateway in front of a simulated Exchange.
func newSimulated(t *testing.T, cfg exchangesim.Config, setups ...func(*Options, *limits)) (*gateway, *exchangesim.Server) {
	t.Helper()
	sim, err := exchangesim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l := testkit.Listen(t)
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := sim.Serve(l, exchangesim.InsecurePlaintext); err != nil {
			t.Errorf("exchangesim: %v", err)
		}
	})
	t.Cleanup(func() { sim.Close(); serving.Wait() })
	return startGateway(t, ListenInsecurePlaintext, l.Addr().String(), setups...), sim
}

// startGateway starts a gateway that serves until the test ends. Then it checks nothingLeft.
func startGateway(t *testing.T, how Listen, upstreamAddr string, setups ...func(*Options, *limits)) *gateway {
	t.Helper()
	g := &gateway{t: t, log: new(buffer), trace: new(buffer), said: new(transcript)}
	opts := Options{
		Upstreams: []routing.Upstream{{Backend: backend.Options{Address: upstreamAddr, TLS: backend.TLSInsecureNone}}},
		Spool:     spool.Options{Dir: t.TempDir()},
		Log:       slog.New(slog.NewJSONHandler(g.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Trace:     trace.NewWire(g.trace),
	}
	lim := defaultLimits
	withProfile(plainProfile)(&opts, &lim)
	for _, set := range setups {
		set(&opts, &lim)
	}
	srv, err := NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	srv.limits = lim
	g.srv, g.l = srv, &countingListener{TCPListener: testkit.Listen(t)}
	var serving sync.WaitGroup
	serving.Go(func() { srv.Serve(g.l, how) })
	t.Cleanup(func() {
		g.l.Close()
		serving.Wait()
		srv.Close()
		g.nothingLeft()
	})
	return g
}

// nothingLeft checks, after a test, that no bytes are charged to a budget, the spool has no file, no file is open and
// no account is in use.
func (g *gateway) nothingLeft() {
	if n := g.srv.uploads.Used(); n != 0 {
		g.t.Errorf("%d bytes are still charged to the spool", n)
	}
	if n := len(g.srv.accounts.open); n != 0 {
		g.t.Errorf("%d accounts are still open", n)
	}
	if files, err := os.ReadDir(g.srv.settings.Load().opts.Spool.Dir); err == nil && len(files) > 0 {
		g.t.Errorf("left in the spool: %v", files)
	}
	if files := descriptors("exgate-spool"); len(files) > 0 {
		g.t.Errorf("open files of the spool: %v", files)
	}
}

// dial connects a client, which has not read the greeting yet.
func (g *gateway) dial() *client {
	g.t.Helper()
	nc, err := net.Dial("tcp", g.l.Addr().String())
	if err != nil {
		g.t.Fatal(err)
	}
	return &client{newPeer(g.t, "client", nc, g.said)}
}

// accept waits for the gateway's next connection to the scripted upstream.
func (g *gateway) accept() *upstream {
	g.t.Helper()
	g.up.SetDeadline(time.Now().Add(testkit.WaitLimit))
	nc, err := g.up.Accept()
	if err != nil {
		g.t.Fatalf("the gateway does not connect: %v\n%s", err, g.said)
	}
	return &upstream{newPeer(g.t, "upstream", nc, g.said)}
}

// capabilities are what the scripted upstream announces after the login.
const capabilities = "IMAP4rev1 LITERAL+ UIDPLUS IDLE"

// login opens a session as alice.
func (g *gateway) login() (*client, *upstream) {
	g.t.Helper()
	c := g.dial()
	return c, g.logInAs(c)
}

// logInAs logs a client in.
func (g *gateway) logInAs(c *client) *upstream {
	g.t.Helper()
	c.S("* OK …")
	c.C("a0 LOGIN alice secret")
	u := g.relogin()
	c.until("a0 OK …")
	return u
}

// relogin accepts the gateway's next connection to the upstream, and plays the login.
func (g *gateway) relogin() *upstream {
	g.t.Helper()
	u := g.accept()
	g.playLogin(u)
	return u
}

// playLogin plays the login on a connection of the gateway.
func (g *gateway) playLogin(u *upstream) {
	g.t.Helper()
	u.S("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready")
	u.C(`xg1 LOGIN "alice" "secret"`)
	u.S("xg1 OK [CAPABILITY " + capabilities + "] done")
	opts := &g.srv.settings.Load().opts
	if opts.Upstreams[0].Profiles(opts.Upstreams[0].Profile).Verify {
		u.C("xg2 STATUS INBOX (UIDNEXT UIDVALIDITY)")
		u.S("* STATUS INBOX (UIDNEXT 1)")
		u.S("xg2 OK done")
	}
}

// logged waits for a line of the log and returns its attributes.
func (g *gateway) logged(msg string) map[string]any {
	g.t.Helper()
	var found map[string]any
	testkit.Eventually(g.t, "log line "+msg, func() bool {
		for line := range strings.Lines(g.log.String()) {
			var attrs map[string]any
			if json.Unmarshal([]byte(line), &attrs) == nil && attrs["msg"] == msg {
				found = attrs
				return true
			}
		}
		return false
	})
	return found
}

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func (b *buffer) contains(s string) bool { return strings.Contains(b.String(), s) }

// countingListener counts what the gateway has read from its clients, unless it hands out bare sockets.
type countingListener struct {
	*net.TCPListener
	read   atomic.Int64
	isBare atomic.Bool
}

func (l *countingListener) Accept() (net.Conn, error) {
	nc, err := l.AcceptTCP()
	if err != nil {
		return nil, err
	}
	if l.isBare.Load() {
		return nc, nil
	}
	return &countingConn{nc, &l.read}, nil
}

type countingConn struct {
	*net.TCPConn
	read *atomic.Int64
}

func (c *countingConn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	c.read.Add(int64(n))
	return n, err
}
