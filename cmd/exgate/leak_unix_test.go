//go:build unix

package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"exgate/backend/exchangesim"
	"exgate/backend/leaktest"
	"exgate/backend/testkit"
)

// leakUpstream is one way in which the gateway logs in upstream.
type leakUpstream struct {
	name, profile string
	settings      string // YAML below upstream
	held          bool   // exgate holds what opens mailboxes
	fromLogin     bool   // the client's password is the application's secret
	failed        int    // limits.failed_logins
	good          int    // logins of the shapes that are good, at least
}

// leakUpstreams are every form of a password, and every way to a token.
var leakUpstreams = []leakUpstream{
	{name: "as-sent", profile: "exchange2016", good: 28, settings: "login: { FORMS [as-sent] }"},
	{name: "user", profile: "exchange2013", good: 28, settings: "login: { FORMS [user] }"},
	{name: "user@upn", profile: "exchange2016", good: 28, settings: "login: { FORMS ['user@upn'] }"},
	{name: `domain\user`, profile: "exchange2010", good: 28, settings: `login: { FORMS ['domain\user'] }`},
	{name: "domain/user/alias", profile: "exchange2003", good: 28, settings: "login: { FORMS [domain/user/alias] }"},
	{name: `domain\admin\user`, profile: "exchange2019", good: 28, settings: `login: { FORMS ['domain\admin\user'] }`},
	{name: `admin@upn\user`, profile: "exchange2007", good: 28, settings: `login: { FORMS ['admin@upn\user'] }`},
	{name: "domain/admin/alias", profile: "exchange2000", good: 28, settings: "login: { FORMS [domain/admin/alias] }"},
	{name: "admin@upn/alias", profile: "exchange2003", good: 28, settings: "login: { FORMS [admin@upn/alias] }"},
	{name: "plain-authzid", profile: "exchange2010", good: 28, settings: "login: { FORMS [plain-authzid] }"},
	{name: "profile plain", profile: "plain", good: 28, settings: "login: { DOMAINS }"},
	{name: "the client's token", profile: "exchange-online", good: 7, settings: "login: { DOMAINS }"},
	{name: "guessing refused", profile: "exchange2016", failed: 4, good: 1, settings: "login: { DOMAINS }"},
	{name: "admin's password held", profile: "exchange2016", held: true, good: 28,
		settings: `login: { DOMAINS, admin: 'EXAMPLE\svc', admin_password_file: 'DIR/held' }`},
	{name: "client credentials", profile: "exchange-online", held: true, good: 28,
		settings: "login: { DOMAINS }\n  oauth2: { flow: client-credentials, ENDPOINT, client_secret: CLIENT }"},
	{name: "client secret from the login", profile: "exchange-online", fromLogin: true, good: 28,
		settings: "login: { DOMAINS }\n  oauth2: { flow: client-credentials, ENDPOINT, secret_from_login: true }"},
	{name: "refresh token", profile: "exchange-online", held: true, good: 28,
		settings: "login: { DOMAINS }\n  oauth2: { flow: refresh-token, ENDPOINT, client_secret_file: 'DIR/client', account: bob@example.com }"},
	{name: "token command", profile: "exchange-online", held: true, good: 28,
		settings: "login: { DOMAINS }\n  oauth2: { flow: command, command: [cat, 'DIR/token'] }"},
}

// TestNoSecretLeaks plays every shape of a client's against every way upstream,
// and looks for all secrets in whatever the gateway writes: log, wire trace,
// metrics, replies, and what is left of it in a crash.
func TestNoSecretLeaks(t *testing.T) {
	for i, up := range leakUpstreams {
		for j, format := range []string{"text", "json"} {
			if isRace && i%2 != j { // the race detector needs one format; make test plays both
				continue
			}
			t.Run(up.name+", "+format, func(t *testing.T) { testLeaks(t, up, format) })
		}
	}
}

