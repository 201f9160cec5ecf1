package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf16"

	"exgate/backend"
	"exgate/backend/folders"
	"exgate/proxy/report"
)

// planNames says of each folder with a new name whether it can have it. A new name is that of
// the last level: a folder stays where it is in the tree.
func planNames(options folders.Options, probed []backend.ProbedFolder, made []madeName) {
	if len(probed) == 0 {
		return
	}
	separator := probed[0].Separator
	taken := make(map[string]string) // names in lower case, and what has them
	for _, f := range probed {
		name, _ := folders.Decode(f.Name)
		taken[strings.ToLower(name)] = "there is a folder of this name"
	}
	for i := range made {
		m := &made[i]
		if m.New == "" {
			continue
		}
		above := m.wire[:strings.LastIndex(m.wire, separator)+1]
		for above != "" { // a name that is too long goes on below the folders that have its beginning
			level, _ := folders.Decode(lastLevel(strings.TrimSuffix(above, separator), separator))
			if folders.Mark(level) != folders.MarkMore {
				break
			}
			above = above[:strings.LastIndex(strings.TrimSuffix(above, separator), separator)+1]
		}
		parent, _ := folders.Decode(above)
		name := parent + m.New
		m.to = above + folders.Encode(m.New)
		m.State, m.Why = nameRefused, whyNotNamed(m.New, separator)
		if m.Why == "" {
			m.Why = taken[strings.ToLower(name)]
		}
		if m.Why == "" && isUnseen(options, probed, m.to, name) {
			m.Why = "clients of exgate would not see a folder of this name"
		}
		if m.Why != "" {
			continue
		}
		taken[strings.ToLower(name)] = "another folder is to have this name"
		m.State = nameReady
		if above != m.wire[:strings.LastIndex(m.wire, separator)+1] {
			m.Why = "the folder above it, with the beginning of its name, stays: delete it in Outlook if it is empty"
		}
	}
}

func lastLevel(name, separator string) string { return name[strings.LastIndex(name, separator)+1:] }

// maxNewName is the longest name of one level that Exchange takes, in units of UTF-16
// (docs/exchange.md#ex-44), less what it may need itself.
const maxNewName = 250

// whyNotNamed says why a level cannot have a name; "" if it can.
func whyNotNamed(name, separator string) string {
	switch {
	case strings.Contains(name, separator):
		return fmt.Sprintf("the new name has the separator %s: give only the name of the last level", separator)
	case strings.TrimSpace(name) != name:
		return "Exchange drops blanks at the ends of a name"
	case strings.ContainsFunc(name, unicode.IsControl):
		return "the new name has a control character"
	case len(utf16.Encode([]rune(name))) > maxNewName:
		return fmt.Sprintf("the new name has more than %d characters", maxNewName)
	case folders.Mark(name) != folders.MarkNone:
		return "the new name looks like one that exgate makes"
	}
	return ""
}

// isUnseen reports whether clients would not see a folder, such as one called Calendar.
func isUnseen(options folders.Options, probed []backend.ProbedFolder, to, name string) bool {
	reports, err := folderReports(options, append(slices.Clone(probed),
		backend.ProbedFolder{Name: to, Separator: probed[0].Separator}))
	if err != nil || len(reports) == 0 {
		return false
	}
	last := reports[len(reports)-1]
	return last.Exchange == name && !last.Shown
}

// wantedNames are the new names that the administrator gives.
type wantedNames struct {
	everywhere map[string]string // by the name in Exchange
	rows       []wantedName
}

// wantedName is a row of --rename.
type wantedName struct {
	mailbox, exchange, name string
	isTaken                 bool
}

