package backend

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"exgate/backend/wire"
)

// Probe is everything that one login shows about an upstream. It is filled up to the
// step at which the login ended; Problem has this step and the reason.
type Probe struct {
	Address   string            `json:"address"`
	Addresses []string          `json:"addresses,omitempty"` // the IP addresses of the name
	TLS       *ProbedTLS        `json:"tls,omitempty"`       // nil in plain text
	OtherTLS  *OtherTLS         `json:"other_tls,omitempty"` // the other way of TLS
	Greeting  string            `json:"greeting,omitempty"`
	Before    []string          `json:"capabilities_before_login,omitempty"`
	Forms     []Tried           `json:"forms,omitempty"`
	After     []string          `json:"capabilities_after_login,omitempty"`
	ID        map[string]string `json:"id,omitempty"`
	Opened    bool              `json:"mailbox_opened"`
	Folders   []ProbedFolder    `json:"-"`                  // the caller reports how clients see them
	Appended  string            `json:"appended,omitempty"` // the reply to the test message
	Problem   *Problem          `json:"problem,omitempty"`
}

// Problem is the step at which a probe ended, with the reason.
type Problem struct {
	Step    string `json:"step"` // connect, tls, login, mailbox, folders or append
	Kind    Kind   `json:"kind"`
	Error   string `json:"error"`
	Meaning string `json:"meaning,omitempty"`
}

// ProbedTLS describes the TLS connection to the upstream.
type ProbedTLS struct {
	Mode    TLSMode   `json:"mode"`
	Version string    `json:"version"`
	Suite   string    `json:"suite"`
	Names   string    `json:"names"`
	Issuer  string    `json:"issuer"`
	Expires time.Time `json:"expires"`
	// Chain has the subjects from the server's certificate to the authority's. If the
	// certificate is not verified, it is the chain that the server sent.
	Chain    []string `json:"chain,omitempty"`
	Verified string   `json:"verified"` // how the certificate was verified; "": not verified
	SHA256   string   `json:"sha256"`
}

// OtherTLS says whether the upstream supports TLS in the way that is not configured.
type OtherTLS struct {
	Mode    TLSMode `json:"mode"`
	Address string  `json:"address"`
	Error   string  `json:"error,omitempty"` // "": it works
}

// Tried is one form of the login.
type Tried struct {
	Form  Form   `json:"form"`
	Sent  string `json:"sent"`  // mechanism and names, without the secret
	Reply string `json:"reply"` // Exchange's reply, or the reason why the form was not sent
	Asked bool   `json:"asked"`
	OK    bool   `json:"ok"`
}

// ProbeTest is a test message for a probe to append.
type ProbeTest struct {
	Mailbox string // in modified UTF-7; "": none is appended
	Message string // with CRLF
}

// Probe logs in like a session, form by form, and collects what the server shows. The
// limit on failures applies.
func (u *Upstream) Probe(ctx context.Context, id Identity, cred Credential, test ProbeTest, trace Trace) *Probe {
	return u.probe(ctx, id, cred, test, trace, true)
}

// ProbeMailbox is Probe for one of many mailboxes: it does not try the other way of TLS,
// which is the same for all of them.
func (u *Upstream) ProbeMailbox(ctx context.Context, id Identity, cred Credential) *Probe {
	return u.probe(ctx, id, cred, ProbeTest{}, nil, false)
}

func (u *Upstream) probe(
	ctx context.Context, id Identity, cred Credential, test ProbeTest, trace Trace, otherTLS bool,
) *Probe {
	p := &Probe{Address: strings.Join(u.opts.Addresses(), ", ")}
	addresses, _ := u.dialer.addresses(ctx) // Dial says the error
	for _, a := range addresses {
		p.Addresses = append(p.Addresses, a.Addr().String())
	}
	dialed, err := u.dialer.Dial(ctx, id.User)
	if err != nil {
		step := "connect"
		if handshake := (*handshakeError)(nil); errors.As(err, &handshake) {
			step, p.TLS = "tls", u.unverifiedTLS(ctx)
		}
		p.Problem = problem(step, err)
	}
	if otherTLS {
		p.OtherTLS = u.otherTLS(ctx, err == nil || p.TLS != nil)
	}
	if err != nil {
		return p
	}
	p.Greeting, p.TLS = dialed.Greeting, u.opts.probedTLS(dialed.TLS)
	conn := newConn(dialed, u.opts.Timeouts, trace)
	defer conn.Close()
	session, err := u.login(ctx, conn, id, cred, 0, func(a Attempt, reply string, ok bool) {
		p.Forms = append(
			p.Forms,
			Tried{Form: a.Form, Sent: a.String(), Reply: reply, Asked: !strings.HasPrefix(reply, notSent), OK: ok},
		)
	})
	p.Before = conn.before
	if err != nil {
		step := "login"
		if n := len(p.Forms); n > 0 && p.Forms[n-1].OK {
			step, p.After = "mailbox", conn.Capabilities
		}
		p.Problem = problem(step, err)
		return p
	}
	p.Opened, p.After, p.ID = true, session.Capabilities, session.Evidence.ID
	if p.Folders, err = session.Folders(ctx); err != nil {
		p.Problem = problem("folders", err)
		return p
	}
	if test.Mailbox == "" {
		return p
	}
	status, err := session.appendTest(ctx, test)
	p.Appended = strings.TrimSpace(status.Word + " " + status.Text)
	if err == nil && status.Word != "OK" {
		err = ReplyError("APPEND", status)
	}
	if err != nil {
		p.Problem = problem("append", err)
	}
	return p
}

