package proxy

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"exgate/backend/wire"
	"exgate/proxy/counters"
	"exgate/proxy/delivery"
	"exgate/proxy/guard"
	"exgate/proxy/quarantine"
	"exgate/proxy/routing"
	"exgate/proxy/slots"
	"exgate/proxy/spool"
	"exgate/proxy/users"
)

// Listen is the way in which clients reach a listener.
type Listen int

// The ways. Plain text is for loopback only, which configuration sees to.
const (
	ListenStartTLS Listen = iota
	ListenImplicit
	ListenInsecurePlaintext
)

// Options are a gateway's.
type Options struct {
	// Upstreams are the servers that logins may go to. The first is for logins
	// that nothing sends elsewhere. Required.
	Upstreams []routing.Upstream
	// Routes is the map file that tells who is on which upstream; it may be nil.
	Routes *routing.UserMap
	// Abuse bounds what one address may take.
	Abuse AbuseLimits
	// Users says which caller may open which mailbox. It is required where the
	// gateway holds the credentials of an upstream, and unused elsewhere.
	Users *users.File
	// Observe changes nothing and reports what would be done. Each of the others
	// keeps one thing on: the pace, the waiting for throttles, the resuming.
	Observe, ObservePace, ObserveThrottle, ObserveResume bool
	// Certificate is what clients see. Required but for plain text.
	Certificate tls.Certificate
	// State is the directory of what is kept between runs; "": nothing is.
	State      string
	Spool      spool.Options
	Quarantine quarantine.Options
	Filter     delivery.Filter
	Log        *slog.Logger // nil: slog.Default()
	Trace      *Tracer      // nil: no wire trace
}

// AbuseLimits bound what one address may take. The zero value does not.
type AbuseLimits struct {
	ConnectionsPerAddress int // 0: no bound
	// FailedLogins of an address, before it is refused for a while; of one name
	// there a quarter, of one name from anywhere two and a half times as many.
	// 0: no bound.
	FailedLogins int
}

// Server is the gateway. NewServer makes one.
type Server struct {
	settings  atomic.Pointer[settings]
	limits    limits
	own       *ownLane
	sessions  openSessions
	guesses   *guard.Guesses
	proofs    *guard.Proofs
	addresses guard.Addresses
	refusals  *guard.RefusalLog
	totals    counters.Gateway
	watching  sync.Once
	accounts  *accounts
	uploads   spool.Budget // bytes of all sessions in the spool
	poisons   *quarantine.Poisons

	ctx    context.Context // ends with the gateway
	cancel context.CancelFunc
	// draining ends when no new work is taken any more.
	draining context.Context
	drain    context.CancelFunc
	conns    sync.WaitGroup

	mu    sync.Mutex
	live  map[*conn]struct{}
	slots map[string]*slots.Pool // by the name of the upstream
	gates map[string]guard.Gate  // of sessions that have lost their upstream, by its name
}

// NewServer returns a gateway that Serve and Close work on.
func NewServer(opts Options) (*Server, error) {
	set, err := newSettings(opts)
	if err != nil {
		return nil, err
	}
	poisoned, err := quarantine.OpenPoisons(opts.State, time.Now)
	if err != nil {
		return nil, err
	}
	s := &Server{
		limits:   defaultLimits,
		accounts: newAccounts(),
		slots:    make(map[string]*slots.Pool),
		gates:    make(map[string]guard.Gate),
		live:     make(map[*conn]struct{}),
		guesses:  guard.NewGuesses(),
		proofs:   guard.NewProofs(),
		refusals: guard.NewRefusalLog(),
		own:      newOwnLane(laneLog{set.opts.Log}),
		poisons:  poisoned,
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.draining, s.drain = context.WithCancel(s.ctx)
	s.use(set)
	return s, nil
}

// Reload puts other options in force, for the clients that connect from now
// on. Sessions go on as they began. Nothing changes where there is an error.
func (s *Server) Reload(opts Options) error {
	set, err := newSettings(opts)
	if err != nil {
		return err
	}
	s.use(set)
	return nil
}

func (s *Server) use(set *settings) {
	opts := &set.opts
	s.uploads.SetMax(opts.Spool.Total)
	s.accounts.setSpoolLimit(opts.Spool.Account)
	for _, t := range set.router.Targets {
		t.Slots = s.slotsOf(t.Name)
		t.Slots.SetLimits(t.Connections)
	}
	s.guesses.SetLimit(opts.Abuse.FailedLogins)
	s.addresses.SetLimit(opts.Abuse.ConnectionsPerAddress)
	s.settings.Store(set)
}

// slotsOf are those of an upstream, which outlive the settings.
func (s *Server) slotsOf(name string) *slots.Pool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.slots[name] == nil {
		s.slots[name] = slots.NewPool()
	}
	return s.slots[name]
}

