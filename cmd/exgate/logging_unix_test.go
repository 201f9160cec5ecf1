//go:build unix

package main

import (
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
)

// simulatedUpstream is the address of a simulated Exchange, up to the end of the test.
func simulatedUpstream(t *testing.T) (address string) {
	t.Helper()
	sim, err := exchangesim.New(exchangesim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var simulating sync.WaitGroup
	simulating.Go(func() { sim.Serve(l, exchangesim.InsecurePlaintext) })
	t.Cleanup(func() { sim.Close(); simulating.Wait() })
	return l.Addr().String()
}

// A log that nobody reads any more holds up neither sessions nor the end.
func TestServeWithALogThatNobodyReads(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "exgate.yaml")
	address := freeAddress(t)
	config := fmt.Sprintf("state_dir: %s\nlisten: { insecure-plaintext: %q }\n"+
		"upstream: { address: %q, tls: insecure-none, profile: exchange2016 }\nlog: { format: json, level: debug }\n", dir, address, simulatedUpstream(t))
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	r, w := io.Pipe() // each write to it blocks, until the end of the test
	defer r.Close()
	ctx, stop := signalled()
	defer stop()
	ended := make(chan error, 1)
	go func() {
		root := rootCommand(io.Discard)
		root.SetArgs([]string{"serve", "--config", file})
		root.SetErr(w)
		ended <- root.ExecuteContext(ctx)
	}()
	for deadline := time.Now().Add(10 * time.Second); ; {
		nc, err := net.Dial("tcp", address)
		if err == nil {
			nc.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the gateway does not listen")
		}
		time.Sleep(time.Millisecond) // between two looks
	}
	c := dialGateway(t, address)
	for range 10 {
		c.say("b XYZZY", "b BAD")
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	c.expect("* BYE exgate is stopping; log in again later")
	c.Close()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the gateway does not end")
	}
}

// freeAddress is an address that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A trace that cannot be written is told of, once, and holds up nobody.
func TestServeWithATraceThatCannotBeWritten(t *testing.T) {
	const full = "/dev/full" // of Linux
	if _, err := os.Stat(full); err != nil {
		t.Skip("there is no " + full)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "exgate.yaml")
	config := fmt.Sprintf("state_dir: %s\nlisten: { insecure-plaintext: \"127.0.0.1:0\" }\n"+
		"upstream: { address: %q, tls: insecure-none, profile: exchange2016 }\nlog: { format: json, trace: %s }\n", dir, simulatedUpstream(t), full)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startServing(t, file)
	c := dialGateway(t, s.logged("listening")["address"].(string))
	for range 10 {
		c.say("b NOOP", "b OK")
	}
	c.say("c LOGOUT", "* BYE")
	if line := s.logged("lines are lost that log.trace should have"); !strings.Contains(line["err"].(string), "no space") {
		t.Errorf("the log says %v", line)
	}
	s.logged("session end")
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if lines := s.logged("lines are missing in log.trace")["lines"].(float64); lines < 20 {
		t.Errorf("%v lines are counted", lines)
	}
	if err := <-s.err; err != nil {
		t.Error(err)
	}
	for line := range s.log {
		if strings.Contains(line, "lines are lost that log.trace should have") {
			t.Error("the log is told twice")
		}
	}
}
