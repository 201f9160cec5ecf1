// Package audit says what would become of mailboxes that are to be moved to Exchange: what
// exgate would repair and refuse, which names and flags would change, and how long it takes.
package audit

import (
	"math"
	"time"

	"exgate/backend"
)

// Report is the result of an audit.
type Report struct {
	Made     time.Time `json:"made"`
	Profile  string    `json:"profile"`
	Paced    bool      `json:"paced"`    // the profile has a pace, so that the times mean something
	Sessions int       `json:"sessions"` // accounts that are moved at a time, for Took
	Total    Counts    `json:"total"`
	Accounts []Account `json:"accounts"`
	// Took is how long all accounts take, with Sessions of them at a time and in the order of
	// the list. OneByOne is the same for one at a time.
	Took     time.Duration `json:"took_ns"`
	OneByOne time.Duration `json:"one_by_one_ns"`
	// Days is the number of days in which Took is spent; 0: there is no budget of a day.
	Days int64 `json:"days,omitzero"`
}

// Account has what is found in an account.
type Account struct {
	Name string `json:"account"`
	// Error is why the account could not be read, or not all of it.
	Error string `json:"error,omitzero"`
	Counts
	Took time.Duration `json:"took_ns"`       // to move the account
	Days int64         `json:"days,omitzero"` // in which Took is spent; 0: there is no budget of a day
	// Left are the messages that would be left behind, and those that could not be read are
	// in Failures. Each list has at most maxListed; the counts have all.
	Left     []Message `json:"left_behind"`
	Failures []Message `json:"failures"`
	AtRisk   []Message `json:"at_risk"` // Exchange may refuse these, and no repair of the profile follows
	Largest  []Message `json:"largest"`
	Names    []Name    `json:"names"`         // those that change or cannot be mapped
	Special  []Special `json:"special_use"`   // folders for sent mail and so on
	IDsFull  bool      `json:"ids_truncated"` // duplicates beyond maxIDs Message-IDs are not counted
}

// Counts are numbers of messages, if nothing else is said.
type Counts struct {
	Mailboxes int64            `json:"mailboxes"`
	Messages  int64            `json:"messages"` // that were read
	Bytes     int64            `json:"bytes"`    // of these, as they are
	Stored    int64            `json:"stored"`   // of Messages, those that would arrive
	Untouched int64            `json:"untouched"`
	Repaired  int64            `json:"repaired"` // of Stored, the others
	Fixes     map[string]int64 `json:"fixes"`    // messages by fix
	Refused   int64            `json:"refused"`
	Rules     map[string]int64 `json:"rules"`    // refused messages by rule
	Switches  map[string]int64 `json:"switches"` // refused messages by the setting that brings them; "": none does
	Risky     int64            `json:"may_be_refused"`
	Risks     map[string]int64 `json:"risks"` // messages that Exchange may refuse, by the fix that mends it
	// Lost counts those of Risky that would not arrive, by the setting that brings them.
	Lost       map[string]int64 `json:"risk_switches"`
	Attempts   int64            `json:"attempts"` // APPENDs
	Sent       int64            `json:"sent"`     // bytes of these
	Replayed   int64            `json:"replayed"` // STOREs of \Flagged
	Keywords   map[string]int64 `json:"keywords"` // messages by keyword or flag that Exchange lacks
	Lacking    int64            `json:"with_keywords"`
	Duplicates int64            `json:"duplicates"`         // have the Message-ID of an earlier one of the account
	SameBox    int64            `json:"duplicates_in_same"` // of these, in the same mailbox
	NoDate     int64            `json:"no_date"`            // have no Date that can be read
	NoArrival  int64            `json:"no_internal_date"`   // the source has no date for them
	Unread     int64            `json:"unread"`             // could not be read
	Others     int64            `json:"no_messages"`        // files of folders that are no messages
	Changed    int64            `json:"names_changed"`      // mailboxes
	Refusals   int64            `json:"names_refused"`      // mailboxes
}

// Message is a message of a list.
type Message struct {
	Mailbox string `json:"mailbox"`
	UID     uint32 `json:"uid,omitzero"`
	Index   int    `json:"message,omitzero"` // its number in an mbox, from 1
	ID      string `json:"message_id,omitzero"`
	Size    int64  `json:"size,omitzero"`
	Rule    string `json:"rule,omitzero"`
	Reason  string `json:"reason,omitzero"`
	Switch  string `json:"switch,omitzero"` // the setting with which it would arrive
}

