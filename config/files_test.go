package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"exgate/backend"
)

// writePair makes a self-signed certificate and its key.
func writePair(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	privateDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certificate, key = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	writePEM(t, certificate, "CERTIFICATE", der)
	writePEM(t, key, "PRIVATE KEY", privateDER)
	return certificate, key
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCheckFiles(t *testing.T) {
	certificate, key := writePair(t)
	gone := filepath.Join(t.TempDir(), "gone")
	tests := []struct {
		name     string
		set      func(c *Config)
		problems []string // what each line begins with
	}{
		{"none named", func(*Config) {}, nil},
		{"all gone", func(c *Config) {
			c.TLS = TLS{CertificateFile: gone, KeyFile: gone}
			c.Upstream.CAFile = gone
			c.Spool.Dir = gone
		}, []string{"tls.certificate_file, tls.key_file: open " + gone, "upstream.ca_file: open " + gone, "spool.dir: "}},
		{"other things", func(c *Config) {
			c.TLS = TLS{CertificateFile: key, KeyFile: certificate}
			c.Upstream.CAFile = key
			c.Spool.Dir = key
		}, []string{"tls.certificate_file, tls.key_file: tls:", "upstream.ca_file: no certificate", "spool.dir: " + key + " is not a directory"}},
		{"as they should be", func(c *Config) {
			c.TLS = TLS{CertificateFile: certificate, KeyFile: key}
			c.Upstream.CAFile = certificate
			c.Spool.Dir = filepath.Dir(key)
		}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := Default()
			test.set(c)
			var lines []string
			if err := c.CheckFiles(); err != nil {
				lines = strings.Split(err.Error(), "\n")
			}
			if len(lines) != len(test.problems) {
				t.Fatalf("problems: %q", lines)
			}
			for i, problem := range test.problems {
				if !strings.HasPrefix(lines[i], problem) {
					t.Errorf("%q does not begin with %q", lines[i], problem)
				}
			}
		})
	}
}

func TestBackend(t *testing.T) {
	certificate, _ := writePair(t)
	c, err := Load(filesDir+"good/everything.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Upstream.CAFile = certificate
	o, err := c.Backend()
	if err != nil {
		t.Fatal(err)
	}
	if o.RootCAs == nil || o.Address != "outlook.office365.com:993" || o.TLS != backend.TLSImplicit ||
		strings.Join(o.Login.Domains, " ") != "EXAMPLE example.local" || o.Login.MaxFailures != 1 || o.MaxBackoff.String() != "5m30s" ||
		len(o.Login.Forms) != 1 || o.Login.Forms[0] != backend.FormPlainAuthzid {
		t.Errorf("got %+v", o)
	}
	c = Default()
	if o, err := c.Backend(); err != nil || o.RootCAs != nil || o.Login.Forms != nil { // the profile says which, once it is known
		t.Errorf("the default: %+v, %v", o, err)
	}
}

func TestCertificate(t *testing.T) {
	if pair, err := (TLS{}).Certificate(); pair != nil || err != nil {
		t.Errorf("none given: %v, %v", pair, err)
	}
	certificate, key := writePair(t)
	if pair, err := (TLS{certificate, key}).Certificate(); err != nil || len(pair.Certificate) != 1 {
		t.Errorf("%v, %v", pair, err)
	}
}

func TestStateDirectory(t *testing.T) {
	home := t.TempDir()
	for _, name := range []string{"XDG_CONFIG_HOME", "HOME", "AppData"} {
		t.Setenv(name, home)
	}
	c := Default()
	if got, err := c.StateDirectory(); err != nil || !strings.HasPrefix(got, home) || filepath.Base(got) != "exgate" {
		t.Errorf("default: %q, %v", got, err)
	}
	c.StateDir = "elsewhere"
	if got, err := c.StateDirectory(); err != nil || got != "elsewhere" {
		t.Errorf("named: %q, %v", got, err)
	}
	c.StateDir = ""
	for _, name := range []string{"XDG_CONFIG_HOME", "HOME", "AppData"} {
		t.Setenv(name, "")
	}
	if got, err := c.StateDirectory(); err == nil || !strings.HasPrefix(err.Error(), "state_dir: ") {
		t.Errorf("without a home: %q, %v", got, err)
	}
}
