package backend

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// listenBoth serves two addresses with the same port, which are those of one
// host.
func listenBoth(t *testing.T, first, second func(net.Conn)) (port string, addresses []netip.Addr) {
	t.Helper()
	address := listen(t, first)
	_, port, _ = net.SplitHostPort(address)
	ln, err := net.Listen("tcp", net.JoinHostPort("127.0.0.2", port))
	if err != nil {
		t.Skipf("this system has no second loopback address, or the port is taken there: %v", err)
	}
	serveEach(t, ln, second)
	return port, []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")}
}

// Whatever the first address lacks, the second is tried, and what is wrong with
// both is said.
func TestSecondAddress(t *testing.T) {
	ca := newAuthority(t)
	good := ca.issue(t, time.Now().Add(time.Hour), "mail.example.com")
	wrong := ca.issue(t, time.Now().Add(time.Hour), "other.example.com")
	silent := func(conn net.Conn) { io.Copy(io.Discard, conn) }
	closes := func(net.Conn) {}
	verify := Options{ServerName: "mail.example.com", RootCAs: ca.pool}
	none := Options{TLS: TLSInsecureNone}
	greets := script(good, greetingLine)
	for _, tt := range []struct {
		name          string
		opts          Options
		first, second func(net.Conn)
		want          string // "": connected
	}{
		{"silent instead of TLS", verify, silent, script(good, "TLS", greetingLine), ""},
		{"closes instead of TLS", verify, closes, script(good, "TLS", greetingLine), ""},
		{"plain text instead of TLS", verify, greets, script(good, "TLS", greetingLine), ""},
		{"another certificate", verify, script(wrong, "TLS", greetingLine), script(good, "TLS", greetingLine), ""},
		{"TLS, then silent", verify, script(good, "TLS"), script(good, "TLS", greetingLine), ""},
		{"silent", none, silent, greets, ""},
		{"closes", none, closes, greets, ""},
		{"the first will do", none, greets, closes, ""},
		{"half a greeting", none, script(good, "S: * OK The Micro"), greets, ""},
		{"says that it takes nobody", none, script(good, "S: * BYE Connection is closed. 13\r\n"), greets, "BYE Connection is closed. 13"},
		{"none will do", none, closes, script(good, "S: * BYE Connection is closed. 13\r\n"), "the server sent no greeting"},
		{"both silent", none, silent, silent, "another of its addresses: the server sent no greeting"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			port, addresses := listenBoth(t, tt.first, tt.second)
			tt.opts.Address = "mail.example.com:" + port
			if strings.Contains(tt.name, "silent") {
				tt.opts.Timeouts.Greeting = 2 * time.Second // half of it for each
			}
			d, err := NewDialer(tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			d.lookup = func(_ context.Context, _, host string) ([]netip.Addr, error) {
				if host != "mail.example.com" {
					return nil, fmt.Errorf("looked up %q", host)
				}
				return addresses, nil
			}
			dialed, err := d.Dial(t.Context())
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			dialed.Conn.Close()
		})
	}
}

// An address where nobody listens costs nothing, and no connection is left
// over; of many addresses some are tried.
func TestDeadAddresses(t *testing.T) {
	address := netip.MustParseAddrPort(listen(t, script(tls.Certificate{}, greetingLine)))
	d, err := NewDialer(Options{Address: fmt.Sprintf("mail.example.com:%d", address.Port()), TLS: TLSInsecureNone})
	if err != nil {
		t.Fatal(err)
	}
	dead := netip.MustParseAddr("127.0.0.3")
	ips := []netip.Addr{dead, dead, netip.MustParseAddr("::ffff:127.0.0.1")}
	d.lookup = func(context.Context, string, string) ([]netip.Addr, error) { return ips, nil }
	dialed, err := d.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dialed.Conn.Close()
	ips = append(make([]netip.Addr, 0), dead)
	for range maxAddresses {
		ips = append(ips, dead)
	}
	ips = append(ips, address.Addr())
	if _, err := d.Dial(t.Context()); err == nil || FailureOf(err).Kind != KindUnreachable {
		t.Errorf("got %v", err)
	}
	ips = nil
	if _, err := d.Dial(t.Context()); err == nil || !strings.Contains(err.Error(), "no address") {
		t.Errorf("got %v", err)
	}
}