func testLeaks(t *testing.T, up leakUpstream, format string) {
	w := newLeakWorld(t, up, format)
	e := w.serve(t)
	replies, opened := map[string]string{}, 0
	for _, s := range leakShapes(w.secrets) {
		reply := e.play(t, s)
		if regexp.MustCompile(`(?m)^[^*\s]\S* OK (\[CAPABILITY |AUTH|LOGIN|PROXY)`).MatchString(reply) {
			opened++
		}
		if !s.echo {
			replies[s.name] = reply
		}
	}
	if opened < up.good {
		t.Errorf("%d logins were good", opened)
	}
	_, metrics := get(t, e.addresses["status"], "/metrics")
	idle := e.dial(t, "")
	idle.ask(t, "a LOGIN bob "+w.secrets.plain)
	half := e.dial(t, "")
	half.ask(t, "a LOGIN bob {15}")
	half.send(t, w.secrets.plain[:10])
	signal := map[string]os.Signal{"text": syscall.SIGQUIT, "json": syscall.SIGABRT}[format]
	dump := e.crash(t, signal)
	trace, err := os.ReadFile(filepath.Join(w.dir, "trace"))
	if err != nil || bytes.Count(trace, []byte("\n")) < 300 || len(metrics) < 1000 {
		t.Errorf("%v; the trace has %d lines, the metrics %d bytes", err, bytes.Count(trace, []byte("\n")), len(metrics))
	}
	f := w.finder()
	for sink, text := range map[string]string{"log and crash dump": dump, "trace": string(trace), "metrics": metrics} {
		for _, leak := range f.Find([]byte(text)) {
			t.Errorf("the %s shows %s", sink, leak)
		}
	}
	for name, reply := range replies {
		for _, leak := range f.Find([]byte(reply)) {
			t.Errorf("%s: the reply shows %s", name, leak)
		}
	}
	t.Logf("%d shapes, %d of them logged in; searched %d bytes of log and dump, %d of trace", len(leakShapes(w.secrets)), opened, len(dump), len(trace))
}

// TestCheckShowsNoSecret is the same for check, with and without a login.
func TestCheckShowsNoSecret(t *testing.T) {
	for i, up := range leakUpstreams {
		if isRace && i%3 != 0 { // each command is a program of its own, whose races are the same; make test runs all
			continue
		}
		t.Run(up.name, func(t *testing.T) {
			w := newLeakWorld(t, up, "text")
			for _, run := range []struct{ args, password string }{
				{"", ""}, {"--json", ""},
				{"--login bob", w.secrets.plain}, {"--login bob", w.secrets.wrong}, {"--login bea --json", w.secrets.odd},
				{`--login EXAMPLE\admin\bob --json`, w.secrets.admin}, {"--login bob --append Drafts", w.secrets.plain},
			} {
				out := w.exgate(t, run.password+"\n", append([]string{"check", "--config", w.file}, strings.Fields(run.args)...)...)
				for _, leak := range w.finder().Find(out) {
					t.Errorf("check %s shows %s", run.args, leak)
				}
				if len(out) < 100 {
					t.Errorf("check %s says %q", run.args, out)
				}
			}
		})
	}
}

// leakWorld is a simulated Exchange, its directory, and a configuration of the
// gateway before it.
type leakWorld struct {
	dir, file string
	secrets   secrets

	mu    sync.Mutex
	found []string // tokens and the like, as they pass
}

