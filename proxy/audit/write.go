package audit

import (
	"cmp"
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"exgate/proxy/report"
	"exgate/proxy/words"
)

// Write writes a report in one of report.Formats.
func (r *Report) Write(out io.Writer, format string) error {
	switch format {
	case "csv":
		return r.writeCSV(out)
	case "json":
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(r)
	case "html":
		return pageTemplate.Execute(out, r)
	}
	_, err := io.WriteString(out, r.text())
	return err
}

// writeCSV writes a row for each account.
func (r *Report) writeCSV(out io.Writer) error {
	w := csv.NewWriter(out)
	w.Write([]string{"account", "mailboxes", "messages", "bytes", "untouched", "repaired", "refused", "may_be_refused",
		"unread", "duplicates", "no_date", "no_internal_date", "with_keywords", "names_changed", "names_refused",
		"seconds", "error"})
	for _, a := range r.Accounts {
		row := []string{a.Name}
		for _, n := range []int64{a.Mailboxes, a.Messages, a.Bytes, a.Untouched, a.Repaired, a.Refused, a.Risky,
			a.Unread, a.Duplicates, a.NoDate, a.NoArrival, a.Lacking, a.Changed, a.Refusals} {
			row = append(row, strconv.FormatInt(n, 10))
		}
		row = append(row, strconv.FormatFloat(a.Took.Seconds(), 'f', -1, 64), a.Error)
		report.PlainCells(row)
		w.Write(row)
	}
	w.Flush()
	return w.Error()
}

// text returns the report for people.
func (r *Report) text() string {
	var b strings.Builder
	t := &r.Total
	fmt.Fprintf(&b, "%s\n\n", r.Title())
	fmt.Fprintf(&b, "%d messages in %d mailboxes of %d accounts, %s\n", t.Messages, t.Mailboxes, len(r.Accounts),
		words.Size(t.Bytes))
	fmt.Fprintf(&b, "%d would be stored: %d untouched, %d repaired; %d refused\n", t.Stored, t.Untouched, t.Repaired,
		t.Refused)
	fmt.Fprintf(&b, "%s\n", r.Time())
	for _, line := range r.Remarks() {
		fmt.Fprintf(&b, "%s\n", line)
	}
	for _, table := range r.Tables() {
		fmt.Fprintf(&b, "\n%s:\n", table.Title)
		for _, row := range table.Rows {
			fmt.Fprintf(&b, "  %-20s %d\n", row.Name, row.Count)
		}
	}
	r.writeAccounts(&b)
	for i := range r.Accounts {
		r.Accounts[i].write(&b)
	}
	return b.String()
}

// Title says what the report is about.
func (r *Report) Title() string {
	return fmt.Sprintf("Audit of %s; profile %s", report.When(r.Made), r.Profile)
}

// Time says how long it takes.
func (r *Report) Time() string {
	by := "at the pace of the profile"
	switch {
	case !r.Paced && r.Days == 0:
		return "the profile has no pace: how long it takes is not known"
	case !r.Paced:
		by = "with the budget of a day (upstream.pace), and as fast as you like,"
	case r.Days > 0:
		by += " and with the budget of a day (upstream.pace)"
	}
	text := fmt.Sprintf("%s they take %s", by, round(r.OneByOne))
	if len(r.Accounts) > 1 {
		text += fmt.Sprintf(" one account after the other, %s with %d at a time", round(r.Took), r.Sessions)
	}
	return text + r.daysText()
}

func round(d time.Duration) time.Duration {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Second)
}

// Remarks are lines about what is not usual.
func (r *Report) Remarks() (lines []string) {
	t := &r.Total
	for _, remark := range []struct {
		n    int64
		text string
	}{
		{t.Risky, "may be refused by Exchange as they are; most versions take them, and exgate repairs what is " +
			"refused as far as fixes.escalate goes"},
		{sum(t.Lost), "of these would not arrive if Exchange refuses them"},
		{t.Unread, "could not be read"},
		{t.Duplicates, fmt.Sprintf("have the Message-ID of another message of the account, %d of them in the same "+
			"mailbox, where clients such as imapsync may leave them out", t.SameBox)},
		{t.NoDate, "have no Date that can be read"},
		{t.NoArrival, "have no date of arrival in the source: they get that of their header"},
		{t.Lacking, "have keywords or flags that Exchange lacks"},
		{t.Changed, "mailboxes get another name in Exchange"},
		{t.Refusals, "mailboxes have a name that cannot be stored"},
		{t.Others, "files are no messages"},
		{int64(len(r.failed())), "accounts could not be read, or not all of them"},
	} {
		if remark.n > 0 {
			lines = append(lines, fmt.Sprintf("%d %s", remark.n, remark.text))
		}
	}
	if slices.ContainsFunc(r.Accounts, func(a Account) bool { return a.IDsFull }) {
		lines = append(lines, fmt.Sprintf("an account has more than %d Message-IDs: duplicates of further ones are "+
			"not counted", maxIDs))
	}
	return lines
}

func sum(counts map[string]int64) (n int64) {
	for _, more := range counts {
		n += more
	}
	return n
}

func (r *Report) failed() (failed []Account) {
	for _, a := range r.Accounts {
		if a.HasFailed() {
			failed = append(failed, a)
		}
	}
	return failed
}

