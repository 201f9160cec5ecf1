// Package report says what a ledger has of a migration: counts for each upstream and account,
// and the messages that were left behind.
package report

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"exgate/proxy/ledger"
	"exgate/proxy/words"
	"exgate/rewrite"
)

// Report is what a ledger has of the time since Since.
type Report struct {
	Made      time.Time `json:"made"`
	Since     time.Time `json:"since,omitzero"`   // zero: since the first row
	Only      string    `json:"account,omitzero"` // the only account; "": all
	Total     Counts    `json:"total"`
	Upstreams []Group   `json:"upstreams"`
	Accounts  []Group   `json:"accounts"`
	Hours     []Hour    `json:"hours"`
	// Left are the messages that were left behind, at most MaxLeft. LeftCount counts all.
	Left      []Message `json:"left_behind"`
	LeftCount int64     `json:"left_behind_count"`
	LeftBytes int64     `json:"left_behind_bytes"`
	// LedgerLost counts rows that the ledger could not write: the report lacks them.
	LedgerLost int64 `json:"ledger_lost"`
}

// Counts are sums over attempts to store a message.
type Counts struct {
	Stored      int64            `json:"stored"`        // new messages in Exchange
	Untouched   int64            `json:"untouched"`     // of Stored, those that no fix has changed
	Repaired    int64            `json:"repaired"`      // of Stored, the others
	Fixes       map[string]int64 `json:"fixes"`         // uses of fixes on stored messages
	Found       int64            `json:"found"`         // came again, and were in Exchange
	Refused     int64            `json:"refused"`       // by exgate
	Rejected    int64            `json:"rejected"`      // by Exchange
	TooLarge    int64            `json:"too_large"`     // larger than a limit
	Limited     int64            `json:"limited"`       // the budget of a day was used up
	Failed      int64            `json:"failed"`        // nothing was stored, and the client may try again
	Unknown     int64            `json:"unknown"`       // it is not known whether they are in Exchange
	Pending     int64            `json:"pending"`       // on their way
	Observed    int64            `json:"observed"`      // passed on by mode observe
	WouldRefuse int64            `json:"would_refuse"`  // of Observed
	WouldFix    map[string]int64 `json:"would_fix"`     // uses of fixes on observed messages
	WouldRules  map[string]int64 `json:"would_rules"`   // of WouldRefuse, by rule
	Rules       map[string]int64 `json:"rules"`         // refused, rejected and too large messages, by rule
	Bytes       int64            `json:"bytes"`         // of Stored, as they came
	DatesKept   int64            `json:"dates_kept"`    // of Stored, those with the date that the client gave
	DatesMade   int64            `json:"dates_derived"` // of Stored, those with a date from their header
	Throttled   time.Duration    `json:"throttled_ns"`  // waited for the end of throttles
	Paced       time.Duration    `json:"paced_ns"`      // waited for the pace
	First       time.Time        `json:"first,omitzero"`
	Last        time.Time        `json:"last,omitzero"`
}

// Group has the counts of an upstream or an account.
type Group struct {
	Upstream string `json:"upstream"`
	Account  string `json:"account,omitzero"`
	Counts
	Left     int64 `json:"left_behind"`
	Sessions int64 `json:"sessions"`
	Renamed  int64 `json:"folders_renamed"`
	Hidden   int64 `json:"folders_hidden"`
	// WouldRename and WouldHide count folders whose names mode observe has passed on.
	WouldRename int64 `json:"folders_would_rename"`
	WouldHide   int64 `json:"folders_would_hide"`
	// LoginFailures counts failed logins; the last one is described.
	LoginFailures int64     `json:"login_failures"`
	FailedAt      time.Time `json:"last_login_failure,omitzero"`
	FailedKind    string    `json:"last_login_failure_kind,omitzero"`
	FailedReason  string    `json:"last_login_failure_reason,omitzero"`
}

// Hour has what was stored in an hour.
type Hour struct {
	At       time.Time `json:"at"`
	Messages int64     `json:"messages"`
	Bytes    int64     `json:"bytes"`
}

