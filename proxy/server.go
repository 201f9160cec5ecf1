package proxy

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"exgate/backend"
	"exgate/backend/wire"
)

// Listen is the way in which clients reach a listener.
type Listen int

// The ways. Plain text is for loopback only, which configuration sees to.
const (
	ListenStartTLS Listen = iota
	ListenImplicit
	ListenInsecurePlaintext
)

// Auto is the profile that is settled by what the upstream says of itself.
const Auto = "auto"

// Options are a gateway's.
type Options struct {
	Upstream backend.Options
	// Profile is the upstream's, or Auto.
	Profile string
	// Policy returns what is done under a profile. Required.
	Policy func(profile string) Policy
	// Resume has sessions outlive their upstream connections.
	Resume bool
	// Connections bound the upstream connections; an observing gateway keeps
	// to them where it keeps the pace.
	Connections ConnectionLimits
	// Observe changes nothing and reports everything; the switches keep the
	// pace, the waiting and the resuming.
	Observe, ObservePace, ObserveThrottle, ObserveResume bool
	// Certificate is what clients see. Required but for plain text.
	Certificate tls.Certificate
	Spool       SpoolOptions
	Log         *slog.Logger // nil: slog.Default()
	Trace       *Tracer      // nil: no wire trace
}

// Server is the gateway. NewServer makes one.
type Server struct {
	opts       Options
	limits     limits
	upstream   *backend.Upstream
	tls        *tls.Config
	own        *ownLane
	accounts   *accounts
	places     *places // of upstream connections
	reconnects gate    // of sessions that have lost their upstream
	uploads    budget  // bytes of all sessions in the spool
	ctx        context.Context
	cancel     context.CancelFunc
	conns      sync.WaitGroup
}

// NewServer returns a gateway that Serve and Close work on.
func NewServer(opts Options) (*Server, error) {
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	s := &Server{
		opts:   opts,
		limits: defaultLimits,
		tls: &tls.Config{
			Certificates: []tls.Certificate{opts.Certificate},
			MinVersion:   tls.VersionTLS12,
			// Messages go in large writes: small first records only cost.
			DynamicRecordSizingDisabled: true,
		},
		accounts: &accounts{
			spool: opts.Spool.Account, maxBackoff: opts.Upstream.MaxBackoff,
			open: make(map[*backend.Account]*account), registries: make(map[float64]*backend.Accounts),
		},
	}
	s.uploads.max = opts.Spool.Total
	if opts.Observe && !opts.ObservePace {
		opts.Connections = ConnectionLimits{}
	}
	s.places = newPlaces(opts.Connections)
	s.reconnects = make(gate, maxReconnects)
	var err error
	if s.upstream, err = backend.NewUpstream(opts.Upstream, s.choose); err != nil {
		return nil, fmt.Errorf("upstream: %w", err)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.own = newOwnLane(laneLog{opts.Log})
	return s, nil
}

// Serve accepts clients until the listener is closed, and owns what it accepts.
// When there are no descriptors left it says so and goes on later.
func (s *Server) Serve(l net.Listener, how Listen) {
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			s.conns.Go(func() { s.serve(nc, how) })
		case errors.Is(err, net.ErrClosed):
			return
		default:
			s.opts.Log.Error("cannot accept a client; trying again", "address", l.Addr().String(), "err", err)
			retry := time.NewTimer(acceptRetry)
			select {
			case <-retry.C:
			case <-s.ctx.Done():
				retry.Stop()
				return
			}
		}
	}
}

// acceptRetry is the pause after a client could not be accepted.
const acceptRetry = 200 * time.Millisecond

// Close ends all sessions with a BYE and waits for them. The listeners are
// closed by who made them, before.
func (s *Server) Close() {
	s.cancel()
	s.conns.Wait()
	s.own.Close()
}

// serve runs one session.
func (s *Server) serve(nc net.Conn, how Listen) {
	c := s.newConn(nc, how)
	stop := context.AfterFunc(c.ctx, c.interrupt)
	defer stop()
	defer func() {
		if v := recover(); v != nil {
			c.log.Error("panic", "value", v, "stack", string(debug.Stack()))
			nc.Close()
		}
	}()
	c.serve()
}

func (s *Server) newConn(nc net.Conn, how Listen) *conn {
	id := strings.ToLower(rand.Text()[:8])
	c := &conn{
		srv: s, id: id, listener: how, tcp: nc, nc: nc,
		log:   s.opts.Log.With("session", id, "client", nc.RemoteAddr().String()),
		trace: s.opts.Trace.session(id),
		wake:  make(chan struct{}, 1),
	}
	c.uploads.max = s.opts.Spool.Session
	c.r = wire.NewCommandReader(wire.CountReader{Reader: nc, N: &c.received})
	c.w = &clientWriter{nc: nc, timeout: s.limits.Write, trace: c.trace}
	c.ctx, c.cancel = context.WithCancel(s.ctx)
	return c
}

// choose says how to log in to an upstream of which so much is known.
func (s *Server) choose(e backend.Evidence) backend.Choice {
	name, _ := s.profile(e)
	p := s.opts.Policy(name)
	return backend.Choice{Forms: p.Forms, Verify: p.Verify, Identify: s.opts.Profile == Auto}
}

// profile returns the profile of an upstream, and the reason where it was
// found out.
func (s *Server) profile(e backend.Evidence) (name, why string) {
	if s.opts.Profile == Auto {
		return backend.Detect(e)
	}
	return s.opts.Profile, ""
}

// newLogin settles what holds for a session that is logged in.
func (s *Server) newLogin(id backend.Identity, password string, up *backend.Session) *login {
	name, why := s.profile(up.Evidence)
	wanted := s.opts.Policy(name)
	policy := wanted
	if s.opts.Observe {
		policy = Policy{Name: wanted.Name, Pipeline: wanted.Pipeline, LiteralPlus: wanted.LiteralPlus}
	}
	return &login{
		identity: id, password: password, attempt: up.Attempt,
		policy: policy, wanted: wanted, why: why, caps: up.Capabilities,
		resume:  s.opts.Resume && (!s.opts.Observe || s.opts.ObserveResume),
		account: s.accounts.get(id.User, wanted.MessagesPerSecond),
	}
}

// laneLog takes what the library logs: a sign of a fault of ours, since it is
// fed canonical commands only.
type laneLog struct{ log *slog.Logger }

func (l laneLog) Printf(format string, args ...any) {
	l.log.Warn("own lane", "message", fmt.Sprintf(format, args...))
}
