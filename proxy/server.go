package proxy

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"exgate/backend/wire"
	"exgate/proxy/budget"
	"exgate/proxy/cluster"
	"exgate/proxy/counters"
	"exgate/proxy/delivery"
	"exgate/proxy/guard"
	"exgate/proxy/handover"
	"exgate/proxy/ledger"
	"exgate/proxy/orders"
	"exgate/proxy/progress"
	"exgate/proxy/quarantine"
	"exgate/proxy/routing"
	"exgate/proxy/slots"
	"exgate/proxy/spool"
	"exgate/proxy/trace"
	"exgate/proxy/users"
)

// Listen is the way in which clients connect to a listener.
type Listen int

// The values of Listen. The configuration allows plain text on loopback addresses only.
const (
	ListenStartTLS Listen = iota
	ListenImplicit
	ListenInsecurePlaintext
)

// Options configure a gateway.
type Options struct {
	// Upstreams are the servers for logins. A login goes to the first one unless a rule
	// names another. Upstreams is required.
	Upstreams []routing.Upstream
	// Routes is the map file, which names the upstream of each user. It may be nil.
	Routes *routing.UserMap
	// Proxies are the networks of load balancers. Each connection from there begins with a header
	// of the PROXY protocol, which names the client's address.
	Proxies []netip.Prefix
	// Abuse limits the clients of one address.
	Abuse AbuseLimits
	// Users says which caller may open which mailbox. It is required where the
	// gateway holds the credentials of an upstream, and unused elsewhere.
	Users *users.File
	// With Observe, the gateway changes nothing and logs what it would have done. The
	// other three options keep one function on under Observe: the pace, the wait for
	// throttles, and the resuming of sessions.
	Observe, ObservePace, ObserveThrottle, ObserveResume bool
	// Certificate is the TLS certificate of the gateway. It is required, except for plain text.
	Certificate tls.Certificate
	// State is the directory for data that the gateway keeps between runs; "": it keeps none.
	State      string
	Spool      spool.Options
	Quarantine quarantine.Options
	Filter     delivery.Filter
	Log        *slog.Logger // nil: slog.Default()
	Trace      *trace.Wire  // nil: no wire trace
	// Ledger records the messages of sessions with an Exchange profile; nil: exgate keeps no
	// ledger.
	Ledger *ledger.Ledger
	// Cluster is what the gateway shares with others; nil: nothing. A reload does not change it.
	Cluster *cluster.Cluster
	// Forerunner is the gateway that this one takes the place of; nil: none. A reload does not change it.
	Forerunner *handover.Forerunner
}

// AbuseLimits limit the clients of one address. The zero value has no limit.
type AbuseLimits struct {
	ConnectionsPerAddress int // 0: no limit
	// FailedLogins is the number of failed logins of one address, after which exgate
	// refuses its logins for a while. For one name at one address, the limit is a quarter
	// of it. For one name at all addresses, it is two and a half times as many. 0: no
	// limit.
	FailedLogins int
}

// Server is the gateway. NewServer makes one.
type Server struct {
	settings    atomic.Pointer[settings]
	limits      limits
	own         *ownLane
	logins      logins
	guesses     *guard.Guesses
	proofs      *guard.Proofs
	addresses   guard.Addresses
	refusals    *guard.RefusalLog
	totals      counters.Gateway
	watching    sync.Once
	accounts    *accounts
	lenders     wire.Lenders // the connections whose buffers GiveBack gives back
	uploads     spool.Budget // bytes of all sessions in the spool
	longUploads spool.Budget // those of them in memory that are of long messages
	poisons     *quarantine.Poisons
	holds       orders.Holds
	traced      orders.Traced
	readiness   readiness
	progress    progress.Board
	budgets     *budget.Books
	forerunner  *handover.Forerunner // nil: there is none, or it has ended

	ctx    context.Context // ends with the gateway
	cancel context.CancelFunc
	// draining ends when the gateway takes no new commands any more.
	draining context.Context
	drain    context.CancelFunc
	conns    sync.WaitGroup

	mu       sync.Mutex
	sessions map[*conn]struct{}
	slots    map[string]*slots.Pool // by name of the upstream
	gates    map[string]guard.Gate  // for sessions that have lost their upstream, by name of the upstream
}

