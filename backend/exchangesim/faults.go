package exchangesim

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// faultKind is one accident that can be ordered by name. A new one is a row
// in faultKinds and a call of conn.strike where it strikes.
type faultKind struct {
	name   string
	args   string // what follows the name; fault_parse.go knows the words
	about  string
	always bool   // without a count it strikes always; else once
	verb   string // at which command, where that is left out
	ends   bool   // also reset-, half-close- and hang- in the place of cut
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

// Moments at which a fault can strike beside commands.
const (
	verbAny      = "*"        // any command
	verbGreeting = "GREETING" // the connection has just been made
	verbWaiting  = "WAITING"  // no command is in flight, or IDLE waits
)

func faultKinds() []faultKind {
	return []faultKind{
		{name: faultThrottle, args: ":DURATION[:COUNT]",
			about: "the next COUNT (1) APPENDs are refused with DURATION as the suggested backoff time"},
		{name: faultThrottleEvery, args: ":N:DURATION[:SHAPE]", always: true,
			about: "each N-th command of an account throttles it for DURATION: that command and all until then are refused with what is left of it"},
		{name: faultThrottleAccount, args: ":USER:DURATION[:SHAPE]",
			about: "the next command of USER's account throttles it for DURATION likewise"},
		{name: faultRefuse, args: ":VERB[:COUNT]:TEXT",
			about: "the next COUNT (1) VERBs are answered by TEXT, such as NO Server Unavailable. 15, and not run; APPEND before its literal"},
		{name: faultRefuseMessage, args: "[:COUNT]:TEXT",
			about: "the next COUNT (1) APPENDs are answered by TEXT after the literal, and not stored"},
		{name: faultRefuseLogin, args: "[:COUNT]", always: true,
			about: "the next COUNT (all) logins fail"},
		{name: faultUnopenable, args: ":USER", always: true,
			about: "the mailbox of USER cannot be opened"},
		{name: faultConnectionLimit, args: "[:N[:SHOW]]", always: true,
			about: "a user has N (16, as MaxConnectionsPerUser) connections at most; what is over them is not-connected (as a mailbox that cannot be opened) or refused, by SHOW"},
		{name: faultTokenExpiry, args: "[:COUNT]", verb: verbAny,
			about: "the next COUNT (1) commands after login get BYE Session invalidated - AccessTokenExpired in place of a reply"},
		{name: faultBye, args: ":TEXT[:VERB[:COUNT]]", verb: verbAny,
			about: "the next COUNT (1) VERBs get BYE TEXT in place of a reply; 13, 14 and AccessTokenExpired stand for Exchange's words"},
		{name: faultCut, args: ":VERB[:COUNT]", ends: true,
			about: "the connection ends when VERB has come, before it is run, COUNT (1) times"},
		{name: faultCutReply, args: ":VERB:BYTES[:COUNT]", ends: true,
			about: "the connection ends after BYTES of the reply to VERB, untagged lines included; VERB has been run"},
		{name: faultCutStream, args: ":BYTES[:COUNT]", ends: true,
			about: "the connection ends after BYTES of all that is sent after the login"},
		{name: faultCutAppend, args: ":BYTES[:COUNT]", ends: true,
			about: "the connection ends after BYTES of an APPEND's conversation, both directions counted: command line, +, literal, line end, reply"},
		{name: faultCutLiteral, args: "[:COUNT]",
			about: "the connection is cut in the middle of the next COUNT (1) literals, in either direction"},
		{name: faultLiteralRun, args: "[:COUNT]",
			about: "the messages of the next COUNT (1) APPENDs are run as commands from their first line, as if it were too long"},
		{name: faultLostAppend, args: "[:COUNT]",
			about: "the next COUNT (1) APPENDs are read to their end; then the connection is cut and nothing is stored"},
		{name: faultLostAppendReply, args: "[:COUNT]",
			about: "the next COUNT (1) APPENDs are stored; then the connection is cut without a reply"},
		{name: faultLateAppend, args: ":DURATION[:COUNT]",
			about: "the messages of the next COUNT (1) APPENDs get OK without a UID, and are in the mailbox after DURATION"},
		{name: faultLaggingFetch, args: ":DURATION", always: true,
			about: "FETCH shows a message when DURATION has passed since it came; EXISTS and UIDNEXT count it at once"},
		{name: faultSlow, args: ":DURATION", always: true,
			about: "every reply waits for DURATION"},
		{name: faultDrip, args: ":DURATION[:VERB[:COUNT]]", always: true, verb: verbAny,
			about: "the reply to VERB is sent byte by byte with DURATION before each"},
		{name: faultDeliver, args: ":VERB[:COUNT]",
			about: "another client delivers a message to the selected mailbox while VERB is answered: in SELECT and EXAMINE between the lines, in IDLE before the +, in FETCH amid the data, else before the tagged reply"},
		{name: faultExpunge, args: ":VERB[:COUNT]",
			about: "another client expunges the first message of the selected mailbox likewise; FETCH, STORE and SEARCH do not tell of it (RFC 9051 section 7.5.1)"},
		{name: faultUIDValidity, args: ":VERB[:COUNT]",
			about: "the mailbox selected gets a new UIDVALIDITY and UIDs before VERB is run, and the connections that have it selected are cut"},
		{name: faultRandom, args: ":SEED[:RATE[:KINDS]]", always: true,
			about: "with probability RATE (0.02) a command meets one of KINDS, by default " + strings.Join(randomNames(), ",") + "; SEED makes it the same for the n-th command of the n-th connection"},
	}
}

// FaultHelp has a line for each fault that Config.Faults and AddFault take,
// and then for the words in it.
func FaultHelp() []string {
	var lines []string
	for _, k := range faultKinds() {
		lines = append(lines, k.name+k.args+": "+k.about)
	}
	return append(lines,
		"VERB is a command's name: FETCH stands for UID FETCH too, UID FETCH for itself; "+verbAny+" any command; "+
			verbGreeting+" the beginning of a connection (bye, drip and the cuts); "+verbWaiting+" the time between commands, and IDLE's, where a waiting connection is struck at once (bye and cut)",
		"cut, cut-reply, cut-stream and cut-append close the connection; so do reset (TCP RST), half-close (no more is sent, what comes is read) and hang (silence, without closing) in the place of cut: reset-reply:FETCH:120",
		"SHAPE is no (tagged NO, the default), bad (tagged BAD) or bad-bye (tagged BAD, then BYE Connection closed. 14)",
		"@K after any of them: it strikes from the K-th time on")
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

// at says whether the fault is one for that moment.
func (f fault) at(verb string) bool {
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
		if f.kind != kind || f.left == 0 || f.user != "" && !strings.EqualFold(f.user, user) || !f.at(verb) {
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
