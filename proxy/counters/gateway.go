package counters

import (
	"sync"
	"time"
)

// Totals are what a gateway has counted since it began. No name of a user or a
// mailbox is among them.
type Totals struct {
	Connections int // of clients, now
	Sessions    int // of them logged in
	Draining    bool

	// Counters are sums over all sessions, by the names that the log line at
	// the end of a session has: commands, messages, bytes, connections.
	Counters map[string]int64
	Waited   time.Duration // by sessions, for pace and throttles

	Logins map[string]int64 // by outcome: ok, or the kind of the failure
	Fixes  map[string]int64 // uses, by name
	// MessagesRefused are refusals of messages, by rule.
	MessagesRefused map[string]int64
	Failures        map[string]int64 // replies of Exchange that count towards its ten errors, by kind
	Refusals        map[string]int64 // of clients for what they take, by reason
}

// LoginOK is the outcome of a login that opened its mailbox.
const LoginOK = "ok"

// Gateway are those of the gateway.
type Gateway struct {
	Logins, Fixes, Turned, Failures, Refusals ByName

	mu  sync.Mutex
	sum Values
}

// Add adds what a session has counted since before.
func (t *Gateway) Add(now, before *Values) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range now {
		t.sum[i] += now[i] - before[i]
	}
}

// Report is what has been counted until now, but for the connections.
func (t *Gateway) Report() Totals {
	all := Totals{
		Counters: make(map[string]int64, len(Names)),
		Logins:   t.Logins.all(), Fixes: t.Fixes.all(), MessagesRefused: t.Turned.all(), Failures: t.Failures.all(), Refusals: t.Refusals.all(),
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, name := range Names {
		all.Counters[name] = t.sum[i]
	}
	all.Waited = time.Duration(t.sum[Waited])
	return all
}