// readWantedNames reads the new names of a CSV file, as exgate names --format csv writes it, and
// those of flags.
func readWantedNames(file string, flags []string) (w wantedNames, err error) {
	w.everywhere = make(map[string]string)
	for _, flag := range flags {
		old, name, ok := strings.Cut(flag, "=")
		if !ok || old == "" || name == "" {
			return w, fmt.Errorf("--new: %q is not EXCHANGE=NEW", flag)
		}
		w.everywhere[old] = name
	}
	if file == "" {
		return w, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return w, fmt.Errorf("--rename: %w", err)
	}
	defer f.Close()
	records, err := csv.NewReader(io.LimitReader(f, maxUserList)).ReadAll()
	if err != nil {
		return w, fmt.Errorf("--rename: %s: %w", file, err)
	}
	if len(records) == 0 {
		return w, fmt.Errorf("--rename: %s is empty", file)
	}
	records[0][0] = strings.TrimPrefix(records[0][0], "\ufeff")
	var columns [3]int
	for i, name := range []string{"mailbox", "exchange", "new"} {
		if columns[i] = slices.Index(records[0], name); columns[i] < 0 {
			return w, fmt.Errorf("--rename: %s has no column %q in its first line", file, name)
		}
	}
	for _, record := range records[1:] {
		if name := unquoted(record[columns[2]]); name != "" {
			w.rows = append(w.rows, wantedName{mailbox: unquoted(record[columns[0]]),
				exchange: unquoted(record[columns[1]]), name: name})
		}
	}
	return w, nil
}

// take returns the new name of a folder; "" if none is given.
func (w *wantedNames) take(mailbox, exchange string) (name string) {
	name = w.everywhere[exchange]
	for i := range w.rows {
		if row := &w.rows[i]; strings.EqualFold(row.mailbox, mailbox) && row.exchange == exchange {
			name, row.isTaken = row.name, true
		}
	}
	return name
}

// of returns the rows for which there was no folder, of mailboxes that were looked at.
func (w *wantedNames) of(users []listedUser) (absent []madeName) {
	for _, row := range w.rows {
		if row.isTaken {
			continue
		}
		m := madeName{Mailbox: row.mailbox, Exchange: row.exchange, New: row.name, State: nameAbsent,
			Why: "neither --login nor --from has this mailbox"}
		isListed := func(u listedUser) bool { return strings.EqualFold(u.mailbox, row.mailbox) }
		if slices.ContainsFunc(users, isListed) {
			m.Why = "the mailbox has no such folder made by exgate: it is renamed already, or has another name"
		}
		absent = append(absent, m)
	}
	return absent
}

// namesError returns an error if something was not renamed, or not looked at.
func namesError(all []madeName) error {
	count := make(map[string]int)
	for _, m := range all {
		count[m.State]++
	}
	switch {
	case count[nameClosed] > 0:
		return exitError{exitUnavailable, fmt.Errorf("names: mailboxes that do not open: %d", count[nameClosed])}
	case count[nameRefused]+count[nameFailed]+count[nameUnknown] > 0:
		return exitError{exitData, errors.New("names: not all folders have their new name")}
	}
	return nil
}

var namesHeader = []string{"mailbox", "admin", "exchange", "client", "new", "state", "why"}

// cells returns a row of a table.
func (m *madeName) cells() []string {
	return []string{m.Mailbox, m.Admin, m.Exchange, m.Client, m.New, m.State, m.Why}
}

// unquoted undoes what report.PlainCells does to a cell.
func unquoted(cell string) string { return strings.TrimPrefix(cell, "'") }

// writeNames writes the folders of a number of mailboxes.
func writeNames(out io.Writer, format string, all []madeName, mailboxes int) error {
	switch format {
	case "json":
		if all == nil {
			all = []madeName{}
		}
		return encodeJSON(out, all)
	case "csv":
		w := csv.NewWriter(out)
		w.Write(namesHeader) // Flush keeps the error
		for _, m := range all {
			row := m.cells()
			report.PlainCells(row)
			w.Write(row)
		}
		w.Flush()
		return w.Error()
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	count, made := make(map[string]int), 0
	if len(all) > 0 {
		fmt.Fprintln(table, "mailbox\tin Exchange\tclients see\tnew\tstate\twhy")
	}
	for _, m := range all {
		if count[m.State]++; m.Client != "" {
			made++
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", m.Mailbox, visible(m.Exchange), visible(m.Client),
			visible(m.New), m.State, m.Why)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	summary := fmt.Sprintf("mailboxes: %d; folders that exgate has named: %d", mailboxes, made)
	for _, state := range []string{
		nameReady, nameRenamed, nameRefused, nameFailed, nameUnknown, nameAbsent, nameClosed,
	} {
		if n := count[state]; n > 0 {
			summary += fmt.Sprintf("; %s: %d", state, n)
		}
	}
	if count[nameReady] > 0 {
		summary += "\nNothing was changed: --apply renames the folders that are ready."
	}
	_, err := fmt.Fprintln(out, summary)
	return err
}
