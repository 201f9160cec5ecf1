package exchangesim

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// faultKind is a fault that a user can order by name. To add one, add a row to
// faultKinds, and call conn.strike at the place where it happens.
type faultKind struct {
	name   string
	args   string // the arguments after the name; fault_parse.go parses them
	about  string
	always bool   // without a count, it happens always; otherwise once
	verb   string // the command, if the order does not name one
	ends   bool   // reset-, half-close- and hang- are possible instead of cut
}

const (
	faultThrottle        = "throttle"
	faultThrottleEvery   = "throttle-every"
	faultThrottleAccount = "throttle-account"
	faultRefuse          = "refuse"
	faultRefuseMessage   = "refuse-message"
	faultRefuseLogin     = "refuse-login"
	faultUnopenable      = "unopenable"
	faultConnectionLimit = "connection-limit"
	faultTokenExpiry     = "token-expiry"
	faultBye             = "bye"
	faultCut             = "cut"
	faultCutReply        = "cut-reply"
	faultCutStream       = "cut-stream"
	faultCutAppend       = "cut-append"
	faultCutLiteral      = "cut-mid-literal"
	faultLiteralRun      = "literal-run-as-commands"
	faultLostAppend      = "lost-append"
	faultLostAppendReply = "lost-append-reply"
	faultLateAppend      = "late-append"
	faultLaggingFetch    = "lagging-fetch"
	faultSlow            = "slow"
	faultDrip            = "drip"
	faultDeliver         = "deliver"
	faultExpunge         = "expunge"
	faultUIDValidity     = "uidvalidity"
	faultRandom          = "random"
)

// These are the moments other than commands at which a fault can happen.
const (
	verbAny      = "*"        // any command
	verbGreeting = "GREETING" // the connection has just been made
	verbWaiting  = "WAITING"  // no command is in flight, or IDLE waits
)

func faultKinds() []faultKind {
	return []faultKind{
		{name: faultThrottle, args: ":DURATION[:COUNT]",
			about: "the server refuses the next COUNT (1) APPENDs, with DURATION as the suggested backoff time"},
		{name: faultThrottleEvery, args: ":N:DURATION[:SHAPE]", always: true,
			about: "each N-th command of an account throttles the account for DURATION: the server refuses this " +
				"command and all commands until then, with the remaining time as the suggested backoff time"},
		{name: faultThrottleAccount, args: ":USER:DURATION[:SHAPE]",
			about: "the next command of USER's account throttles the account for DURATION, in the same way"},
		{name: faultRefuse, args: ":VERB[:COUNT]:TEXT",
			about: "the server answers the next COUNT (1) VERBs with TEXT, such as NO Server Unavailable. 15, and " +
				"does not run them; it refuses APPEND before the literal"},
		{name: faultRefuseMessage, args: "[:COUNT]:TEXT",
			about: "the server answers the next COUNT (1) APPENDs with TEXT after the literal, and does not store " +
				"the message"},
		{name: faultRefuseLogin, args: "[:COUNT]", always: true,
			about: "the next COUNT (all) logins fail"},
		{name: faultUnopenable, args: ":USER", always: true,
			about: "the mailbox of USER cannot be opened"},
		{name: faultConnectionLimit, args: "[:N[:SHOW]]", always: true,
			about: "a user can have at most N connections (16, like MaxConnectionsPerUser). SHOW says how the server " +
				"treats a further one: not-connected (like a mailbox that cannot be opened) or refused"},
		{name: faultTokenExpiry, args: "[:COUNT]", verb: verbAny,
			about: "the next COUNT (1) commands after login get BYE Session invalidated - AccessTokenExpired " +
				"instead of a reply"},
		{name: faultBye, args: ":TEXT[:VERB[:COUNT]]", verb: verbAny,
			about: "the next COUNT (1) VERBs get BYE TEXT instead of a reply; as TEXT, 13, 14 and " +
				"AccessTokenExpired stand for Exchange's " +
				"texts"},
		{name: faultCut, args: ":VERB[:COUNT]", ends: true,
			about: "the connection ends when the server has received VERB and before it runs it, COUNT (1) times"},
		{name: faultCutReply, args: ":VERB:BYTES[:COUNT]", ends: true,
			about: "the connection ends after BYTES of the reply to VERB, including untagged lines; the server has " +
				"run VERB"},
		{name: faultCutStream, args: ":BYTES[:COUNT]", ends: true,
			about: "the connection ends when the server has sent BYTES after the login"},
		{name: faultCutAppend, args: ":BYTES[:COUNT]", ends: true,
			about: "the connection ends after BYTES of an APPEND, counted in both directions: command line, +, " +
				"literal, line end, reply"},
		{name: faultCutLiteral, args: "[:COUNT]",
			about: "the connection ends in the middle of each of the next COUNT (1) literals, in either direction"},
		{name: faultLiteralRun, args: "[:COUNT]",
			about: "the server runs the messages of the next COUNT (1) APPENDs as commands, as if the first line " +
				"were too long"},
		{name: faultLostAppend, args: "[:COUNT]",
			about: "the server reads the next COUNT (1) APPENDs to their end, stores nothing, and closes the " +
				"connection"},
		{name: faultLostAppendReply, args: "[:COUNT]",
			about: "the server stores the messages of the next COUNT (1) APPENDs, and closes the connection " +
				"without a reply"},
		{name: faultLateAppend, args: ":DURATION[:COUNT]",
			about: "the next COUNT (1) APPENDs get OK without a UID; their messages appear in the mailbox after " +
				"DURATION"},
		{name: faultLaggingFetch, args: ":DURATION", always: true,
			about: "FETCH shows a new message only after DURATION; EXISTS and UIDNEXT count it at once"},
		{name: faultSlow, args: ":DURATION", always: true,
			about: "the server waits for DURATION before every reply"},
		{name: faultDrip, args: ":DURATION[:VERB[:COUNT]]", always: true, verb: verbAny,
			about: "the server sends the reply to VERB byte by byte, with DURATION before each byte"},
		{name: faultDeliver, args: ":VERB[:COUNT]",
			about: "another client delivers a message to the selected mailbox while the server answers VERB: for " +
				"SELECT and EXAMINE between the lines, for IDLE before the +, for FETCH between the data, otherwise " +
				"before the tagged reply"},
		{name: faultExpunge, args: ":VERB[:COUNT]",
			about: "another client expunges the first message of the selected mailbox at that moment; replies to " +
				"FETCH, STORE and SEARCH do not report it (RFC 9051 section 7.5.1)"},
		{name: faultUIDValidity, args: ":VERB[:COUNT]",
			about: "before the server runs VERB, the selected mailbox gets a new UIDVALIDITY and new UIDs, and all " +
				"connections that have it selected end"},
		{name: faultRandom, args: ":SEED[:RATE[:KINDS]]", always: true,
			about: "a command causes one of the faults KINDS with probability RATE (0.02); the default KINDS are " +
				strings.Join(randomNames(), ",") + ". With the same SEED, the n-th command of the n-th connection " +
				"causes the same fault"},
	}
}

