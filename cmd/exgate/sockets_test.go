package main

import (
	"net"
	"strings"
	"testing"

	"exgate/proxy/handover"
)

// Each socket goes to its listener, and one that does not fit is no listener.
func TestGivenSockets(t *testing.T) {
	const systemd = "" // an address that the service manager gives
	for name, test := range map[string]struct {
		given      []handover.Socket // their listeners are made by the test
		configured string            // listen.implicit
		taken      int
		err        string
	}{
		"none":                        {configured: "127.0.0.1:0"},
		"from the exgate before":      {[]handover.Socket{{Name: "implicit", Address: "127.0.0.1:0"}}, "127.0.0.1:0", 1, ""},
		"of a changed address":        {[]handover.Socket{{Name: "implicit", Address: "127.0.0.1:1"}}, "127.0.0.1:0", 0, ""},
		"of a listener that has gone": {[]handover.Socket{{Name: "starttls", Address: "127.0.0.1:1"}}, "127.0.0.1:0", 0, ""},
		"from systemd":                {[]handover.Socket{{Name: "implicit", Address: systemd}}, "127.0.0.1:0", 1, ""},
		"several from systemd":        {[]handover.Socket{{Name: "implicit"}, {Name: "implicit"}}, "[::]:993", 2, ""},
		"not configured":              {[]handover.Socket{{Name: "implicit"}}, "", 0, "listen.implicit is not set"},
		"of a name that is not known": {[]handover.Socket{{Name: "exgate.socket"}}, "127.0.0.1:0", 0, "FileDescriptorName="},
	} {
		t.Run(name, func(t *testing.T) {
			for i := range test.given {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				test.given[i].Listener = l
			}
			given, err := givenSockets(&handover.Inheritance{Sockets: test.given})
			if err != nil {
				t.Fatal(err)
			}
			taken, err := given.take("implicit", test.configured)
			if err == nil {
				err = given.end()
			}
			for _, s := range taken {
				s.Close()
			}
			if len(taken) != test.taken || test.err == "" && err != nil ||
				test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("%d taken, %v; want %d, %q", len(taken), err, test.taken, test.err)
			}
		})
	}
}

// A listener that only this machine may reach takes no socket that others can reach.
func TestGivenSocketOfOthers(t *testing.T) {
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	given := &sockets{all: []socket{{Listener: l, name: "insecure-plaintext", passed: true}}}
	_, err = given.take("insecure-plaintext", "localhost:2143")
	if err == nil || !strings.Contains(err.Error(), "which others can reach") {
		t.Errorf("got %v", err)
	}
}
