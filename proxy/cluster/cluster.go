package cluster

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"exgate/backend"
	"exgate/proxy/budget"
	"exgate/proxy/guard"
	"exgate/proxy/ledger"
	"exgate/proxy/quarantine"
	"exgate/proxy/status"
)

const (
	// beatEvery is the time between two heartbeats of a gateway.
	beatEvery = time.Second
	// silentAfter is the time without a heartbeat after which the others leave a gateway its share. A gateway that has
	// lost Redis lets nothing through until then.
	silentAfter = 5 * time.Second
	// deadAfter is the time without a heartbeat after which a gateway has no share any more.
	deadAfter = 15 * time.Minute
	// callTime is the time that a call to Redis may take. A longer one counts as a loss of Redis.
	callTime = time.Second
	// retryOpen is the pause between two tries of Open.
	retryOpen = 200 * time.Millisecond
	// maxConnections bounds the connections to Redis. A call takes well under a millisecond.
	maxConnections = 32
	// maxGateways bounds the gateways that one remembers.
	maxGateways = 100
)

// Options describe a cluster.
type Options struct {
	Address  string         // host:port
	User     string         // "": Redis's default user
	Password backend.Secret // none: Redis asks for none
	Database int
	TLS      *tls.Config // nil: plain text
	Name     string      // gateways with the same name share their state
	Log      *slog.Logger
}

// Cluster is what a gateway shares with others. A nil Cluster shares nothing. It is safe for concurrent use.
type Cluster struct {
	client    *redis.Client
	keys      keys
	id        string // of this gateway, until it ends
	secret    []byte // the key of the hashes
	hasSecret bool   // Redis has a password, of which secret is made
	log       *slog.Logger
	chores    chores
	seating   chores // of pools of slots, which clients wait for
	appends   appends

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup

	keepers members[*keeper]
	leases  members[*leases]
	guesses members[*guard.Guesses]
	poisons members[*quarantine.Poisons]
	ledgers members[*ledger.Ledger]
	books   members[*budget.Books]

	mu        sync.Mutex
	link      link
	upstreams map[string]*upstream
}

// link is what a gateway knows of Redis.
type link struct {
	lost     time.Time // when Redis was lost; zero: it answers
	reason   error
	losses   int
	beaten   time.Time // the last heartbeat that Redis has answered
	gateways []string  // ids of those that are not dead
}

// share returns the part of each limit that a gateway without Redis keeps to.
func (l *link) share() float64 { return 1 / float64(max(1, len(l.gateways))) }

// alone returns when a gateway that has lost Redis begins to use its share.
func (l *link) alone() time.Time { return l.beaten.Add(silentAfter) }

