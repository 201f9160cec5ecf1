package certificate

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"exgate/proxy/testkit"
)

func TestOwn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	first, made, err := Own(dir)
	if err != nil || !made {
		t.Fatalf("made: %v, %v", made, err)
	}
	if info, err := os.Stat(filepath.Join(dir, keyFile)); err != nil {
		t.Error(err)
	} else if info.Mode().Perm() != 0o600 {
		t.Errorf("the key file has mode %v", info.Mode())
	}
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T)
		made  bool
		err   string
	}{
		{"again", func(*testing.T) {}, false, ""},
		{"no key", func(t *testing.T) {
			if err := os.Remove(filepath.Join(dir, keyFile)); err != nil {
				t.Fatal(err)
			}
		}, true, ""},
		{"no certificate", func(t *testing.T) {
			if err := os.Remove(filepath.Join(dir, certificateFile)); err != nil {
				t.Fatal(err)
			}
		}, true, ""},
		{"no PEM", func(t *testing.T) { testkit.WriteFile(t, filepath.Join(dir, certificateFile), "x") }, false,
			"load the self-signed certificate in " + dir},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before, _, _ := Own(dir)
			tt.spoil(t)
			cert, made, err := Own(dir)
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Fatal(err)
			}
			if err == nil && (made != tt.made || made == bytes.Equal(before.Certificate[0], cert.Certificate[0])) {
				t.Errorf("made: %v, or not the certificate of the files", made)
			}
		})
	}
	if _, _, err := Own(filepath.Join(dir, keyFile)); err == nil {
		t.Error("a file is taken for the directory")
	}
	if left := time.Until(first.Leaf.NotAfter); left > lifetime || left < lifetime-time.Hour {
		t.Errorf("valid for %s", left)
	}
}

// A client that trusts the certificate accepts it for the names of this host.
func TestOwnIsTrustedByItsFile(t *testing.T) {
	cert, _, err := Own(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert.Leaf)
	for name, want := range map[string]bool{"localhost": true, "127.0.0.1": true, "::1": true, "example.com": false} {
		_, err := cert.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots})
		if (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFingerprint(t *testing.T) {
	got := Fingerprint(tls.Certificate{Certificate: [][]byte{[]byte("abc")}})
	if !regexp.MustCompile(`^([0-9A-F]{2}:){31}[0-9A-F]{2}$`).MatchString(got) {
		t.Error(got)
	}
	// FIPS 180-2, appendix B.1, has the SHA-256 of "abc".
	const want = "BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD"
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
