package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"exgate/backend"
	"exgate/config"
	"exgate/config/profile"
	"exgate/proxy"
	"exgate/proxy/certificate"
	"exgate/proxy/routing"
)

// startedStatus serves the status of a gateway that has no clients.
func startedStatus(t *testing.T, limits statusLimits) (address string) {
	t.Helper()
	return startedStatusFor(t, limits, config.StatusAccess{Loopback: true})
}

func startedStatusFor(t *testing.T, limits statusLimits, access config.StatusAccess) (address string) {
	t.Helper()
	own, _, err := certificate.Own(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	server, err := proxy.NewServer(proxy.Options{Certificate: own, Upstreams: []routing.Upstream{{
		Backend: backend.Options{Address: "127.0.0.1:1", TLS: backend.TLSInsecureNone}, Profile: "plain",
		Profiles: func(string) profile.Profile { return profile.Profile{Name: "plain"} },
	}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	var log bytes.Buffer
	listeners, err := openAll([]listener[struct{}]{{name: "status", address: "127.0.0.1:0"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	stop := startStatus(listeners, access, limits, server, nil, slog.New(slog.NewJSONHandler(&log, nil)))
	t.Cleanup(stop)
	var line struct{ Address string }
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	return line.Address
}

// askStatus opens a connection and says something.
func askStatus(t *testing.T, address, says string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(nc, says); err != nil {
		t.Fatal(err)
	}
	return nc
}

// authority returns a client certificate, and the authority that has signed it: itself.
func authority(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(signed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// On an address that others can reach, the page needs a token or a certificate, over TLS; metrics need none.
func TestStatusPageAccess(t *testing.T) {
	const token = "0123456789abcdef"
	mine, known := authority(t)
	strange, _ := authority(t)
	for name, test := range map[string]struct {
		access        config.StatusAccess
		token         string
		show          []tls.Certificate
		scheme        string
		page, metrics int // status codes; 0: there is no answer
	}{
		"loopback":              {access: config.StatusAccess{Loopback: true}, scheme: "http", page: 200, metrics: 200},
		"loopback, no token":    {access: config.StatusAccess{Loopback: true, Token: backend.NewSecret(token)}, scheme: "http", page: 401, metrics: 200},
		"loopback, token":       {access: config.StatusAccess{Loopback: true, Token: backend.NewSecret(token)}, token: token, scheme: "http", page: 200, metrics: 200},
		"reachable":             {scheme: "http", page: 404, metrics: 200},
		"reachable, plain text": {access: config.StatusAccess{Token: backend.NewSecret(token)}, token: token, scheme: "http", page: 400, metrics: 400},
		"reachable, no token":   {access: config.StatusAccess{Token: backend.NewSecret(token)}, scheme: "https", page: 401, metrics: 200},
		"reachable, token":      {access: config.StatusAccess{Token: backend.NewSecret(token)}, token: token, scheme: "https", page: 200, metrics: 200},
		"no certificate":        {access: config.StatusAccess{ClientCAs: known}, scheme: "https", page: 403, metrics: 200},
		"a certificate":         {access: config.StatusAccess{ClientCAs: known}, show: []tls.Certificate{mine}, scheme: "https", page: 200, metrics: 200},
		"a strange certificate": {access: config.StatusAccess{ClientCAs: known}, show: []tls.Certificate{strange}, scheme: "https"},
	} {
		t.Run(name, func(t *testing.T) {
			address := startedStatusFor(t, defaultStatusLimits, test.access)
			client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{
				InsecureSkipVerify: true, // the certificate is exgate's own
				GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
					if len(test.show) > 0 {
						return &test.show[0], nil
					}
					return new(tls.Certificate), nil
				},
			}}}
			for path, want := range map[string]int{"/": test.page, "/events": test.page, "/metrics": test.metrics} {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, test.scheme+"://"+address+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				if test.token != "" {
					req.SetBasicAuth("anybody", test.token)
				}
				answer, err := client.Do(req)
				if err != nil {
					if want != 0 {
						t.Errorf("%s: %v, want %d", path, err, want)
					}
					continue
				}
				answer.Body.Close()
				if answer.StatusCode != want {
					t.Errorf("%s: %d, want %d", path, answer.StatusCode, want)
				}
			}
		})
	}
}

// A gateway whose upstream cannot be reached is not ready, and says why.
func TestNotReady(t *testing.T) {
	address := startedStatus(t, defaultStatusLimits)
	answer, err := http.Get("http://" + address + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusServiceUnavailable ||
		!bytes.Contains(text, []byte("no upstream can be reached: connect to 127.0.0.1:1: ")) {
		t.Errorf("%d %s, %v", answer.StatusCode, text, err)
	}
}

// Whoever does not ask, or asks slowly, or does not ask again, is left.
func TestStatusLeavesWhoIdles(t *testing.T) {
	limits := defaultStatusLimits
	limits.header, limits.read, limits.idle = 20*time.Millisecond, 20*time.Millisecond, 20*time.Millisecond
	address := startedStatus(t, limits)
	for name, says := range map[string]string{
		"says nothing":               "",
		"begins a request":           "GET /livez HT",
		"begins a body":              "GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc",
		"asks once":                  "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n",
		"asks for what is not there": "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := io.ReadAll(askStatus(t, address, says)); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("the connection is kept")
			}
		})
	}
}

// One who asks for much and does not read is left.
func TestStatusLeavesWhoDoesNotRead(t *testing.T) {
	limits := defaultStatusLimits
	limits.write = 20 * time.Millisecond
	address := startedStatus(t, limits)
	nc := askStatus(t, address, "")
	ask := bytes.Repeat([]byte("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), 100)
	for {
		if _, err := nc.Write(ask); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("the connection is kept")
		} else if err != nil {
			return
		}
	}
}

// So many are served at a time, and others when these have gone.
func TestStatusBoundsConnections(t *testing.T) {
	limits := defaultStatusLimits
	limits.connections = 2
	address := startedStatus(t, limits)
	var kept []net.Conn
	for range 2 {
		nc := askStatus(t, address, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
		if _, err := nc.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		kept = append(kept, nc)
	}
	third := askStatus(t, address, "")
	if _, err := third.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a third is served: %v", err)
	}
	for _, nc := range kept {
		nc.Close()
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for deadline := time.Now().Add(10 * time.Second); ; {
		answer, err := client.Get("http://" + address + "/livez")
		if err == nil {
			answer.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("nobody is served after two have gone: %v", err)
		}
	}
}
