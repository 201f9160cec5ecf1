package config

import (
	"fmt"
	"net/netip"

	"exgate/backend"
)

// Listen names the listeners by the protection that they give.
type Listen struct {
	// Listener for STARTTLS: plain text until the client switches to TLS. exgate
	// refuses logins before that.
	StartTLS string `key:"starttls" sample:"127.0.0.1:1143"`
	// Listener for TLS from the first byte.
	Implicit string `key:"implicit" sample:"127.0.0.1:1993"`
	// Listener without TLS: others on the network could read passwords. Only
	// loopback addresses are allowed.
	InsecurePlaintext string `key:"insecure-plaintext" example:"127.0.0.1:2143"`
	// Networks of load balancers that send the PROXY protocol, version 1 or 2, to the
	// listeners above. Each connection from there must begin with its header, and exgate
	// logs and limits the client that the header names. exgate takes no header from any
	// other address.
	ProxyProtocol []string `key:"proxy_protocol" example:"[192.0.2.10, '2001:db8::/64']"`
	// Listener for HTTP: /metrics (Prometheus), /livez and /readyz, which show no
	// user names, for everybody who reaches the address; and at / a page with
	// sessions, accounts and refusals. On an address that is not loopback, the page
	// needs status_token or status_client_ca, and the listener then has TLS.
	Status string `key:"status" example:"127.0.0.1:9143"`
	// Token for the page, of 16 characters or more: a browser sends it as the
	// password, with any user name. Set only one of status_token,
	// status_token_file and status_token_env.
	StatusToken backend.Secret `key:"status_token" example:"'a long random text'"`
	// File with the token.
	StatusTokenFile string `key:"status_token_file" example:"/run/credentials/exgate/status"`
	// Environment variable with the token.
	StatusTokenEnv string `key:"status_token_env" example:"STATUS_TOKEN"`
	// PEM file with the authorities that sign the client certificates of those who
	// may see the page.
	StatusClientCA string `key:"status_client_ca" example:"/etc/exgate/admins.pem"`
}

// TLS is the certificate that clients see.
type TLS struct {
	// PEM file with the certificate chain.
	CertificateFile string `key:"certificate_file" example:"/etc/exgate/tls.crt"`
	// PEM file with the private key of the certificate.
	KeyFile string `key:"key_file" example:"/etc/exgate/tls.key"`
}

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
