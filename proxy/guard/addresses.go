package guard

import (
	"net"
	"net/netip"
	"sync"
)

// The reasons for which clients are refused for what they take, as logs count
// them.
const (
	RefusedConnections = "connections-per-address"
	RefusedGuesses     = "guessing"
	RefusedRepeated    = "guessing-the-same"
	RefusedSlowed      = "guessing-slowed"
	RefusedBytes       = "bytes-before-login"
	RefusedTime        = "time-before-login"
	RefusedCommands    = "commands-before-login"
	RefusedUnknown     = "unknown-commands"
	RefusedTooSlow     = "slow-sender"
)

// Addresses count the connections of each address.
type Addresses struct {
	mu   sync.Mutex
	max  int // 0: no bound
	open map[string]int
}

func (a *Addresses) SetLimit(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.max = n
}

// Enter counts a connection; false if its address has enough. leave ends it.
func (a *Addresses) Enter(remote net.Addr) (leave func(), ok bool) {
	addr := AddressOf(remote)
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

// AddressOf is the address that a client counts for: of IPv6 the network that a
// host has to choose from; "" in a network that has none.
func AddressOf(remote net.Addr) string {
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
