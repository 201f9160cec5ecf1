package proxy

import (
	"maps"
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

// loginOK is the outcome of a login that opened its mailbox.
const loginOK = "ok"

// tally counts by name. The zero value is ready.
type tally struct {
	mu sync.Mutex
	n  map[string]int64
}

func (t *tally) count(name string) { t.add(name, 1) }

func (t *tally) add(name string, n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n == nil {
		t.n = make(map[string]int64)
	}
	t.n[name] += n
}

// all is a copy of the counts.
func (t *tally) all() map[string]int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n == nil {
		return map[string]int64{}
	}
	return maps.Clone(t.n)
}

// totals are those of the gateway.
type totals struct {
	logins, fixes, turned, failures, refusals tally

	mu     sync.Mutex
	counts counts
}

// publish adds to the gateway's totals what the session has counted since it
// last did: before it waits for its client, and at its end.
func (c *conn) publish() {
	now := c.counted()
	t := &c.srv.totals
	t.mu.Lock()
	for i := range now {
		t.counts[i] += now[i] - c.summed[i]
	}
	t.mu.Unlock()
	c.summed = now
}

// Totals tells what has been counted until now. What a session does while its
// client waits for a reply is added when that has come.
func (s *Server) Totals() Totals {
	t := &s.totals
	all := Totals{
		Draining: s.draining.Err() != nil,
		Counters: make(map[string]int64, len(counterNames)),
		Logins:   t.logins.all(), Fixes: t.fixes.all(), MessagesRefused: t.turned.all(), Failures: t.failures.all(), Refusals: t.refusals.all(),
	}
	t.mu.Lock()
	for i, name := range counterNames {
		all.Counters[name] = t.counts[i]
	}
	all.Waited = time.Duration(t.counts[counterWaited])
	t.mu.Unlock()
	s.mu.Lock()
	all.Connections = len(s.live)
	s.mu.Unlock()
	all.Sessions = s.sessions.count()
	return all
}
