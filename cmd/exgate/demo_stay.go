package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

	"exgate/proxy/certificate"
)

// demoSettings are the settings for the reader's own client with --stay. All ports
// use TLS from the first byte.
type demoSettings struct {
	Host            string `json:"host"`
	GatewayPort     string `json:"exgate_port"`
	ExchangePort    string `json:"exchange_port"`
	SourcePort      string `json:"source_port"` // an ordinary IMAP server with the demo's mailbox
	SourceUser      string `json:"source_user"`
	DirectUser      string `json:"direct_user"`      // on Exchange: the result of the direct sync
	ThroughUser     string `json:"through_user"`     // on Exchange: the result of the sync through exgate
	TrialUser       string `json:"trial_user"`       // on Exchange: empty
	BareUser        string `json:"bare_user"`        // on Exchange: empty, for a trial without exgate
	Password        string `json:"password"`         // the password of all users
	Fingerprint     string `json:"sha256"`           // of the certificate of exgate and the source
	CertificateFile string `json:"certificate_file"` // this certificate, in PEM format
}

// stay starts an ordinary IMAP server to sync from, and returns the settings for
// clients.
func (st *stage) stay(messages []demoMessage) (*demoSettings, error) {
	s := &demoSettings{
		Host:            "localhost",
		SourceUser:      upn("old"),
		DirectUser:      upn(directUser),
		ThroughUser:     upn(throughUser),
		TrialUser:       upn(trialUser),
		BareUser:        upn(bareUser),
		Password:        demoPassword,
		Fingerprint:     certificate.Fingerprint(st.certificate),
		CertificateFile: filepath.Join(st.dir, "certificate.pem"),
	}
	source, err := st.startSource(s.SourceUser, messages)
	if err != nil {
		return nil, fmt.Errorf("cannot start the server to sync from: %w", err)
	}
	for _, p := range []struct {
		port    *string
		address string
	}{{&s.GatewayPort, st.through.address}, {&s.ExchangePort, st.direct.address}, {&s.SourcePort, source}} {
		if _, *p.port, err = net.SplitHostPort(p.address); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// startSource starts a server with the messages, and returns its address. It is
// go-imap's server: closing it ends its connections, but does not wait for their
// goroutines.
func (st *stage) startSource(user string, messages []demoMessage) (string, error) {
	mailbox := imapmemserver.NewUser(user, demoPassword)
	if err := mailbox.Create("INBOX", nil); err != nil {
		return "", err
	}
	for _, m := range messages {
		options := &imap.AppendOptions{Time: m.date}
		for _, flag := range m.flags {
			options.Flags = append(options.Flags, imap.Flag(flag))
		}
		if _, err := mailbox.Append("INBOX", bytes.NewReader(m.raw), options); err != nil {
			return "", err
		}
	}
	users := imapmemserver.New()
	users.AddUser(mailbox)
	server := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return users.NewSession(), nil, nil
		},
		Logger: log.New(io.Discard, "", 0),
	})
	l, err := tls.Listen("tcp", loopback, &tls.Config{Certificates: []tls.Certificate{st.certificate}})
	if err != nil {
		return "", exitError{exitUnavailable, err}
	}
	st.closers = append(st.closers, func() error {
		err := server.Close() // closes the listener too, unless Serve has not begun
		if closeErr := l.Close(); !errors.Is(closeErr, net.ErrClosed) {
			err = errors.Join(err, closeErr)
		}
		return err
	})
	st.serving.Go(func() { _ = server.Serve(l) }) // Close ends it; after other errors it tries again
	return l.Addr().String(), nil
}

// text returns the settings for people who have a mail program or a sync tool.
func (s *demoSettings) text(p palette) (string, error) {
	functions := template.FuncMap{
		"bold": func(text string) string { return p.paint(bold, text) },
		"sync": func(quote, next string) string { return s.imapsync(quote, next) },
	}
	t, err := template.New("settings").Funcs(functions).Parse(settingsText)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.Execute(&b, s)
	return b.String(), err
}

// imapsync returns a command line for a shell. quote is the shell's quote
// character; next is its sign that the command continues on the next line.
func (s *demoSettings) imapsync(quote, next string) string {
	host := func(n, port, user string) string {
		return fmt.Sprintf("--host%[1]s %[2]s --port%[1]s %[3]s --ssl%[1]s --user%[1]s %[6]s%[4]s%[6]s "+
			"--password%[1]s %[6]s%[5]s%[6]s", n, s.Host, port, user, s.Password, quote)
	}
	return "imapsync " + next + "\n    " + host("1", s.SourcePort, s.SourceUser) + " " + next +
		"\n    " + host("2", s.GatewayPort, s.TrialUser)
}

const settingsText = `{{bold "The servers run until Ctrl-C"}}, on {{.Host}}, with TLS from the first byte. Every password is {{.Password}}.

  port {{.GatewayPort}}  exgate, for Exchange's users:
              {{.ThroughUser}}  has the messages that came through exgate
              {{.DirectUser}}  has the messages that came directly
              {{.TrialUser}}   is empty, for your own trials
  port {{.ExchangePort}}  the simulated Exchange itself, for the same users
  port {{.SourcePort}}  an ordinary IMAP server to sync from; {{.SourceUser}} has the mailbox above

{{bold "Thunderbird"}}: new account, set up by hand, then "Advanced config"
  Protocol IMAP, Hostname {{.Host}}, Port {{.GatewayPort}}, Connection security SSL/TLS,
  Authentication method "Normal password", Username {{.ThroughUser}}, Password {{.Password}}.
  "Get Messages" asks for a security exception. Confirm it if the certificate's SHA-256 is
  {{.Fingerprint}}
  and click "Get Messages" again. ("Test" does not accept a self-signed certificate.)

{{bold "imapsync"}}, Unix
  {{sync "'" "\\"}}

{{bold "imapsync"}}, Windows (cmd.exe)
  {{sync "\"" "^"}}

  A second run transfers nothing. Without exgate: --port2 {{.ExchangePort}} --user2 {{.BareUser}}

{{bold "mbsync"}}: save this as demo.mbsyncrc, then run: mkdir mail; mbsync -c demo.mbsyncrc -a
  IMAPAccount exgate
  Host {{.Host}}
  Port {{.GatewayPort}}
  User {{.ThroughUser}}
  Pass {{.Password}}
  TLSType IMAPS                        # before isync 1.5: SSLType IMAPS
  CertificateFile {{.CertificateFile}}

  IMAPStore exchange
  Account exgate

  MaildirStore local
  Path ./mail/
  Inbox ./mail/INBOX

  Channel demo
  Far :exchange:
  Near :local:
  Patterns *
  Create Near
  SyncState *
`
