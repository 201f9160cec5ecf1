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

// Addresses counts the connections of each address, and of each IPv6 network of
// which an address is a part.
type Addresses struct {
	mu   sync.Mutex
	max  int // connections of one address; 0: no bound
	open map[string]int
}

// SetLimit sets how many connections one address may have; 0 is no bound.
func (a *Addresses) SetLimit(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.max = n
}

// Enter counts a connection. ok is false if its address has enough connections,
// or its network has. leave ends the connection.
func (a *Addresses) Enter(remote net.Addr) (leave func(), ok bool) {
	addr, network := AddressOf(remote), networkOf(remote)
	if addr == "" {
		return func() {}, true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.max > 0 && (a.open[addr] >= a.max || network != "" && a.open[network] >= a.max*connectionsPerNetwork) {
		return nil, false
	}
	if a.open == nil {
		a.open = make(map[string]int)
	}
	counted := []string{addr}
	if network != "" {
		counted = append(counted, network)
	}
	for _, key := range counted {
		a.open[key]++
	}
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		for _, key := range counted {
			if a.open[key]--; a.open[key] == 0 {
				delete(a.open, key)
			}
		}
	}, true
}

// What an IPv6 /48 may have, against one address of it. Many sites have a /48 and
// may choose from 65,536 addresses as they are counted here. All clients of a
// company may come from one, so that the bound on connections is far higher than
// the bound on failed logins.
const (
	connectionsPerNetwork = 64
	failuresPerNetwork    = 8
)

// AddressOf returns the address that a client counts for: of IPv6 the /64 that a
// single host has to choose from. It is "" in a network without IP addresses.
func AddressOf(remote net.Addr) string {
	addr, ok := ipOf(remote)
	switch {
	case !ok:
		return ""
	case addr.Is6():
		return prefixOf(addr, 64).Addr().String()
	}
	return addr.String()
}

// networkOf returns the IPv6 /48 that a client counts for besides; "" for any
// other address.
func networkOf(remote net.Addr) string {
	addr, ok := ipOf(remote)
	if !ok || !addr.Is6() {
		return ""
	}
	return prefixOf(addr, 48).String()
}

func ipOf(remote net.Addr) (addr netip.Addr, ok bool) {
	host, err := netip.ParseAddrPort(remote.String())
	return host.Addr().Unmap(), err == nil
}

// prefixOf returns the first bits of an IPv6 address, which has 128 of them.
func prefixOf(addr netip.Addr, bits int) netip.Prefix {
	prefix, _ := addr.Prefix(bits) // no error: bits is at most 128
	return prefix
}
