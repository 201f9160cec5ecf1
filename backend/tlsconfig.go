package backend

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// sessionCacheSize suffices for the few names of one upstream.
const sessionCacheSize = 32

// tlsConfig returns the configuration of TLS with the upstream. It is made once,
// because it holds the sessions that make the next handshake cheap.
func (o Options) tlsConfig() *tls.Config {
	c := &tls.Config{
		ServerName:         o.serverName(),
		RootCAs:            o.RootCAs,
		MinVersion:         tls.VersionTLS12,
		ClientSessionCache: tls.NewLRUClientSessionCache(sessionCacheSize),
		// Messages go in large writes, for which small first records cost time.
		DynamicRecordSizingDisabled: true,
	}
	if o.NoHybrid {
		c.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}
	}
	if o.OldTLS {
		c.MinVersion = tls.VersionTLS10
		for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
			// RC4 is broken. 3DES stays in, because Windows Server 2003 has nothing better.
			if !strings.Contains(suite.Name, "RC4") {
				c.CipherSuites = append(c.CipherSuites, suite.ID)
			}
		}
	}
	if o.Pin != "" {
		pin := normalPin(o.Pin)
		c.InsecureSkipVerify = true // the pin below is stricter: it allows only one certificate
		c.VerifyConnection = func(cs tls.ConnectionState) error {
			if got := fingerprint(cs.PeerCertificates[0]); got != pin {
				return &pinError{got}
			}
			return nil
		}
	}
	return c
}

// pinError is the refusal of a certificate that is not the pinned one.
type pinError struct{ got string }

func (e *pinError) Error() string {
	return fmt.Sprintf("the SHA-256 of the server's certificate is %s, which is not the pinned one. If the "+
		"certificate was renewed, compare this value with the server's own and set it as pin. If not, somebody "+
		"intercepts the connection", e.got)
}

// serverName returns the name that the certificate must contain.
func (o Options) serverName() string {
	if o.ServerName != "" {
		return o.ServerName
	}
	host, _, _ := net.SplitHostPort(o.Address)
	return host
}

// normalPin returns a pin in the spelling of fingerprint.
func normalPin(pin string) string {
	return strings.ToLower(strings.ReplaceAll(pin, ":", ""))
}

// fingerprint returns the SHA-256 of a certificate in hexadecimal.
func fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:])
}

// explainHandshake adds the remedy to the error of a handshake.
func (o Options) explainHandshake(err error) error {
	var notTLS tls.RecordHeaderError
	var untrusted *tls.CertificateVerificationError
	var otherPin *pinError
	switch {
	case errors.As(err, &notTLS) && o.TLS == TLSStartTLS:
		return fmt.Errorf("the data after the server's OK to STARTTLS is not TLS; somebody may have inserted it, and "+
			"exgate used none of it: %w", err)
	case errors.As(err, &notTLS):
		return fmt.Errorf("the server does not use TLS on this port: set tls: starttls, or use its TLS port, "+
			"usually 993: %w",
			err)
	case errors.As(err, &untrusted):
		return o.explainCertificate(untrusted)
	case errors.As(err, &otherPin):
		return err
	case hasRefusedSuites(err) && o.OldTLS:
		return fmt.Errorf("the server and exgate have no cipher suite in common. exgate has ECDHE and RSA key "+
			"exchange, AES and 3DES; Go has no DHE, and exgate never uses RC4. Enable another suite at the server "+
			"(Windows: Enable-TlsCipherSuite, or SSL Cipher Suite Order in the group policies): %w", err)
	case hasRefusedSuites(err):
		return fmt.Errorf("the server and exgate have no cipher suite in common. exgate has ECDHE with AES or "+
			"ChaCha20. Enable ECDHE at the server (Windows: Enable-TlsCipherSuite, or SSL Cipher Suite Order in the "+
			"group policies). If that is not possible, upstream.insecure-old-tls: true also allows RSA key exchange "+
			"and 3DES; Go has no DHE, and exgate never uses RC4: %w", err)
	}
	return fmt.Errorf("the TLS handshake failed: the port may be wrong; Exchange's IMAP service may have no "+
		"certificate (Set-ImapSettings -X509CertificateName, Enable-ExchangeCertificate, then restart it); or the "+
		"server may not have TLS 1.2 (upstream.insecure-old-tls: true allows older versions): %w", err)
}

// hasRefusedSuites reports whether the server has refused the handshake by the
// alert of RFC 5246 section 7.2.2, usually because no cipher suite is common. Go
// does not export the alert.
func hasRefusedSuites(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error" && strings.Contains(op.Err.Error(), "handshake failure")
}

// explainCertificate says why exgate does not trust a certificate, and the remedy.
// It shows the pin, because Go cannot verify some certificates of old versions of
// Exchange at all: those signed with SHA-1, or with a name only in the CN.
func (o Options) explainCertificate(err *tls.CertificateVerificationError) error {
	cert := err.UnverifiedCertificates[0]
	pin := fmt.Sprintf("or, after comparing it with the server's own, pin: %s", fingerprint(cert))
	var wrongName x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &wrongName):
		return fmt.Errorf("the certificate is for %s, not for %s: set server_name to the certificate's name, %s: %w",
			certificateNames(cert), o.serverName(), pin, err)
	case errors.As(err, &unknown) && signedWithSHA1(cert):
		return fmt.Errorf("the certificate is signed with SHA-1, which Go no longer verifies, even with ca_file: get "+
			"a new certificate, %s: %w", pin, err)
	case errors.As(err, &unknown):
		return fmt.Errorf("the certificate is signed by an unknown authority: set ca_file to the certificate of that "+
			"authority, %s: %w", pin, err)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("the certificate is only valid from %s to %s: renew it (Enable-ExchangeCertificate), %s: %w",
			cert.NotBefore.Format(time.DateOnly), cert.NotAfter.Format(time.DateOnly), pin, err)
	}
	return fmt.Errorf("the certificate cannot be verified: set ca_file, %s: %w", pin, err)
}

// signedWithSHA1 reports whether an authority has signed the certificate with
// SHA-1. The signature of a self-signed certificate does not matter.
func signedWithSHA1(cert *x509.Certificate) bool {
	old := cert.SignatureAlgorithm == x509.SHA1WithRSA || cert.SignatureAlgorithm == x509.ECDSAWithSHA1
	return old && !bytes.Equal(cert.RawIssuer, cert.RawSubject)
}

// certificateNames lists the names in a certificate, for an error text.
func certificateNames(cert *x509.Certificate) string {
	names := append([]string(nil), cert.DNSNames...)
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return fmt.Sprintf("no name except CN=%q", cert.Subject.CommonName)
	}
	if len(names) > 8 {
		names = append(names[:8], "...")
	}
	return strings.Join(names, ", ")
}
