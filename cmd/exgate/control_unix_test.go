//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"exgate/backend/exchangesim"
	"exgate/backend/testkit"
	"exgate/proxy/control"
	"exgate/proxy/status"
)

// startControlled runs exgate serve in front of a simulated Exchange until the test ends. It returns the configuration,
// the state directory and the listener's address.
func startControlled(t *testing.T, more string) (file, state, address string, s *serving) {
	t.Helper()
	sim, err := exchangesim.New(exchangesim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	l := testkit.Listen(t)
	var simulating sync.WaitGroup
	simulating.Go(func() { sim.Serve(l, exchangesim.InsecurePlaintext) })
	t.Cleanup(func() { sim.Close(); simulating.Wait() })
	state = t.TempDir()
	file = filepath.Join(state, "exgate.yaml")
	config := fmt.Sprintf("state_dir: %s\nlisten: { insecure-plaintext: \"127.0.0.1:0\" }\n"+
		"upstream: { address: %q, tls: insecure-none, profile: exchange2016 }\nlog: { format: json }\n%s",
		state, l.Addr(), more)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s = startServing(t, file)
	s.logged("control socket")
	address = s.logged("listening")["address"].(string)
	t.Cleanup(func() {
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := <-s.err; err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(control.Path(state)); err == nil {
			t.Error("the control socket is left behind")
		}
	})
	return file, state, address, s
}

func TestWhoAndKick(t *testing.T) {
	file, _, address, _ := startControlled(t, "")
	says := func(want string, args ...string) string {
		t.Helper()
		got, err := exgate(t, append(args, "--config", file)...)
		if err != nil || !strings.Contains(got, want) {
			t.Errorf("%v: %q and %v, want %q", args, got, err, want)
		}
		return got
	}
	says("no client is connected", "who")
	alice, other := dialGateway(t, address), dialGateway(t, address)
	alice.say(`i ID ("name" "imapsync" "version" "2.3")`, "* ID")
	alice.expect("i OK")
	alice.say("s SELECT INBOX", "* ")
	for line := ""; !strings.HasPrefix(line, "s OK"); {
		var err error
		if line, err = alice.r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	table := says("2 sessions, 1 account", "who")
	for _, want := range []string{"alice@example.com", "imapsync 2.3", "INBOX", alice.LocalAddr().String()} {
		if !strings.Contains(table, want) {
			t.Errorf("%q is not in\n%s", want, table)
		}
	}
	var now status.Snapshot
	if err := json.Unmarshal([]byte(says("{", "who", "--format", "json")), &now); err != nil || len(now.Sessions) != 2 {
		t.Fatalf("got %+v and %v", now, err)
	}
	says("1 session ends", "kick", now.Sessions[1].ID)
	other.expect("* BYE an administrator has ended this session")
	testkit.Eventually(t, "one session", func() bool { return strings.Contains(says("account", "who"), "1 session,") })
	says("1 session ends", "kick", "alice@example.com")
	for line := ""; !strings.HasPrefix(line, "* BYE"); {
		var err error
		if line, err = alice.r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := exgate(t, "kick", "bob", "--config", file); exitCode(err) != exitNothing || !strings.Contains(err.Error(), `"bob"`) {
		t.Errorf("kick of nobody: %d, %v", exitCode(err), err)
	}
	if _, err := exgate(t, "who", "--format", "xml", "--config", file); exitCode(err) != exitUsage {
		t.Errorf("a format that does not exist: %d, %v", exitCode(err), err)
	}
}

func TestOrders(t *testing.T) {
	file, state, address, s := startControlled(t, "")
	alice := dialGateway(t, address)
	for _, test := range []struct {
		args, want string
		code       int
	}{
		{"pace alice@example.com 0.5", "alice@example.com: 0.5 messages per second; 1 session now\n", 0},
		{"pace alice@example.com 0", "alice@example.com: no pace; 1 session now\n", 0},
		{"pace alice@example.com configured", "alice@example.com: the configured pace; 1 session now\n", 0},
		{"pace alice@example.com configured", "", exitNothing},
		{"pace alice@example.com fast", "", exitUsage},
		{"pace alice@example.com NaN", "", exitUsage},
		{"trace alice@example.com on", "alice@example.com: trace on; 1 session now\n", 0},
		{"trace alice@example.com maybe", "", exitUsage},
		{"pause all", "all: paused; 1 session now\n", 0},
		{"resume bob", "", exitNothing},
		{"resume all", "all: resumed; 1 session now\n", 0},
		{"pause bob", "bob: paused; 0 sessions now\n", 0},
	} {
		got, err := exgate(t, append(strings.Fields(test.args), "--config", file)...)
		if got != test.want || exitCode(err) != test.code {
			t.Errorf("%s: %q, exit code %d (%v)", test.args, got, exitCode(err), err)
		}
	}
	if got, err := exgate(t, "who", "--config", file); err != nil || !strings.HasSuffix(got, "paused: bob\n") {
		t.Errorf("who: %q, %v", got, err)
	}
	alice.say("n NOOP", "n OK")
	if got, err := exgate(t, "trace", "alice@example.com", "off", "--config", file); err != nil {
		t.Errorf("trace off: %q, %v", got, err)
	}
	name := s.logged("the trace of a session begins")["file"].(string)
	text, err := os.ReadFile(name)
	if err != nil || !strings.Contains(string(text), "C>E n NOOP\n") || filepath.Dir(name) != filepath.Join(state, "trace") {
		t.Errorf("%s: %v\n%s", name, err, text)
	}
}

func TestWhoWithoutAGateway(t *testing.T) {
	for _, args := range [][]string{{"who"}, {"kick", "bob"}} {
		_, err := exgate(t, append(args, "--set", "state_dir="+t.TempDir())...)
		if exitCode(err) != exitUnavailable || !strings.Contains(err.Error(), "--config") {
			t.Errorf("%v: %d, %v", args, exitCode(err), err)
		}
	}
}

func TestPrintWho(t *testing.T) {
	now := status.Snapshot{Time: time.Date(2026, 11, 29, 12, 0, 0, 0, time.Local)}
	now.Sessions = []status.Session{
		{ID: "abcd2345", Client: "192.0.2.1:5", Since: now.Time.Add(-90 * time.Second), State: status.StateLogin},
		{ID: "efgh2345", Client: "192.0.2.1:6", Since: now.Time, User: "bob", Admin: "admin", Mailbox: "Sent",
			State: status.StateThrottled, Until: now.Time.Add(time.Minute), Detail: "Exchange throttles this account",
			Outcomes: status.Outcomes{Stored: 12}},
	}
	now.Accounts = []status.Account{{Sessions: 2}, {}}
	want := "" +
		"SESSION   USER          CLIENT       PROGRAM  MAILBOX  STORED  FOR    STATE\n" +
		"abcd2345  -             192.0.2.1:5  -        -        0       1m30s  login\n" +
		"efgh2345  bob by admin  192.0.2.1:6  -        Sent     12      0s     throttled until 12:01:00: Exchange throttles this account\n" +
		"2 sessions, 1 account\n"
	var got strings.Builder
	if err := printWho(&got, &now); err != nil || got.String() != want {
		t.Errorf("got %v\n%swant\n%s", err, &got, want)
	}
}
