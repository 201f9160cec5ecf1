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
	Like    Like     // what was measured of a real server, instead of the profile's
	Tokens  TokenConfig
	// TLS holds the certificate to show; nil: one is made for localhost, the
	// loopback addresses and exchangesim.example.com.
	TLS *tls.Config
	Log *slog.Logger     // nil: none. Info: what was refused and why; Debug: each command, without secrets
	Now func() time.Time // nil: time.Now. Dates messages and, once, numbers UIDVALIDITY
}

// Mode is the protection of a listener's connections.
type Mode int

const (
	ImplicitTLS       Mode = iota // TLS from the first byte, port 993
	StartTLS                      // port 143 with LoginType SecureLogin
	InsecurePlaintext             // port 143 with LoginType PlainTextLogin: STARTTLS is offered, login is taken without
)

// Server is one simulated Exchange. Its methods are safe for concurrent use at any time.
type Server struct {
	profile  profile
	quirks   quirkSet
	like     Like
	limits   map[string]int64 // by the quirk that they are the number of
	commands map[string]command
	faults   faults
	store    *store
	tokens   *tokens
	tls      *tls.Config
	log      *slog.Logger
	now      func() time.Time

	stats counters

	done chan struct{}  // closed by Close
	wg   sync.WaitGroup // connections, calls of Serve, and what late-append delays

	mu        sync.Mutex // guards what follows
	closed    bool
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
	accepted  int
}

// New returns a server. Before the first Serve, Close is not necessary.
func New(cfg Config) (*Server, error) {
	p, profileErr := findProfile(cfg.Profile)
	quirks, quirkErr := newQuirkSet(p, cfg.Quirks)
	s := &Server{
		profile: cfg.Like.words(p), quirks: quirks, like: cfg.Like, limits: cfg.Like.limits(p),
		commands: commandTable(), tls: cfg.TLS, log: cfg.Log, now: cfg.Now,
		stats:     newCounters(),
		done:      make(chan struct{}),
		listeners: map[net.Listener]struct{}{},
		conns:     map[*conn]struct{}{},
	}
	errs := []error{profileErr, quirkErr}
	for _, spec := range cfg.Faults {
		_, err := s.faults.add(spec)
		errs = append(errs, err)
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
			return nil, fmt.Errorf("cannot make a certificate: %w", err)
		}
		s.tls = &tls.Config{Certificates: []tls.Certificate{cert}}
	}
	if len(s.tls.Certificates) == 0 {
		return nil, errors.New("Config.TLS has no certificate: add one to Certificates")
	}
	users := cfg.Users
	if users == nil {
		users = DefaultUsers()
	}
	s.tokens = newTokens(cfg.Tokens, s.now)
	// What the store holds ends with the process, so that the UIDs of one run
	// mean nothing in the next: the start's second is the UIDVALIDITY.
	s.store = newStore(users, quirks[quirkCaseFolding], uint32(s.now().Unix()))
	return s, nil
}

// Certificate returns the server's certificate.
func (s *Server) Certificate() (*x509.Certificate, error) {
	return x509.ParseCertificate(s.tls.Certificates[0].Certificate[0])
}

// RootCAs returns a pool with which a client can verify the server.
func (s *Server) RootCAs() (*x509.CertPool, error) {
	cert, err := s.Certificate()
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return pool, nil
}

// AddFault orders a fault while the server runs. A fault at WAITING also hits connections
// that are already waiting.
func (s *Server) AddFault(spec string) error {
	f, err := s.faults.add(spec)
	if err != nil || f.verb != verbWaiting {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.wake()
	}
	return nil
}

// ClearFaults removes all faults, and ends the throttling of accounts. It does not undo a
// fault that has begun: a connection that hangs continues to do so until it is closed.
func (s *Server) ClearFaults() { s.faults.clear() }

// Serve accepts connections until Close, and then returns nil. It closes l. It
// blocks, so the caller usually starts a goroutine for it.
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
				return fmt.Errorf("cannot accept connections: %w", err)
			}
		}
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			nc.Close()
			return nil
		}
		s.accepted++
		c := newConn(s, nc, mode, s.accepted)
		s.conns[c] = struct{}{}
		s.stats.connections(len(s.conns))
		s.wg.Add(1)
		s.mu.Unlock()
		go s.serveConn(c)
	}
}

// serveConn owns the connection.
func (s *Server) serveConn(c *conn) {
	defer s.wg.Done()
	defer func() {
		c.leave() // before the other side can know of the end
		c.raw.Close()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	c.serve()
}

// after calls f after d, or at Close. f must not wait.
func (s *Server) after(d time.Duration, f func()) {
	s.wg.Go(func() {
		defer f()
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-s.done:
		}
	})
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
	for c := range s.conns {
		c.raw.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}
