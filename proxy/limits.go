package proxy

import "time"

// limits has the time limits and the other limits for clients, mostly in the order of a
// session.
type limits struct {
	ProxyHeader     time.Duration // the longest wait for the header of a proxy
	Handshake       time.Duration // the longest TLS handshake
	BeforeLogin     time.Duration // the longest silence before the login
	Login           time.Duration // the longest time from the greeting to the login
	Line            time.Duration // the longest time from the first byte of a line to its end
	Watch           time.Duration // the pause between two looks at routes_file and users_file
	Write           time.Duration // the longest time for one write
	Unwatched       time.Duration // how long exgate waits for another goroutine before it watches the client
	FirstKeepAlive  time.Duration // the silence after which a client is first told why it waits
	KeepAlive       time.Duration // the pause before a client is told this again
	Reconnect       time.Duration // how long exgate tries again to reach an upstream
	ReconnectPause  time.Duration // the pause between the first two of these tries; it doubles with each further try
	ReconnectSpread time.Duration // the time over which sessions spread their logins after a common loss
	LoginAgain      time.Duration // a login that was lost later than this is not tried again: its client waits
	Side            time.Duration // how long a session waits for the side connection of its account
	SideTurn        time.Duration // how long a session may use the side connection in one turn
	Settle          time.Duration // how long a session looks for messages of unknown outcome before it ends
	Replay          time.Duration // the pause between two tries to set \Flagged
	IdleRenew       time.Duration // the age at which exgate renews a client's IDLE upstream
	Steady          time.Duration // an IDLE that has lasted this long does not count as a failed try
	Slow            time.Duration // the first delay after too many failed logins; it doubles with each further one
	MaxSlow         time.Duration // the longest such delay
	Linger          time.Duration // how long exgate still reads from a client that goes on sending after BYE
	Farewell        time.Duration // how long a session may take to end before its sockets are closed
	Reach           time.Duration // the longest try to reach the upstreams for Server.Ready
	Reachable       time.Duration // how long Server.Ready believes that an upstream can be reached
	Unreachable     time.Duration // how long it believes that none can
	Stall           time.Duration // the time that a literal of any size may take
	MinRate         int64         // bytes per second; a literal gets a further second for each MinRate bytes

	// Looks are the pauses before each look for a message whose APPEND has no reply. A
	// server may need all this time to store a message. LooksPending are the pauses before
	// further looks, while a new message is there but cannot be seen: Exchange Online takes
	// up to a minute to show it (docs/exchange.md#ex-47).
	Looks, LooksPending []time.Duration
	// Equal is how long a message waits while another session stores an equal one.
	Equal time.Duration
	// Forerunner is how long a login waits for the gateway before this one to leave the account.
	Forerunner time.Duration

	SkipLine            int   // bytes of an unwanted line that exgate reads and drops
	SkipLiteral         int64 // bytes of an unwanted literal {n+} that exgate reads and drops
	CommandsBeforeLogin int
	BytesBeforeLogin    int64
	Refused             int // commands that exgate refuses in a session after its login
}

// defaultLimits has no time limit for the silence of a client after the login. The upstream
// has one (Exchange: 30 minutes), and TCP keep-alive finds clients that are gone.
var defaultLimits = limits{
	ProxyHeader:     5 * time.Second,
	Handshake:       30 * time.Second,
	BeforeLogin:     60 * time.Second,
	Login:           5 * time.Minute,
	Line:            60 * time.Second,
	Write:           2 * time.Minute,
	Watch:           2 * time.Second,
	Unwatched:       10 * time.Millisecond,
	FirstKeepAlive:  10 * time.Second,
	KeepAlive:       20 * time.Second,
	Reconnect:       time.Minute,
	ReconnectPause:  time.Second,
	ReconnectSpread: 500 * time.Millisecond,
	LoginAgain:      20 * time.Second,
	Reach:           10 * time.Second,
	Reachable:       30 * time.Second,
	Unreachable:     5 * time.Second,
	Side:            time.Minute, // longer than one turn
	SideTurn:        40 * time.Second,
	Settle:          10 * time.Second,
	Replay:          time.Second,
	IdleRenew:       9 * time.Minute, // clients re-IDLE Exchange Online every 10 (docs/exchange.md#ex-28)
	Steady:          time.Minute,
	Slow:            250 * time.Millisecond,
	MaxSlow:         8 * time.Second,
	Linger:          2 * time.Second,
	Farewell:        5 * time.Second, // longer than Linger
	Stall:           2 * time.Minute,
	MinRate:         1 << 10,

	Looks:        []time.Duration{0, time.Second, 3 * time.Second, 6 * time.Second, 10 * time.Second},
	LooksPending: []time.Duration{10 * time.Second, 15 * time.Second, 15 * time.Second},
	Equal:        time.Minute,
	Forerunner:   10 * time.Second,

	SkipLine:            1 << 20,
	SkipLiteral:         256 << 20,
	CommandsBeforeLogin: 30,
	BytesBeforeLogin:    256 << 10,
	Refused:             500,
}

// literal returns how long a client may take to send a literal of size bytes.
func (l *limits) literal(size int64) time.Duration {
	return l.Stall + time.Duration(size/l.MinRate)*time.Second
}
