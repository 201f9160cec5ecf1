package backend

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"slices"
	"testing"
	"time"
)

// greetOverTLS answers every connection with a greeting, over TLS.
func greetOverTLS(t *testing.T, config *tls.Config) (address string) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	serveEach(t, l, func(nc net.Conn) {
		io.WriteString(nc, "* OK The Microsoft Exchange IMAP4 service is ready.\r\n")
		io.Copy(io.Discard, nc)
	})
	return l.Addr().String()
}

// The second handshake with an upstream resumes the session of the first.
func TestSessionsAreResumed(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			a := newAuthority(t)
			cert := a.issue(t, time.Now().Add(time.Hour), "mail.example.com")
			address := greetOverTLS(t, &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: version})
			d, err := NewDialer(Options{Address: address, ServerName: "mail.example.com", RootCAs: a.pool})
			if err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				dialed, err := d.Dial(t.Context(), "")
				if err != nil {
					t.Fatal(err)
				}
				if got := dialed.TLS.DidResume; got != (i > 0) {
					t.Errorf("connection %d: resumed %t", i+1, got)
				}
				dialed.Conn.Close()
			}
		})
	}
}

// The hybrid key share is offered, but not to a server that cannot use it.
func TestHybridKeyShare(t *testing.T) {
	a := newAuthority(t)
	cert := a.issue(t, time.Now().Add(time.Hour), "mail.example.com")
	for _, isOff := range []bool{false, true} {
		offered := make(chan []tls.CurveID, 1)
		address := greetOverTLS(t, &tls.Config{
			Certificates: []tls.Certificate{cert},
			GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
				offered <- hello.SupportedCurves
				return nil, nil
			},
		})
		d, err := NewDialer(Options{Address: address, ServerName: "mail.example.com", RootCAs: a.pool, NoHybrid: isOff})
		if err != nil {
			t.Fatal(err)
		}
		dialed, err := d.Dial(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer dialed.Conn.Close()
		curves := <-offered
		if got := slices.Contains(curves, tls.X25519MLKEM768); got == isOff || !slices.Contains(curves, tls.X25519) {
			t.Errorf("NoHybrid %t: %v", isOff, curves)
		}
	}
}

// BenchmarkHandshake is a whole connection to a server with TLS 1.2 and RSA, as of an Exchange 2016.
func BenchmarkHandshake(b *testing.B) {
	for _, bm := range []struct {
		name     string
		noHybrid bool
		noTicket bool
	}{{"hybrid-whole", false, true}, {"whole", true, true}, {"resumed", true, false}} {
		b.Run(bm.name, func(b *testing.B) {
			cert := newRSACertificate(b)
			l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
				Certificates: []tls.Certificate{cert}, MaxVersion: tls.VersionTLS12, SessionTicketsDisabled: bm.noTicket,
			})
			if err != nil {
				b.Fatal(err)
			}
			serveEach(b, l, func(nc net.Conn) { nc.(*tls.Conn).Handshake() })
			config := Options{Address: l.Addr().String(), NoHybrid: bm.noHybrid}.tlsConfig()
			config.InsecureSkipVerify = true
			for b.Loop() {
				nc, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					b.Fatal(err)
				}
				if err := tls.Client(nc, config).Handshake(); err != nil {
					b.Fatal(err)
				}
				nc.Close()
			}
		})
	}
}

// newRSACertificate returns a certificate with a key of the kind that Exchange makes for itself.
func newRSACertificate(b *testing.B) tls.Certificate {
	b.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		b.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
