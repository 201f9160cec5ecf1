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

// folderReport is what becomes of one mailbox.
type folderReport struct {
	Client     string   `json:"client,omitempty"` // as clients see it; "": they do not
	Exchange   string   `json:"exchange"`
	Shown      bool     `json:"shown"`
	SpecialUse string   `json:"special_use,omitempty"`
	By         []string `json:"by,omitempty"` // keys of names that have a part in it
	Why        string   `json:"why,omitempty"`
}

// folderReports tells what clients see of a probe's mailboxes.
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
			Client: fate.Client, Exchange: fate.Upstream, Shown: fate.Client != "", SpecialUse: fate.SpecialUse, By: fate.By, Why: whyFolder(fate),
		}
		if r.Shown && slices.ContainsFunc(probed[i].Attributes, func(a string) bool { return strings.EqualFold(a, `\Noselect`) }) {
			r.Why = strings.TrimPrefix(r.Why+"; holds other folders only", "; ")
		}
		reports = append(reports, r)
	}
	return reports, nil
}

// folderReasons are for people; those of names that are the operator's own
// choice need none.
var folderReasons = map[string]string{
	"prefix":     "all lie below the prefix",
	"list":       "names.list",
	"patterns":   "names.patterns",
	"separator":  "clients see another separator",
	"reserved":   "Exchange keeps the name for itself",
	"longest":    "too long for one level",
	"characters": "Exchange does not keep blanks at the ends, nor control characters",
	"apart":      "Exchange does not tell it from another folder by case",
}

// whyFolder says why clients see a mailbox otherwise than it is, or not.
func whyFolder(fate folders.Fate) string {
	switch {
	case fate.Holds != "":
		return fmt.Sprintf("hidden: Exchange's own for %s; names.hide: [off] shows it", fate.Holds)
	case fate.Client == "" && slices.Contains(fate.By, "prefix"):
		return "not shown: it lies outside the prefix"
	case fate.Client == "":
		return "not shown: it reads like another folder; rename it in Outlook"
	}
	var reasons []string
	for _, key := range fate.By {
		reasons = append(reasons, folderReasons[key])
	}
	return strings.Join(reasons, "; ")
}

// countFolders says how many are what.
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
	return fmt.Sprintf("%d in Exchange: %d shown to clients, of which %d under another name; %d not shown; %d marked with a special use",
		len(reports), len(reports)-hidden, renamed, hidden, special)
}

// printFolders writes the table of all of them.
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

// visible puts a name in quotes where something in it would not be seen.
func visible(name string) string {
	if name == "-" || strings.TrimSpace(name) != name || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(name)
	}
	return name
}
