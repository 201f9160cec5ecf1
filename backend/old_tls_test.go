package backend

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"exgate/backend/testkit"
)

// opensslServer is an IMAP server with nothing but its greeting, behind the TLS
// of a real OpenSSL, which sends what it reads on its standard input.
func opensslServer(t *testing.T, cert, key string, args ...string) (address string) {
	t.Helper()
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl on this machine")
	}
	free := testkit.Listen(t)
	address = free.Addr().String()
	free.Close()
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.Command(openssl, append([]string{"s_server", "-accept", port, "-cert", cert, "-key", key, "-quiet", "-naccept", "1"}, args...)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Process.Kill()
		cmd.Wait()
	})
	fmt.Fprint(in, "* OK The Microsoft Exchange IMAP4 service is ready.\r\n")
	// -naccept 1 takes one connection: that it listens shows in the system's
	// own list of sockets, not by trying.
	for end := time.Now().Add(10 * time.Second); !listens(t, port); {
		if time.Now().After(end) {
			t.Fatal("openssl does not listen")
		}
	}
	return "127.0.0.1:" + port
}

// listens reports whether somebody listens on a port (proc(5), net/tcp).
func listens(t *testing.T, port string) bool {
	t.Helper()
	var number int
	fmt.Sscan(port, &number)
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(file)
		if err != nil {
			t.Skipf("no list of sockets: %v", err)
		}
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			fields := strings.Fields(lines.Text())
			if len(fields) > 3 && strings.HasSuffix(fields[1], fmt.Sprintf(":%04X", number)) && fields[3] == "0A" {
				f.Close()
				return true
			}
		}
		f.Close()
	}
	return false
}

// What old servers have is taken by explicit setting only, and then pinned.
func TestOldTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl on this machine")
	}
	// A name in the CN only, signed with SHA-1: Go verifies neither.
	if out, err := exec.Command(openssl, "req", "-x509", "-newkey", "rsa:2048", "-sha1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
		"-keyout", key, "-out", cert).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	data, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	pin := fingerprintOf(t, block.Bytes)
	for _, tt := range []struct {
		name    string
		server  []string
		old     bool
		pin     string
		version string // "" is refused
		says    string
	}{
		{"TLS 1.0 as it is", []string{"-tls1", "-cipher", "ALL:@SECLEVEL=0"}, false, pin, "", "insecure-old-tls"},
		{"TLS 1.0 by setting", []string{"-tls1", "-cipher", "ALL:@SECLEVEL=0"}, true, pin, "TLS 1.0", ""},
		{"TLS 1.1 by setting", []string{"-tls1_1", "-cipher", "ALL:@SECLEVEL=0"}, true, pin, "TLS 1.1", ""},
		{"RSA key exchange as it is", []string{"-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"}, false, pin, "", "insecure-old-tls"},
		{"RSA key exchange by setting", []string{"-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"}, true, pin, "TLS 1.2", ""},
		{"TLS 1.0, another pin", []string{"-tls1", "-cipher", "ALL:@SECLEVEL=0"}, true, strings.Repeat("00", 32), "", "not the pinned one"},
		{"TLS 1.0, no pin", []string{"-tls1", "-cipher", "ALL:@SECLEVEL=0"}, true, "", "", "pin: " + pin},
		{"DHE as it is", []string{"-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"}, false, pin, "", "Go has no DHE"},
		{"DHE by setting", []string{"-tls1_2", "-cipher", "DHE-RSA-AES128-SHA:@SECLEVEL=0"}, true, pin, "", "Go has no DHE"},
		{"DHE in TLS 1.0", []string{"-tls1", "-cipher", "DHE-RSA-AES256-SHA:@SECLEVEL=0"}, true, pin, "", "Enable-TlsCipherSuite"},
		{"DHE and RSA by setting", []string{"-tls1", "-cipher", "DHE-RSA-AES256-SHA:AES256-SHA:@SECLEVEL=0"}, true, pin, "TLS 1.0", ""},
		{"3DES as it is", []string{"-tls1_2", "-cipher", "DES-CBC3-SHA:@SECLEVEL=0"}, false, pin, "", "insecure-old-tls"},
		{"3DES by setting", []string{"-tls1", "-cipher", "DES-CBC3-SHA:@SECLEVEL=0"}, true, pin, "TLS 1.0", ""},
		{"TLS 1.3 with the setting", []string{"-tls1_3"}, true, pin, "TLS 1.3", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if i := slices.Index(tt.server, "-cipher"); i >= 0 {
				if out, err := exec.Command(openssl, "ciphers", tt.server[i+1]).CombinedOutput(); err != nil {
					t.Skipf("this OpenSSL was built without %s: %s", tt.server[i+1], out)
				}
			}
			address := opensslServer(t, cert, key, tt.server...)
			d, err := NewDialer(Options{Address: address, OldTLS: tt.old, Pin: tt.pin, Timeouts: Timeouts{Greeting: 10 * time.Second}})
			if err != nil {
				t.Fatal(err)
			}
			dialed, err := d.Dial(t.Context(), "")
			if tt.version == "" {
				if err == nil {
					dialed.Conn.Close()
				}
				if err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("got %v, want %q", err, tt.says)
				}
				return
			}
			if err != nil {
				if strings.Contains(err.Error(), "no protocols available") {
					t.Skip("this OpenSSL has no such version any more")
				}
				t.Fatal(err)
			}
			defer dialed.Conn.Close()
			conn := newConn(dialed, Timeouts{}, nil)
			defer conn.Close()
			if conn.TLS != tt.version {
				t.Errorf("%s, want %s", conn.TLS, tt.version)
			}
		})
	}
}

