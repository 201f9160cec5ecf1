package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"exgate/backend/exchangesim"
)

// The first cause that the report names is the one for which the error has a sign.
func TestCheckLoginNamesTheCauseFirst(t *testing.T) {
	sim := func(cfg exchangesim.Config, without string) func(*testing.T) []string {
		return func(t *testing.T) []string {
			cfg.Profile = "exchange2016"
			settings, _ := simulated(t, cfg, exchangesim.ImplicitTLS)
			var kept []string
			for i := 0; i < len(settings); i += 2 {
				if without == "" || !strings.HasPrefix(settings[i+1], without) {
					kept = append(kept, settings[i], settings[i+1])
				}
			}
			return kept
		}
	}
	for name, tt := range map[string]struct {
		settings func(*testing.T) []string
		login    string
		says     []string
	}{
		"an unknown issuer": {sim(exchangesim.Config{}, "upstream.ca_file"), "bob",
			[]string{"1. The certificate is self-signed, or signed by the company's own authority."}},
		"BYE 13": {sim(exchangesim.Config{Faults: []string{"bye:13:CAPABILITY"}}, ""), "bob",
			[]string{"1. The front end answers, but the IMAP back end does not run", "exgate explain closed-at-once"}},
		"a handshake alert": {noCommonSuite, "bob",
			[]string{"no cipher suite in common", `1. "handshake failure": the two sides`, "exgate explain tls-alert"}},
		"an admin is refused": {sim(exchangesim.Config{}, ""), `EXAMPLE\admin\bob`,
			[]string{"exgate check --login 'admin'", "the admin lacks FullAccess"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := exgateWith(t, "wrong\n", append([]string{"check", "--login", tt.login}, tt.settings(t)...)...)
			if exitCode(err) != exitUnavailable {
				t.Errorf("exit code %d: %v", exitCode(err), err)
			}
			for _, words := range tt.says {
				if !strings.Contains(out, words) {
					t.Errorf("%q is not in the report:\n%s", words, out)
				}
			}
		})
	}
}

// noCommonSuite returns the settings for a server that has no cipher suite of exgate's.
func noCommonSuite(t *testing.T) []string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			nc.(*tls.Conn).Handshake()
			nc.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-ended })
	t.Chdir(t.TempDir())
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return []string{"--set", "listen.implicit=127.0.0.1:0", "--set", "upstream.address=127.0.0.1:" + port}
}

// The sample as it comes, and a list with its brackets, are told.
func TestCheckTellsOfTheSample(t *testing.T) {
	t.Chdir(t.TempDir())
	args := []string{"check", "--set", "listen.implicit=127.0.0.1:0", "--set", "upstream.address=mail.example.com:993"}
	out, err := exgateWith(t, "", args...)
	if err != nil || !strings.Contains(out, "warning: upstream.address is still that of the sample") {
		t.Errorf("%v in:\n%s", err, out)
	}
	out, err = exgateWith(t, "", append(args, "--set", "upstream.login.domains=[EXAMPLE]")...)
	if exitCode(err) != exitConfig || !strings.Contains(out+err.Error(), "without brackets, such as EXAMPLE,example.local") {
		t.Errorf("%v in:\n%s", err, out)
	}
}
