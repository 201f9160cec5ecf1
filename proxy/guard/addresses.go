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

// Addresses counts the open connections of each client address and limits them.
// The zero value has no limit. Addresses is safe for use by several goroutines.
type Addresses struct {
	mu   sync.Mutex
	max  int            // connections of one address; 0: no limit
	open map[string]int // connections, by AddressOf
}

// SetLimit sets the number of open connections of one address; 0 is no limit.
// Connections that are open stay open.
func (a *Addresses) SetLimit(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.max = n
}

// Enter counts a connection from remote. ok is false if the address has its limit
// of connections already; this connection is then not counted. The caller calls
// leave once, when the connection ends.
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

// AddressOf returns the address under which a client is counted. That is the
// IPv4 address, or the /64 network of an IPv6 address, since one host may choose
// any address of its /64. It is "" if remote is no IP address with a port.
func AddressOf(remote net.Addr) string {
	host, err := netip.ParseAddrPort(remote.String())
	if err != nil {
		return ""
	}
	addr := host.Addr().Unmap()
	if addr.Is6() {
		prefix, _ := addr.Prefix(64) // never fails: the address has 128 bits
		addr = prefix.Addr()
	}
	return addr.String()
}
