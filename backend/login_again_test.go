package backend

import (
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
)

// Only a login that has lost its connection to the server may be tried once more: not one that has got no token, since
// the connection to a token endpoint was lost.
func TestMayOpenAgain(t *testing.T) {
	reset := &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	for _, tt := range []struct {
		name string
		err  error
		want bool
	}{
		{"closed", loginError(&LostError{Err: errUpstreamClosed}), true},
		{"reset", loginError(&LostError{Err: reset}), true},
		{"ended in place of the greeting", &Error{Failure: Failure{Kind: KindUnreachable}, Err: io.EOF}, true},
		{"cannot be reached", &Error{Failure: Failure{Kind: KindUnreachable}, Err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}, false},
		{"closed after a BYE", loginError(&LostError{Said: "BYE Server shutting down.", Err: errUpstreamClosed}), false},
		{"two failed logins may be counted", withFailed(&LostError{Err: errUpstreamClosed}, DefaultMaxFailures), false},
		{"the token endpoint has reset", endpointError(fmt.Errorf("POST: %w", reset)), false},
		{"the token endpoint has closed", loginError(endpointError(io.EOF)), false},
		{"another error", errors.New("no form"), false},
	} {
		if _, may := new(Upstream).MayOpenAgain(tt.err); may != tt.want {
			t.Errorf("%s: %t", tt.name, may)
		}
	}
}
