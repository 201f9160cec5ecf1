// Package progress counts what became of the messages of each account, also after its sessions, and remembers the last
// refusals, for the operator (package status). Package proxy adds what its sessions count.
package progress

import (
	"cmp"
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
	mu       sync.Mutex
	since    time.Time // the first message of the ledger; zero: it has none, or nothing is recalled yet
	accounts map[key]*Account
	all      []*Account       // those of accounts
	refusals []status.Refusal // the oldest first
}

// key identifies an account: its upstream, and its user in lower case, since names that differ only in case are one.
type key struct{ upstream, user string }

func keyOf(upstream, user string) key { return key{upstream, strings.ToLower(user)} }

// Account is the progress of one account. It is guarded by Board.mu.
type Account struct {
	key     key    // it does not change, nor does user
	user    string // as the first session has spelt it
	values  counters.Values
	last    time.Time // the last time that something was counted
	dropped bool      // it counts no more: see dropOldest
}

const (
	// maxAccounts limits the accounts with a progress.
	maxAccounts = 10_000
	// MaxRefusals limits the refusals that are remembered.
	MaxRefusals = 50
	// describedAtOnce limits the accounts that are described while commands wait to be counted.
	describedAtOnce = 100
)

// Account returns the progress of an account, for Add.
func (b *Board) Account(upstream, user string) *Account {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.of(keyOf(upstream, user), user)
}

// of returns the progress of an account. b.mu is held.
func (b *Board) of(id key, user string) *Account {
	if one := b.accounts[id]; one != nil {
		return one
	}
	if len(b.accounts) >= maxAccounts {
		b.dropOldest()
	}
	if b.accounts == nil {
		b.accounts = make(map[key]*Account)
	}
	one := &Account{key: id, user: user}
	b.accounts[id], b.all = one, append(b.all, one)
	return one
}

// dropOldest drops a tenth of the accounts, those that were active longest ago: whoever is shown accounts looks for
// those of now. b.mu is held.
func (b *Board) dropOldest() {
	all := slices.Clone(b.all) // copyTo may go through the old one
	slices.SortFunc(all, func(a, b *Account) int { return b.last.Compare(a.last) })
	kept := len(all) - maxAccounts/10
	for _, one := range all[kept:] {
		one.dropped = true
		delete(b.accounts, one.key)
	}
	clear(all[kept:])
	b.all = all[:kept]
}

// Add adds the difference between two readings of a session's counters to the progress of its account.
func (b *Board) Add(one *Account, now, before *counters.Values) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if one.dropped { // its sessions were silent for long
		one = b.of(one.key, one.user)
	}
	for i := range now {
		one.values[i] += now[i] - before[i]
	}
	one.last = time.Now()
}

// Recall adds what the ledger has of earlier runs. Sessions may count already.
func (b *Board) Recall(h ledger.History) {
	var refusals []status.Refusal
	for _, r := range h.Refusals {
		explain := ""
		switch r.Rule {
		case ledger.RuleBudget:
			explain = "budget"
		case "oversize":
			explain = "too-big"
		}
		refusals = append(refusals, explained(status.Refusal{
			Time: r.At, What: status.RefusedMessage, Session: r.Session, User: r.Account,
			Upstream: status.UpstreamName(r.Upstream), Mailbox: r.Mailbox, Size: r.Size, Explain: explain,
		}, r.Reason))
	}
	slices.SortFunc(h.Accounts, func(a, b ledger.PastAccount) int { return b.Last.Compare(a.Last) })
	b.mu.Lock()
	defer b.mu.Unlock()
	b.since = h.Since
	for _, a := range h.Accounts {
		id := keyOf(a.Upstream, a.Account)
		if b.accounts[id] == nil && len(b.accounts) >= maxAccounts {
			continue // those that are there were active later
		}
		one := b.of(id, a.Account)
		if a.Last.After(one.last) {
			one.last = a.Last
		}
		v := &one.values
		v[counters.Stored] += a.Stored
		v[counters.TurnedAway] += a.Refused
		v[counters.Unknown] += a.Unknown
		v[counters.UpstreamOut] += a.Bytes
		v[counters.Waited] += int64(a.Waited)
	}
	b.refusals = append(refusals, b.refusals...)
	b.refusals = b.refusals[max(0, len(b.refusals)-MaxRefusals):]
}

// Since returns the time of the first message of the ledger; zero: it has none, or nothing is recalled yet.
func (b *Board) Since() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.since
}

// Describe adds the progress to the accounts with sessions, and appends the other accounts. It returns them in the
// order of their last activity, the last first.
func (b *Board) Describe(open []status.Account) []status.Account {
	open = b.copyTo(open)
	slices.SortFunc(open, func(a, b status.Account) int {
		return cmp.Or(b.LastActive.Compare(a.LastActive), cmp.Compare(a.Upstream, b.Upstream),
			cmp.Compare(a.User, b.User))
	})
	return open
}

// copyTo is Describe without the order. b.mu, which each command of a session needs, is held for some accounts at a
// time only, and not while thousands of them are sorted.
func (b *Board) copyTo(open []status.Account) []status.Account {
	seen := make(map[*Account]bool, len(open))
	for some := range slices.Chunk(open, describedAtOnce) {
		b.mu.Lock()
		for i := range some {
			if one := b.accounts[keyOf(status.UpstreamKey(some[i].Upstream), some[i].User)]; one != nil {
				some[i].Outcomes, some[i].LastActive = OutcomesOf(&one.values), one.last
				seen[one] = true
			}
		}
		b.mu.Unlock()
	}
	b.mu.Lock()
	all := slices.Clip(b.all) // its elements stay where they are
	b.mu.Unlock()
	open = slices.Grow(open, len(all))
	for some := range slices.Chunk(all, describedAtOnce) {
		b.mu.Lock()
		for _, one := range some {
			if !seen[one] && !one.dropped {
				open = append(open, status.Account{
					User: one.user, Upstream: status.UpstreamName(one.key.upstream), Outcomes: OutcomesOf(&one.values),
					LastActive: one.last,
				})
			}
		}
		b.mu.Unlock()
	}
	return open
}

// Note remembers a refusal. text is what the client was told; only what exgate explain knows of it is kept, since
// Exchange may quote the message.
func (b *Board) Note(r status.Refusal, text string) {
	r = explained(r, text)
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.refusals) >= MaxRefusals {
		b.refusals = slices.Delete(b.refusals, 0, 1)
	}
	b.refusals = append(b.refusals, r)
}

// explained adds to a refusal what exgate explain knows of the text, and the time if it has none.
func explained(r status.Refusal, text string) status.Refusal {
	if r.Time.IsZero() {
		r.Time = time.Now()
	}
	if entry, ok := knowledge.ByID(r.Explain); ok {
		r.Title = entry.Title
	} else if report, err := knowledge.Scan(strings.NewReader(text)); err == nil && len(report.Found) > 0 {
		r.Explain, r.Title = report.Found[0].Entry.ID, report.Found[0].Entry.Title
	}
	return r
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