// Message is a message that was left behind.
type Message struct {
	At        time.Time `json:"at"` // of the last attempt
	Upstream  string    `json:"upstream"`
	Account   string    `json:"account"`
	Mailbox   string    `json:"mailbox"`
	MessageID string    `json:"message_id"`
	Subject   string    `json:"subject,omitzero"`
	Date      string    `json:"date"`
	Size      int64     `json:"size"`
	Attempts  int64     `json:"attempts"`
	Outcome   string    `json:"outcome"`
	Rule      string    `json:"rule,omitzero"`
	Reason    string    `json:"reason"`
	Switch    string    `json:"switch"` // what would bring it
	// NotRead says that the message was refused when its size was announced. So nobody knows its
	// Message-ID.
	NotRead bool `json:"not_read,omitzero"`
}

// unread says in words that a message was not read; "" if it was.
func (m *Message) unread() string {
	if !m.NotRead {
		return ""
	}
	return "not read: announced as " + words.Count(m.Size, "byte")
}

// MaxLeft limits the messages in a report. Its counts have all.
const MaxLeft = 10_000

// rate returns the stored messages per second between the first and the last attempt; "-" if
// these are less than a second apart.
func (c *Counts) rate(digits int) string {
	took := c.Last.Sub(c.First).Seconds()
	if took < 1 {
		return "-"
	}
	return strconv.FormatFloat(float64(c.Stored)/took, 'f', digits, 64)
}

// add adds a number of messages with the same outcome.
func (c *Counts) add(r *sums) {
	switch ledger.Outcome(r.outcome) {
	case ledger.Stored:
		c.Stored += r.n
		c.Bytes += r.bytes
		count(&c.Fixes, r.fixes, r.n)
		if r.fixes == "" {
			c.Untouched += r.n
		} else {
			c.Repaired += r.n
		}
		switch r.dateFrom {
		case ledger.DateClient:
			c.DatesKept += r.n
		case ledger.DateDerived:
			c.DatesMade += r.n
		}
	case ledger.Found:
		c.Found += r.n
	case ledger.Refused:
		c.Refused += r.n
	case ledger.Rejected:
		c.Rejected += r.n
	case ledger.TooLarge:
		c.TooLarge += r.n
	case ledger.Limited:
		c.Limited += r.n
	case ledger.Failed:
		c.Failed += r.n
	case ledger.Unknown:
		c.Unknown += r.n
	case ledger.Pending:
		c.Pending += r.n
	case ledger.Observed:
		c.Observed += r.n
		count(&c.WouldFix, r.fixes, r.n)
		count(&c.WouldRules, r.rule, r.n)
		if r.rule != "" {
			c.WouldRefuse += r.n
		}
	}
	if ledger.Outcome(r.outcome) != ledger.Observed {
		count(&c.Rules, r.rule, r.n)
	}
	c.Throttled += r.throttled
	c.Paced += r.paced
	if c.First.IsZero() || r.first.Before(c.First) {
		c.First = r.first
	}
	if r.last.After(c.Last) {
		c.Last = r.last
	}
}

// count adds n to each name of a list with commas.
func count(by *map[string]int64, names string, n int64) {
	if names == "" {
		return
	}
	if *by == nil {
		*by = make(map[string]int64)
	}
	for name := range strings.SplitSeq(names, ",") {
		(*by)[name] += n
	}
}

// The switches that bring a message which was left behind.
const (
	switchAgain    = "run the client again"
	switchLater    = "run the client again at the time that the reason names, or raise its key"
	SwitchBudget   = "upstream.pace.bytes_per_day: more than the size of the message (also under all)"
	switchLook     = "run the client again: exgate looks whether Exchange has the message"
	SwitchSize     = "limits.message_size, if Exchange's own limit allows it, or fixes.oversize: detach"
	switchEnvelope = "fixes.escalate: envelope"
	switchKeep     = "quarantine.dir"
	switchNone     = "none: ask exgate explain about the reason"
)

// switchOf returns what would bring a message.
func switchOf(outcome, rule string, stage int) string {
	switch ledger.Outcome(outcome) {
	case ledger.Failed:
		return switchAgain
	case ledger.Limited:
		return switchLater
	case ledger.Unknown, ledger.Pending:
		return switchLook
	}
	switch {
	case rule == ledger.RuleBudget:
		return SwitchBudget
	case ledger.Outcome(outcome) == ledger.TooLarge:
		return SwitchSize
	case rule == ledger.RuleOversize:
		return SwitchSize
	case rule == ledger.RuleQuarantine:
		return switchKeep
	case stage >= int(rewrite.StageEnvelope):
		return switchNone
	}
	return switchEnvelope
}

// sortGroups orders the groups by name.
func sortGroups(groups []Group) {
	slices.SortFunc(groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Upstream, b.Upstream))
	})
}
