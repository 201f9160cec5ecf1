// Package testkit is for the tests of the gateway: clocks, files and listeners
// that several packages need.
package testkit

import (
	"net"
	"os"
	"testing"

	"exgate/backend/testkit"
)

// Listen listens on a free port of the loopback address.
func Listen(t *testing.T) *net.TCPListener {
	t.Helper()
	return testkit.Listen(t)
}

// WaitLimit is how long a test waits for a condition.
const WaitLimit = testkit.WaitLimit

// Eventually waits until a condition holds that another goroutine brings about and nothing announces.
func Eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	testkit.Eventually(t, what, holds)
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
