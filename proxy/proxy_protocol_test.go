package proxy

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"exgate/proxy/testkit"
)

// behind lets the connections of a network begin with a header.
func behind(networks ...string) func(*Options, *limits) {
	return func(o *Options, lim *limits) {
		for _, network := range networks {
			o.Proxies = append(o.Proxies, netip.MustParsePrefix(network))
		}
		lim.ProxyHeader = 10 * time.Second
	}
}

// version2 is a header of version 2 (PROXY protocol, section 2.2): command 0 is LOCAL, 1 is PROXY;
// family 0x11 is TCP over IPv4, 0x21 over IPv6.
func version2(command, family byte, addresses []byte, ports ...uint16) string {
	var b bytes.Buffer
	b.WriteString("\r\n\r\n\x00\r\nQUIT\n")
	b.Write([]byte{0x20 | command, family})
	binary.Write(&b, binary.BigEndian, uint16(len(addresses)+2*len(ports)))
	b.Write(addresses)
	binary.Write(&b, binary.BigEndian, ports)
	return b.String()
}

// ended waits for the end of a connection without a login, and checks the addresses in the log.
func (g *gateway) ended(client, proxy string) {
	g.t.Helper()
	g.cameFrom(g.logged("connection ended before a login"), client, proxy)
}

// cameFrom checks the addresses in a line of the log.
func (g *gateway) cameFrom(line map[string]any, client, proxy string) {
	g.t.Helper()
	if who, _ := line["client"].(string); !strings.HasPrefix(who, client) {
		g.t.Errorf("the client is %v, want %s", line["client"], client)
	}
	if through, isProxied := line["proxy"].(string); !strings.HasPrefix(through, proxy) || isProxied != (proxy != "") {
		g.t.Errorf("the proxy is %v, want %q", line["proxy"], proxy)
	}
}

func TestProxyProtocol(t *testing.T) {
	four := []byte{198, 51, 100, 7, 127, 0, 0, 1}
	six := append(net.ParseIP("2001:db8::7").To16(), net.ParseIP("::1").To16()...)
	const itself = "127.0.0.1:"
	for _, tt := range []struct {
		name, header string
		client       string // the client of the log; "": the connection is closed
		reason       string
	}{
		{"version 1", "PROXY TCP4 198.51.100.7 127.0.0.1 4711 143\r\n", "198.51.100.7:4711", ""},
		{"version 1, IPv6", "PROXY TCP6 2001:db8::7 ::1 4711 143\r\n", "[2001:db8::7]:4711", ""},
		{"version 1, unknown", "PROXY UNKNOWN\r\n", itself, ""},
		{"version 2", version2(1, 0x11, four, 4711, 143), "198.51.100.7:4711", ""},
		{"version 2, IPv6", version2(1, 0x21, six, 4711, 143), "[2001:db8::7]:4711", ""},
		{"version 2 of the proxy itself", version2(0, 0, nil), itself, ""},
		{"version 2 of the proxy itself, with addresses", version2(0, 0x11, four, 4711, 143), itself, ""},
		{"a command", "a1 CAPABILITY\r\n                  ", "", "does not begin with a header"},
		{"a TLS record", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03             ", "", "does not begin with a header"},
		{"version 1 without an address", "PROXY TCP4\r\n", "", "the header of the PROXY protocol: "},
		{"version 1 with a wrong address", "PROXY TCP4 198.51.100 127.0.0.1 4711 143\r\n", "", "the header of the PROXY protocol: "},
		{"version 1 with a wrong port", "PROXY TCP4 198.51.100.7 127.0.0.1 70000 143\r\n", "", "the header of the PROXY protocol: "},
		{"version 1 without an end", "PROXY TCP4 " + strings.Repeat("1", 300), "", "the header of the PROXY protocol: "},
		{"version 2 of another version", strings.Replace(version2(1, 0x11, four, 4711, 143), "\n\x21", "\n\x31", 1), "", "the header of the PROXY protocol: "},
		{"version 2 that is too short", version2(1, 0x11, four[:4]), "", "the header of the PROXY protocol: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newGateway(t, behind("127.0.0.0/8"))
			c := g.dial()
			// The first command comes in the same segment, and is not lost.
			c.raw(tt.header + "a1 NOOP\r\n")
			if tt.client == "" {
				c.ends()
				line := g.logged("a connection from a proxy was closed")
				if reason, _ := line["err"].(string); !strings.Contains(reason, tt.reason) {
					t.Errorf("the log says %v", line)
				}
				return
			}
			c.S("* OK …")
			c.S("a1 OK …")
			c.C("a2 LOGOUT")
			c.S("* BYE …")
			c.S("a2 OK …")
			c.ends()
			g.ended(tt.client, "127.0.0.1:")
		})
	}
}