// Table is a list of counts.
type Table struct {
	Title string
	Rows  []Row
}

// Row is a count.
type Row struct {
	Name  string
	Count int64
}

// Tables are the counts that have something to say.
func (r *Report) Tables() (tables []Table) {
	t := &r.Total
	for _, list := range []struct {
		title string
		by    map[string]int64
	}{
		{"repaired by fix", t.Fixes}, {"refused by rule", t.Rules}, {"refused, and would arrive with", t.Switches},
		{"may be refused, by the fix for it", t.Risks},
		{"would not arrive if refused, but with", t.Lost}, {"keywords that Exchange lacks", t.Keywords},
	} {
		table := Table{Title: list.title}
		for _, name := range report.ByCount(list.by) {
			table.Rows = append(table.Rows, Row{cmp.Or(name, "nothing"), list.by[name]})
		}
		if len(table.Rows) > 0 {
			tables = append(tables, table)
		}
	}
	return tables
}

// writeAccounts writes the table of accounts.
func (r *Report) writeAccounts(b *strings.Builder) {
	fmt.Fprintf(b, "\naccounts:\n")
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "  messages\tbytes\trepaired\trefused\tunread\tduplicates\tnames changed\ttime\t ")
	for _, a := range r.Accounts {
		fmt.Fprintf(w, "  %d\t%s\t%d\t%d\t%d\t%d\t%d\t%s\t %s\n", a.Messages, words.Size(a.Bytes), a.Repaired,
			a.Refused, a.Unread, a.Duplicates, a.Changed, round(a.Took), a.Name)
	}
	w.Flush()
}

// write writes what an account has to say.
func (a *Account) write(b *strings.Builder) {
	lists := a.Lists()
	if !a.HasFailed() && len(lists) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", a.Name)
	if a.HasFailed() {
		fmt.Fprintf(b, "  could not be read, or not all of it: %s\n", a.Error)
	}
	for _, list := range lists {
		fmt.Fprintf(b, "  %s:\n", list.Title)
		for _, line := range list.Lines {
			fmt.Fprintf(b, "    %s\n", strings.Join(line, "\n      "))
		}
	}
}

// List is what there is to say of one kind of an account.
type List struct {
	Title string
	Lines [][]string // the lines after the first say more
}

// Lists are those that have something to say.
func (a *Account) Lists() (lists []List) {
	messages := func(title string, all []Message, n int64) {
		l := List{Title: title}
		for _, m := range all {
			l.Lines = append(l.Lines, m.lines())
		}
		if more := n - int64(len(all)); more > 0 {
			l.Lines = append(l.Lines, []string{fmt.Sprintf("and %d more", more)})
		}
		lists = append(lists, l)
	}
	messages("would be left behind", a.Left, a.Refused)
	messages("could not be read", a.Failures, a.Unread)
	messages("would not arrive if Exchange refuses them", a.AtRisk, sum(a.Lost))
	messages("largest", a.Largest, 0)
	names := List{Title: "names that change"}
	for _, n := range a.Names {
		names.Lines = append(names.Lines, n.lines())
	}
	special := List{Title: "folders for sent mail and so on"}
	for _, s := range a.Special {
		special.Lines = append(special.Lines, []string{s.String()})
	}
	lists = append(lists, names, special)
	return slices.DeleteFunc(lists, func(l List) bool { return len(l.Lines) == 0 })
}

func (m *Message) lines() []string {
	where := m.Mailbox
	switch {
	case m.Index > 0:
		where += fmt.Sprintf(", message %d", m.Index)
	case m.UID > 0:
		where += fmt.Sprintf(", UID %d", m.UID)
	}
	first := where
	if m.Size > 0 {
		first += ": " + words.Size(m.Size)
	}
	lines := []string{strings.TrimSpace(first + " " + m.ID)}
	if m.Reason != "" {
		lines = append(lines, strings.TrimPrefix(m.Rule+": "+m.Reason, ": "))
	}
	if m.Switch != "" {
		lines = append(lines, "would arrive with: "+m.Switch)
	}
	return lines
}

func (n *Name) lines() []string {
	switch {
	case n.Problem != "":
		return []string{n.Source + ": cannot be stored: " + n.Problem}
	case n.With != "":
		return []string{fmt.Sprintf("%s -> %s: the same mailbox as %s", n.Source, n.Exchange, n.With)}
	case len(n.By) > 0:
		return []string{fmt.Sprintf("%s -> %s (%s)", n.Source, n.Exchange, strings.Join(n.By, ", "))}
	}
	return []string{n.Source + " -> " + n.Exchange}
}

// String says what becomes of the folder.
func (s Special) String() string {
	if s.Same {
		return fmt.Sprintf("%s (%s) becomes Exchange's own %s", s.Source, s.Use, s.Exchange)
	}
	return fmt.Sprintf("%s (%s) would stand beside Exchange's own %s: imapsync --automap, or names.list, joins them",
		s.Source, s.Use, s.Exchange)
}

//go:embed audit.html
var page string

var pageTemplate = template.Must(template.New("audit").Funcs(template.FuncMap{
	"size": words.Size, "round": round,
}).Parse(page + report.Sheet()))
