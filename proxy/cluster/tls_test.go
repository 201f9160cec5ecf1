package cluster

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"exgate/backend"
	"exgate/proxy/testkit"
)

// writeCertificate writes a certificate that signs itself, and its key, and returns the certificate.
func writeCertificate(t *testing.T, certFile, keyFile string) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(cert)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// A gateway speaks TLS with Redis, and only with one whose certificate it knows.
func TestRedisOverTLS(t *testing.T) {
	certFile, keyFile := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	cert := writeCertificate(t, certFile, keyFile)
	free := testkit.Listen(t)
	free.Close()
	address := free.Addr().String()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	testkit.StartRedis(t, "--requirepass", "secret", "--tls-port", port, "--tls-cert-file", certFile, "--tls-key-file",
		keyFile, "--tls-ca-cert-file", certFile, "--tls-auth-clients", "no")
	open := func(authorities *x509.CertPool) error {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		c, err := Open(ctx, Options{
			Address: address, Password: backend.NewSecret("secret"), Name: "test", Log: slog.New(slog.DiscardHandler),
			TLS: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authorities},
		})
		if err != nil {
			return err
		}
		if !c.hasRedis() {
			t.Error("Redis does not answer")
		}
		return c.Close()
	}
	known := x509.NewCertPool()
	known.AddCert(cert)
	if err := open(known); err != nil {
		t.Error(err)
	}
	if err := open(x509.NewCertPool()); !contains(err, "certificate") {
		t.Errorf("with a stranger's certificate: %v", err)
	}
}