// FaultHelp returns a line for each fault that Config.Faults and AddFault accept, and
// then explanations of the words in these lines.
func FaultHelp() []string {
	var lines []string
	for _, k := range faultKinds() {
		lines = append(lines, k.name+k.args+": "+k.about)
	}
	return append(
		lines,
		"VERB is the name of a command. FETCH includes UID FETCH; UID FETCH means only itself. "+
			verbAny+" means any command. "+
			verbGreeting+" means the beginning of a connection (for bye, drip and the cuts). "+verbWaiting+
			" means the time between commands, and IDLE; a waiting connection is hit at once (for bye and cut)",
		"cut, cut-reply, cut-stream and cut-append close the connection. Instead of cut, write reset (TCP RST), "+
			"half-close (the server sends nothing more, but still reads) or hang (the server is silent and does not "+
			"close): reset-reply:FETCH:120",
		"SHAPE is no (tagged NO, the default), bad (tagged BAD) or bad-bye (tagged BAD, then BYE Connection "+
			"closed. 14)",
		"@K after a fault means that it begins at the K-th time",
	)
}

// fault is one order.
type fault struct {
	kind  string
	end   ending        // of the cuts
	verb  string        // where it strikes; "" where the kind says
	user  string        // whom it strikes; "" all
	delay time.Duration //
	bytes int64         // after which a cut comes
	limit int           // N
	text  string        // of a reply
	shape string        // of a throttle, or of what is over a connection limit
	seed  uint64        // of random, and of what it has drawn
	rate  float64       // of random
	kinds []string      // of random
	drawn bool          // by random: it leaves the messages of clients alone
	spare int           // chances to be passed over
	left  int           // strikes left; negative: no end
}

// name is the fault's as it was ordered: reset-reply.
func (f fault) name() string {
	if f.end == "" {
		return f.kind
	}
	return string(f.end) + strings.TrimPrefix(f.kind, string(endCut))
}

// isAt reports whether the fault is one for that moment.
func (f fault) isAt(verb string) bool {
	return f.verb == "" || f.verb == verb || "UID "+f.verb == verb ||
		f.verb == verbAny && verb != verbGreeting && verb != verbWaiting
}

// faults are the orders not yet used up. The zero value has none.
type faults struct {
	mu        sync.Mutex
	list      []*fault
	throttled map[string]throttle // by account
	strikes   map[string]int      // by name
}

func (l *faults) add(spec string) (*fault, error) {
	f, err := parseFault(spec)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(slices.DeleteFunc(l.list, func(f *fault) bool { return f.left == 0 }), &f)
	return &f, nil
}

// clear forgets all orders, and that accounts are throttled.
func (l *faults) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.list {
		f.left = 0 // a cut may wait for its byte
	}
	l.list, l.throttled = nil, nil
}

// find returns the first order of that kind for that user and moment, not yet
// used; nil if there is none. The order belongs to the list.
func (l *faults) find(kind, user, verb string) *fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.list, func(f *fault) bool {
		if f.kind != kind || f.left == 0 || f.user != "" && !strings.EqualFold(f.user, user) || !f.isAt(verb) {
			return false
		}
		f.spare--
		return f.spare < 0
	})
	if i < 0 {
		return nil
	}
	return l.list[i]
}

// use takes one strike from an order, counts it and returns a copy. It says no
// when others have used the order up.
func (l *faults) use(order *fault) (fault, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if order.left == 0 {
		return fault{}, false
	}
	if order.left > 0 {
		order.left--
	}
	l.count(order.name())
	return *order, true
}

// count notes one strike. The caller holds the lock.
func (l *faults) count(name string) {
	if l.strikes == nil {
		l.strikes = map[string]int{}
	}
	l.strikes[name]++
}
