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

// Dialer opens connections to one upstream. It is safe for concurrent use.
type Dialer struct {
	opts    Options
	tls     *tls.Config
	lookup  func(ctx context.Context, network, host string) ([]netip.Addr, error)
	avoided avoided
}

// NewDialer returns a Dialer, or the problems of the options.
func NewDialer(o Options) (*Dialer, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	return &Dialer{opts: o, tls: o.tlsConfig(), lookup: net.DefaultResolver.LookupNetIP}, nil
}

// Dialed is a connection with the configured protection, whose greeting has been
// read. The next reader of Conn gets everything after the greeting.
type Dialed struct {
	Conn net.Conn
	// Greeting is the text of the greeting, without a response code.
	Greeting string
	// Capabilities are the capabilities that apply now; nil: not known.
	Capabilities []string
	// TLS is nil on a connection in plain text.
	TLS *tls.ConnectionState
}

// Dial connects to the upstream for an account, or for none if account is "". The caller then
// owns the connection. If the upstream has several addresses, and one of them does not answer
// by TCP, TLS or greeting, Dial tries the next one; each address has its share of the time. An
// account comes to the same address each time, if that answers. An error is an *Error with the
// address and the remedy.
func (d *Dialer) Dial(ctx context.Context, account string) (*Dialed, error) {
	timeouts := d.opts.Timeouts.WithDefaults()
	end := time.Now().Add(timeouts.Dial + timeouts.Greeting)
	connecting, cancel := context.WithTimeout(ctx, timeouts.Dial)
	addresses, err := d.addresses(connecting)
	cancel()
	if err != nil {
		return nil, d.failed(ctx, explainConnect(err))
	}
	d.order(addresses, account)
	var failures []error
	for len(addresses) > 0 && ctx.Err() == nil {
		connecting, cancel := context.WithTimeout(ctx, min(timeouts.Dial, time.Until(end)))
		tcp, which, err := connectTCP(connecting, addresses)
		cancel()
		if err != nil {
			if ctx.Err() == nil {
				d.avoided.add(addresses...)
			}
			failures = append(failures, explainConnect(err))
			break
		}
		d.avoided.add(addresses[:which]...)
		timeout := min(timeouts.Greeting, time.Until(end)) / time.Duration(len(addresses))
		dialed, err := d.openWithin(ctx, tcp, addresses[which].host, timeout)
		if err == nil {
			return dialed, nil
		}
		failures = append(failures, err)
		if known := (*Error)(nil); errors.As(err, &known) { // an IMAP server has said what is the matter
			break
		}
		if ctx.Err() == nil {
			d.avoided.add(addresses[which])
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

// openWithin does the same as open, but with a time limit. One deadline holds for TLS and
// greeting together. When ctx ends, openWithin moves the deadline to the past. It owns tcp,
// and closes it if it fails.
func (d *Dialer) openWithin(
	ctx context.Context, tcp net.Conn, host string, timeout time.Duration,
) (*Dialed, error) {
	err := tcp.SetDeadline(time.Now().Add(timeout))
	stop := context.AfterFunc(ctx, func() { tcp.SetDeadline(time.Unix(1, 0)) })
	var dialed *Dialed
	if err == nil {
		dialed, err = d.open(tcp, host)
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

// failed returns the error of Dial. If ctx has ended, that is the reason, whatever
// err says.
func (d *Dialer) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	var known *Error
	if !errors.As(err, &known) {
		known = &Error{Failure: Failure{Kind: KindUnreachable}, Err: err}
	}
	known.Doing = "connect to " + strings.Join(d.opts.Addresses(), ", ")
	return known
}

// open switches TLS on as configured, and reads the greeting of the host.
func (d *Dialer) open(tcp net.Conn, host string) (*Dialed, error) {
	if d.opts.TLS == TLSInsecureNone || d.opts.TLS == TLSStartTLS {
		first := &ahead{Conn: tcp}
		dialed, err := d.greeting(first)
		if err == nil && d.opts.TLS == TLSStartTLS {
			return d.startTLS(dialed, first, host)
		}
		return dialed, err
	}
	encrypted, err := d.handshake(tcp, host)
	if err != nil {
		return nil, err
	}
	dialed, err := d.greeting(&ahead{Conn: encrypted})
	if err != nil {
		return nil, err
	}
	return dialed.encrypted(encrypted), nil
}

func (d *Dialer) handshake(conn net.Conn, host string) (*wire.TLS, error) {
	config, o := d.tls, d.opts
	if o.ServerName == "" && host != config.ServerName { // another host of MoreAddresses
		config, o.ServerName = config.Clone(), host
		config.ServerName = host
	}
	encrypted := wire.NewTLS(conn, tls.Client, config)
	if err := encrypted.Handshake(); err != nil {
		return nil, &handshakeError{o.explainHandshake(err)}
	}
	return encrypted, nil
}

// handshakeError is an error of TLS: the server was reached.
type handshakeError struct{ error }

func (e *handshakeError) Unwrap() error { return e.error }

func (dialed *Dialed) encrypted(conn *wire.TLS) *Dialed {
	state := conn.ConnectionState()
	dialed.TLS = &state
	return dialed
}

// greeting reads the greeting, RFC 9051 section 7.1.
func (d *Dialer) greeting(first *ahead) (*Dialed, error) {
	line, err := first.line()
	if err != nil {
		return nil, fmt.Errorf("the server sent no greeting: %s: %w", d.silenceAdvice(), err)
	}
	status, ok := wire.ParseStatus(line)
	switch {
	case !ok || status.Tag != "*":
		return nil, protocolError(line, "does not send an IMAP greeting (check the port)")
	case status.Word == "BYE":
		return nil, ReplyError("", status)
	case status.Word == "PREAUTH":
		// The account that is logged in is not the client's. Before TLS, PREAUTH is also
		// an attack (RFC 9051 section 11.1).
		return nil, protocolError(line, "sends a PREAUTH greeting, so exgate cannot log in")
	case status.Word != "OK":
		return nil, protocolError(line, "does not send an IMAP greeting (check the port)")
	}
	dialed := &Dialed{Conn: first.conn(), Greeting: status.Text}
	if args, ok := status.CodeArgs("CAPABILITY"); ok {
		dialed.Capabilities = capabilities(args)
	}
	return dialed, nil
}

// silenceAdvice returns the remedy for a server that accepts a connection and sends
// nothing.
func (d *Dialer) silenceAdvice() string {
	services := "check that both of Exchange's IMAP services run (MSExchangeImap4 and MSExchangeIMAP4BE)"
	if d.opts.TLS == TLSStartTLS || d.opts.TLS == TLSInsecureNone {
		return "if this is the TLS port, usually 993, set tls: implicit; otherwise " + services
	}
	return services
}

// startTLS switches TLS on (RFC 9051 section 6.2.1). It forgets everything that the
// server sent before, except the greeting, which the server does not repeat.
func (d *Dialer) startTLS(dialed *Dialed, first *ahead, host string) (*Dialed, error) {
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
		return nil, fmt.Errorf("the server does not offer STARTTLS (it offers: %s), or somebody on the network "+
			"removed it: use the TLS port, usually 993, with tls: implicit", strings.Join(dialed.Capabilities, " "))
	}
	status, err := dialed.command(first, "x2", "STARTTLS")
	if err != nil {
		return nil, err
	}
	if status.Word != "OK" {
		return nil, ReplyError("", status)
	}
	if len(first.rest) > 0 { // an attacker could inject replies here that exgate would trust after the handshake
		return nil, protocolError(first.rest,
			"sends plain text after its OK to STARTTLS, as an attacker would (exgate used none of it)")
	}
	encrypted, err := d.handshake(first.Conn, host)
	if err != nil {
		return nil, err
	}
	dialed.Conn, dialed.Capabilities = encrypted, nil
	return dialed.encrypted(encrypted), nil
}

// maxReplyLines is the maximum number of lines in a reply to CAPABILITY and
// STARTTLS.
const maxReplyLines = 32

// command sends a command without arguments and reads up to its tagged reply. It
// keeps the capabilities that the server announces.
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
			return wire.Status{}, protocolError(line, "sends a reply to "+name+" that does not match it")
		}
	}
	return wire.Status{}, protocolError(nil, "sends a reply to "+name+" that does not end")
}

// protocolError says that the server does not speak IMAP, and quotes its words.
func protocolError(line []byte, what string) error {
	return &Error{
		Failure: Failure{Kind: KindProtocol},
		Err:     fmt.Errorf("the server %s: %q", what, clip(bytes.TrimSpace(line))),
	}
}

// clip returns the beginning of a line, for an error text.
func clip(line []byte) string {
	return string(bytes.TrimRight(line[:min(len(line), 200)], "\r\n"))
}

// explainConnect adds the remedy to the error of a TCP connect.
func explainConnect(err error) error {
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &dns):
		return fmt.Errorf("the name does not resolve: check the address in the configuration: %w", err)
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("the server does not answer: check the address and the firewalls: %w", err)
	}
	return fmt.Errorf("check the address and the port, and that both of Exchange's IMAP services run "+
		"(MSExchangeImap4 and MSExchangeIMAP4BE; they do not start by default): %w", err)
}
