package guard

import (
	"net"
	"testing"

	"exgate/backend"
)

func TestAddresses(t *testing.T) {
	var a Addresses
	a.SetLimit(2)
	leaves := make(map[string]func())
	for _, tt := range []struct {
		enter, leave string // the address of a connection that comes or ends
		ok           bool
	}{
		{"192.0.2.1:1", "", true},
		{"192.0.2.1:2", "", true},
		{"192.0.2.1:3", "", false},
		{"[::ffff:192.0.2.1]:3", "", false},
		{"192.0.2.2:1", "", true},
		{"", "192.0.2.1:2", true},
		{"192.0.2.1:3", "", true},
		{"[2001:db8::1]:1", "", true},
		{"[2001:db8::2]:1", "", true},
		{"[2001:db8::3]:1", "", false}, // of the same /64
		{"[2001:db8:0:1::1]:1", "", true},
	} {
		if tt.leave != "" {
			leaves[tt.leave]()
			continue
		}
		addr, err := net.ResolveTCPAddr("tcp", tt.enter)
		if err != nil {
			t.Fatal(err)
		}
		leave, ok := a.Enter(addr)
		if ok != tt.ok {
			t.Errorf("%s: %v", tt.enter, ok)
		}
		leaves[tt.enter] = leave
	}
	pipe, other := net.Pipe() // it has no IP address
	defer pipe.Close()
	defer other.Close()
	for range 3 {
		if _, ok := a.Enter(pipe.RemoteAddr()); !ok {
			t.Error("a connection without an address is refused")
		}
	}
	a.SetLimit(0)
	if _, ok := a.Enter(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 9}); !ok {
		t.Error("a connection is refused without a limit")
	}
}

func TestIsGuess(t *testing.T) {
	for _, tt := range []struct {
		failure backend.Failure
		want    bool
	}{
		{backend.Failure{Kind: backend.KindCredentials}, true},
		{backend.Failure{Kind: backend.KindNotConnected}, true},
		{backend.Failure{Kind: backend.KindTokenUnavailable}, false},
		{backend.Failure{Kind: backend.KindOther, Word: "NO"}, true},
		{backend.Failure{Kind: backend.KindOther, Word: "NO", Code: "AuthenticationFailed"}, true},
		{backend.Failure{Kind: backend.KindOther, Word: "NO", Code: "UNAVAILABLE"}, false},
		{backend.Failure{Kind: backend.KindOther, Word: "BAD"}, false},
	} {
		if got := IsGuess(tt.failure); got != tt.want {
			t.Errorf("%+v: %v", tt.failure, got)
		}
	}
}
