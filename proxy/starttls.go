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
	if c.client.listener != ListenImplicit {
		return nil
	}
	return c.startServerTLS()
}

// startTLS answers STARTTLS (RFC 9051 section 6.2.1).
func (c *conn) startTLS(cmd *command) error {
	switch {
	case c.client.secure:
		return c.client.w.line("%s BAD TLS is on already", cmd.tag)
	case c.client.listener != ListenStartTLS:
		return c.client.w.line("%s BAD STARTTLS is not offered on this port", cmd.tag)
	case c.client.r.Buffered() > 0:
		// What came in plain text must not be taken for what comes under TLS.
		return c.bye("commands were sent together with STARTTLS")
	}
	if err := c.client.w.line("%s OK Begin TLS negotiation now.", cmd.tag); err != nil {
		return err
	}
	return c.startServerTLS()
}

// startServerTLS runs the handshake and puts the connection under TLS.
func (c *conn) startServerTLS() error {
	ctx, cancel := context.WithTimeout(c.ctx, c.srv.limits.Handshake)
	defer cancel()
	c.client.nc.SetReadDeadline(time.Time{})
	secured := wire.NewTLS(c.client.nc, tls.Server, c.set.tls)
	c.srv.lenders.Add(secured)
	if err := secured.HandshakeContext(ctx); err != nil {
		var plain tls.RecordHeaderError
		if errors.As(err, &plain) && c.client.listener == ListenImplicit {
			c.log.Warn("plain text on the TLS port", "remedy", "set the client to SSL/TLS, or to the STARTTLS port")
			if plain.Conn != nil {
				return c.bye("this port speaks TLS from the first byte: " +
					"set the client to SSL/TLS, or use the STARTTLS port")
			}
		}
		if errors.Is(err, context.DeadlineExceeded) {
			c.log.Warn("the client has begun no TLS handshake, or not ended it", "after", c.srv.limits.Handshake,
				"remedy", "set the client to SSL/TLS, or to the STARTTLS port: it may wait for a greeting in "+
					"plain text")
			return fmt.Errorf("the client has begun no TLS handshake, or not ended it, for %s", c.srv.limits.Handshake)
		}
		return fmt.Errorf("TLS handshake with the client: %w", err)
	}
	c.link.secure(secured)
	c.client.r.Release()
	c.client.r = wire.NewCommandReader(wire.CountReader{Reader: secured, N: &c.client.received})
	return nil
}
