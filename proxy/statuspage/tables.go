package statuspage

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"exgate/proxy/status"
	"exgate/proxy/words"
)

// section is a table of the page.
type section struct {
	ID, Title, Count, Note, None string
	All                          int // rows, with those that are not shown; 0: Rows has all
	Heads                        []head
	Rows                         [][]cell
}

type head struct{ Name, Class string }

// cell is one value. Sort is the value by which the table is sorted.
type cell struct{ Text, Sort, Class, Link, ID string }

// maxRows limits the rows of a table. Only these are made: there may be thousands of accounts.
const maxRows = 500

func text(s string) cell { return cell{Text: cmp.Or(s, "-"), Sort: s} }

func number(n int64) cell {
	return cell{Text: strconv.FormatInt(n, 10), Sort: strconv.FormatInt(n, 10), Class: "number"}
}

// alarming is a number that is of a colour unless it is 0.
func alarming(n int64) cell {
	c := number(n)
	if n > 0 {
		c.Class += " bad"
	}
	return c
}

func size(n int64) cell {
	c := number(n)
	if n >= 1000 {
		c.Text = words.Size(n)
	}
	return c
}

func moment(t time.Time) cell {
	if t.IsZero() {
		return cell{Text: "-", Sort: "0"}
	}
	return cell{Text: t.Local().Format("2006-01-02 15:04:05"), Sort: strconv.FormatInt(t.UnixMilli(), 10)}
}

func took(d time.Duration) cell {
	d = d.Round(time.Second)
	return cell{Text: d.String(), Sort: strconv.FormatInt(int64(d), 10), Class: "number"}
}

func pace(perSecond float64) cell {
	c := cell{Text: "no limit", Sort: "0", Class: "number"}
	if perSecond > 0 {
		c.Text, c.Sort = strconv.FormatFloat(perSecond, 'g', 3, 64)+"/s", strconv.FormatFloat(perSecond, 'g', -1, 64)
	}
	return c
}

// heads makes the heads of columns. A name that ends in # is that of a column of numbers.
func heads(names ...string) (all []head) {
	for _, name := range names {
		name, isNumber := strings.CutSuffix(name, "#")
		h := head{Name: name}
		if isNumber {
			h.Class = "number"
		}
		all = append(all, h)
	}
	return all
}

// sections returns the tables of a snapshot.
func sections(now *status.Snapshot) []section {
	all := []section{sessions(now), accounts(now), upstreams(now), refusals(now)}
	for i := range all {
		s := &all[i]
		s.All = max(s.All, len(s.Rows))
		s.Count = strconv.Itoa(s.All)
		s.Rows = s.Rows[:min(len(s.Rows), maxRows)]
		if more := s.All - len(s.Rows); more > 0 {
			s.Note = strings.TrimSpace(fmt.Sprintf("%s %d more are not shown.", s.Note, more))
		}
	}
	return all
}

func sessions(now *status.Snapshot) section {
	s := section{ID: "sessions", Title: "Sessions now", None: "No client is connected.", Heads: heads(
		"State", "User", "From", "Client", "Mailbox", "Stored#", "Refused#", "To Exchange#", "From Exchange#", "For#")}
	if len(now.Paused) > 0 {
		s.Note = "Paused: " + strings.Join(now.Paused, ", ") + "."
	}
	s.All = len(now.Sessions)
	for i := range min(s.All, maxRows) {
		one := &now.Sessions[i]
		user := one.User
		if by := cmp.Or(one.Caller, one.Admin); by != "" && by != user {
			user += " by " + by
		}
		s.Rows = append(s.Rows, []cell{
			stateOf(one), text(user), text(one.Client), text(one.Program), text(one.Mailbox), number(one.Stored),
			alarming(one.Refused), size(one.UpstreamOut), size(one.UpstreamIn), took(now.Time.Sub(one.Since)),
		})
	}
	return s
}

// stateOf is the state of a session, with its colour.
func stateOf(s *status.Session) cell {
	c := text(string(s.State))
	switch s.State {
	case status.StateSending:
		c.Class = "good"
	case status.StatePaced, status.StateThrottled, status.StateWaiting, status.StatePaused:
		c.Class = "wait"
	}
	if !s.Until.IsZero() {
		c.Text += " until " + s.Until.Local().Format(time.TimeOnly)
	}
	if s.Detail != "" {
		c.Text += ": " + s.Detail
	}
	return c
}

