package backend

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"exgate/backend/wire"
)

// Dialer opens connections to one upstream. It is safe for use by several
// goroutines.
type Dialer struct {
	opts   Options
	tls    *tls.Config
	lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// NewDialer returns a Dialer, or what is wrong with the options.
func NewDialer(o Options) (*Dialer, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	return &Dialer{opts: o, tls: o.tlsConfig(), lookup: net.DefaultResolver.LookupNetIP}, nil
}

// Dialed is a connection that is protected as configured and whose greeting
// has been read. Nothing that came after the greeting has: whoever reads Conn
// next gets all of it.
type Dialed struct {
	Conn net.Conn
	// Greeting is the text of the greeting, without a response code.
	Greeting string
	// Capabilities are those that hold now; nil: not known, ask.
	Capabilities []string
	// TLS is nil on a connection in plain text.
	TLS *tls.ConnectionState
}

// Dial connects. The caller owns the connection then. Where the host has
// several addresses, the next is tried if one has no TCP, no TLS or no greeting
// to give: each has its share of the time. An error is an *Error that names the
// address and what to do.
func (d *Dialer) Dial(ctx context.Context) (*Dialed, error) {
	timeouts := d.opts.Timeouts.WithDefaults()
	end := time.Now().Add(timeouts.Dial + timeouts.Greeting)
	connecting, cancel := context.WithTimeout(ctx, timeouts.Dial)
	addresses, err := d.addresses(connecting)
	cancel()
	if err != nil {
		return nil, d.failed(ctx, explainConnect(err))
	}
	var failures []error
	for len(addresses) > 0 && ctx.Err() == nil {
		connecting, cancel := context.WithTimeout(ctx, min(timeouts.Dial, time.Until(end)))
		tcp, which, err := connectTCP(connecting, addresses)
		cancel()
		if err != nil {
			failures = append(failures, explainConnect(err))
			break
		}
		dialed, err := d.openWithin(ctx, tcp, min(timeouts.Greeting, time.Until(end))/time.Duration(len(addresses)))
		if err == nil {
			return dialed, nil
		}
		failures = append(failures, err)
		if known := (*Error)(nil); errors.As(err, &known) { // an IMAP server has said what is the matter
			break
		}
		addresses = slices.Delete(addresses, which, which+1)
	}
	if len(failures) == 0 {
		failures = append(failures, errors.New("the host has no address"))
	}
	err = failures[0]
	for _, other := range failures[1:] {
		err = fmt.Errorf("%w; another of its addresses: %s", err, other)
	}
	return nil, d.failed(ctx, err)
}

// openWithin is open, which has so much time for TLS and greeting: one deadline
// holds for both, and the end of ctx moves it to the past. It owns tcp, and
// closes it if it fails.
func (d *Dialer) openWithin(ctx context.Context, tcp net.Conn, timeout time.Duration) (*Dialed, error) {
	err := tcp.SetDeadline(time.Now().Add(timeout))
	stop := context.AfterFunc(ctx, func() { tcp.SetDeadline(time.Unix(1, 0)) })
	var dialed *Dialed
	if err == nil {
		dialed, err = d.open(tcp)
	}
	if !stop() {
		err = ctx.Err()
	}
	if err == nil {
		err = tcp.SetDeadline(time.Time{})
	}
	if err != nil {
		tcp.Close()
		return nil, err
	}
	return dialed, nil
}

// failed is the error of a connection that did not come about. Where ctx has
// ended, that is the reason, whatever it looked like from here.
func (d *Dialer) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	var known *Error
	if !errors.As(err, &known) {
		known = &Error{Failure: Failure{Kind: KindUnreachable}, Err: err}
	}
	known.Doing = "connect to " + d.opts.Address
	return known
}

// open brings a TCP connection to where its greeting has been read and TLS is
// on, as configured.
func (d *Dialer) open(tcp net.Conn) (*Dialed, error) {
	if d.opts.TLS == TLSInsecureNone || d.opts.TLS == TLSStartTLS {
		first := &ahead{Conn: tcp}
		dialed, err := d.greeting(first)
		if err == nil && d.opts.TLS == TLSStartTLS {
			return d.startTLS(dialed, first)
		}
		return dialed, err
	}
	encrypted, err := d.handshake(tcp)
	if err != nil {
		return nil, err
	}
	dialed, err := d.greeting(&ahead{Conn: encrypted})
	if err != nil {
		return nil, err
	}
	return dialed.encrypted(encrypted), nil
}

func (d *Dialer) handshake(conn net.Conn) (*tls.Conn, error) {
	encrypted := tls.Client(conn, d.tls)
	if err := encrypted.Handshake(); err != nil {
		return nil, &handshakeError{d.opts.explainHandshake(err)}
	}
	return encrypted, nil
}

// handshakeError is one of TLS: the server was reached.
type handshakeError struct{ error }

func (e *handshakeError) Unwrap() error { return e.error }

func (dialed *Dialed) encrypted(conn *tls.Conn) *Dialed {
	state := conn.ConnectionState()
	dialed.TLS = &state
	return dialed
}

