package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"exgate/backend"
	"exgate/backend/folders"
)

// folderReport says how clients see one mailbox of Exchange.
type folderReport struct {
	Client     string   `json:"client,omitempty"` // the name for clients; "": they do not see it
	Exchange   string   `json:"exchange"`
	Shown      bool     `json:"shown"`
	SpecialUse string   `json:"special_use,omitempty"`
	By         []string `json:"by,omitempty"` // the keys of names that change the mailbox for clients
	Why        string   `json:"why,omitempty"`
}

// folderReports returns how clients see the mailboxes that a probe has found.
func folderReports(names folders.Options, probed []backend.ProbedFolder) ([]folderReport, error) {
	if len(probed) == 0 {
		return nil, nil
	}
	have := folders.NewList(probed[0].Separator)
	var upstream []string
	for _, folder := range probed {
		upstream = append(upstream, have.AddWire(folder.Name))
	}
	fates, err := folders.Fates(names, upstream, have)
	if err != nil {
		return nil, err
	}
	var reports []folderReport
	for i, fate := range fates {
		r := folderReport{
			Client: fate.Client, Exchange: fate.Upstream, Shown: fate.Client != "", SpecialUse: fate.SpecialUse,
			By: fate.By, Why: whyFolder(fate),
		}
		noSelect := func(a string) bool { return strings.EqualFold(a, `\Noselect`) }
		if r.Shown && slices.ContainsFunc(probed[i].Attributes, noSelect) {
			r.Why = strings.TrimPrefix(r.Why+"; contains only other folders", "; ")
		}
		reports = append(reports, r)
	}
	return reports, nil
}

// folderReasons are the reasons for people. For the administrator's own choices
// the name of the key is enough.
var folderReasons = map[string]string{
	"prefix":     "all mailboxes are below the prefix",
	"list":       "names.list",
	"patterns":   "names.patterns",
	"separator":  "clients see another separator",
	"reserved":   "Exchange reserves the name",
	"longest":    "the name is too long for one level",
	"characters": "Exchange drops blanks at the ends and control characters",
	"apart":      "the name differs from another folder only in case",
}

// whyFolder says why clients see a mailbox under another name, or not at all.
func whyFolder(fate folders.Fate) string {
	switch {
	case fate.Holds != "":
		return fmt.Sprintf("hidden: Exchange's folder for %s; names.hide: [off] shows it", fate.Holds)
	case fate.Client == "" && slices.Contains(fate.By, "prefix"):
		return "not shown: it is outside names.prefix; names.prefix: off shows it"
	case fate.Client == "":
		return "not shown: another folder has the same name for clients; rename it in Outlook"
	}
	var reasons []string
	for _, key := range fate.By {
		reasons = append(reasons, folderReasons[key])
	}
	return strings.Join(reasons, "; ")
}

// countFolders summarizes the reports in numbers.
func countFolders(reports []folderReport) string {
	var hidden, renamed, special int
	for _, r := range reports {
		switch {
		case !r.Shown:
			hidden++
		case r.Client != r.Exchange:
			renamed++
		}
		if r.SpecialUse != "" {
			special++
		}
	}
	return fmt.Sprintf("%d in Exchange: %d shown to clients, %d of them under another name; %d not shown; "+
		"%d marked with a special use", len(reports), len(reports)-hidden, renamed, hidden, special)
}

// printFolders writes a table of all folders.
func printFolders(out io.Writer, reports []folderReport) error {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "\nclients see\tin Exchange\tspecial use\twhy\n")
	for _, r := range reports {
		client := "-"
		if r.Shown {
			client = visible(r.Client)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", client, visible(r.Exchange), r.SpecialUse, r.Why)
	}
	table.Flush()
	for line := range strings.Lines(text.String()) {
		if _, err := fmt.Fprintln(out, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// visible puts a name in quotes if a person could not see all of it.
func visible(name string) string {
	invisible := func(r rune) bool { return !unicode.IsPrint(r) }
	if name == "-" || strings.TrimSpace(name) != name || strings.ContainsFunc(name, invisible) {
		return strconv.Quote(name)
	}
	return name
}
