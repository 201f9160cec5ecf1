package config

import (
	"fmt"
	"net/netip"
)

// Addresses returns the addresses of the listeners, which a reload does not change.
func (l Listen) Addresses() [4]string {
	return [4]string{l.StartTLS, l.Implicit, l.InsecurePlaintext, l.Status}
}

// IsLoopback reports whether only this machine can reach an address.
func IsLoopback(address string) bool { return isLoopback(hostOf(address)) }

// Proxies returns the networks of proxy_protocol.
func (l Listen) Proxies() ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for _, text := range l.ProxyProtocol {
		network, err := netip.ParsePrefix(text)
		if ip, ipErr := netip.ParseAddr(text); ipErr == nil && ip.Zone() == "" {
			network, err = netip.PrefixFrom(ip.Unmap(), ip.Unmap().BitLen()), nil
		}
		switch {
		case err != nil || network.Addr().Is4In6():
			return nil, fmt.Errorf("%q is no address or network, such as 192.0.2.10 or 2001:db8::/64", text)
		case network.Bits() == 0:
			return nil, fmt.Errorf("%s is every address: whoever connects could pretend to be another client", text)
		case network != network.Masked():
			return nil, fmt.Errorf("%s has bits beyond its length: write %s", text, network.Masked())
		}
		networks = append(networks, network)
	}
	return networks, nil
}
