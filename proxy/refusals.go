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
	open map[netip.Addr]int
}

func (a *addresses) bound(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.max = n
}

// enter counts a connection; false if its address has enough. leave ends it.
func (a *addresses) enter(remote net.Addr) (leave func(), ok bool) {
	host, err := netip.ParseAddrPort(remote.String())
	if err != nil {
		return func() {}, true // no network that has addresses
	}
	addr := host.Addr().Unmap()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.max > 0 && a.open[addr] >= a.max {
		return nil, false
	}
	if a.open == nil {
		a.open = make(map[netip.Addr]int)
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

// tooMany turns away a connection of an address that has enough. On a TLS port
// nothing can be said before a handshake, which is what an attacker would have
// of us.
func (c *conn) tooMany() {
	c.srv.totals.refusals.count(refusedConnections)
	c.log.Warn("connection refused: the address has too many")
	if c.listener != ListenImplicit {
		if err := c.w.line("* BYE too many connections from your address"); err != nil {
			c.log.Debug("the client was not told", "err", err)
		}
	}
	c.cancel()
	c.nc.Close()
	c.r.Release()
}
