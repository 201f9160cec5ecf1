package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"exgate/backend/exchangesim"
)

func TestSimulateRefuses(t *testing.T) {
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--profile", "exchange95"}, exitUsage, "exchange2016"},
		{[]string{"--users", "-1"}, exitUsage, "--users -1"},
		{[]string{"--quirk", "none"}, exitUsage, "ten-bads"},
		{[]string{"--fault", "throttle"}, exitUsage, "throttle:DURATION"},
		{[]string{"--listen-starttls", "", "--listen-implicit", ""}, exitUsage, "--listen-starttls"},
		{[]string{"--listen-starttls", "0.0.0.0:0"}, exitUnavailable, "--insecure-any-host"},
		{[]string{"--cert-out", filepath.Join("no", "such", "dir", "cert.pem")}, exitInternal, "certificate"},
	} {
		cmd := simulateCommand()
		cmd.SetArgs(tt.args)
		cmd.SetOut(io.Discard)
		cmd.SetErr(io.Discard)
		err := cmd.ExecuteContext(t.Context())
		if exitCode(err) != tt.code || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: exit code %d, error %v; want %d and %q", tt.args, exitCode(err), err, tt.code, tt.want)
		}
	}
}

// Orders are followed and answered one by one.
func TestSimulateControl(t *testing.T) {
	server, err := exchangesim.New(exchangesim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	var out strings.Builder
	takeOrders(strings.NewReader("fault bye:14\n\nfault sulk\nfaults off\nstats\nhelp\n"), &out, server)
	lines := strings.Split(out.String(), "\n")
	for i, want := range []string{"ordered bye:14", `error: fault "sulk" is not one of`, "faults are off", `stats {"connections":0,`, "error: the orders are"} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], want) {
			t.Fatalf("line %d is not %q in:\n%s", i+1, want, &out)
		}
	}
}

// A client that trusts the written certificate reaches the printed address,
// until the context ends.
func TestSimulate(t *testing.T) {
	certFile := filepath.Join(t.TempDir(), "cert.pem")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, w := io.Pipe()
	cmd := simulateCommand()
	cmd.SetArgs([]string{"--cert-out", certFile, "--listen-starttls", "", "--profile", "exchange2010"})
	cmd.SetOut(w)
	cmd.SetErr(io.Discard)
	ended := make(chan error, 1)
	go func() { ended <- cmd.ExecuteContext(ctx) }()

	var address string
	for out := bufio.NewScanner(r); address == "" && out.Scan(); {
		address, _ = strings.CutPrefix(out.Text(), "implicit ")
		if address == out.Text() {
			address = ""
		}
	}
	pem, err := os.ReadFile(certFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	conn, err := tls.DialWithDialer(&net.Dialer{}, "tcp", address, &tls.Config{RootCAs: pool, ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	greeting, err := bufio.NewReader(conn).ReadString('\n')
	if want := "* OK The Microsoft Exchange IMAP4 service is ready.\r\n"; greeting != want || err != nil {
		t.Errorf("greeting %q, %v", greeting, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}
