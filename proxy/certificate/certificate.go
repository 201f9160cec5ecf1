// Package certificate makes the self-signed certificate of a gateway that has no
// certificate configured (tls.certificate_file), and keeps it in the state
// directory. It also formats fingerprints, by which users compare certificates.
// exgate serve uses it at its start, as does exgate demo.
package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The files of the certificate and of its private key in the state directory.
const (
	certificateFile = "certificate.pem"
	keyFile         = "key.pem"
)

// lifetime is how long a new certificate is valid. Clients that pin the
// certificate should not have to confirm a new one during a migration; strict
// clients accept no lifetime above 825 days.
const lifetime = 825 * 24 * time.Hour

// Own returns the gateway's self-signed certificate from the directory dir. It
// makes a new certificate and key there if one of the files is missing or the
// certificate has expired; made reports this. It returns an error if the files
// cannot be read, parsed or written.
func Own(dir string) (cert tls.Certificate, made bool, err error) {
	certPath, keyPath := filepath.Join(dir, certificateFile), filepath.Join(dir, keyFile)
	cert, err = tls.LoadX509KeyPair(certPath, keyPath)
	switch {
	case err == nil && time.Now().Before(cert.Leaf.NotAfter):
		return cert, false, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return cert, false, fmt.Errorf("load the self-signed certificate in %s: %w", dir, err)
	}
	if err := writeNew(dir, certPath, keyPath); err != nil {
		return cert, false, fmt.Errorf("make a self-signed certificate in %s: %w", dir, err)
	}
	cert, err = tls.LoadX509KeyPair(certPath, keyPath)
	return cert, true, err
}

// writeNew makes a certificate and its key and writes them to their files. The
// certificate is for localhost, the loopback addresses and the host's name.
func writeNew(dir, certPath, keyPath string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	names := []string{"localhost"}
	if host, err := os.Hostname(); err == nil && host != "" {
		names = append(names, host)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: names[len(names)-1], Organization: []string{"exgate, self-signed"}},
		NotBefore:    now.Add(-time.Hour), // a client's clock may be slow
		NotAfter:     now.Add(lifetime),
		DNSNames:     names,
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		// A client can then import the certificate as an authority.
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	if err := os.WriteFile(keyPath, keyPEM, 0o600); err != nil {
		return err
	}
	return os.WriteFile(certPath, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644)
}

// Fingerprint returns the SHA-256 of the certificate in the form that clients
// show: pairs of upper-case hexadecimal digits with colons between them.
func Fingerprint(cert tls.Certificate) string {
	sum := sha256.Sum256(cert.Certificate[0])
	return strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
}