// HasFailed reports whether the account could not be read.
func (a *Account) HasFailed() bool { return a.Error != "" }

// LeftBehind returns how many messages would not arrive.
func (c *Counts) LeftBehind() int64 { return c.Refused + c.Unread }

// add adds other counts.
func (c *Counts) add(o *Counts) {
	for _, sum := range []struct {
		to *int64
		n  int64
	}{
		{&c.Mailboxes, o.Mailboxes}, {&c.Messages, o.Messages}, {&c.Bytes, o.Bytes}, {&c.Stored, o.Stored},
		{&c.Untouched, o.Untouched}, {&c.Repaired, o.Repaired}, {&c.Refused, o.Refused}, {&c.Risky, o.Risky},
		{&c.Attempts, o.Attempts}, {&c.Sent, o.Sent}, {&c.Replayed, o.Replayed}, {&c.Lacking, o.Lacking},
		{&c.Duplicates, o.Duplicates}, {&c.SameBox, o.SameBox}, {&c.NoDate, o.NoDate}, {&c.NoArrival, o.NoArrival},
		{&c.Unread, o.Unread}, {&c.Others, o.Others}, {&c.Changed, o.Changed}, {&c.Refusals, o.Refusals},
	} {
		*sum.to += sum.n
	}
	merge(&c.Fixes, o.Fixes)
	merge(&c.Rules, o.Rules)
	merge(&c.Switches, o.Switches)
	merge(&c.Risks, o.Risks)
	merge(&c.Lost, o.Lost)
	merge(&c.Keywords, o.Keywords)
}

// maxReported limits the messages of each list in all accounts of a report.
const maxReported = 10_000

// NewReport sums up the accounts. sessions of them are moved at a time.
func NewReport(o Options, accounts []Account, sessions int, now time.Time) *Report {
	p := &o.Profile
	r := &Report{
		Made: now.UTC(), Profile: p.Name, Paced: p.Pace != (backend.Pacing{}), Sessions: max(sessions, 1),
		Accounts: accounts,
	}
	room := [3]int{maxReported, maxReported, maxReported}
	took := make([]time.Duration, len(accounts)) // without a budget
	longest := time.Duration(0)
	for i := range accounts {
		a := &accounts[i]
		took[i] = tookAt(p.Pace.Each, &a.Counts)
		a.Took = withBudget(o.Budget.Each, &a.Counts, took[i])
		longest = max(longest, a.Took)
		if o.Budget.HasAny() {
			a.Days = daysOf(a.Took)
		}
		r.Total.add(&a.Counts)
		for j, list := range []*[]Message{&a.Left, &a.Failures, &a.AtRisk} {
			*list = (*list)[:min(len(*list), room[j])]
			room[j] -= len(*list)
		}
	}
	all := tookAt(p.Pace.All, &r.Total)
	// An account that waits for its budget keeps no other one waiting.
	for _, of := range []struct {
		to       *time.Duration
		sessions int
	}{{&r.Took, r.Sessions}, {&r.OneByOne, 1}} {
		*of.to = max(withBudget(o.Budget.All, &r.Total, max(together(took, of.sessions), all)), longest)
	}
	if o.Budget.HasAny() {
		r.Days = daysOf(r.Took)
	}
	return r
}

// tookAt is how long messages take at a pace, if nothing else slows them. A pace begins with
// the amount of a second (backend.NewPace).
func tookAt(pace backend.Rates, c *Counts) time.Duration {
	seconds := 0.0
	for _, limit := range []struct {
		n    int64
		rate float64
	}{{c.Attempts, pace.Messages}, {c.Attempts, pace.Commands}, {c.Sent, pace.Bytes}} {
		if limit.rate > 0 {
			seconds = max(seconds, (float64(limit.n)-math.Ceil(limit.rate))/limit.rate)
		}
	}
	return time.Duration(seconds * float64(time.Second)).Round(time.Millisecond)
}

// together is how long accounts take, if sessions of them are moved at a time, in order.
func together(took []time.Duration, sessions int) (all time.Duration) {
	ends := make([]time.Duration, max(min(sessions, len(took)), 1))
	for _, d := range took {
		first := 0
		for i := range ends {
			if ends[i] < ends[first] {
				first = i
			}
		}
		ends[first] += d
		all = max(all, ends[first])
	}
	return all
}
