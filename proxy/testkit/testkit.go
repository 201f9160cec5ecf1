// Package testkit has the helpers that the tests of several packages of the
// gateway share: a clock, files, a listener and parts of IMAP responses. Only
// tests import it.
package testkit

import (
	"net"
	"os"
	"testing"
	"time"
)

// Listen listens on a free port of the loopback address. The caller closes the
// listener. The test ends if no port is free.
func Listen(t *testing.T) *net.TCPListener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l.(*net.TCPListener)
}

// WaitLimit is how long a test waits for each expected event before it fails.
const WaitLimit = 30 * time.Second

// Eventually waits until isTrue returns true. It is for conditions that no event
// announces. The test ends after WaitLimit with the description what.
func Eventually(t *testing.T, what string, isTrue func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(WaitLimit); !isTrue(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("not true after %s: %s", WaitLimit, what)
		}
	}
}

// WriteFile writes text to the file at path, with mode 0600. The file appears in
// one step, so that a gateway that watches it never reads an incomplete file.
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
