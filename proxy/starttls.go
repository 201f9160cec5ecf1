package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"exgate/backend/wire"
)

// handshake brings the client's connection to where the greeting may be said.
func (c *conn) handshake() error {
	if c.listener != ListenImplicit {
		return nil
	}
	return c.startServerTLS()
}

// startTLS answers STARTTLS (RFC 9051 section 6.2.1).
func (c *conn) startTLS(cmd *command) error {
	switch {
	case c.secure:
		return c.w.line("%s BAD TLS is on already", cmd.tag)
	case c.listener != ListenStartTLS:
		return c.w.line("%s BAD STARTTLS is not offered on this port", cmd.tag)
	case c.r.Buffered() > 0:
		// What came in plain text must not be taken for what comes under TLS.
		return c.bye("commands were sent together with STARTTLS")
	}
	if err := c.w.line("%s OK Begin TLS negotiation now.", cmd.tag); err != nil {
		return err
	}
	return c.startServerTLS()
}

// startServerTLS runs the handshake and puts the connection under TLS.
func (c *conn) startServerTLS() error {
	ctx, cancel := context.WithTimeout(c.ctx, c.srv.limits.Handshake)
	defer cancel()
	c.nc.SetReadDeadline(time.Time{})
	secured := tls.Server(c.nc, c.set.tls)
	if err := secured.HandshakeContext(ctx); err != nil {
		var plain tls.RecordHeaderError
		if errors.As(err, &plain) && c.listener == ListenImplicit {
			c.log.Warn("plain text on the TLS port", "remedy", "set the client to SSL/TLS, or to the STARTTLS port")
			if plain.Conn != nil {
				return c.bye("this port speaks TLS from the first byte: set the client to SSL/TLS, or use the STARTTLS port")
			}
		}
		return fmt.Errorf("TLS handshake with the client: %w", err)
	}
	c.mu.Lock()
	c.nc, c.w.nc = secured, secured
	c.mu.Unlock()
	c.r.Release()
	c.r = wire.NewCommandReader(wire.CountReader{Reader: secured, N: &c.received})
	c.secure = true
	return nil
}

// tlsHello tells whether the client begins TLS where none is spoken: the first
// byte of a handshake record (RFC 8446 section 5.1).
func (c *conn) tlsHello() bool {
	p := c.r.Peek()
	return !c.secure && len(p) > 0 && p[0] == 0x16
}
