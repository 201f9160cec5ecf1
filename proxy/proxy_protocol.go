package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/pires/go-proxyproto"
)

// errNoHeader is the reason for which exgate closes a connection from a proxy.
var errNoHeader = errors.New("the connection does not begin with a header of the PROXY protocol: " +
	"let the proxy send one, or take its address out of listen.proxy_protocol")

// maxProxyHeader is the size of the buffer for the header and what comes with it.
const maxProxyHeader = 4 << 10

// isProxy reports whether connections from an address begin with a header of the PROXY
// protocol.
func (s *settings) isProxy(address net.Addr) bool {
	if len(s.opts.Proxies) == 0 {
		return false
	}
	ip, err := netip.ParseAddrPort(address.String())
	return err == nil && slices.ContainsFunc(s.opts.Proxies, func(network netip.Prefix) bool {
		return network.Contains(ip.Addr().Unmap().WithZone(""))
	})
}

// clientBehind reads the header of the PROXY protocol, version 1 or 2, from a connection of a
// proxy, and returns the connection with the client's address. A connection of the proxy itself
// (LOCAL, or UNKNOWN in version 1), such as a health check, keeps the proxy's address. Any other
// connection is returned as it is: what looks like a header there is a command like any other.
func (s *Server) clientBehind(nc net.Conn) (net.Conn, error) {
	if !s.settings.Load().isProxy(nc.RemoteAddr()) {
		return nc, nil
	}
	stop := context.AfterFunc(s.ctx, func() { nc.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	err := nc.SetReadDeadline(time.Now().Add(s.limits.ProxyHeader))
	if err != nil {
		return nil, err
	}
	r := bufio.NewReaderSize(nc, maxProxyHeader)
	header, err := proxyproto.Read(r)
	switch {
	case errors.Is(err, proxyproto.ErrNoProxyProtocol):
		return nil, errNoHeader
	case err != nil:
		return nil, fmt.Errorf("the header of the PROXY protocol: %w", err)
	}
	if !stop() {
		return nil, context.Cause(s.ctx)
	}
	client := nc.RemoteAddr()
	if source, ok := header.SourceAddr.(*net.TCPAddr); ok && header.Command.IsProxy() {
		client = source
	}
	return &proxiedConn{nc, r, client}, nc.SetReadDeadline(time.Time{})
}

// proxiedConn is a client's connection through a proxy.
type proxiedConn struct {
	net.Conn
	ahead  *bufio.Reader // may hold what came after the header
	client net.Addr
}

// Read implements net.Conn.
func (c *proxiedConn) Read(p []byte) (int, error) {
	if c.ahead.Buffered() > 0 {
		return c.ahead.Read(p)
	}
	return c.Conn.Read(p)
}

// RemoteAddr returns the address of the client.
func (c *proxiedConn) RemoteAddr() net.Addr { return c.client }

// proxy returns the address of the proxy.
func (c *proxiedConn) proxy() net.Addr { return c.Conn.RemoteAddr() }

// SyscallConn implements syscall.Conn, for quickAck.
func (c *proxiedConn) SyscallConn() (syscall.RawConn, error) {
	tcp, ok := c.Conn.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return tcp.SyscallConn()
}
