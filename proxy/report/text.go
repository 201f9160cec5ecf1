package report

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"exgate/proxy/words"
)

// Formats are the formats of a report.
var Formats = []string{"text", "csv", "json", "html"}

// Write writes a report in one of Formats.
func (r *Report) Write(out io.Writer, format string) error {
	switch format {
	case "csv":
		return r.writeCSV(out)
	case "json":
		return r.writeJSON(out)
	case "html":
		return r.writeHTML(out)
	}
	return r.writeText(out)
}

func (r *Report) writeJSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(r)
}

// writeCSV writes the messages that were left behind.
func (r *Report) writeCSV(out io.Writer) error {
	w := csv.NewWriter(out)
	w.Write([]string{"time", "upstream", "account", "mailbox", "message_id", "date", "size", "attempts", "outcome",
		"rule", "reason", "switch", "not_read"})
	for _, m := range r.Left {
		row := []string{m.At.Format(time.RFC3339), m.Upstream, m.Account, m.Mailbox, m.MessageID, m.Date,
			strconv.FormatInt(m.Size, 10), strconv.FormatInt(m.Attempts, 10), m.Outcome, m.Rule, m.Reason, m.Switch,
			strconv.FormatBool(m.NotRead)}
		PlainCells(row)
		w.Write(row)
	}
	w.Flush()
	return w.Error()
}

// writeText writes the report for people.
func (r *Report) writeText(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", r.title())
	r.Total.writeText(&b)
	if r.LedgerLost > 0 {
		fmt.Fprintf(&b, "\nThe ledger lacks %d records that it could not write.\n", r.LedgerLost)
	}
	if len(r.Upstreams) > 1 {
		fmt.Fprintf(&b, "\nupstreams:\n")
		writeGroups(&b, r.Upstreams, func(g *Group) string { return g.Upstream })
	}
	if len(r.Accounts) > 0 {
		fmt.Fprintf(&b, "\naccounts:\n")
		several := len(r.Upstreams) > 1
		writeGroups(&b, r.Accounts, func(g *Group) string {
			if several {
				return g.Account + " (" + g.Upstream + ")"
			}
			return g.Account
		})
	}
	r.writeFailures(&b)
	r.writeLeft(&b)
	_, err := io.WriteString(out, b.String())
	return err
}

// title says what the report is about.
func (r *Report) title() string {
	title := "Report of " + when(r.Made)
	if !r.Since.IsZero() {
		title += ", since " + when(r.Since)
	}
	if r.Only != "" {
		title += ", account " + r.Only
	}
	return title
}

func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

func (c *Counts) writeText(b *strings.Builder) {
	fmt.Fprintf(b, "\n%s stored (%s): %d untouched, %d repaired\n", words.Count(c.Stored, "message"),
		words.Size(c.Bytes), c.Untouched, c.Repaired)
	for _, line := range []struct {
		n    int64
		what string
	}{
		{c.Found, "sent again, and were in Exchange"}, {c.Refused, "refused by exgate"},
		{c.Rejected, "refused by Exchange"}, {c.TooLarge, "too large"},
		{c.Limited, "refused because the budget of a day was used up"},
		{c.Failed, "not stored; the client may try again"},
		{c.Unknown, "not known whether they are stored"}, {c.Pending, "on their way"},
		{c.Observed, "passed on by mode observe"}, {c.WouldRefuse, "of these would have been refused"},
	} {
		if line.n > 0 {
			fmt.Fprintf(b, "%d %s\n", line.n, line.what)
		}
	}
	fmt.Fprintf(b, "%d with the client's date, %d with the date of their header\n", c.DatesKept, c.DatesMade)
	rate := c.rate(1) + " messages a second"
	if c.rate(1) == "-" {
		rate = "all within a second"
	}
	fmt.Fprintf(b, "%s; waited %s for throttles, %s for the pace; last activity %s\n", rate,
		c.Throttled.Round(time.Second), c.Paced.Round(time.Second), when(c.Last))
	for _, list := range []struct {
		title string
		by    map[string]int64
	}{
		{"repaired by fix", c.Fixes}, {"would have been repaired by fix", c.WouldFix}, {"refused by rule", c.Rules},
		{"would have been refused by rule", c.WouldRules},
	} {
		for i, name := range byCount(list.by) {
			if i == 0 {
				fmt.Fprintf(b, "\n%s:\n", list.title)
			}
			fmt.Fprintf(b, "  %-20s %d\n", name, list.by[name])
		}
	}
}

func writeGroups(b *strings.Builder, groups []Group, name func(*Group) string) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "  stored\tbytes\trepaired\tleft\tfolders renamed\thidden\tthrottled\tper second\tlast activity\t ")
	for _, g := range groups {
		fmt.Fprintf(w, "  %d\t%s\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t %s\n", g.Stored, words.Size(g.Bytes), g.Repaired,
			g.Left, folderCount(g.Renamed, g.WouldRename), folderCount(g.Hidden, g.WouldHide),
			g.Throttled.Round(time.Second), g.rate(1), when(g.Last), name(&g))
	}
	w.Flush()
}

// folderCount says how many folders were renamed or hidden, and how many would have been in mode
// observe.
func folderCount(n, would int64) string {
	if would == 0 {
		return strconv.FormatInt(n, 10)
	}
	return fmt.Sprintf("%d, would be %d", n, would)
}

func (r *Report) writeFailures(b *strings.Builder) {
	first := true
	for _, g := range r.Accounts {
		if g.LoginFailures == 0 {
			continue
		}
		if first {
			fmt.Fprintf(b, "\nfailed logins:\n")
			first = false
		}
		fmt.Fprintf(b, "  %s: %d, the last one %s: %s: %s\n", g.Account, g.LoginFailures, when(g.FailedAt),
			g.FailedKind, g.FailedReason)
	}
}

func (r *Report) writeLeft(b *strings.Builder) {
	if r.LeftCount == 0 {
		fmt.Fprintf(b, "\nNothing was left behind.\n")
		return
	}
	fmt.Fprintf(b, "\nleft behind: %s, %s\n", words.Count(r.LeftCount, "message"), words.Size(r.LeftBytes))
	account := ""
	for _, m := range r.Left {
		if m.Account != account {
			account = m.Account
			fmt.Fprintf(b, "  %s\n", account)
		}
		what := m.unread()
		if what == "" {
			what = strings.TrimPrefix(m.MessageID+", "+words.Size(m.Size), ", ")
		}
		if m.Date != "" {
			what = m.Date + ", " + what
		}
		fmt.Fprintf(b, "    %s: %s, %s\n", m.Mailbox, what, m.Outcome)
		if m.Reason != "" {
			fmt.Fprintf(b, "      %s\n", m.Reason)
		}
		fmt.Fprintf(b, "      would arrive with: %s\n", m.Switch)
	}
	if more := r.LeftCount - int64(len(r.Left)); more > 0 {
		fmt.Fprintf(b, "  and %d more\n", more)
	}
}