// NewServer returns a gateway. The caller calls Serve for each listener, and Close at the
// end. The error is about the options or about the state directory.
func NewServer(opts Options) (*Server, error) {
	set, err := newSettings(opts)
	if err != nil {
		return nil, err
	}
	poisoned, err := quarantine.OpenPoisons(opts.State, time.Now)
	if err != nil {
		return nil, err
	}
	opts.Cluster.SharePoisons(poisoned)
	opts.Cluster.ShareLedger(opts.Ledger)
	s := &Server{
		limits:     defaultLimits,
		accounts:   newAccounts(opts.Cluster),
		slots:      make(map[string]*slots.Pool),
		gates:      make(map[string]guard.Gate),
		sessions:   make(map[*conn]struct{}),
		guesses:    opts.Cluster.Guesses(),
		proofs:     opts.Cluster.Proofs(),
		refusals:   guard.NewRefusalLog(),
		own:        newOwnLane(laneLog{set.opts.Log}),
		poisons:    poisoned,
		budgets:    newBudgets(&set.opts),
		forerunner: opts.Forerunner,
	}
	opts.Cluster.ShareBudgets(s.budgets)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.draining, s.drain = context.WithCancel(s.ctx)
	read, err := opts.Ledger.History(s.draining, progress.MaxRefusals)
	s.use(set)
	s.conns.Go(func() { s.recall(read, err) })
	return s, nil
}

// recall reads what happened before, for the status page. A large ledger takes long, and clients do not wait for it.
func (s *Server) recall(read func() (ledger.History, error), err error) {
	var past ledger.History
	if err == nil {
		past, err = read()
	}
	switch {
	case err == nil:
		s.progress.Recall(past)
	case s.draining.Err() == nil:
		s.settings.Load().opts.Log.Warn("the status page lacks what happened before", "err", err)
	}
}

// Reload uses new options for the clients that connect from now on. Open sessions keep
// their options. If Reload returns an error, it has changed nothing.
func (s *Server) Reload(opts Options) error {
	set, err := newSettings(opts)
	if err != nil {
		return err
	}
	s.use(set)
	return nil
}

// Certificate returns the certificate that clients see now.
func (s *Server) Certificate() *tls.Certificate { return &s.settings.Load().opts.Certificate }

func (s *Server) use(set *settings) {
	opts := &set.opts
	s.uploads.SetMax(opts.Spool.Total)
	s.longUploads.SetMax(cmp.Or(opts.Spool.Long, spool.DefaultLong))
	s.accounts.setSpoolLimit(opts.Spool.Account)
	budgets := make(map[string]budget.Limits)
	for _, t := range set.router.Targets {
		t.Slots = s.slotsOf(t.Name)
		t.Server.ShareForms(s.accounts.cluster.Forms(t.Name))
		t.Slots.SetLimits(t.Connections)
		budgets[t.Name] = t.Budget
	}
	s.budgets.SetLimits(budgets)
	s.guesses.SetLimit(opts.Abuse.FailedLogins)
	s.addresses.SetLimit(opts.Abuse.ConnectionsPerAddress)
	s.settings.Store(set)
}

// slotsOf returns the slots of an upstream. They stay the same when the settings change.
func (s *Server) slotsOf(name string) *slots.Pool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.slots[name] == nil {
		s.slots[name] = s.accounts.cluster.Pool(name)
	}
	return s.slots[name]
}

// gateOf returns the gate of an upstream, for sessions that log in again.
func (s *Server) gateOf(upstream string) guard.Gate {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gates[upstream] == nil {
		s.gates[upstream] = make(guard.Gate, guard.MaxReconnects)
	}
	return s.gates[upstream]
}

// Serve accepts clients until the listener is closed, and closes their connections. If it
// cannot accept a client, for example without free file descriptors, it logs the error and
// tries again.
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

// acceptRetry is the pause before Serve tries again to accept a client.
const acceptRetry = 200 * time.Millisecond

// GiveBack gives back the memory that idle sessions need not keep. The caller calls it now and then: the buffers
// that have been of use since the last call are kept. It returns the number of bytes of the others.
func (s *Server) GiveBack() (bytes int) {
	s.accounts.giveBack()
	return s.lenders.GiveBack()
}

// Drain lets the commands in flight finish, and ends each session with a BYE when it has no
// command in flight. When ctx ends, Drain cuts the sessions that are left. The caller calls
// Close after it.
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

