package exchangesim

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Config describes a simulated server. The zero value is an Exchange 2016
// with the built-in users and a certificate made on the spot.
type Config struct {
	Profile string   // one of Profiles; "" is exchange2016
	Quirks  []string // names of Quirks to switch on, or off with "no-" before
	Faults  []string // as FaultHelp lists them
	Users   []User   // nil: DefaultUsers
	// TLS holds the certificate to show; nil: one is made for localhost, the
	// loopback addresses and exchangesim.example.com.
	TLS *tls.Config
	Log *slog.Logger     // nil: none. Info: what was refused and why; Debug: each command, without secrets
	Now func() time.Time // nil: time.Now. Dates messages and, once, numbers UIDVALIDITY
}

// Mode says how the connections of a listener are protected.
type Mode int

const (
	ImplicitTLS       Mode = iota // TLS from the first byte, port 993
	StartTLS                      // port 143 with LoginType SecureLogin
	InsecurePlaintext             // port 143 with LoginType PlainTextLogin: STARTTLS is offered, login is taken without
)

// Server is one simulated Exchange. Its methods may be called at any time and
// from any goroutine.
type Server struct {
	profile  profile
	quirks   quirkSet
	commands map[string]command
	faults   faults
	store    *store
	tls      *tls.Config
	log      *slog.Logger
	now      func() time.Time

	done chan struct{}  // closed by Close
	wg   sync.WaitGroup // connections, and calls of Serve

	mu        sync.Mutex // guards what follows
	closed    bool
	listeners map[net.Listener]struct{}
	conns     map[net.Conn]struct{}
}

// New makes a server. Close need not be called before the first Serve.
func New(cfg Config) (*Server, error) {
	p, profileErr := findProfile(cfg.Profile)
	quirks, quirkErr := newQuirkSet(p, cfg.Quirks)
	s := &Server{
		profile: p, quirks: quirks, commands: commandTable(), tls: cfg.TLS, log: cfg.Log, now: cfg.Now,
		done:      make(chan struct{}),
		listeners: map[net.Listener]struct{}{},
		conns:     map[net.Conn]struct{}{},
	}
	errs := []error{profileErr, quirkErr}
	for _, spec := range cfg.Faults {
		errs = append(errs, s.faults.add(spec))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.tls == nil {
		cert, err := selfSigned(time.Now()) // clients go by the real clock
		if err != nil {
			return nil, fmt.Errorf("making a certificate: %w", err)
		}
		s.tls = &tls.Config{Certificates: []tls.Certificate{cert}}
	}
	if len(s.tls.Certificates) == 0 {
		return nil, errors.New("Config.TLS holds no certificate: put one into Certificates")
	}
	users := cfg.Users
	if users == nil {
		users = DefaultUsers()
	}
	// What the store holds ends with the process, so that the UIDs of one run
	// mean nothing in the next: the start's second is the UIDVALIDITY.
	s.store = newStore(users, quirks[quirkCaseFolding], uint32(s.now().Unix()))
	return s, nil
}

// Certificate is the server's own.
func (s *Server) Certificate() (*x509.Certificate, error) {
	return x509.ParseCertificate(s.tls.Certificates[0].Certificate[0])
}

// RootCAs is a pool with which a client verifies the server.
func (s *Server) RootCAs() (*x509.CertPool, error) {
	cert, err := s.Certificate()
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return pool, nil
}

// AddFault orders an accident while the server runs.
func (s *Server) AddFault(spec string) error { return s.faults.add(spec) }

// Serve takes connections until Close, then returns nil. It owns l and closes
// it; the goroutine that calls it belongs to the caller.
func (s *Server) Serve(l net.Listener, mode Mode) error {
	defer l.Close()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.listeners[l] = struct{}{}
	s.wg.Add(1)
	s.mu.Unlock()
	defer s.wg.Done()
	for {
		nc, err := l.Accept()
		if err != nil {
			select {
			case <-s.done:
				return nil
			default:
				return fmt.Errorf("accepting connections: %w", err)
			}
		}
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			nc.Close()
			return nil
		}
		s.conns[nc] = struct{}{}
		s.wg.Add(1)
		s.mu.Unlock()
		go s.serveConn(nc, mode)
	}
}

// serveConn owns nc.
func (s *Server) serveConn(nc net.Conn, mode Mode) {
	defer s.wg.Done()
	defer func() {
		nc.Close()
		s.mu.Lock()
		delete(s.conns, nc)
		s.mu.Unlock()
	}()
	newConn(s, nc, mode).serve()
}

// Close ends all listeners and connections and waits until their goroutines
// are gone. Its error is always nil.
func (s *Server) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
	for l := range s.listeners {
		l.Close()
	}
	for nc := range s.conns {
		nc.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}
