package proxy

import (
	"net"
	"net/netip"
	"sync"
)

// The reasons for which clients are refused for what they take, as logs count
// them.
const (
	refusedConnections = "connections-per-address"
	refusedGuesses     = "guessing"
	refusedRepeated    = "guessing-the-same"
	refusedSlowed      = "guessing-slowed"
	refusedBytes       = "bytes-before-login"
	refusedTime        = "time-before-login"
	refusedCommands    = "commands-before-login"
	refusedUnknown     = "unknown-commands"
	refusedTooSlow     = "slow-sender"
)

// addresses count the connections of each address.
type addresses struct {
	mu   sync.Mutex
	max  int // 0: no bound
	open map[string]int
}

func (a *addresses) bound(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.max = n
}

// enter counts a connection; false if its address has enough. leave ends it.
func (a *addresses) enter(remote net.Addr) (leave func(), ok bool) {
	addr := addressOf(remote)
	if addr == "" {
		return func() {}, true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.max > 0 && a.open[addr] >= a.max {
		return nil, false
	}
	if a.open == nil {
		a.open = make(map[string]int)
	}
	a.open[addr]++
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.open[addr]--; a.open[addr] == 0 {
			delete(a.open, addr)
		}
	}, true
}

// addressOf is the address that a client counts for: of IPv6 the network that a
// host has to choose from; "" in a network that has none.
func addressOf(remote net.Addr) string {
	host, err := netip.ParseAddrPort(remote.String())
	if err != nil {
		return ""
	}
	addr := host.Addr().Unmap()
	if addr.Is6() {
		prefix, _ := addr.Prefix(64) // no error: it has 128 bits
		addr = prefix.Addr()
	}
	return addr.String()
}

// refused counts a refusal, and tells whether it is to be logged.
func (c *conn) refused(reason string) (toBeLogged bool) {
	c.srv.totals.refusals.count(reason)
	return c.srv.refusals.first(reason, addressOf(c.tcp.RemoteAddr()))
}

// tooMany turns away a connection of an address that has enough. On a TLS port
// nothing can be said before a handshake, which is what an attacker would have
// of us.
func (c *conn) tooMany() {
	if c.refused(refusedConnections) {
		c.log.Warn("connection refused: the address has too many")
	}
	if c.listener != ListenImplicit {
		if err := c.w.line("* BYE too many connections from your address"); err != nil {
			c.log.Debug("the client was not told", "err", err)
		}
	}
	c.cancel()
	c.nc.Close()
	c.r.Release()
}
