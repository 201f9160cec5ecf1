// Package testkit is for the tests of the gateway: clocks, files and listeners
// that several packages need.
package testkit

import (
	"net"
	"os"
	"testing"
	"time"
)

// Listen listens on a free port of the loopback address.
func Listen(t *testing.T) *net.TCPListener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l.(*net.TCPListener)
}

// WaitLimit is how long a test waits for each thing that must come.
const WaitLimit = 30 * time.Second

// Eventually waits for a condition that nothing announces.
func Eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(WaitLimit); !holds(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("never came about: %s", what)
		}
	}
}

// WriteFile puts a file there whole: a gateway that watches it never sees a
// part of it.
func WriteFile(t *testing.T, path, text string) {
	t.Helper()
	next := path + ".next"
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
}
