package backend

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

// maxAddresses bounds those of one host that are tried: its DNS says how many
// there are.
const maxAddresses = 16

// addressDelay is how long an address is waited for before the next is tried
// beside it (RFC 8305 section 5, "Connection Attempt Delay").
const addressDelay = 250 * time.Millisecond

// addresses are those of the upstream, in the order of the resolver.
func (d *Dialer) addresses(ctx context.Context) ([]netip.AddrPort, error) {
	host, service, err := net.SplitHostPort(d.opts.Address)
	if err != nil {
		return nil, err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "tcp", service)
	if err != nil {
		return nil, err
	}
	ips, err := d.lookup(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var addresses []netip.AddrPort
	for _, ip := range ips[:min(len(ips), maxAddresses)] {
		addresses = append(addresses, netip.AddrPortFrom(ip.Unmap(), uint16(port)))
	}
	return addresses, nil
}

// connected is what came of one address.
type connected struct {
	conn  net.Conn
	which int
	err   error
}

// connectTCP makes a TCP connection to that of addresses which takes one first.
// The next is tried when one has failed, or lets itself be waited for. The
// error is that of the first.
func connectTCP(ctx context.Context, addresses []netip.AddrPort) (conn net.Conn, which int, err error) {
	ctx, cancel := context.WithCancel(ctx)
	results := make(chan connected, len(addresses))
	var attempts sync.WaitGroup
	defer func() { // the others are not wanted any more
		cancel()
		attempts.Wait()
		close(results)
		for late := range results {
			if late.err == nil {
				late.conn.Close()
			}
		}
	}()
	next := time.NewTimer(0)
	defer next.Stop()
	begun := 0
	for ended := 0; ended < len(addresses); {
		select {
		case <-next.C:
			which := begun
			attempts.Go(func() {
				conn, err := new(net.Dialer).DialContext(ctx, "tcp", addresses[which].String())
				results <- connected{conn, which, err}
			})
			if begun++; begun < len(addresses) {
				next.Reset(addressDelay)
			}
		case r := <-results:
			if r.err == nil {
				return r.conn, r.which, nil
			}
			if ended++; err == nil {
				err = r.err
			}
			if begun < len(addresses) {
				next.Reset(0)
			}
		}
	}
	return nil, 0, err
}