func newLeakWorld(t *testing.T, up leakUpstream, format string) *leakWorld {
	w := &leakWorld{dir: t.TempDir(), secrets: leakSecrets}
	s := &w.secrets
	application := s.client
	if up.fromLogin {
		application = s.plain
	}
	profile := up.profile
	if profile == "plain" {
		profile = "exchange2016"
	}
	sim, err := exchangesim.New(exchangesim.Config{
		Profile: profile, Tokens: exchangesim.TokenConfig{Secret: application}, Users: []exchangesim.User{
			{Name: "bob", Password: s.plain}, {Name: "bea", Password: s.odd},
			{Name: "admin", Password: s.admin, FullAccess: true}, {Name: "svc", Password: s.held, FullAccess: true},
		}})
	if err != nil {
		t.Fatal(err)
	}
	imap, tokens := testkit.Listen(t), testkit.Listen(t)
	var serving sync.WaitGroup
	serving.Go(func() { sim.Serve(imap, exchangesim.ImplicitTLS) })
	serving.Go(func() { sim.ServeTokens(tokens) })
	t.Cleanup(func() { sim.Close(); serving.Wait() })
	cert, err := sim.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	endpoint := w.recordTokens(t, tokens.Addr().String(), cert)
	w.write(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))+endpoint.ca)
	answer, err := endpoint.client.PostForm(endpoint.url, url.Values{"grant_type": {"client_credentials"}, "client_id": {exchangesim.TokenClient}, "client_secret": {application}})
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	s.token = w.found[len(w.found)-1]
	w.write(t, "token", s.token+"\n")
	w.write(t, "held", s.held+"\n")
	w.write(t, "client", s.client+"\n")

	settings := strings.NewReplacer(
		"FORMS", "domains: [EXAMPLE], upn: example.com, forms:", "DOMAINS", "domains: [EXAMPLE], upn: example.com", "DIR", w.dir,
		"ENDPOINT", "tenant: "+exchangesim.TokenTenant+", client_id: "+exchangesim.TokenClient+", token_url: "+endpoint.url, "CLIENT", "'"+s.client+"'",
	).Replace(up.settings)
	users := ""
	if up.held {
		users = "users_file: '" + w.dir + "/users'\n"
	}
	w.file = w.write(t, "exgate.yaml", "state_dir: '"+w.dir+"'\n"+users+
		"listen: { insecure-plaintext: \"127.0.0.1:0\", starttls: \"127.0.0.1:0\", implicit: \"127.0.0.1:0\", status: \"127.0.0.1:0\" }\n"+
		fmt.Sprintf("limits: { failed_logins: %d }\n", up.failed)+
		"log: { level: debug, format: "+format+", trace: '"+w.dir+"/trace' }\n"+
		"upstream:\n  address: "+imap.Addr().String()+"\n  ca_file: '"+w.dir+"/ca.pem'\n  profile: "+up.profile+"\n  "+settings+"\n")
	if up.held {
		for name, password := range map[string]string{"bob": s.plain, "bea": s.odd, "admin": s.admin} {
			w.exgate(t, password+"\n", "user", "add", name, "--file", w.dir+"/users", "--mailbox", "*")
		}
	}
	if strings.Contains(settings, "refresh-token") {
		refresh := sim.GrantRefresh("bob")
		w.found = append(w.found, refresh)
		w.exgate(t, refresh+"\n", "login", "bob@example.com", "--refresh-token", "--config", w.file)
	}
	return w
}

func (w *leakWorld) write(t *testing.T, name, content string) (file string) {
	t.Helper()
	file = filepath.Join(w.dir, name)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// finder knows all secrets of this world, the tokens that have passed too.
func (w *leakWorld) finder() *leaktest.Finder {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.secrets
	return leaktest.New(append([]string{s.plain, s.odd, s.admin, s.wrong, s.client, s.held, s.token}, w.found...)...)
}

// tokenEndpoint is what stands before the simulated directory.
type tokenEndpoint struct {
	url, ca string
	client  *http.Client
}

// recordTokens passes requests on to the directory, and keeps the secrets in
// them and in the answers.
func (w *leakWorld) recordTokens(t *testing.T, directory string, ca *x509.Certificate) tokenEndpoint {
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	keep := func(text []byte) {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, match := range regexp.MustCompile(`"(?:access|refresh)_token":"([^"]+)"`).FindAllSubmatch(text, -1) {
			w.found = append(w.found, string(match[1]))
		}
	}
	pass := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "https", Host: directory}) },
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true},
		ModifyResponse: func(r *http.Response) error {
			body, err := io.ReadAll(r.Body)
			keep(body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			return err
		},
	}
	server := httptest.NewTLSServer(pass)
	t.Cleanup(server.Close)
	client := server.Client()
	t.Cleanup(client.CloseIdleConnections)
	return tokenEndpoint{
		url:    server.URL + "/" + exchangesim.TokenTenant + "/oauth2/v2.0/token",
		ca:     string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})),
		client: client,
	}
}

