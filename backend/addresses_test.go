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
			dialed, err := d.Dial(t.Context(), "")
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
	dialed, err := d.Dial(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	dialed.Conn.Close()
	ips = append(make([]netip.Addr, 0), dead)
	for range maxAddresses {
		ips = append(ips, dead)
	}
	ips = append(ips, address.Addr())
	if _, err := d.Dial(t.Context(), ""); err == nil || FailureOf(err).Kind != KindUnreachable {
		t.Errorf("got %v", err)
	}
	ips = nil
	if _, err := d.Dial(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "no address") {
		t.Errorf("got %v", err)
	}
}

// newLookup returns a resolver that knows these hosts only.
func newLookup(hosts map[string][]netip.Addr) func(context.Context, string, string) ([]netip.Addr, error) {
	return func(_ context.Context, _, host string) ([]netip.Addr, error) {
		if ips, ok := hosts[host]; ok {
			return ips, nil
		}
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
}

// An account has the same order of addresses each time, another account another one. An address
// that did not answer is tried last, until its time is over.
func TestOrderOfAddresses(t *testing.T) {
	d, err := NewDialer(Options{Address: "a.example.com:993", MoreAddresses: []string{"b.example.com:993", "c.example.com:993"}})
	if err != nil {
		t.Fatal(err)
	}
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	d.lookup = newLookup(map[string][]netip.Addr{
		"a.example.com": {v6, v4}, "b.example.com": {v4.Next()}, "c.example.com": {v4.Next().Next()},
	})
	order := func(account string) (hosts string) {
		all, err := d.addresses(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		d.order(all, account)
		for _, a := range all {
			hosts += a.host[:1]
			if a.Addr().Is6() {
				hosts += "6"
			}
		}
		return hosts
	}
	if got := order(""); got != "a6abc" {
		t.Errorf("without an account: %s", got)
	}
	seen := map[string]int{}
	for i := range 300 {
		account := fmt.Sprintf("user%d@example.com", i)
		got := order(account)
		if !strings.HasPrefix(got, "a6") || got != order(strings.ToUpper(account)) {
			t.Errorf("%s: %s, then %s", account, got, order(account))
		}
		seen[got[2:3]]++
	}
	for _, host := range []string{"a", "b", "c"} {
		if seen[host] < 60 {
			t.Errorf("the accounts are not spread: %v", seen)
		}
	}
	before := order("bob")
	d.avoided.add(address{netip.AddrPortFrom(v6, 993), "a.example.com"})
	if got := order("bob"); got != before[2:]+"a6" {
		t.Errorf("with one that did not answer: %s, before %s", got, before)
	}
	if got := d.PassedOver(); len(got) != 1 || got[0] != "[2001:db8::1]:993" {
		t.Errorf("passed over: %q", got)
	}
	d.avoided.until[netip.AddrPortFrom(v6, 993)] = time.Now()
	if got := order("bob"); got != before || len(d.avoided.until) != 0 {
		t.Errorf("afterwards: %s, before %s", got, before)
	}
}

// Each host has its own certificate, and a host whose name does not resolve, or that does not
// answer, is passed over.
func TestMoreAddresses(t *testing.T) {
	ca := newAuthority(t)
	address := func(host string) string {
		cert := ca.issue(t, time.Now().Add(time.Hour), host)
		_, port, _ := net.SplitHostPort(listen(t, script(cert, "TLS", greetingLine)))
		return host + ":" + port
	}
	_, deadPort, _ := net.SplitHostPort(listen(t, func(conn net.Conn) { conn.Close() }))
	loopback := []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	o := Options{
		Address:       "gone.example.com:993",
		MoreAddresses: []string{"dead.example.com:" + deadPort, address("one.example.com"), address("two.example.com")},
		RootCAs:       ca.pool,
	}
	d, err := NewDialer(o)
	if err != nil {
		t.Fatal(err)
	}
	d.lookup = newLookup(map[string][]netip.Addr{
		"dead.example.com": loopback, "one.example.com": loopback, "two.example.com": loopback,
	})
	names := map[string]bool{}
	for i := range 40 {
		account := fmt.Sprint(i)
		for range 2 {
			dialed, err := d.Dial(t.Context(), account)
			if err != nil {
				t.Fatal(err)
			}
			dialed.Conn.Close()
			names[account+" "+dialed.TLS.PeerCertificates[0].DNSNames[0]] = true
		}
	}
	if len(names) != 40 { // one for each account
		t.Errorf("the accounts change their server: %v", names)
	}
	if got := d.PassedOver(); len(got) != 1 || got[0] != "127.0.0.1:"+deadPort {
		t.Errorf("passed over: %q", got)
	}
	o.MoreAddresses = nil
	if d, err = NewDialer(o); err != nil {
		t.Fatal(err)
	}
	d.lookup = newLookup(nil)
	if _, err := d.Dial(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "does not resolve") {
		t.Errorf("no host resolves: %v", err)
	}
}
