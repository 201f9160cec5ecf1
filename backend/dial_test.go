package backend

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"exgate/backend/testkit"
)

// authority signs the certificates of a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "exgate test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{cert: cert, key: key, pool: x509.NewCertPool()}
	a.pool.AddCert(cert)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issue makes a certificate for names, which ends at the given time.
func (a *authority) issue(t *testing.T, end time.Time, names ...string) tls.Certificate {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "mail.example.com"}, DNSNames: names,
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: end,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// listen runs serve for each connection to the returned address, until the
// test ends.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	ln := testkit.Listen(t)
	serveEach(t, ln, serve)
	return ln.Addr().String()
}

// serveEach runs serve for each connection to ln, one after the other, until the
// test ends.
func serveEach(tb testing.TB, ln net.Listener, serve func(net.Conn)) {
	tb.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			serve(conn)
			conn.Close()
		}
	}()
	tb.Cleanup(func() {
		ln.Close()
		<-ended
	})
}

// script is a server that says and expects lines: "S: " it says, "C: " it
// waits for, "TLS" it makes a handshake, "CLOSE" it closes at once. In the end
// it waits until the client has closed.
func script(cert tls.Certificate, lines ...string) func(net.Conn) {
	return func(conn net.Conn) {
		in := bufio.NewReader(conn)
		for _, line := range lines {
			switch side, text, _ := strings.Cut(line, ": "); side {
			case "CLOSE":
				return
			case "S":
				io.WriteString(conn, text)
			case "C":
				got, err := in.ReadString('\n')
				if err != nil || got != text+"\r\n" {
					fmt.Fprintf(conn, "* BYE the script expected %q, got %q\r\n", text, got)
					return
				}
			case "HELLO": // the client begins TLS
				if _, err := in.Peek(1); err != nil {
					return
				}
			case "TLS":
				encrypted := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{cert}})
				if encrypted.Handshake() != nil {
					return
				}
				conn, in = encrypted, bufio.NewReader(encrypted)
			}
		}
		io.Copy(io.Discard, in)
	}
}

const greetingLine = "S: * OK The Microsoft Exchange IMAP4 service is ready.\r\n"

func TestDial(t *testing.T) {
	ca := newAuthority(t)
	cert := ca.issue(t, time.Now().Add(time.Hour), "mail.example.com")
	pin := fingerprint(cert.Leaf)
	colons := strings.ToUpper(pin[:2] + ":" + pin[2:])
	tests := []struct {
		name   string
		opts   Options
		script []string
		caps   []string
		tls    bool
	}{
		{"implicit", Options{ServerName: "mail.example.com", RootCAs: ca.pool},
			[]string{"TLS", greetingLine}, nil, true},
		{"implicit, capabilities in the greeting", Options{TLS: TLSImplicit, ServerName: "mail.example.com", RootCAs: ca.pool},
			[]string{"TLS", "S: * OK [CAPABILITY IMAP4rev1  IDLE] The Microsoft Exchange IMAP4 service is ready.\r\n"}, []string{"IMAP4rev1", "IDLE"}, true},
		{"pin in place of authority and name", Options{ServerName: "wrong.example.com", Pin: pin},
			[]string{"TLS", greetingLine}, nil, true},
		{"pin with colons, in capitals", Options{Pin: colons},
			[]string{"TLS", greetingLine}, nil, true},
		{"plain text", Options{TLS: TLSInsecureNone}, []string{greetingLine}, nil, false},
		{"bare LF", Options{TLS: TLSInsecureNone}, []string{strings.ReplaceAll(greetingLine, "\r", "")}, nil, false},
		{"STARTTLS", Options{TLS: TLSStartTLS, ServerName: "mail.example.com", RootCAs: ca.pool},
			[]string{greetingLine, "C: x1 CAPABILITY", "S: * CAPABILITY IMAP4 IMAP4rev1  STARTTLS LOGINDISABLED\r\nx1 OK CAPABILITY completed.\r\n",
				"C: x2 STARTTLS", "S: x2 OK Begin TLS negotiation now.\r\n", "TLS"}, nil, true},
		{"STARTTLS announced in the greeting", Options{TLS: TLSStartTLS, Pin: pin},
			[]string{"S: * OK [CAPABILITY IMAP4rev1 starttls] The Microsoft Exchange IMAP4 service is ready.\r\n",
				"C: x2 STARTTLS", "S: * OK noise\r\nx2 OK Begin TLS negotiation now.\r\n", "TLS"}, nil, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// What comes after the greeting, or after TLS, is the next reader's.
			tt.opts.Address = listen(t, script(cert, append(tt.script, "S: * OK more\r\n")...))
			dialer, err := NewDialer(tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time with the TLS session of the first
				dialed, err := dialer.Dial(t.Context(), "")
				if err != nil {
					t.Fatal(err)
				}
				if dialed.Greeting != "The Microsoft Exchange IMAP4 service is ready." || !slices.Equal(dialed.Capabilities, tt.caps) {
					t.Errorf("got %q %q", dialed.Greeting, dialed.Capabilities)
				}
				if (dialed.TLS != nil) != tt.tls {
					t.Errorf("TLS: %v", dialed.TLS)
				}
				if line, err := (&ahead{Conn: dialed.Conn}).line(); err != nil || string(line) != "* OK more\r\n" {
					t.Errorf("next line: %q, %v", line, err)
				}
				dialed.Conn.Close()
			}
		})
	}
}

