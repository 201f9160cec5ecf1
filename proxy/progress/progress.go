// Package progress counts what became of the messages of each account, also after its sessions, and remembers the last
// refusals, for the operator (package status). Package proxy adds what its sessions count.
package progress

import (
	"slices"
	"strings"
	"sync"
	"time"

	"exgate/backend/knowledge"
	"exgate/proxy/counters"
	"exgate/proxy/ledger"
	"exgate/proxy/status"
)

// Board counts what became of the messages of each account, and remembers the last refusals. The zero value has
// counted nothing; Recall adds what the ledger has of earlier runs.
type Board struct {
	since time.Time // the first message of the ledger; zero: it has none. It does not change after Recall

	mu       sync.Mutex
	accounts map[key]*Account
	refusals []status.Refusal // the oldest first
}

// key identifies an account: its upstream, and its user in lower case, since names that differ only in case are one.
type key struct{ upstream, user string }

func keyOf(upstream, user string) key { return key{upstream, strings.ToLower(user)} }

// Account is the progress of one account. It is guarded by Board.mu.
type Account struct {
	user   string // as the first session has spelt it
	values counters.Values
	last   time.Time // the last time that something was counted
}

const (
	// maxAccounts limits the accounts with a progress. Further ones are not counted apart.
	maxAccounts = 10_000
	// MaxRefusals limits the refusals that are remembered.
	MaxRefusals = 50
)

// Account returns the progress of an account, which stays the same; nil if there are too many accounts.
func (b *Board) Account(upstream, user string) *Account {
	b.mu.Lock()
	defer b.mu.Unlock()
	id := keyOf(upstream, user)
	one := b.accounts[id]
	switch {
	case one != nil:
		return one
	case len(b.accounts) >= maxAccounts:
		return nil
	case b.accounts == nil:
		b.accounts = make(map[key]*Account)
	}
	one = &Account{user: user}
	b.accounts[id] = one
	return one
}

// Add adds the difference between two readings of a session's counters to the progress of its account, which may be
// nil.
func (b *Board) Add(one *Account, now, before *counters.Values) {
	if one == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range now {
		one.values[i] += now[i] - before[i]
	}
	one.last = time.Now()
}

// Recall adds what the ledger has of earlier runs, before the first session.
func (b *Board) Recall(h ledger.History) {
	b.since = h.Since
	b.accounts = make(map[key]*Account)
	for _, a := range h.Accounts {
		if len(b.accounts) >= maxAccounts {
			break
		}
		one := &Account{user: a.Account, last: a.Last}
		v := &one.values
		v[counters.Stored], v[counters.TurnedAway], v[counters.Unknown] = a.Stored, a.Refused, a.Unknown
		v[counters.UpstreamOut], v[counters.Waited] = a.Bytes, int64(a.Waited)
		b.accounts[keyOf(a.Upstream, a.Account)] = one
	}
	for _, r := range h.Refusals {
		explain := ""
		switch r.Rule {
		case ledger.RuleBudget:
			explain = "budget"
		case "oversize":
			explain = "too-big"
		}
		b.Note(status.Refusal{
			Time: r.At, What: status.RefusedMessage, Session: r.Session, User: r.Account,
			Upstream: status.UpstreamName(r.Upstream), Mailbox: r.Mailbox, Size: r.Size, Explain: explain,
		}, r.Reason)
	}
}

// Since returns the time of the first message of the ledger; zero: it has none.
func (b *Board) Since() time.Time { return b.since }

// Describe adds the progress to the accounts with sessions, and appends the other accounts. It returns them in the
// order of their last activity, the last first.
func (b *Board) Describe(open []status.Account) []status.Account {
	b.mu.Lock()
	defer b.mu.Unlock()
	seen := make(map[*Account]bool)
	for i := range open {
		if one := b.accounts[keyOf(status.UpstreamKey(open[i].Upstream), open[i].User)]; one != nil {
			open[i].Outcomes, open[i].LastActive = OutcomesOf(&one.values), one.last
			seen[one] = true
		}
	}
	for id, one := range b.accounts {
		if !seen[one] {
			open = append(open, status.Account{
				User: one.user, Upstream: status.UpstreamName(id.upstream), Outcomes: OutcomesOf(&one.values),
				LastActive: one.last,
			})
		}
	}
	slices.SortFunc(open, func(a, b status.Account) int {
		if order := b.LastActive.Compare(a.LastActive); order != 0 {
			return order
		}
		return strings.Compare(a.Upstream+"\x00"+a.User, b.Upstream+"\x00"+b.User)
	})
	return open
}

// Note remembers a refusal. text is what the client was told; only what exgate explain knows of it is kept, since
// Exchange may quote the message.
func (b *Board) Note(r status.Refusal, text string) {
	if r.Time.IsZero() {
		r.Time = time.Now()
	}
	if entry, ok := knowledge.ByID(r.Explain); ok {
		r.Title = entry.Title
	} else if report, err := knowledge.Scan(strings.NewReader(text)); err == nil && len(report.Found) > 0 {
		r.Explain, r.Title = report.Found[0].Entry.ID, report.Found[0].Entry.Title
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.refusals) >= MaxRefusals {
		b.refusals = slices.Delete(b.refusals, 0, 1)
	}
	b.refusals = append(b.refusals, r)
}

// Refusals returns the refusals that are remembered, the last first.
func (b *Board) Refusals() []status.Refusal {
	b.mu.Lock()
	defer b.mu.Unlock()
	last := append([]status.Refusal{}, b.refusals...)
	slices.Reverse(last)
	return last
}

// OutcomesOf returns the counters that the operator is shown.
func OutcomesOf(n *counters.Values) status.Outcomes {
	return status.Outcomes{
		Stored: n[counters.Stored], Refused: n[counters.TurnedAway], Unknown: n[counters.Unknown],
		UpstreamIn: n[counters.UpstreamIn], UpstreamOut: n[counters.UpstreamOut],
		Waited: time.Duration(n[counters.Waited]),
	}
}
