// Package testkit has the helpers that the tests of several packages of the
// gateway share: a clock, files, a listener and parts of IMAP responses. Only
// tests import it.
package testkit

import (
	"net"
	"os"
	"testing"

	"exgate/backend/testkit"
)

// Listen listens on a free port of the loopback address. The caller closes the
// listener. The test ends if no port is free.
func Listen(t *testing.T) *net.TCPListener {
	t.Helper()
	return testkit.Listen(t)
}

// WaitLimit is how long a test waits for a condition.
const WaitLimit = testkit.WaitLimit

// Eventually waits until a condition holds. It is for conditions that no event
// announces. The test ends after WaitLimit with the description what.
func Eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	testkit.Eventually(t, what, holds)
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