func TestDialRefuses(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	good := ca.issue(t, time.Now().Add(time.Hour), "mail.example.com", "autodiscover.example.com")
	expired := ca.issue(t, time.Now().Add(-24*time.Hour), "mail.example.com")
	oldName := ca.issue(t, time.Now().Add(time.Hour)) // a CN only
	verify := Options{ServerName: "mail.example.com", RootCAs: ca.pool}
	starttls := Options{TLS: TLSStartTLS, ServerName: "mail.example.com", RootCAs: ca.pool}
	none := Options{TLS: TLSInsecureNone}
	capability := []string{greetingLine, "C: x1 CAPABILITY", "S: * CAPABILITY IMAP4rev1 STARTTLS\r\nx1 OK CAPABILITY completed.\r\n", "C: x2 STARTTLS"}

	tests := []struct {
		name   string
		opts   Options
		cert   tls.Certificate
		script []string
		kind   Kind
		want   []string // parts of the error
	}{
		{"wrong name", Options{ServerName: "imap.example.org", RootCAs: ca.pool}, good, []string{"TLS"}, KindUnreachable,
			[]string{"is for mail.example.com, autodiscover.example.com, not for imap.example.org", "server_name", "pin: " + fingerprint(good.Leaf)}},
		{"address in place of the name (FAQ.Exchange, LOGIN failed)", Options{RootCAs: ca.pool}, good, []string{"TLS"}, KindUnreachable,
			[]string{"not for 127.0.0.1", "server_name"}},
		{"name in the CN only", verify, oldName, []string{"TLS"}, KindUnreachable,
			[]string{`no name except CN="mail.example.com"`, "pin: " + fingerprint(oldName.Leaf)}},
		{"unknown authority", Options{ServerName: "mail.example.com", RootCAs: stranger.pool}, good, []string{"TLS"}, KindUnreachable,
			[]string{"unknown authority", "ca_file", "pin: " + fingerprint(good.Leaf)}},
		{"expired", verify, expired, []string{"TLS"}, KindUnreachable,
			[]string{"valid from", time.Now().Add(-24 * time.Hour).UTC().Format(time.DateOnly), "pin: " + fingerprint(expired.Leaf)}},
		{"wrong pin", Options{Pin: fingerprint(expired.Leaf)}, good, []string{"TLS"}, KindUnreachable,
			[]string{"not the pinned one", fingerprint(good.Leaf)}},
		{"plain text on a TLS port", verify, good, []string{greetingLine}, KindUnreachable,
			[]string{"does not use TLS on this port", "tls: starttls", "993"}},
		{"no certificate bound: TCP opens, TLS does not (FAQ.Exchange, How to sync)", verify, good, []string{"CLOSE"}, KindUnreachable,
			[]string{"Enable-ExchangeCertificate"}},
		{"STARTTLS taken away", starttls, good,
			[]string{greetingLine, "C: x1 CAPABILITY", "S: * CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nx1 OK CAPABILITY completed.\r\n"}, KindUnreachable,
			[]string{"does not offer STARTTLS", "IMAP4rev1 AUTH=PLAIN", "tls: implicit"}},
		{"STARTTLS not in the greeting", starttls, good, []string{"S: * OK [CAPABILITY IMAP4rev1] ready\r\n"}, KindUnreachable, []string{"does not offer STARTTLS"}},
		{"STARTTLS refused", starttls, good, append(capability, "S: x2 NO Server Unavailable. 15\r\n"), KindUnavailable, []string{"NO Server Unavailable. 15"}},
		{"CAPABILITY refused", starttls, good, []string{greetingLine, "C: x1 CAPABILITY", "S: x1 BAD Command Error. 10\r\n"}, KindCommand, []string{"BAD Command Error. 10"}},
		{"bytes put in behind the OK to STARTTLS", starttls, good,
			append(capability, "S: x2 OK Begin TLS negotiation now.\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n", "TLS"), KindProtocol,
			[]string{"plain text after its OK to STARTTLS", "exgate used none of it"}},
		{"bytes put in late behind the OK to STARTTLS", starttls, good,
			append(capability, "S: x2 OK Begin TLS negotiation now.\r\n", "HELLO", "S: * CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n"), KindUnreachable,
			[]string{"is not TLS", "exgate used none of it"}},
		{"BYE in place of the OK to STARTTLS", starttls, good, append(capability, "S: * BYE Connection closed. 14\r\n"), KindClosed, []string{"BYE Connection closed. 14"}},
		{"another tag", starttls, good, append(capability, "S: x9 OK Begin TLS negotiation now.\r\n"), KindProtocol, []string{"does not match it", "x9 OK"}},
		{"an untagged reply without end", starttls, good, append(capability, "S: "+strings.Repeat("* OK more\r\n", 100)), KindProtocol, []string{"does not end"}},
		{"end in the middle of STARTTLS", starttls, good, append(capability, "CLOSE"), KindUnreachable, []string{"STARTTLS: EOF"}},
		{"end before the greeting", verify, good, []string{"TLS", "CLOSE"}, KindUnreachable, []string{"no greeting", "MSExchangeIMAP4BE"}},
		{"wrong certificate after STARTTLS", Options{TLS: TLSStartTLS, RootCAs: ca.pool}, good,
			append(capability, "S: x2 OK Begin TLS negotiation now.\r\n", "TLS"), KindUnreachable, []string{"not for 127.0.0.1"}},
		{"PREAUTH before STARTTLS", starttls, good, []string{"S: * PREAUTH welcome\r\n"}, KindProtocol, []string{"PREAUTH"}},
		{"PREAUTH", none, good, []string{"S: * PREAUTH welcome\r\n"}, KindProtocol, []string{"PREAUTH"}},
		{"BYE for a greeting", none, good, []string{"S: * BYE Connection is closed. 13\r\n"}, KindClosedAtOnce, []string{"BYE Connection is closed. 13"}},
		{"another protocol", none, good, []string{"S: 220 mail.example.com Microsoft ESMTP MAIL Service ready\r\n"}, KindProtocol, []string{"check the port", "220 mail"}},
		{"NO for a greeting", none, good, []string{"S: * NO way\r\n"}, KindProtocol, []string{"check the port"}},
		{"a line without end", none, good, []string{"S: * OK " + strings.Repeat("x", 2*maxLine)}, KindUnreachable, []string{"more than 8192 bytes"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.opts.Address = listen(t, script(tt.cert, tt.script...))
			dialer, err := NewDialer(tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			dialed, err := dialer.Dial(t.Context(), "")
			if err == nil {
				dialed.Conn.Close()
				t.Fatal("no error")
			}
			checkDialError(t, err, tt.kind, append(tt.want, "connect to "+tt.opts.Address+": ")...)
		})
	}
}

func checkDialError(t *testing.T, err error, kind Kind, parts ...string) {
	t.Helper()
	if got := FailureOf(err).Kind; got != kind {
		t.Errorf("kind %s, want %s", got, kind)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("no %q in: %v", part, err)
		}
	}
}

