package counters

import (
	"sync"
	"time"
)

// Totals is a report of the counters of a gateway since its start. It contains no
// name of a user or a mailbox.
type Totals struct {
	Connections int  // open connections of clients
	Sessions    int  // connections with a login
	Draining    bool // the gateway is stopping

	// Counters has the sums over all sessions, by Names.
	Counters map[string]int64
	Waited   time.Duration // sum of the time that sessions waited for the pace and for throttles

	Logins          map[string]int64 // logins, by outcome: LoginOK or the kind of the failure
	Fixes           map[string]int64 // uses of fixes, by the name of the fix
	MessagesRefused map[string]int64 // refused messages, by rule
	LedgerLost      int64            // records that the ledger could not write
	Failures        map[string]int64 // replies that count towards Exchange's ten errors, by kind of failure
	Refusals        map[string]int64 // refused or slowed clients, by reason
}

// LoginOK is the outcome of a login that has opened its mailbox.
const LoginOK = "ok"

// Gateway has the counters of the whole gateway. The zero value has counted
// nothing. Gateway is safe for use by several goroutines.
type Gateway struct {
	Logins   ByName // by outcome
	Fixes    ByName // by the name of the fix
	Turned   ByName // refused messages, by rule
	Failures ByName // by kind of failure
	Refusals ByName // refused or slowed clients, by reason

	mu  sync.Mutex
	sum Values
}

// Add adds the difference between two readings of a session's counters: now, and
// before at the previous Add.
func (g *Gateway) Add(now, before *Values) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range now {
		g.sum[i] += now[i] - before[i]
	}
}

// Report returns the totals so far. Connections, Sessions and Draining are left
// zero for the caller.
func (g *Gateway) Report() Totals {
	totals := Totals{
		Counters: make(map[string]int64, len(Names)),
		Logins:   g.Logins.copyCounts(), Fixes: g.Fixes.copyCounts(), MessagesRefused: g.Turned.copyCounts(),
		Failures: g.Failures.copyCounts(), Refusals: g.Refusals.copyCounts(),
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, name := range Names {
		totals.Counters[name] = g.sum[i]
	}
	totals.Waited = time.Duration(g.sum[Waited])
	return totals
}
