package guard

import (
	"net"
	"net/netip"
	"sync"
)

// The reasons why exgate refuses or slows a client, as logs and metrics name
// them.
const (
	RefusedConnections = "connections-per-address" // the address has its limit of open connections
	RefusedGuesses     = "guessing"                // too many logins of the address or the name have failed
	RefusedRepeated    = "guessing-the-same"       // the client repeats the login that has just failed
	RefusedSlowed      = "guessing-slowed"         // the reply to a failed login is delayed
	RefusedBytes       = "bytes-before-login"      // too many bytes without a login
	RefusedTime        = "time-before-login"       // no login in time
	RefusedCommands    = "commands-before-login"   // too many commands without a login
	RefusedUnknown     = "unknown-commands"        // too many commands that exgate refuses
	RefusedTooSlow     = "slow-sender"             // a command after the login is not completed in time
)

// Addresses counts the open connections of each client address, and of the IPv6 /48
// network of each, and limits them. The zero value has no limit. Addresses is safe
// for use by several goroutines.
type Addresses struct {
	mu   sync.Mutex
	max  int            // connections of one address; 0: no limit
	open map[string]int // connections, by AddressOf and by networkOf
}

// SetLimit sets the number of open connections of one address; 0 is no limit.
// Connections that are open stay open.
func (a *Addresses) SetLimit(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.max = n
}

// Enter counts a connection from remote. ok is false if the address has its limit
// of connections already, or its network has; this connection is then not counted.
// The caller calls leave once, when the connection ends.
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

// The limits of an IPv6 /48, as multiples of the limits of one address. Many sites
// have a /48, and may choose from 65,536 addresses as they are counted here. All
// clients of a company may come from one /48, so its limit on connections is far
// higher than its limit on failed logins.
const (
	connectionsPerNetwork = 64
	failuresPerNetwork    = 8
)

// AddressOf returns the address under which a client is counted. That is the
// IPv4 address, or the /64 network of an IPv6 address, since one host may choose
// any address of its /64. It is "" if remote is no IP address with a port.
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
	if tcp, isTCP := remote.(*net.TCPAddr); isTCP { // as nearly always: no text need be read
		addr = tcp.AddrPort().Addr().Unmap()
		return addr, addr.IsValid()
	}
	host, err := netip.ParseAddrPort(remote.String())
	return host.Addr().Unmap(), err == nil
}

// prefixOf returns the first bits of an IPv6 address, which has 128 of them.
func prefixOf(addr netip.Addr, bits int) netip.Prefix {
	prefix, _ := addr.Prefix(bits) // no error: bits is at most 128
	return prefix
}
