//go:build unix

package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"exgate/backend/exchangesim"
	"exgate/backend/testkit"
)

// What listen.status tells follows what clients do, without their names, and
// goes on while the gateway drains.
func TestServeStatus(t *testing.T) {
	sim, err := exchangesim.New(exchangesim.Config{Profile: "exchange2016"})
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
	config := fmt.Sprintf("state_dir: %s\nlisten: { insecure-plaintext: \"127.0.0.1:0\", status: \"127.0.0.1:0\" }\n"+
		"upstream: { address: %q, tls: insecure-none, profile: exchange2016 }\nlog: { format: json }\n", dir, l.Addr())
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startServing(t, file)
	status := s.logged("listening")["address"].(string)
	address := s.logged("listening")["address"].(string)
	if code, body := get(t, status, "/readyz"); code != http.StatusOK || body != "ok\n" {
		t.Errorf("readyz: %d %s", code, body)
	}
	c := dialGateway(t, address)
	c.say("b XYZZY", "b BAD")
	c.say("c APPEND INBOX {300000000}", "c NO [TOOBIG]")
	c.say("d LOGOUT", "* BYE")
	s.logged("session end")
	code, body := get(t, status, "/metrics")
	for _, want := range []string{
		`exgate_logins_total{outcome="ok"} 1`, `exgate_commands_total{lane="refused"} 1`, `exgate_sessions 0`,
		`exgate_messages_total{result="refused"} 1`, `exgate_messages_refused_total{rule="oversize"} 1`, `go_goroutines`,
	} {
		if !strings.Contains(body, "\n"+want) {
			t.Errorf("metrics, %d: no %s in\n%s", code, want, body)
		}
	}
	if strings.Contains(body, "alice") {
		t.Error("the metrics name a user")
	}
	// A session in an IDLE without end keeps the gateway draining only until
	// its client is told, so an APPEND does: its literal is awaited.
	c = dialGateway(t, address)
	c.say("b APPEND INBOX {10}", "+ ")
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.logged("exgate is stopping; commands in flight may finish")
	for code := 0; code != http.StatusServiceUnavailable; code, _ = get(t, status, "/readyz") {
	}
	if code, _ := get(t, status, "/livez"); code != http.StatusOK {
		t.Errorf("livez while it drains: %d", code)
	}
	c.say("0123456789", "b OK")
	if err := <-s.err; err != nil {
		t.Error(err)
	}
	if _, err := http.Get("http://" + status + "/livez"); err == nil {
		t.Error("the status is served after the end")
	}
}

func get(t *testing.T, address, path string) (code int, body string) {
	t.Helper()
	answer, err := http.Get("http://" + address + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(b)
}
