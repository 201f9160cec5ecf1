package proxy

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"exgate/backend"
	"exgate/proxy/certificate"
	"exgate/proxy/testkit"
)

// newTLSGateway starts a gateway with a listener of the kind how, in front of an upstream in plain text.
func newTLSGateway(t *testing.T, how Listen, setups ...func(*Options, *limits)) *gateway {
	t.Helper()
	cert, _, err := certificate.Own(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	up := testkit.Listen(t)
	t.Cleanup(func() { up.Close() })
	withCertificate := func(o *Options, _ *limits) { o.Certificate = cert }
	g := startGateway(t, how, up.Addr().String(), append(setups, withCertificate)...)
	g.up = up
	return g
}

// upstreamUnderTLS has the scripted upstream of a gateway speak TLS. loginTLS logs a client in to that.
func upstreamUnderTLS(t *testing.T) (setup func(*Options, *limits), loginTLS func(*gateway, *client) *upstream) {
	t.Helper()
	cert, _, err := certificate.Own(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	pin := sha256.Sum256(cert.Certificate[0])
	setup = func(o *Options, _ *limits) {
		o.Upstreams[0].Backend.TLS, o.Upstreams[0].Backend.Pin = backend.TLSImplicit, hex.EncodeToString(pin[:])
	}
	return setup, func(g *gateway, c *client) *upstream {
		g.t.Helper()
		c.S("* OK …")
		c.C("a0 LOGIN alice secret")
		u := g.accept()
		u.attach(tls.Server(u.nc, &tls.Config{Certificates: []tls.Certificate{cert}, DynamicRecordSizingDisabled: true}))
		g.playLogin(u)
		c.until("a0 OK …")
		return u
	}
}

// secure makes the TLS handshake. What is written at once is one record, if it fits.
func (c *client) secure() {
	c.t.Helper()
	secured := tls.Client(c.nc, &tls.Config{InsecureSkipVerify: true, DynamicRecordSizingDisabled: true})
	if err := secured.Handshake(); err != nil {
		c.fatalf("handshake: %v", err)
	}
	c.attach(secured)
}

func TestStartTLS(t *testing.T) {
	g := newTLSGateway(t, ListenStartTLS)
	c := g.dial()
	c.S("* OK [CAPABILITY IMAP4rev1 LITERAL+ SASL-IR ID STARTTLS LOGINDISABLED] …")
	c.C("a1 STARTTLS")
	c.S("a1 OK …")
	c.secure()
	c.C("a2 CAPABILITY")
	c.S("* CAPABILITY IMAP4rev1 LITERAL+ SASL-IR ID AUTH=PLAIN AUTH=LOGIN")
	c.S("a2 OK …")
	c.C("a3 STARTTLS")
	c.S("a3 BAD TLS is on already")
	c.C("a4 LOGIN alice secret")
	u := g.accept()
	u.S("* OK [CAPABILITY IMAP4rev1] ready")
	u.C("xg1 LOGIN …")
	u.S("xg1 OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED AUTH=PLAIN] done")
	c.S("a4 OK [CAPABILITY IMAP4rev1] …")
	noop(c, u)
	c.close() // without LOGOUT
	u.ends()
}

func TestImplicitTLS(t *testing.T) {
	g := newTLSGateway(t, ListenImplicit)
	c := g.dial()
	c.secure()
	u := g.logInAs(c)
	noop(c, u)
	c.C("a1 LOGOUT")
	u.C("a1 LOGOUT")
	u.S("* BYE bye")
	u.S("a1 OK done")
	c.S("* BYE bye")
	c.S("a1 OK done")
	c.ends()
	u.ends()
}

func TestStartTLSNotOffered(t *testing.T) {
	c := newTLSGateway(t, ListenInsecurePlaintext).dial()
	c.S("* OK [CAPABILITY IMAP4rev1 LITERAL+ SASL-IR ID AUTH=PLAIN AUTH=LOGIN] …")
	c.C("a1 STARTTLS")
	c.S("a1 BAD STARTTLS is not offered on this port")
}

// Commands behind STARTTLS came in plain text, and must not be run under TLS.
func TestCommandsBehindStartTLS(t *testing.T) {
	t.Run("in one segment", func(t *testing.T) {
		c := newTLSGateway(t, ListenStartTLS).dial()
		c.S("* OK …")
		c.raw("a1 STARTTLS\r\na2 LOGIN alice secret\r\n")
		c.S("* BYE commands were sent together with STARTTLS")
		c.ends()
	})
	t.Run("half a command", func(t *testing.T) {
		c := newTLSGateway(t, ListenStartTLS).dial()
		c.S("* OK …")
		c.raw("a1 STARTTLS\r\na2 LOG")
		c.S("* BYE commands were sent together with STARTTLS")
		c.ends()
	})
	t.Run("after the reply", func(t *testing.T) {
		c := newTLSGateway(t, ListenStartTLS).dial()
		c.S("* OK …")
		c.C("a1 STARTTLS")
		c.S("a1 OK …")
		c.C("a2 NOOP")
		c.ends() // the gateway sends no plain text on a TLS port
	})
}

func TestLoginBeforeTLS(t *testing.T) {
	for name, command := range map[string]string{
		"LOGIN":                           "a1 LOGIN alice secret\r\n",
		"literal that is not asked for":   "a1 LOGIN {5}\r\n",
		"literals":                        "a1 LOGIN {5+}\r\nalice {6+}\r\nsecret\r\n",
		"AUTHENTICATE":                    "a1 AUTHENTICATE PLAIN\r\n",
		"AUTHENTICATE, initial response":  "a1 AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldA==\r\n",
		"AUTHENTICATE, another mechanism": "a1 AUTHENTICATE CRAM-MD5\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			c := newTLSGateway(t, ListenStartTLS).dial()
			c.S("* OK …")
			c.raw(command)
			c.S("a1 NO [PRIVACYREQUIRED] say STARTTLS first: no password is taken in plain text here")
			c.C("a2 NOOP")
			c.S("a2 OK …")
		})
	}
}

func TestSilenceInTheHandshake(t *testing.T) {
	g := newTLSGateway(t, ListenImplicit, func(_ *Options, l *limits) { l.Handshake = time.Millisecond })
	c := g.dial()
	c.ends()
	g.logged("connection ended before a login")
	attrs := g.logged("the client has begun no TLS handshake, or not ended it")
	if remedy, _ := attrs["remedy"].(string); !strings.Contains(remedy, "set the client to SSL/TLS, or to the STARTTLS port") {
		t.Errorf("%v", attrs)
	}
}

// A client that comes back resumes its TLS session.
func TestClientsResumeTLS(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		g := newTLSGateway(t, ListenImplicit)
		config := &tls.Config{
			InsecureSkipVerify: true, MaxVersion: version, ServerName: "gateway.example",
			ClientSessionCache: tls.NewLRUClientSessionCache(1),
		}
		for i := range 2 {
			c := g.dial()
			secured := tls.Client(c.nc, config)
			if err := secured.Handshake(); err != nil {
				c.fatalf("handshake: %v", err)
			}
			c.attach(secured)
			c.S("* OK …") // the ticket of TLS 1.3 comes before it
			if got := secured.ConnectionState().DidResume; got != (i > 0) {
				t.Errorf("%s, connection %d: resumed %t", tls.VersionName(version), i+1, got)
			}
			c.close()
		}
	}
}