// command is exgate as a program of its own.
func (w *leakWorld) command(t *testing.T, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), runsExgate+"=1", "GOTRACEBACK=all", "SSL_CERT_FILE="+w.dir+"/ca.pem")
	return cmd
}

// exgate runs a command line and returns all that it has printed.
func (w *leakWorld) exgate(t *testing.T, stdin string, args ...string) []byte {
	t.Helper()
	cmd := w.command(t, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || args[0] != "check" && err != nil {
		t.Fatalf("exgate %q: %v\n%s", args, err, out)
	}
	return out
}

// gatewayProcess is a running exgate serve.
type gatewayProcess struct {
	cmd       *exec.Cmd
	addresses map[string]string // of its listeners
	log       []byte            // to be read when it has ended
	ended     chan struct{}
}

var listening = regexp.MustCompile(`(127\.0\.0\.1:\d+)"? *,?"?(?:tls|for)"?[=:]"?([a-z-]+)`)

func (w *leakWorld) serve(t *testing.T) *gatewayProcess {
	t.Helper()
	e := &gatewayProcess{cmd: w.command(t, "serve", "--config", w.file), addresses: map[string]string{}, ended: make(chan struct{})}
	stderr, err := e.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	go func() {
		defer close(e.ended)
		for r := bufio.NewReader(stderr); ; {
			line, err := r.ReadBytes('\n')
			e.log = append(e.log, line...)
			if m := listening.FindSubmatch(line); m != nil && bytes.Contains(line, []byte("listening")) {
				e.addresses[string(m[2])] = string(m[1])
				if len(e.addresses) == 4 {
					close(ready)
				}
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { e.cmd.Process.Kill(); <-e.ended; e.cmd.Wait() })
	select {
	case <-ready:
	case <-e.ended:
		t.Fatalf("it does not serve:\n%s", e.log)
	}
	return e
}

// crash ends the process by a signal at which Go prints its goroutines, and
// returns all that it has written.
func (e *gatewayProcess) crash(t *testing.T, signal os.Signal) string {
	t.Helper()
	if err := e.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	<-e.ended
	if !bytes.Contains(e.log, []byte("\ngoroutine ")) {
		t.Errorf("it has left no dump:\n%s", e.log)
	}
	return string(e.log)
}

// leakClient is a client that takes whatever comes.
type leakClient struct {
	net.Conn
	r    *bufio.Reader
	said strings.Builder // all replies
}

func (e *gatewayProcess) dial(t *testing.T, to string) *leakClient {
	t.Helper()
	if to == "" {
		to = "insecure-plaintext"
	}
	nc, err := net.Dial("tcp", e.addresses[to])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return &leakClient{Conn: nc, r: bufio.NewReader(nc)}
}

// send sends bytes; the gateway may have gone.
func (c *leakClient) send(t *testing.T, text string) {
	t.Helper()
	c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(c, text); err != nil {
		t.Logf("sending: %v", err)
	}
}

// ask sends a line and reads up to what answers it: a tagged reply, a + or the
// end.
func (c *leakClient) ask(t *testing.T, line string) {
	t.Helper()
	c.send(t, line+"\r\n")
	for {
		reply, err := c.r.ReadString('\n')
		c.said.WriteString(reply)
		if err != nil || !strings.HasPrefix(reply, "* ") {
			return
		}
	}
}

// play says a shape, and returns all replies.
func (e *gatewayProcess) play(t *testing.T, s shape) string {
	t.Helper()
	c := e.dial(t, s.to)
	defer c.Close()
	for i, line := range s.says {
		if s.cut && i == len(s.says)-1 {
			c.send(t, line)
			return c.said.String()
		}
		c.ask(t, line)
	}
	c.send(t, "zz LOGOUT\r\n")
	if half, ok := c.Conn.(*net.TCPConn); ok {
		half.CloseWrite()
	}
	rest, err := io.ReadAll(c.r)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%s: no end:\n%s%s", s.name, c.said.String(), rest)
	}
	return c.said.String() + string(rest)
}
