//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"exgate/backend/exchangesim"
	"exgate/backend/testkit"
)

// serving is exgate serve in this process, with its log.
type serving struct {
	t   *testing.T
	log chan string // its lines; as many as a test can have wait in it
	err chan error
}

// logged reads the log up to a message, and returns that line.
func (s *serving) logged(msg string) map[string]any {
	s.t.Helper()
	for text := range s.log {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			s.t.Fatalf("the log has %q", text)
		}
		if line["msg"] == msg {
			return line
		}
	}
	s.t.Fatalf("the log ends without %q", msg)
	return nil
}

// The gateway reads its configuration again at SIGHUP, keeps the one that
// works where the new one does not, and drains at SIGTERM.
func TestServeSignals(t *testing.T) {
	sim, err := exchangesim.New(exchangesim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	l := testkit.Listen(t)
	var simulating sync.WaitGroup
	simulating.Go(func() { sim.Serve(l, exchangesim.InsecurePlaintext) })
	defer simulating.Wait()
	defer sim.Close()

	dir := t.TempDir()
	file := filepath.Join(dir, "exgate.yaml")
	write := func(profile string) {
		t.Helper()
		config := fmt.Sprintf("state_dir: %s\nlisten: { insecure-plaintext: \"127.0.0.1:0\" }\n"+
			"upstream: { address: %q, tls: insecure-none, profile: %s }\nlog: { format: json }\n", dir, l.Addr(), profile)
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("exchange2016")
	s := startServing(t, file)
	address := s.logged("listening")["address"].(string)
	old := dialGateway(t, address)

	write("nonsense")
	hup(t)
	if line := s.logged("configuration not reloaded; keeping the previous one"); !strings.Contains(line["err"].(string), "upstream.profile") {
		t.Errorf("the log says %v", line)
	}
	write("plain")
	hup(t)
	s.logged("configuration reloaded")
	young := dialGateway(t, address)
	young.say("a XYZZY", "a BAD") // which the server itself says
	s.logged("session open")
	old.say("a XYZZY", "a BAD Exchange does not know this command")

	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*gatewayClient{old, young} {
		c.expect("* BYE exgate is stopping; log in again later")
		c.Close()
	}
	if s.logged("exgate has stopped")["drained"] != true {
		t.Error("it was not drained")
	}
	if err := <-s.err; err != nil {
		t.Error(err)
	}
}

func hup(t *testing.T) {
	t.Helper()
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
}

// startServing runs exgate serve as main does, signals included.
func startServing(t *testing.T, file string) *serving {
	r, w := io.Pipe()
	s := &serving{t: t, log: make(chan string, 1000), err: make(chan error, 1)}
	go func() {
		defer close(s.log)
		for lines := bufio.NewScanner(r); lines.Scan(); {
			s.log <- lines.Text()
		}
	}()
	ctx, stop := signalled()
	t.Cleanup(stop)
	go func() {
		root := rootCommand(io.Discard)
		root.SetArgs([]string{"serve", "--config", file})
		root.SetErr(w)
		s.err <- root.ExecuteContext(ctx)
		w.Close()
	}()
	return s
}

// gatewayClient is a client of the gateway, logged in.
type gatewayClient struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

func dialGateway(t *testing.T, address string) *gatewayClient {
	t.Helper()
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(10 * time.Second))
	c := &gatewayClient{nc, t, bufio.NewReader(nc)}
	c.expect("* OK")
	c.say("a LOGIN alice@example.com alicepass", "a OK")
	return c
}

func (c *gatewayClient) say(command, reply string) {
	c.t.Helper()
	if _, err := io.WriteString(c, command+"\r\n"); err != nil {
		c.t.Fatal(err)
	}
	c.expect(reply)
}

func (c *gatewayClient) expect(prefix string) {
	c.t.Helper()
	line, err := c.r.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, prefix) {
		c.t.Fatalf("got %q and %v, want %q", line, err, prefix)
	}
}