// gateOf is that of an upstream, for sessions that log in to it again.
func (s *Server) gateOf(upstream string) guard.Gate {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gates[upstream] == nil {
		s.gates[upstream] = make(guard.Gate, guard.MaxReconnects)
	}
	return s.gates[upstream]
}

// Serve accepts clients until the listener is closed, and owns what it accepts.
// When there are no descriptors left it says so and goes on later.
func (s *Server) Serve(l net.Listener, how Listen) {
	s.watching.Do(func() { s.conns.Go(func() { s.watch(s.draining) }) })
	for {
		nc, err := l.Accept()
		switch {
		case err == nil:
			s.conns.Go(func() { s.serve(nc, how) })
		case errors.Is(err, net.ErrClosed):
			return
		default:
			s.settings.Load().opts.Log.Error("cannot accept a client; trying again", "address", l.Addr().String(),
				"err", err)
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

// Drain lets the commands in flight finish and ends each session with a BYE
// when it has none, until ctx ends. Close follows it.
func (s *Server) Drain(ctx context.Context) {
	s.drain()
	s.wakeAll()
	drained := s.ended()
	select {
	case <-drained:
	case <-ctx.Done():
		s.cut(drained)
	}
}

// Close ends all sessions with a BYE and waits for them, but not without end. The
// listeners are closed by who made them, before.
func (s *Server) Close() {
	s.cut(s.ended())
	s.own.Close()
	s.refusals.Flush(s.settings.Load().opts.Log, true)
}

// ended is closed when all sessions have ended.
func (s *Server) ended() <-chan struct{} {
	ended := make(chan struct{})
	go func() { // it ends with the last session
		s.conns.Wait()
		close(ended)
	}()
	return ended
}

// cut ends all sessions. Each is cut off limits.Farewell later, and has as long
// again for what needs no socket. What is not over then is a fault of the gateway,
// which must not keep the program from ending.
func (s *Server) cut(ended <-chan struct{}) {
	s.cancel()
	last := time.NewTimer(2 * s.limits.Farewell)
	defer last.Stop()
	select {
	case <-ended:
	case <-last.C:
		s.mu.Lock()
		left := len(s.live)
		s.mu.Unlock()
		s.settings.Load().opts.Log.Error("sessions do not end, and are left behind", "sessions", left)
	}
}

// serve runs one session.
func (s *Server) serve(nc net.Conn, how Listen) {
	c := s.newConn(nc, how)
	leave, ok := s.addresses.Enter(nc.RemoteAddr())
	if !ok {
		c.tooMany()
		return
	}
	defer leave()
	stop := c.watchEnds()
	defer stop()
	defer func() {
		if v := recover(); v != nil {
			c.log.Error("panic", "value", panicked(v), "stack", string(debug.Stack()))
			nc.Close()
		}
	}()
	c.serve()
}

// panicked is what may be logged of a panic's value. An error of the runtime holds
// nothing that a client has sent; any other value could.
func panicked(v any) string {
	if err, ok := v.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("a %T", v)
}

func (s *Server) newConn(nc net.Conn, how Listen) *conn {
	id := strings.ToLower(rand.Text()[:8])
	set := s.settings.Load()
	trace := set.opts.Trace.session(id)
	c := &conn{
		srv: s, set: set, id: id,
		log: set.opts.Log.With("session", id, "client", nc.RemoteAddr().String()),
		client: clientSide{
			listener: how, tcp: nc, nc: nc, began: time.Now(), trace: trace,
			w: newClientWriter(nc, s.limits.Write, trace),
		},
	}
	if !set.opts.Observe {
		c.link.silence.pauses = pauses{s.limits.FirstWord, s.limits.KeepAlive}
	}
	c.link.bell = bell{client: &c.client, ring: make(chan struct{}, 1)}
	c.client.r = wire.NewCommandReader(wire.CountReader{Reader: nc, N: &c.client.received})
	c.uploads.SetMax(set.opts.Spool.Session)
	c.ctx, c.cancel = context.WithCancel(s.ctx)
	return c
}

// watchEnds wakes the session when its context ends, or the gateway drains, up
// to stop. From the end of the context on the session has limits.Farewell.
func (c *conn) watchEnds() (stop func()) {
	s := c.srv
	s.mu.Lock()
	s.live[c] = struct{}{}
	s.mu.Unlock()
	woken := context.AfterFunc(c.ctx, func() {
		c.link.interrupt()
		c.endsSoon()
	})
	return func() {
		woken()
		c.farewell.end()
		s.mu.Lock()
		delete(s.live, c)
		s.mu.Unlock()
	}
}

// wakeAll has each session see that the gateway drains.
func (s *Server) wakeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.live {
		c.link.alarm()
	}
}

// laneLog logs what the library says. That is a sign of a fault of exgate, since
// the library is fed canonical commands only.
type laneLog struct{ log *slog.Logger }

func (l laneLog) Printf(format string, args ...any) {
	l.log.Warn("own lane", "message", fmt.Sprintf(format, args...))
}