// Open connects to Redis, which may come up until ctx ends. The caller ends the cluster with Close.
func Open(ctx context.Context, o Options) (*Cluster, error) {
	secret, err := newSecret(o.Password, o.Name)
	if err != nil {
		return nil, fmt.Errorf("make a key of cluster.password: %w", err)
	}
	logging.Disable() // the library would write each failed connection to standard error; lose says it once
	c := &Cluster{
		client: redis.NewClient(&redis.Options{
			Addr: o.Address, Username: o.User, Password: o.Password.Reveal(), DB: o.Database, TLSConfig: o.TLS,
			// A call that has no answer may have been carried out. It is not sent again.
			MaxRetries:  -1,
			DialTimeout: callTime, ReadTimeout: callTime, WriteTimeout: callTime, PoolTimeout: callTime,
			DialerRetries: 1, ContextTimeoutEnabled: true, PoolSize: maxConnections, MaxActiveConns: maxConnections,
			DisableIdentity:          true,
			MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		}),
		keys: newKeys(o.Name), id: strings.ToLower(rand.Text()[:12]), log: o.Log,
		secret: secret, hasSecret: !o.Password.IsNone(),
		chores: newChores(), seating: newChores(),
		upstreams: make(map[string]*upstream),
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	news, err := c.await(ctx)
	if err != nil {
		c.cancel()
		return nil, errors.Join(fmt.Errorf("cluster.address: %w", err), c.client.Close())
	}
	c.work.Go(c.beatOn)
	c.work.Go(func() { c.listen(news) })
	c.work.Go(func() { c.do(&c.chores) })
	c.work.Go(func() { c.do(&c.seating) })
	return c, nil
}

// await tries to begin until Redis answers. Redis's refusal of a password is final.
func (c *Cluster) await(ctx context.Context) (news *redis.PubSub, err error) {
	for {
		news, err := c.begin(ctx)
		if err == nil {
			return news, nil
		}
		var said redis.Error
		if errors.As(err, &said) && !strings.HasPrefix(said.Error(), "LOADING") {
			return nil, err
		}
		if backend.Sleep(ctx, retryOpen) != nil {
			return nil, fmt.Errorf("cannot reach Redis: %w", err)
		}
	}
}

// begin sends the first heartbeat, and waits until Redis has noted that this gateway hears the news: each part of the
// gateway asks Redis what there was before.
func (c *Cluster) begin(ctx context.Context) (*redis.PubSub, error) {
	if err := c.beat(ctx); err != nil {
		return nil, err
	}
	news := c.client.Subscribe(c.ctx, c.keys.news())
	if _, err := news.ReceiveTimeout(ctx, callTime); err != nil {
		return nil, errors.Join(fmt.Errorf("hear the news of other gateways: %w", err), news.Close())
	}
	return news, nil
}

// Close tells the other gateways that this one ends, and closes the connections.
func (c *Cluster) Close() error {
	if c == nil {
		return nil
	}
	c.cancel()
	c.work.Wait()
	var err error
	if c.hasRedis() {
		ctx, cancel := context.WithTimeout(context.Background(), callTime)
		defer cancel()
		err = c.client.ZRem(ctx, c.keys.gateways(), c.id).Err()
	}
	return errors.Join(err, c.client.Close())
}

// State returns the state of the cluster; nil if there is none.
func (c *Cluster) State() *status.Cluster {
	if c == nil {
		return nil
	}
	l := c.now()
	s := &status.Cluster{Gateways: len(l.gateways), LostAt: l.lost}
	if l.reason != nil {
		s.Reason = l.reason.Error()
	}
	return s
}

// now returns what is known of Redis.
func (c *Cluster) now() link {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.link
}

// hasRedis reports whether Redis answers.
func (c *Cluster) hasRedis() bool {
	l := c.now()
	return l.lost.IsZero()
}

// beatOn sends heartbeats until the cluster is closed.
func (c *Cluster) beatOn() {
	told := time.Now()
	for backend.Sleep(c.ctx, beatEvery) == nil {
		if err := c.beat(c.ctx); err != nil {
			c.lose(err)
		}
		c.lookForSlots()
		for _, l := range c.ledgers.all() {
			l.TellSilent()
		}
		if time.Since(told) > retellEvery {
			told = time.Now()
			c.retellSlots()
		}
	}
}

// beat sends a heartbeat. After a loss, it takes up Redis again.
func (c *Cluster) beat(ctx context.Context) error {
	l := c.now()
	args := []any{silentAfter.Milliseconds(), deadAfter.Milliseconds(), c.id}
	for _, id := range l.gateways[:min(len(l.gateways), maxGateways)] {
		args = append(args, id)
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	ids, err := beatScript.Run(ctx, c.client, []string{c.keys.gateways(), c.keys.born()}, args...).StringSlice()
	if err != nil {
		return err
	}
	c.mu.Lock()
	lost := c.link.lost
	c.link.gateways, c.link.beaten = ids, time.Now()
	c.link.lost, c.link.reason = time.Time{}, nil
	c.mu.Unlock()
	if !lost.IsZero() {
		c.log.Info("Redis answers again; the gateways share their limits", "gateways", len(ids),
			"after", time.Since(lost).Round(time.Millisecond))
		c.catchUp()
	}
	return nil
}

// run runs a script. It returns false if Redis is lost.
func (c *Cluster) run(script *redis.Script, keys []string, args ...any) (*redis.Cmd, bool) {
	if !c.hasRedis() {
		return nil, false
	}
	ctx, cancel := context.WithTimeout(c.ctx, callTime)
	defer cancel()
	cmd := script.Run(ctx, c.client, keys, args...)
	if err := cmd.Err(); err != nil {
		c.lose(err)
		return nil, false
	}
	return cmd, true
}

// lose notes that Redis is lost. From now on the gateway keeps to its share of each limit.
func (c *Cluster) lose(err error) {
	if c.ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	isNew := c.link.lost.IsZero()
	if isNew {
		c.link.lost, c.link.reason = time.Now(), err
		c.link.losses++
	}
	gateways := len(c.link.gateways)
	c.mu.Unlock()
	if isNew {
		c.log.Warn("Redis is lost; until it answers, exgate keeps to its share of each limit",
			"gateways", gateways, "err", err)
	}
}
