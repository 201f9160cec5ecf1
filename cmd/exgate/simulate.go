package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"exgate/backend/exchangesim"
	"exgate/backend/survey"
)

// simulation holds the flags of "exgate simulate".
type simulation struct {
	config    exchangesim.Config
	users     int // besides the usual ones
	likeFile  string
	startTLS  string
	implicit  string
	plaintext string
	tokens    string
	anyHost   bool
	certOut   string
	outlook   string
	control   io.Reader // nil: the simulation takes no orders
	verbose   bool
}

// simulateCommand is "exgate simulate": a simulated Exchange that runs until
// the command's context ends.
func simulateCommand() *cobra.Command {
	var s simulation
	var takeOrders bool
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Run a simulated Exchange",
		Long: "Runs a simulated Microsoft Exchange IMAP4 service in memory, until interrupted. It has the texts, " +
			"limits and quirks\n" +
			"of a real one.\n\n" +
			quirkHelp() + "\nFaults (--fault):\n  " + strings.Join(exchangesim.FaultHelp(), "\n  ") +
			"\n\n" + controlHelp,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if takeOrders {
				s.control = cmd.InOrStdin()
			}
			if s.likeFile != "" {
				if cmd.Flags().Changed("profile") {
					return exitError{exitUsage, errors.New("--like names the profile: leave out --profile")}
				}
				evidence, err := survey.ReadEvidence(s.likeFile)
				if err != nil {
					return exitError{exitUsage, err}
				}
				like(&s.config, evidence)
			}
			return s.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.config.Profile, "profile", "exchange2016",
		"the version to simulate, one of "+strings.Join(exchangesim.Profiles(), ", "))
	f.StringVar(&s.likeFile, "like", "", "simulate the server that exgate survey has measured: its evidence `file`")
	f.StringVar(&s.startTLS, "listen-starttls", "127.0.0.1:0", "the address for STARTTLS; empty: no listener")
	f.StringVar(&s.implicit, "listen-implicit", "127.0.0.1:0", "the address for TLS from the first byte; empty: no "+
		"listener")
	f.StringVar(&s.plaintext, "insecure-plaintext", "", "the address that accepts logins without TLS; empty: no "+
		"listener")
	f.StringVar(&s.tokens, "listen-tokens", "", "the address of the HTTPS endpoint for access tokens; empty: no "+
		"listener")
	f.DurationVar(&s.config.Tokens.Lifetime, "token-lifetime", time.Hour, "the lifetime of an access token")
	f.BoolVar(&s.anyHost, "insecure-any-host", false,
		"allow addresses that are not loopback, although everybody knows the users' passwords")
	f.IntVar(&s.users, "users", 0, "the `number` of further users, user1 (password user1pass) and so on, at most 10000")
	f.StringArrayVar(&s.config.Quirks, "quirk", nil, "switch a quirk on; no- before its name switches it off (may "+
		"be repeated)")
	f.StringArrayVar(&s.config.Faults, "fault", nil, "order a fault (may be repeated)")
	f.BoolVar(&takeOrders, "control", false, "read orders from standard input while the simulation runs")
	f.StringVar(&s.certOut, "cert-out", "", "write the certificate in PEM format to this `file`")
	f.StringVar(&s.outlook, "outlook", "",
		"at the end, write to this `file` how Outlook would show each message, one line of JSON for each")
	f.BoolVar(&s.verbose, "verbose", false, "also log each command, without its arguments")
	return cmd
}

func quirkHelp() string {
	var b strings.Builder
	b.WriteString("Quirks (--quirk):\n")
	for _, q := range exchangesim.Quirks() {
		fmt.Fprintf(&b, "  %s %s: %s\n", q.ID, q.Name, q.About)
	}
	return b.String()
}

// run prints the addresses of the server and serves until ctx ends. The goroutine
// that follows the orders ends with their source, which run does not close.
func (s *simulation) run(ctx context.Context, out, logOut io.Writer) error {
	level := slog.LevelInfo
	if s.verbose {
		level = slog.LevelDebug
	}
	s.config.Log = slog.New(slog.NewTextHandler(logOut, &slog.HandlerOptions{Level: level}))
	if s.users < 0 || s.users > 10_000 {
		return exitError{exitUsage, fmt.Errorf("--users %d: not between 0 and 10000", s.users)}
	}
	s.config.Users = append(exchangesim.DefaultUsers(), exchangesim.MoreUsers(s.users)...)
	server, err := exchangesim.New(s.config)
	if err != nil {
		return exitError{exitUsage, err}
	}
	defer server.Close()
	// The first user has mail; the other mailboxes are empty.
	if err := server.Seed(exchangesim.DefaultUsers()[0].Name); err != nil {
		return err
	}
	if err := s.showCertificate(out, server); err != nil {
		return err
	}
	for _, u := range s.config.Users[:len(s.config.Users)-s.users] {
		note := ""
		if u.FullAccess {
			note = ", can open every mailbox"
		}
		fmt.Fprintf(out, "user %s, password %s%s\n", u.Name, u.Password, note)
	}
	if s.users > 0 {
		fmt.Fprintf(out, "users user1 to user%d, password of each: its name and pass\n", s.users)
	}
	fmt.Fprintf(
		out,
		"domain %s or %s, UPN suffix %s\n",
		exchangesim.Domain,
		exchangesim.DNSDomain,
		exchangesim.UPNSuffix,
	)
	err = s.serve(ctx, out, server)
	if s.outlook != "" {
		err = errors.Join(err, s.writeOutlook(server))
	}
	return err
}

