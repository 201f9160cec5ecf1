// Package testkit has what tests on the side of Exchange share: listeners, and waiting for what nothing announces.
// Tests of the gateway use it by way of proxy/testkit.
package testkit

import (
	"net"
	"testing"
	"time"
)

// Listen listens on a free port of the loopback address. The test closes the listener.
func Listen(tb testing.TB) *net.TCPListener {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	return l.(*net.TCPListener)
}

// WaitLimit is how long a test waits for a condition.
const WaitLimit = 30 * time.Second

// Eventually waits until a condition holds that another goroutine brings about and nothing announces.
func Eventually(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(WaitLimit); !holds(); <-tick.C {
		if time.Now().After(end) {
			tb.Fatalf("not within %v: %s", WaitLimit, what)
		}
	}
}
