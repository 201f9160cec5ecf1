package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"

	"exgate/backend/exchangesim"
	"exgate/config"
	"exgate/proxy"
	"exgate/proxy/ledger"
)

const (
	demoPassword = "demo" // the password of every user
	loopback     = "127.0.0.1:0"
	// demoPace is the pace in messages per second. It is above the 4 of the profiles,
	// so that nobody has to wait for a demonstration.
	demoPace = 100.0
)

// stage has the servers of the demo: a simulated Exchange with an empty mailbox
// for each way, and the gateway in front of it.
type stage struct {
	dir             string // the temporary state directory
	exchange        *exchangesim.Server
	direct, through account
	certificate     tls.Certificate // the gateway's certificate
	ledger          *ledger.Ledger  // the gateway's

	serving sync.WaitGroup
	closers []func() error // close calls the last first
}

// newStage starts the servers. close stops them.
func newStage(profile string, log *slog.Logger) (*stage, error) {
	st := &stage{}
	err := st.startExchange(profile, log.With("server", "exchange"))
	if err == nil {
		err = st.startGateway(profile, log.With("server", "exgate"))
	}
	if err != nil {
		return nil, errors.Join(err, st.close())
	}
	return st, nil
}

// close stops the servers and waits for their goroutines.
func (st *stage) close() (err error) {
	for i := len(st.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, st.closers[i]())
	}
	st.serving.Wait()
	return err
}

// The users of the simulated Exchange. The sync of the first goes to Exchange
// directly, the sync of the second through exgate. The others are for the reader's
// own trials with --stay.
const (
	directUser  = "direct"
	throughUser = "exgate"
	trialUser   = "trial"
	bareUser    = "bare"
)

// upn returns the name with a UPN suffix, which every profile accepts at login.
func upn(user string) string { return user + "@" + exchangesim.UPNSuffix }

func (st *stage) startExchange(profile string, log *slog.Logger) error {
	var users []exchangesim.User
	for _, name := range []string{directUser, throughUser, trialUser, bareUser} {
		users = append(users, exchangesim.User{Name: name, Password: demoPassword})
	}
	var err error
	st.exchange, err = exchangesim.New(exchangesim.Config{Profile: profile, Users: users, Log: log})
	if err != nil {
		return exitError{exitUsage, err}
	}
	st.closers = append(st.closers, st.exchange.Close)
	roots, err := st.exchange.RootCAs()
	if err != nil {
		return fmt.Errorf("simulated Exchange: %w", err)
	}
	l, err := net.Listen("tcp", loopback)
	if err != nil {
		return exitError{exitUnavailable, fmt.Errorf("simulated Exchange: %w", err)}
	}
	st.direct = account{l.Addr().String(), roots, directUser}
	st.serving.Go(func() {
		if err := st.exchange.Serve(l, exchangesim.ImplicitTLS); err != nil {
			log.Error("the simulated Exchange accepts no more clients", "err", err)
		}
	})
	return nil
}

func (st *stage) startGateway(profile string, log *slog.Logger) error {
	dir, err := os.MkdirTemp("", "exgate-demo-")
	if err != nil {
		return fmt.Errorf("state directory: %w", err)
	}
	st.dir = dir
	st.closers = append(st.closers, func() error { return os.RemoveAll(dir) })
	c := demoConfig(profile, st.direct.address, dir)
	opts, err := gatewayOptions(c, log, nil)
	if err != nil {
		return err
	}
	st.ledger = openLedger(c, false, log)
	st.closers = append(st.closers, func() error { st.ledger.Close(); return nil })
	opts.Ledger = st.ledger
	opts.Upstreams[0].Backend.RootCAs = st.direct.roots
	server, err := proxy.NewServer(opts)
	if err != nil {
		return err
	}
	st.closers = append(st.closers, func() error { server.Close(); return nil })
	l, err := net.Listen("tcp", loopback)
	if err != nil {
		return exitError{exitUnavailable, err}
	}
	st.closers = append(st.closers, l.Close)
	st.serving.Go(func() { server.Serve(l, proxy.ListenImplicit) })
	st.certificate = opts.Certificate
	roots := x509.NewCertPool()
	roots.AddCert(opts.Certificate.Leaf)
	st.through = account{l.Addr().String(), roots, throughUser}
	return nil
}

// demoConfig returns the configuration that a user would write for this Exchange,
// with a faster pace.
func demoConfig(profile, address, stateDir string) *config.Config {
	c := config.Default()
	pace := demoPace
	c.StateDir = stateDir
	c.Upstream.Address = address
	c.Upstream.Profile = profile
	c.Upstream.Pace.MessagesPerSecond = &pace
	return c
}
