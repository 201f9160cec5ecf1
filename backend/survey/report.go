package survey

import (
	"fmt"
	"io"
	"text/tabwriter"

	"exgate/config/profile"
)

// Row is a finding for people, with what it means for exgate.
type Row struct {
	Verdict Verdict `json:"verdict"`
	Finding
	Asks     string    `json:"asks"`
	Settings []Setting `json:"settings,omitempty"`
}

// Report is what a survey has found.
type Report struct {
	Server   Server    `json:"server"`
	Rows     []Row     `json:"findings"`
	Missing  int       `json:"missing"` // probes that have not run yet
	Settings []Setting `json:"settings"`
}

// NewReport compares the findings with a profile.
func NewReport(state *State, p profile.Profile) Report {
	report := Report{Server: state.Server, Settings: Settings(state, p)}
	list := table()
	for i := range list {
		probe := &list[i]
		f, ok := state.Find(probe.id)
		if !ok {
			report.Missing++
			continue
		}
		row := Row{Verdict: probe.verdict(f, p), Finding: f, Asks: probe.asks}
		if row.Verdict == Different && probe.set != nil {
			row.Settings = probe.set(f, p)
		}
		report.Rows = append(report.Rows, row)
	}
	return report
}

// Print writes the report: what is different comes first.
func (r Report) Print(out io.Writer) error {
	fmt.Fprintf(out, "profile: %s\ngreeting: %s\n", r.Server.Profile, r.Server.Greeting)
	for _, part := range []struct {
		verdict Verdict
		about   string
	}{
		{Different, "Different from what exgate assumes"},
		{AsAssumed, "As exgate assumes"},
		{NotKnown, "Unknown"},
	} {
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		n := 0
		for _, row := range r.Rows {
			if row.Verdict != part.verdict {
				continue
			}
			if n++; n == 1 {
				fmt.Fprintf(out, "\n%s:\n", part.about)
			}
			fmt.Fprintf(table, "  %s\t%s\t%s\n", row.ID, row.Asks, row.short())
			for _, s := range row.Settings {
				fmt.Fprintf(table, "  \t\tset %s: %s\n", s.Key, yamlValue(s.Value))
			}
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	if r.Missing > 0 {
		fmt.Fprintf(out, "\nNot asked yet: %d probes. The next run goes on there.\n", r.Missing)
	}
	_, err := fmt.Fprintf(out, "\nSettings that follow:\n\n%s", YAML(r.Settings))
	return err
}