// writeOutlook writes how Outlook would show all messages of all users.
func (s *simulation) writeOutlook(server *exchangesim.Server) error {
	f, err := os.Create(s.outlook)
	if err != nil {
		return fmt.Errorf("cannot write the Outlook view: %w", err)
	}
	lines := json.NewEncoder(f)
	for _, u := range s.config.Users {
		for _, mailbox := range server.Mailboxes(u.Name) {
			for _, m := range server.Messages(u.Name, mailbox) {
				err = errors.Join(err, lines.Encode(struct {
					User             string `json:"user"`
					Mailbox          string `json:"mailbox"`
					UID              uint32 `json:"uid"`
					OutlookFlagged   bool   `json:"outlook_flagged"`
					OutlookCategory  string `json:"outlook_category"`
					WouldSendReceipt bool   `json:"would_send_receipt"`
				}{u.Name, mailbox, m.UID, m.OutlookFlagged, m.OutlookCategory, m.WouldSendReceipt}))
			}
		}
	}
	return errors.Join(err, f.Close())
}

// tokensListener is the name of the listener that speaks HTTPS.
const tokensListener = "tokens"

// serve opens all listeners before it serves the first, so that an address in use
// ends the command at once.
func (s *simulation) serve(ctx context.Context, out io.Writer, server *exchangesim.Server) error {
	listeners, err := openAll([]listener[exchangesim.Mode]{
		{name: "starttls", address: s.startTLS, mode: exchangesim.StartTLS},
		{name: "implicit", address: s.implicit, mode: exchangesim.ImplicitTLS},
		{name: "insecure-plaintext", address: s.plaintext, mode: exchangesim.InsecurePlaintext},
		{name: tokensListener, address: s.tokens},
	}, nil)
	if err == nil && !s.anyHost {
		err = loopbackOnly(listeners)
	}
	if err != nil {
		return exitError{exitUnavailable, err}
	}
	if len(listeners) == 0 {
		return exitError{exitUsage, errors.New("no listener: give at least one of " +
			"--listen-starttls, --listen-implicit, --insecure-plaintext")}
	}
	served := make(chan error, len(listeners))
	for _, l := range listeners {
		if l.name == tokensListener {
			fmt.Fprintf(out, "token_url https://%s/%s/oauth2/v2.0/token, client id %s, secret %s\n",
				l.Addr(), exchangesim.TokenTenant, exchangesim.TokenClient, exchangesim.TokenSecret)
			go func() { served <- server.ServeTokens(l) }()
			continue
		}
		fmt.Fprintf(out, "%s %s\n", l.name, l.Addr())
		go func() { served <- server.Serve(l, l.mode) }()
	}
	if s.control != nil {
		go takeOrders(s.control, out, server)
	}
	select {
	case <-ctx.Done():
	case err = <-served:
		served <- nil // counted below
	}
	server.Close()
	for range listeners {
		<-served
	}
	return err
}

// loopbackOnly closes the listeners if other machines can reach one of them,
// because everybody knows the passwords.
func loopbackOnly(listeners []listener[exchangesim.Mode]) error {
	for _, l := range listeners {
		if tcp, ok := l.Addr().(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
			err := fmt.Errorf("%s is not a loopback address: use 127.0.0.1, or add --insecure-any-host", l.address)
			return errors.Join(err, closeAll(listeners))
		}
	}
	return nil
}

func (s *simulation) showCertificate(out io.Writer, server *exchangesim.Server) error {
	cert, err := server.Certificate()
	if err != nil {
		return err
	}
	sum := sha256.Sum256(cert.Raw)
	fmt.Fprintf(out, "certificate SHA-256 %s\n", hex.EncodeToString(sum[:]))
	if s.certOut == "" {
		return nil
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
	if err := os.WriteFile(s.certOut, block, 0o644); err != nil {
		return fmt.Errorf("cannot write the certificate: %w", err)
	}
	fmt.Fprintf(out, "certificate written to %s\n", s.certOut)
	return nil
}