// Evidence returns the evidence of the probe, for Detect.
func (p *Probe) Evidence() Evidence {
	e := Evidence{Greeting: p.Greeting, Capabilities: p.Before, ID: p.ID}
	if p.After != nil {
		e.Capabilities = p.After
	}
	return e
}

func problem(step string, err error) *Problem {
	f := FailureOf(err)
	return &Problem{Step: step, Kind: f.Kind, Error: err.Error(), Meaning: f.Explanation()}
}

// probeTimeout limits the test of the other way of TLS, for which a firewall often
// drops all packets.
const probeTimeout = 5 * time.Second

// otherTLS tries the way of TLS that is not configured, on the other one of the two
// usual ports. If the configured port is neither of them, it tries the same port,
// unless the configured way works there.
func (u *Upstream) otherTLS(ctx context.Context, works bool) *OtherTLS {
	o := u.opts
	host, port, _ := net.SplitHostPort(o.Address)
	o.TLS = TLSImplicit
	if u.opts.TLS == "" || u.opts.TLS == TLSImplicit {
		o.TLS = TLSStartTLS
	}
	switch {
	case port != "993" && port != "143" && works:
		return nil
	case port == "993" || port == "143":
		port = map[TLSMode]string{TLSImplicit: "993", TLSStartTLS: "143"}[o.TLS]
	}
	o.Address, o.MoreAddresses = net.JoinHostPort(host, port), nil
	o.Timeouts = Timeouts{
		Dial:     min(probeTimeout, cmp.Or(o.Timeouts.Dial, probeTimeout)),
		Greeting: min(probeTimeout, cmp.Or(o.Timeouts.Greeting, probeTimeout)),
	}
	other := &OtherTLS{Mode: o.TLS, Address: o.Address}
	dialer, err := NewDialer(o)
	if err == nil {
		var dialed *Dialed
		if dialed, err = dialer.Dial(ctx, ""); err == nil {
			dialed.Conn.Close()
		}
	}
	if err != nil {
		other.Error = err.Error()
	}
	return other
}

// unverifiedTLS connects without verifying the certificate, sends nothing, and describes
// the TLS connection. It returns nil if the handshake fails even so.
func (u *Upstream) unverifiedTLS(ctx context.Context) *ProbedTLS {
	o := u.opts
	o.OldTLS = true
	dialer, err := NewDialer(o)
	if err != nil {
		return nil
	}
	dialer.tls.InsecureSkipVerify, dialer.tls.VerifyConnection = true, nil
	dialed, err := dialer.Dial(ctx, "")
	if err != nil {
		return nil
	}
	dialed.Conn.Close()
	p := o.probedTLS(dialed.TLS)
	p.Verified = ""
	return p
}

func (o Options) probedTLS(state *tls.ConnectionState) *ProbedTLS {
	if state == nil {
		return nil
	}
	leaf := state.PeerCertificates[0]
	p := &ProbedTLS{
		Mode: o.TLS, Version: tls.VersionName(state.Version), Suite: tls.CipherSuiteName(state.CipherSuite),
		Names: certificateNames(leaf), Issuer: leaf.Issuer.String(), Expires: leaf.NotAfter,
		Verified: "for " + o.serverName(), SHA256: fingerprint(leaf),
	}
	if p.Mode == "" {
		p.Mode = TLSImplicit
	}
	if o.Pin != "" {
		p.Verified = "pinned"
	}
	chain := state.PeerCertificates
	if len(state.VerifiedChains) > 0 {
		chain = state.VerifiedChains[0]
	}
	for _, cert := range chain {
		p.Chain = append(p.Chain, cert.Subject.String())
	}
	return p
}

// String returns the attempt without its secret.
func (a Attempt) String() string {
	if a.Authzid != "" {
		return fmt.Sprintf("%s %s for %s", a.Mechanism, a.Authcid, a.Authzid)
	}
	return a.Mechanism + " " + a.Authcid
}

func (c *Conn) appendTest(ctx context.Context, test ProbeTest) (wire.Status, error) {
	req := NewRequest("APPEND").Mailbox(test.Mailbox).Raw(`(\Seen)`)
	req.Body = &Body{Size: int64(len(test.Message)), WriterTo: strings.NewReader(test.Message)}
	return c.Do(ctx, req)
}