// Close ends all sessions with a BYE and waits for their ends, but not without limit. The
// owner of the listeners closes them before.
func (s *Server) Close() {
	s.cut(s.ended())
	s.own.Close()
	s.refusals.Flush(s.settings.Load().opts.Log, true)
}

// ended returns a channel that is closed when all sessions have ended.
func (s *Server) ended() <-chan struct{} {
	ended := make(chan struct{})
	go func() { // this goroutine ends with the last session
		s.conns.Wait()
		close(ended)
	}()
	return ended
}

// cut ends all sessions. It gives each session limits.Farewell before its sockets are
// closed, and the same time again for work without a socket. A session that has not ended
// by then is a fault of the gateway. cut logs it and returns, so that the program can end.
func (s *Server) cut(ended <-chan struct{}) {
	s.cancel()
	last := time.NewTimer(2 * s.limits.Farewell)
	defer last.Stop()
	select {
	case <-ended:
	case <-last.C:
		s.mu.Lock()
		left := len(s.sessions)
		s.mu.Unlock()
		s.settings.Load().opts.Log.Error("sessions do not end, and are left behind", "sessions", left)
	}
}

// serve runs one session.
func (s *Server) serve(direct net.Conn, how Listen) {
	nc, err := s.clientBehind(direct)
	if err != nil {
		s.settings.Load().opts.Log.Warn("a connection from a proxy was closed",
			"proxy", direct.RemoteAddr().String(), "err", err)
		direct.Close()
		return
	}
	c := s.newConn(nc, how)
	leave, ok := s.addresses.Enter(nc.RemoteAddr())
	if !ok {
		c.tooMany()
		return
	}
	defer leave()
	stop := c.enlist()
	defer stop()
	defer func() {
		if v := recover(); v != nil {
			c.log.Error("exgate failed in this session (panic)", "value", panicked(v), "stack", string(debug.Stack()))
			nc.Close()
		}
	}()
	c.serve()
}

// panicked returns the part of a panic's value that may be logged. An error of the Go
// runtime holds no data of a client. Any other value could hold such data.
func panicked(v any) string {
	if err, ok := v.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("a %T", v)
}

func (s *Server) newConn(nc net.Conn, how Listen) *conn {
	id := strings.ToLower(rand.Text()[:8])
	set := s.settings.Load()
	traced := trace.NewSession(set.opts.Trace, id, shownInTrace)
	c := &conn{
		srv: s, set: set, id: id,
		log: slog.New(&sessionLog{set.opts.Log.Handler(), id, nc.RemoteAddr().String()}),
		client: clientSide{
			listener: how, tcp: nc, nc: nc, began: time.Now(), trace: traced,
			w: newClientWriter(nc, s.limits.Write, traced),
		},
	}
	if proxied, ok := nc.(*proxiedConn); ok {
		c.log = c.log.With("proxy", proxied.proxy().String())
	}
	if !set.opts.Observe {
		c.link.patience.pauses = pauses{s.limits.FirstKeepAlive, s.limits.KeepAlive}
	}
	c.link.bell = bell{client: &c.client, ring: make(chan struct{}, 1)}
	c.client.r = wire.NewCommandReader(wire.CountReader{Reader: nc, N: &c.client.received})
	c.uploads.SetMax(set.opts.Spool.Session)
	c.ctx, c.cancel = context.WithCancel(s.ctx)
	return c
}

// enlist wakes the session when its context ends, until stop is called; until then
// Server.wakeAll wakes it, too. When the context ends, the session has limits.Farewell to end.
func (c *conn) enlist() (stop func()) {
	s := c.srv
	s.mu.Lock()
	s.sessions[c] = struct{}{}
	s.mu.Unlock()
	woken := context.AfterFunc(c.ctx, func() {
		c.link.interrupt()
		c.endsSoon()
	})
	return func() {
		woken()
		c.farewell.end()
		s.mu.Lock()
		delete(s.sessions, c)
		s.mu.Unlock()
	}
}

// wakeAll wakes each session, so that it notices that the gateway drains.
func (s *Server) wakeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.sessions {
		c.link.alarm()
	}
}

// laneLog logs the messages of the library. They are a sign of a fault of exgate, because
// the library gets canonical commands only.
type laneLog struct{ log *slog.Logger }

func (l laneLog) Printf(format string, args ...any) {
	l.log.Warn("own lane", "message", fmt.Sprintf(format, args...))
}
