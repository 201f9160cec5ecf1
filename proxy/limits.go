package proxy

import "time"

// limits are the deadlines and bounds of the client's side, by phase.
type limits struct {
	Handshake       time.Duration // TLS
	BeforeLogin     time.Duration // silence before the login
	Login           time.Duration // from the greeting to the login
	Line            time.Duration // from the first byte of a line to its end
	Watch           time.Duration // between two looks at the files that may change
	Write           time.Duration // one write
	FirstWord       time.Duration // a wait of which the client is told
	KeepAlive       time.Duration // between two such words
	Reconnect       time.Duration // for which an upstream that cannot be reached is tried again
	ReconnectPause  time.Duration // between the first two of these tries, and doubled with each
	ReconnectSpread time.Duration // over which sessions that lost their upstream at once come back
	Side            time.Duration // that a session waits for its account's side connection
	SideTurn        time.Duration // that it may keep that to itself
	Replay          time.Duration // between two tries to set \Flagged
	IdleRenew       time.Duration // after which a client's IDLE is begun anew upstream
	Steady          time.Duration // an IDLE that has lasted so long was no failed try
	Slow            time.Duration // by which the reply to one failed login too many is delayed, and doubled with each
	MaxSlow         time.Duration // at most
	Linger          time.Duration // for a client that goes on sending after BYE
	Farewell        time.Duration // from the beginning of a session's end until its sockets are closed
	Stall           time.Duration // what a literal may take whatever its size
	MinRate         int64         // bytes per second that a literal must come with, besides

	// Looks are the pauses before each look for a message without a reply: a
	// server may take as long as all of them to store one. LooksPending are those
	// before more looks while something has come that cannot be seen: Exchange
	// Online takes up to a minute to show it (docs/exchange.md#ex-47).
	Looks, LooksPending []time.Duration
	// Equal is how long a message waits while another session stores an equal one.
	Equal time.Duration

	SkipLine            int   // bytes of a line that is passed over
	Drain               int64 // bytes of an unwanted {n+} that are passed over
	CommandsBeforeLogin int
	BytesBeforeLogin    int64
	Refused             int // commands after the login that are not taken
}

// After the login silence has no bound of ours: the upstream has one (Exchange
// 30 minutes), and TCP keep-alive finds the clients that are gone.
var defaultLimits = limits{
	Handshake:       30 * time.Second,
	BeforeLogin:     60 * time.Second,
	Login:           5 * time.Minute,
	Line:            60 * time.Second,
	Write:           2 * time.Minute,
	Watch:           2 * time.Second,
	FirstWord:       10 * time.Second,
	KeepAlive:       20 * time.Second,
	Reconnect:       time.Minute,
	ReconnectPause:  time.Second,
	ReconnectSpread: 500 * time.Millisecond,
	Side:            time.Minute, // longer than one turn
	SideTurn:        40 * time.Second,
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

	SkipLine:            1 << 20,
	Drain:               256 << 20,
	CommandsBeforeLogin: 30,
	BytesBeforeLogin:    256 << 10,
	Refused:             500,
}

// literal is the time in which a literal of size bytes must be here.
func (l *limits) literal(size int64) time.Duration {
	return l.Stall + time.Duration(size/l.MinRate)*time.Second
}
