package proxy

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"

	"exgate/backend/knowledge"
	"exgate/proxy/counters"
	"exgate/proxy/delivery"
	"exgate/proxy/ledger"
	"exgate/proxy/status"
)

// progress counts what became of the messages of each account, and remembers the last refusals. The zero value has
// counted nothing; recall adds what the ledger has of earlier runs.
type progress struct {
	since time.Time // the first message of the ledger; zero: it has none. It does not change after recall

	mu       sync.Mutex
	accounts map[claimsKey]*accountProgress
	refusals []status.Refusal // the oldest first
}

// accountProgress is the progress of one account. It is guarded by progress.mu.
type accountProgress struct {
	user   string // as the first session has spelt it
	values counters.Values
	last   time.Time // the last time that something was counted
}

const (
	// maxProgress limits the accounts with a progress. Further ones are not counted apart.
	maxProgress = 10_000
	// maxRefusals limits the refusals that are remembered.
	maxRefusals = 50
)

// add adds the difference between two readings of a session's counters.
func (p *progress) add(l *login, now, before *counters.Values) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.progress == nil {
		l.progress = p.of(claimsKey{l.target.Name, foldCase(l.identity.User)}, l.identity.User)
	}
	one := l.progress
	if one == nil {
		return
	}
	for i := range now {
		one.values[i] += now[i] - before[i]
	}
	one.last = time.Now()
}

// of returns the progress of an account, which stays the same; nil if there are too many. p.mu is
// held.
func (p *progress) of(key claimsKey, user string) *accountProgress {
	one := p.accounts[key]
	switch {
	case one != nil:
		return one
	case len(p.accounts) >= maxProgress:
		return nil
	case p.accounts == nil:
		p.accounts = make(map[claimsKey]*accountProgress)
	}
	one = &accountProgress{user: user}
	p.accounts[key] = one
	return one
}

// recall adds what the ledger has of earlier runs, before the first session.
func (p *progress) recall(h ledger.History) {
	p.since = h.Since
	p.accounts = make(map[claimsKey]*accountProgress)
	for _, a := range h.Accounts {
		if len(p.accounts) >= maxProgress {
			break
		}
		one := &accountProgress{user: a.Account, last: a.Last}
		v := &one.values
		v[counters.Stored], v[counters.TurnedAway], v[counters.Unknown] = a.Stored, a.Refused, a.Unknown
		v[counters.UpstreamOut], v[counters.Waited] = a.Bytes, int64(a.Waited)
		p.accounts[claimsKey{a.Upstream, foldCase(a.Account)}] = one
	}
	for _, r := range h.Refusals {
		explain := ""
		switch r.Rule {
		case ledger.RuleBudget:
			explain = "budget"
		case "oversize":
			explain = "too-big"
		}
		p.note(status.Refusal{
			Time: r.At, What: status.RefusedMessage, Session: r.Session, User: r.Account,
			Upstream: upstreamName(r.Upstream), Mailbox: r.Mailbox, Size: r.Size, Explain: explain,
		}, r.Reason)
	}
}

// describe adds the progress to the accounts with sessions, and appends the other accounts. It returns them in the
// order of their last activity, the last first.
func (p *progress) describe(open []status.Account) []status.Account {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := make(map[*accountProgress]bool)
	for i := range open {
		if one := p.accounts[claimsKey{upstreamKey(open[i].Upstream), foldCase(open[i].User)}]; one != nil {
			open[i].Outcomes, open[i].LastActive = outcomesOf(&one.values), one.last
			seen[one] = true
		}
	}
	for key, one := range p.accounts {
		if !seen[one] {
			open = append(open, status.Account{
				User: one.user, Upstream: upstreamName(key.upstream), Outcomes: outcomesOf(&one.values),
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

// note remembers a refusal. text is what the client was told; only what exgate explain knows of it is kept, since
// Exchange may quote the message.
func (p *progress) note(r status.Refusal, text string) {
	if r.Time.IsZero() {
		r.Time = time.Now()
	}
	if entry, ok := knowledge.ByID(r.Explain); ok {
		r.Title = entry.Title
	} else if report, err := knowledge.Scan(strings.NewReader(text)); err == nil && len(report.Found) > 0 {
		r.Explain, r.Title = report.Found[0].Entry.ID, report.Found[0].Entry.Title
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.refusals) >= maxRefusals {
		p.refusals = slices.Delete(p.refusals, 0, 1)
	}
	p.refusals = append(p.refusals, r)
}

// lastRefusals returns the refusals that are remembered, the last first.
func (p *progress) lastRefusals() []status.Refusal {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := append([]status.Refusal{}, p.refusals...)
	slices.Reverse(last)
	return last
}

// noteRefusedMessage remembers that a message was refused with this reply.
func (c *conn) noteRefusedMessage(up *delivery.Upload, size int64, reply *imap.Error) {
	explain := ""
	switch {
	case up.Record.Rule == ledger.RuleBudget:
		explain = "budget"
	case reply.Code == "TOOBIG": // in words of exgate's own
		explain = "too-big"
	}
	c.srv.progress.note(status.Refusal{
		What: status.RefusedMessage, Session: c.id, User: c.login.identity.User,
		Upstream: upstreamName(c.login.target.Name), Mailbox: up.Mailbox, Size: size, Explain: explain,
	}, reply.Text)
}

// outcomesOf returns the counters that the operator is shown.
func outcomesOf(n *counters.Values) status.Outcomes {
	return status.Outcomes{
		Stored: n[counters.Stored], Refused: n[counters.TurnedAway], Unknown: n[counters.Unknown],
		UpstreamIn: n[counters.UpstreamIn], UpstreamOut: n[counters.UpstreamOut],
		Waited: time.Duration(n[counters.Waited]),
	}
}