// Builds of OpenSSL have 3DES no more, so that Go's own server stands in for
// that of Windows Server 2003.
func TestTripleDES(t *testing.T) {
	cert := *rsaCertificate(t) // 3DES goes with the RSA key exchange
	for old, says := range map[bool]string{true: "", false: "insecure-old-tls: true also allows RSA key exchange and 3DES"} {
		address := listen(t, func(nc net.Conn) {
			server := tls.Server(nc, &tls.Config{
				Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS12,
				CipherSuites: []uint16{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA},
			})
			fmt.Fprint(server, "* OK ready\r\n")
			io.Copy(io.Discard, server)
		})
		pin := fingerprintOf(t, cert.Certificate[0])
		d, err := NewDialer(Options{Address: address, OldTLS: old, Pin: pin})
		if err != nil {
			t.Fatal(err)
		}
		dialed, err := d.Dial(t.Context(), "")
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("insecure-old-tls: %t: %v", old, err)
		}
		if err == nil {
			if suite := tls.CipherSuiteName(dialed.TLS.CipherSuite); !strings.Contains(suite, "3DES") {
				t.Errorf("suite %s", suite)
			}
			dialed.Conn.Close()
		}
	}
}

// TestSHA1Chain: the server's certificate is by an authority of the company's
// own, which signs with SHA-1. Go takes it by pin only.
func TestSHA1Chain(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl on this machine")
	}
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(file("ext"), []byte("subjectAltName=DNS:localhost,IP:127.0.0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"req", "-x509", "-newkey", "rsa:2048", "-sha1", "-nodes", "-days", "2", "-subj", "/CN=EXAMPLE CA", "-keyout", file("ca.key"), "-out", file("ca.pem")},
		{"req", "-new", "-newkey", "rsa:2048", "-sha1", "-nodes", "-subj", "/CN=localhost", "-keyout", file("key.pem"), "-out", file("csr.pem")},
		{"x509", "-req", "-sha1", "-days", "2", "-in", file("csr.pem"), "-CA", file("ca.pem"), "-CAkey", file("ca.key"), "-CAcreateserial", "-extfile", file("ext"), "-out", file("cert.pem")},
	} {
		if out, err := exec.Command(openssl, args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	ca, err := os.ReadFile(file("ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	leaf, err := os.ReadFile(file("cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(leaf)
	pin := fingerprintOf(t, block.Bytes)
	for given, says := range map[string]string{"": "signed with SHA-1, which Go no longer verifies, even with ca_file: get a new certificate, or, after comparing it with the server's own, pin: " + pin, pin: ""} {
		address := opensslServer(t, file("cert.pem"), file("key.pem"), "-tls1_2", "-cert_chain", file("ca.pem"), "-cipher", "ALL:@SECLEVEL=0")
		d, err := NewDialer(Options{Address: address, RootCAs: roots, Pin: given, Timeouts: Timeouts{Greeting: 10 * time.Second}})
		if err != nil {
			t.Fatal(err)
		}
		dialed, err := d.Dial(t.Context(), "")
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("pin %q: %v", given, err)
		}
		if err == nil {
			dialed.Conn.Close()
		}
	}
}

func fingerprintOf(t *testing.T, der []byte) string {
	t.Helper()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return fingerprint(cert)
}