// Who is no proxy cannot pretend to be somebody else.
func TestProxyProtocolFromOthers(t *testing.T) {
	g := newGateway(t, behind("192.0.2.0/24", "127.0.0.2/32"))
	c := g.dial()
	c.S("* OK …") // without a header
	c.C("PROXY TCP4 198.51.100.7 127.0.0.1 4711 143")
	c.S("PROXY BAD …")
	c.C("a2 LOGOUT")
	c.S("* BYE …")
	c.S("a2 OK …")
	c.ends()
	g.ended("127.0.0.1:", "")
}

// A second header, which a client sends through the proxy, is a command like any other.
func TestProxyProtocolTwice(t *testing.T) {
	g := newGateway(t, behind("127.0.0.1/32"))
	c := g.dial()
	c.raw("PROXY TCP4 198.51.100.7 127.0.0.1 4711 143\r\nPROXY TCP4 203.0.113.9 127.0.0.1 4712 143\r\n")
	c.S("* OK …")
	c.S("PROXY BAD …")
	c.close()
	g.ended("198.51.100.7:4711", "127.0.0.1:")
}

// The limits count the client, not the proxy.
func TestProxyProtocolAndLimits(t *testing.T) {
	g := newGateway(t, behind("127.0.0.1/32"), func(o *Options, _ *limits) { o.Abuse.ConnectionsPerAddress = 1 })
	dial := func(from string) *client {
		c := g.dial()
		c.raw(fmt.Sprintf("PROXY TCP4 %s 127.0.0.1 4711 143\r\n", from))
		return c
	}
	first := dial("198.51.100.7")
	first.S("* OK …")
	other := dial("198.51.100.8")
	other.S("* OK …")
	dial("198.51.100.7").S("* BYE …")
	other.close()
	first.close()
}

// A silent proxy holds a connection for limits.ProxyHeader only.
func TestProxyProtocolSilence(t *testing.T) {
	g := newGateway(t, behind("127.0.0.1/32"), func(_ *Options, lim *limits) { lim.ProxyHeader = 50 * time.Millisecond })
	c := g.dial()
	c.raw("PROXY TCP4 198.51")
	c.ends()
	g.logged("a connection from a proxy was closed")
}

// TLS follows the header, also after STARTTLS.
func TestProxyProtocolWithTLS(t *testing.T) {
	const header = "PROXY TCP4 198.51.100.7 127.0.0.1 4711 143\r\n"
	t.Run("implicit", func(t *testing.T) {
		g := newTLSGateway(t, ListenImplicit, behind("127.0.0.1/32"))
		c := g.dial()
		c.raw(header)
		c.secure()
		u := g.logInAs(c)
		noop(c, u)
		c.close()
		u.ends()
		g.cameFrom(g.logged("session end"), "198.51.100.7:4711", "127.0.0.1:")
	})
	t.Run("starttls", func(t *testing.T) {
		g := newTLSGateway(t, ListenStartTLS, behind("127.0.0.1/32"))
		c := g.dial()
		c.raw(header)
		c.S("* OK …")
		c.C("a1 STARTTLS")
		c.S("a1 OK …")
		c.secure()
		c.C("a2 NOOP")
		c.S("a2 OK …")
		c.close()
		g.ended("198.51.100.7:4711", "127.0.0.1:")
	})
}

// The end of the gateway does not wait for a proxy.
func TestProxyProtocolAtTheEnd(t *testing.T) {
	g := newGateway(t, behind("127.0.0.1/32"))
	c := g.dial()
	c.raw("PROXY ")
	testkit.Eventually(t, "the first bytes are read", func() bool { return g.l.read.Load() > 0 })
	began := time.Now()
	g.srv.Close()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	c.ends()
}
