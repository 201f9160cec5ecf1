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

// sessionCacheSize is enough for the few names that one upstream has.
const sessionCacheSize = 32

// tlsConfig returns how to speak TLS with the upstream. It is made once, since
// it holds the sessions that make the next handshake cheap.
func (o Options) tlsConfig() *tls.Config {
	c := &tls.Config{
		ServerName:         o.serverName(),
		RootCAs:            o.RootCAs,
		MinVersion:         tls.VersionTLS12,
		ClientSessionCache: tls.NewLRUClientSessionCache(sessionCacheSize),
		// Messages go in large writes: small first records only cost.
		DynamicRecordSizingDisabled: true,
	}
	if o.OldTLS {
		c.MinVersion = tls.VersionTLS10
		for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
			// RC4 is broken outright; 3DES is what Windows Server 2003 has.
			if !strings.Contains(suite.Name, "RC4") {
				c.CipherSuites = append(c.CipherSuites, suite.ID)
			}
		}
	}
	if o.Pin != "" {
		pin := normalPin(o.Pin)
		c.InsecureSkipVerify = true // the pin, below, is stricter: one certificate and no other
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
	return fmt.Sprintf("the certificate's SHA-256 is %s, not the pinned one: if it was renewed, compare this "+
		"with the server's own and set it as pin; if not, somebody is in between", e.got)
}

// serverName is the name that the certificate must carry.
func (o Options) serverName() string {
	if o.ServerName != "" {
		return o.ServerName
	}
	host, _, _ := net.SplitHostPort(o.Address)
	return host
}

// normalPin is a pin as fingerprint writes it.
func normalPin(pin string) string {
	return strings.ToLower(strings.ReplaceAll(pin, ":", ""))
}

// fingerprint is the SHA-256 of a certificate in hexadecimal.
func fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:])
}

// explainHandshake adds to the error of a handshake what to do about it.
func (o Options) explainHandshake(err error) error {
	var notTLS tls.RecordHeaderError
	var untrusted *tls.CertificateVerificationError
	var otherPin *pinError
	switch {
	case errors.As(err, &notTLS) && o.TLS == TLSStartTLS:
		return fmt.Errorf("what came after the server's OK to STARTTLS was not TLS; somebody may have put it there, and none of it was used: %w", err)
	case errors.As(err, &notTLS):
		return fmt.Errorf("the server speaks plain text on this port: set tls: starttls, or use its TLS port, usually 993: %w", err)
	case errors.As(err, &untrusted):
		return o.explainCertificate(untrusted)
	case errors.As(err, &otherPin):
		return err
	case refusedSuites(err) && o.OldTLS:
		return fmt.Errorf("the server has no cipher suite in common with exgate, which has ECDHE and RSA key exchange, AES and 3DES: "+
			"there is no DHE in Go, nor RC4 here. Switch another suite on at the server (Windows: Enable-TlsCipherSuite, "+
			"or SSL Cipher Suite Order in the group policies): %w", err)
	case refusedSuites(err):
		return fmt.Errorf("the server has no cipher suite in common with exgate, which takes ECDHE with AES or ChaCha20: "+
			"upstream.insecure-old-tls: true takes RSA key exchange and 3DES too, but there is no DHE in Go, nor RC4 here. Better switch ECDHE on at the server "+
			"(Windows: Enable-TlsCipherSuite, or SSL Cipher Suite Order in the group policies): %w", err)
	}
	return fmt.Errorf("no TLS came about: the port may be the wrong one, no certificate bound to Exchange's IMAP service "+
		"(Set-ImapSettings -X509CertificateName, Enable-ExchangeCertificate, then restart it), or the server older than TLS 1.2 (upstream.insecure-old-tls: true takes it): %w", err)
}

// refusedSuites tells whether the server has refused the handshake by the alert
// that RFC 5246 section 7.2.2 has for it, mostly for want of a cipher suite. Go
// does not export the alert.
func refusedSuites(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error" && strings.Contains(op.Err.Error(), "handshake failure")
}

// explainCertificate says why a certificate is not trusted and what to do. The
// pin is shown since old versions of Exchange have certificates that Go cannot
// verify at all: signed with SHA-1, or with a name in the CN only.
func (o Options) explainCertificate(err *tls.CertificateVerificationError) error {
	cert := err.UnverifiedCertificates[0]
	pin := fmt.Sprintf("or, after comparing it with the server's own, pin: %s", fingerprint(cert))
	var wrongName x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &wrongName):
		return fmt.Errorf("the certificate is for %s, not for %s: set server_name to its name, %s: %w",
			certificateNames(cert), o.serverName(), pin, err)
	case errors.As(err, &unknown) && signedWithSHA1(cert):
		return fmt.Errorf("the certificate is signed with SHA-1, which Go verifies no more, whatever ca_file is: have a new one issued, %s: %w", pin, err)
	case errors.As(err, &unknown):
		return fmt.Errorf("the certificate is signed by nobody known here: set ca_file to the certificate of its authority, %s: %w", pin, err)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Errorf("the certificate is valid from %s to %s only: renew it (Enable-ExchangeCertificate), %s: %w",
			cert.NotBefore.Format(time.DateOnly), cert.NotAfter.Format(time.DateOnly), pin, err)
	}
	return fmt.Errorf("the certificate cannot be verified: set ca_file, %s: %w", pin, err)
}

// signedWithSHA1 tells whether an authority has signed so. Of a certificate that
// is its own authority the signature does not matter.
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
		return fmt.Sprintf("no name but CN=%q", cert.Subject.CommonName)
	}
	if len(names) > 8 {
		names = append(names[:8], "...")
	}
	return strings.Join(names, ", ")
}