func TestDialNobodyListens(t *testing.T) {
	ln := testkit.Listen(t)
	address := ln.Addr().String()
	ln.Close()
	dialer, err := NewDialer(Options{Address: address})
	if err != nil {
		t.Fatal(err)
	}
	_, err = dialer.Dial(t.Context(), "")
	checkDialError(t, err, KindUnreachable, address, "MSExchangeImap4")
}

func TestDialTimeouts(t *testing.T) {
	silent := func(conn net.Conn) { io.Copy(io.Discard, conn) }
	for _, tt := range []struct {
		name string
		opts Options
		want string
	}{
		{"greeting", Options{TLS: TLSInsecureNone}, "tls: implicit"},
		{"handshake", Options{}, "the TLS handshake failed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.opts.Address = listen(t, silent)
			tt.opts.Timeouts.Greeting = 50 * time.Millisecond
			dialer, err := NewDialer(tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			_, err = dialer.Dial(t.Context(), "")
			checkDialError(t, err, KindUnreachable, tt.want, "timeout")
		})
		t.Run(tt.name+", context ends", func(t *testing.T) {
			connected := make(chan struct{})
			tt.opts.Address = listen(t, func(conn net.Conn) {
				close(connected)
				silent(conn)
			})
			tt.opts.Timeouts.Greeting = time.Hour
			dialer, err := NewDialer(tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			left := errors.New("the client left")
			go func() {
				<-connected
				cancel(left)
			}()
			if _, err := dialer.Dial(ctx, ""); !errors.Is(err, left) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestNewDialerValidates(t *testing.T) {
	if _, err := NewDialer(Options{Address: "mail.example.com", Pin: "abc"}); err == nil ||
		!strings.Contains(err.Error(), "address") || !strings.Contains(err.Error(), "pin") {
		t.Errorf("got %v", err)
	}
}

// said is a connection on which data comes as chunked says.
type said struct {
	net.Conn
	io.Reader
}

func (s said) Read(p []byte) (int, error) { return s.Reader.Read(p) }

func FuzzReadLine(f *testing.F) {
	f.Add([]byte("* OK ready\r\n\x16\x03\x01"))
	f.Add([]byte("no end"))
	f.Add([]byte("\n\n"))
	f.Add([]byte(strings.Repeat("long", maxLine/4) + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, src := range []io.Reader{bytes.NewReader(data), iotest.OneByteReader(bytes.NewReader(data))} {
			a := &ahead{Conn: said{Reader: src}}
			line, err := a.line()
			if end := bytes.IndexByte(data, '\n') + 1; err == nil && string(line) != string(data[:end]) {
				t.Fatalf("line %q of %q", line, data)
			} else if err != nil && 0 < end && end <= maxLine {
				t.Fatalf("a line, but %v", err)
			} else if err != nil {
				continue
			}
			if rest, err := io.ReadAll(a.conn()); err != nil || string(line)+string(rest) != string(data) {
				t.Errorf("after %q comes %q, %v", line, rest, err)
			}
		}
	})
}