// countedSince says from when the numbers of the accounts are.
func countedSince(now *status.Snapshot) string {
	if now.CountedSince.IsZero() {
		return "Since the start of exgate."
	}
	return "Since " + now.CountedSince.Local().Format("2006-01-02 15:04") + ", by the ledger; bytes from Exchange " +
		"since the start of exgate."
}

func accounts(now *status.Snapshot) section {
	s := section{ID: "accounts", Title: "Accounts", None: "No account has logged in yet."}
	s.Note = countedSince(now)
	s.Heads = heads(
		"User", "Upstream", "Sessions#", "Stored#", "Refused#", "Unknown#", "To Exchange#", "From Exchange#", "Waited#",
		"Pace#", "Throttled until", "Last active")
	budgeted := slices.ContainsFunc(now.Accounts, func(a status.Account) bool { return a.Budget != nil })
	if budgeted {
		s.Heads = append(s.Heads, heads("In 24 hours")...)
	}
	s.All = len(now.Accounts)
	for i := range min(s.All, maxRows) {
		a := &now.Accounts[i]
		paced := text("")
		if a.Sessions > 0 {
			paced = pace(a.AppendPerSecond)
		}
		throttled := moment(a.ThrottledUntil)
		if !a.ThrottledUntil.IsZero() {
			throttled.Class = "wait"
		}
		s.Rows = append(s.Rows, []cell{
			text(a.User), text(a.Upstream), number(int64(a.Sessions)), number(a.Stored), alarming(a.Refused),
			alarming(a.Unknown), size(a.UpstreamOut), size(a.UpstreamIn), took(a.Waited), paced, throttled,
			moment(a.LastActive),
		})
		if budgeted {
			s.Rows[i] = append(s.Rows[i], budget(a.Budget))
		}
	}
	return s
}

// budget is what was stored in 24 hours, of what may be.
func budget(b *status.Budget) cell {
	if b == nil {
		return text("")
	}
	c := cell{Sort: strconv.FormatInt(b.Bytes, 10)}
	for _, of := range []struct {
		used, limit int64
		show        func(int64) cell
		unit        string
	}{{b.Messages, b.MessageLimit, number, " messages"}, {b.Bytes, b.ByteLimit, size, ""}} {
		shown := of.show(of.used).Text
		if of.limit > 0 {
			shown += " of " + of.show(of.limit).Text
		}
		if c.Text != "" {
			c.Text += ", "
		}
		c.Text += shown + of.unit
	}
	if !b.Until.IsZero() {
		c.Text, c.Class = c.Text+"; used up until "+b.Until.Local().Format("2006-01-02 15:04"), "wait"
	}
	return c
}

// addresses returns the addresses of an upstream, and those that do not answer.
func addresses(u status.Upstream) string {
	if len(u.PassedOver) == 0 {
		return u.Address
	}
	return u.Address + "; no answer from " + strings.Join(u.PassedOver, ", ")
}

func upstreams(now *status.Snapshot) section {
	s := section{ID: "upstreams", Title: "Upstreams", None: "There is no upstream.", Heads: heads(
		"Name", "Address", "Sessions#", "Connections#", "Waiting for one#", "Throttled accounts#",
		"Accounts over budget#", "In 24 hours")}
	for _, u := range now.Upstreams {
		s.Rows = append(s.Rows, []cell{
			text(u.Name), text(addresses(u)),
			number(int64(u.Sessions)), number(int64(u.Slots)), number(int64(u.Queued)),
			alarming(int64(u.Throttled)), alarming(int64(u.OverBudget)), budget(u.Budget),
		})
	}
	return s
}

func refusals(now *status.Snapshot) section {
	s := section{ID: "refusals", Title: "Last refusals", None: "Nothing was refused.", Heads: heads(
		"Time", "What", "User", "Mailbox", "Size#", "Why")}
	for i, r := range now.Refusals {
		why := cell{Text: "see the log, session " + r.Session, Sort: ""}
		if r.Explain != "" {
			why = cell{
				Text: r.Title, Sort: r.Title, Link: "explain/" + r.Explain,
				ID: fmt.Sprintf("why-%d", len(now.Refusals)-i),
			}
		}
		bytes := cell{Text: "-", Sort: "0", Class: "number"}
		if r.What == status.RefusedMessage {
			bytes = size(r.Size)
		}
		s.Rows = append(s.Rows, []cell{moment(r.Time), text(r.What), text(r.User), text(r.Mailbox), bytes, why})
	}
	return s
}
