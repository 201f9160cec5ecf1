package backend

import (
	"cmp"
	"context"
	"errors"
	"hash/fnv"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxAddresses bounds those of one host that are tried: its DNS says how many
// there are.
const maxAddresses = 16

// addressDelay is how long an address is waited for before the next is tried
// beside it (RFC 8305 section 5, "Connection Attempt Delay").
const addressDelay = 250 * time.Millisecond

// avoidTime is how long an address that did not answer is tried only after the others.
const avoidTime = 30 * time.Second

// address is an address of the upstream, and the host that it belongs to.
type address struct {
	netip.AddrPort
	host string
}

// addresses returns the addresses of all hosts of the upstream, in the order of the
// configuration and of the resolver. A host whose name does not resolve is left out, unless
// there is no other address.
func (d *Dialer) addresses(ctx context.Context) ([]address, error) {
	hosts := d.opts.Addresses()
	found, errs := make([][]address, len(hosts)), make([]error, len(hosts))
	look := func(i int) { found[i], errs[i] = d.resolve(ctx, hosts[i]) }
	var lookups sync.WaitGroup
	for i := 1; i < len(hosts); i++ {
		lookups.Go(func() { look(i) })
	}
	look(0) // most upstreams have one host, which needs no goroutine
	lookups.Wait()
	all := slices.Concat(found...)
	if len(all) == 0 {
		return nil, errors.Join(errs...)
	}
	return all, nil
}

// resolve returns the addresses of one host:port.
func (d *Dialer) resolve(ctx context.Context, hostPort string) (all []address, err error) {
	host, service, err := net.SplitHostPort(hostPort)
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
	for _, ip := range ips[:min(len(ips), maxAddresses)] {
		all = append(all, address{netip.AddrPortFrom(ip.Unmap(), uint16(port)), host})
	}
	return all, nil
}

// order sorts the addresses for an account: those that answered last time first. Among these,
// an account has the same order each time, and the accounts are spread over all addresses,
// because what Exchange remembers of an account, and its limits, may belong to one server. The
// order of IPv6 and IPv4 is the resolver's (RFC 6724). Without an account, the order stays.
func (d *Dialer) order(all []address, account string) {
	families := map[bool]int{} // by whether it is IPv4: its place in the resolver's order
	for _, a := range all {
		if _, known := families[a.Addr().Is4()]; !known {
			families[a.Addr().Is4()] = len(families)
		}
	}
	rank := func(a address) uint64 {
		if account == "" {
			return 0
		}
		h := fnv.New64a()
		io.WriteString(h, strings.ToLower(account)+"\x00"+a.String())
		return h.Sum64()
	}
	avoided := d.avoided.now()
	slices.SortStableFunc(all, func(a, b address) int {
		return cmp.Or(
			cmp.Compare(avoided[a.AddrPort], avoided[b.AddrPort]),
			cmp.Compare(families[a.Addr().Is4()], families[b.Addr().Is4()]),
			cmp.Compare(rank(a), rank(b)),
		)
	})
}

// avoided remembers the addresses that did not answer. The zero value remembers none.
type avoided struct {
	mu    sync.Mutex
	until map[netip.AddrPort]time.Time
}

// now returns the addresses that are to be tried last, each with the value 1.
func (v *avoided) now() map[netip.AddrPort]int {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := map[netip.AddrPort]int{}
	for a, until := range v.until {
		if time.Now().Before(until) {
			all[a] = 1
		} else {
			delete(v.until, a)
		}
	}
	return all
}

// add remembers that addresses did not answer.
func (v *avoided) add(all ...address) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.until == nil {
		v.until = make(map[netip.AddrPort]time.Time)
	}
	for _, a := range all {
		v.until[a.AddrPort] = time.Now().Add(avoidTime)
	}
}

// PassedOver returns the addresses that did not answer during the last half minute.
func (d *Dialer) PassedOver() (all []string) {
	for a := range d.avoided.now() {
		all = append(all, a.String())
	}
	slices.Sort(all)
	return all
}

// connected is what came of one address.
type connected struct {
	conn  net.Conn
	which int
	err   error
}

// connect makes a TCP connection to the address.
func (a address) connect(ctx context.Context) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", a.String())
}

// connectTCP makes a TCP connection to the address that takes one first. The next address is
// tried when one has failed, or keeps exgate waiting. which is the index of the address, and
// those before it did not answer. The error is that of the first.
func connectTCP(ctx context.Context, addresses []address) (conn net.Conn, which int, err error) {
	if len(addresses) == 1 { // no other address need be tried beside it
		conn, err := addresses[0].connect(ctx)
		return conn, 0, err
	}
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
				conn, err := addresses[which].connect(ctx)
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