// greeting reads the greeting, RFC 9051 section 7.1.
func (d *Dialer) greeting(first *ahead) (*Dialed, error) {
	line, err := first.line()
	if err != nil {
		return nil, fmt.Errorf("no greeting came: %s: %w", d.silenceAdvice(), err)
	}
	status, ok := wire.ParseStatus(line)
	switch {
	case !ok || status.Tag != "*":
		return nil, protocolError(line, "greets as no IMAP server does: is the port right?")
	case status.Word == "BYE":
		return nil, ReplyError("", status)
	case status.Word == "PREAUTH":
		// Whoever is logged in there is not who our client is about to say;
		// before TLS it is an attack besides (RFC 9051 section 11.1).
		return nil, protocolError(line, "greets PREAUTH, so no login can be made")
	case status.Word != "OK":
		return nil, protocolError(line, "greets as no IMAP server does: is the port right?")
	}
	dialed := &Dialed{Conn: first.conn(), Greeting: status.Text}
	if args, ok := status.CodeArgs("CAPABILITY"); ok {
		dialed.Capabilities = capabilities(args)
	}
	return dialed, nil
}

// silenceAdvice is for a server that accepts and says nothing.
func (d *Dialer) silenceAdvice() string {
	services := "see that Exchange's IMAP services run, both of them (MSExchangeImap4 and MSExchangeIMAP4BE)"
	if d.opts.TLS == TLSStartTLS || d.opts.TLS == TLSInsecureNone {
		return "if this is the TLS port, usually 993, set tls: implicit; else " + services
	}
	return services
}

// startTLS switches TLS on (RFC 9051 section 6.2.1). All that the server said
// before is forgotten but the greeting, which is not said again.
func (d *Dialer) startTLS(dialed *Dialed, first *ahead) (*Dialed, error) {
	if dialed.Capabilities == nil {
		status, err := dialed.command(first, "x1", "CAPABILITY")
		if err != nil {
			return nil, err
		}
		if status.Word != "OK" {
			return nil, ReplyError("", status)
		}
	}
	if !containsFold(dialed.Capabilities, "STARTTLS") {
		return nil, fmt.Errorf("the server does not offer STARTTLS (it has: %s), or somebody in between took it away: "+
			"use the TLS port, usually 993, with tls: implicit", strings.Join(dialed.Capabilities, " "))
	}
	status, err := dialed.command(first, "x2", "STARTTLS")
	if err != nil {
		return nil, err
	}
	if status.Word != "OK" {
		return nil, ReplyError("", status)
	}
	if len(first.rest) > 0 { // somebody in between would have it taken for what comes under TLS
		return nil, protocolError(first.rest, "says more in plain text behind its OK to STARTTLS, as somebody in between would: none of it was used")
	}
	encrypted, err := d.handshake(first.Conn)
	if err != nil {
		return nil, err
	}
	dialed.Conn, dialed.Capabilities = encrypted, nil
	return dialed.encrypted(encrypted), nil
}

// maxReplyLines bounds what a server may say to CAPABILITY and STARTTLS.
const maxReplyLines = 32

// command sends a command without arguments and reads up to its tagged reply,
// taking note of capabilities.
func (dialed *Dialed) command(first *ahead, tag, name string) (wire.Status, error) {
	if _, err := io.WriteString(first, tag+" "+name+"\r\n"); err != nil {
		return wire.Status{}, fmt.Errorf("%s: %w", name, err)
	}
	for range maxReplyLines {
		line, err := first.line()
		if err != nil {
			return wire.Status{}, fmt.Errorf("%s: %w", name, err)
		}
		status, isStatus := wire.ParseStatus(line)
		fields := strings.Fields(string(line))
		switch {
		case isStatus && status.Tag == tag:
			return status, nil
		case isStatus && status.Tag == "*" && status.Word == "BYE":
			return status, ReplyError("", status)
		case len(fields) > 1 && fields[0] == "*" && strings.EqualFold(fields[1], "CAPABILITY"):
			dialed.Capabilities = capabilities(strings.Join(fields[2:], " "))
		case len(fields) == 0 || fields[0] != "*":
			return wire.Status{}, protocolError(line, "answers "+name+" out of step")
		}
	}
	return wire.Status{}, protocolError(nil, "does not come to an end in its answer to "+name)
}

// protocolError says that a server is no IMAP server, with its words.
func protocolError(line []byte, what string) error {
	return &Error{
		Failure: Failure{Kind: KindProtocol},
		Err:     fmt.Errorf("the server %s: %q", what, clip(bytes.TrimSpace(line))),
	}
}

// explainConnect adds to the error of a TCP connect what to do about it.
func explainConnect(err error) error {
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &dns):
		return fmt.Errorf("the name does not resolve: see the address in the configuration: %w", err)
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("no answer: see the address, and what firewalls let through: %w", err)
	}
	return fmt.Errorf("see the address and port, and that Exchange's IMAP services run, both of them "+
		"(MSExchangeImap4 and MSExchangeIMAP4BE; they do not start by default): %w", err)
}
