package audit

import (
	"fmt"
	"time"

	"exgate/proxy/budget"
	"exgate/proxy/ledger"
	"exgate/proxy/report"
	"exgate/proxy/words"
)

// neverFits returns what becomes of a message that no budget of a day has room for; false if it fits.
func (o *Options) neverFits(size int64) (fare, bool) {
	for _, limit := range []int64{o.Budget.Each.Bytes, o.Budget.All.Bytes} {
		if limit > 0 && size > limit {
			return fare{
				rule: ledger.RuleBudget, remedy: report.SwitchBudget,
				reason: fmt.Sprintf("the message has %d bytes, the budget of a day is %d", size, limit),
			}, true
		}
	}
	return fare{}, false
}

// withBudget is how long messages take that take paced without a budget. The first share of the
// budget passes at once. A message after it has to wait until one of the day before counts no
// more, which is so at the end of its quarter of an hour.
func withBudget(limit budget.Amount, c *Counts, paced time.Duration) time.Duration {
	took := paced
	for _, of := range []struct{ n, limit int64 }{{c.Stored, limit.Messages}, {c.Sent, limit.Bytes}} {
		if of.limit <= 0 || of.n <= of.limit {
			continue
		}
		waits := (of.n - 1) / of.limit
		share := time.Duration(float64(paced) * float64(of.limit) / float64(of.n))
		if share >= budget.Day {
			continue // the pace is the slower one
		}
		took = max(took, time.Duration(waits)*(budget.Day+budget.Quarter/2)+paced-time.Duration(waits)*share)
	}
	return took.Round(time.Millisecond)
}

// daysOf returns the number of days in which a migration is at work.
func daysOf(took time.Duration) int64 { return int64(took/budget.Day) + 1 }

// daysText says how many days the budget of a day makes it; "" if there is none.
func (r *Report) daysText() string {
	if r.Days == 0 {
		return ""
	}
	text := ": " + words.Count(r.Days, "day")
	if r.Days > 1 {
		text += ", if the client is run again each day"
	}
	several, longest := 0, &Account{}
	for i := range r.Accounts {
		a := &r.Accounts[i]
		if a.Days > 1 {
			several++
		}
		if a.Days > longest.Days {
			longest = a
		}
	}
	if several > 0 && len(r.Accounts) > 1 {
		text += fmt.Sprintf("; accounts that need more than one: %d (%s: %d)", several, longest.Name, longest.Days)
	}
	return text
}
