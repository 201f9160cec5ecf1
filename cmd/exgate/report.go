package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"exgate/config"
	"exgate/proxy/report"
)

// reportCommand is "exgate report": it says what the ledger has of a migration.
func reportCommand() *cobra.Command {
	var file, format, since string
	var o report.Options
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Tell what became of the messages, and which were left behind",
		Long: `Reads the ledger, also while the gateway runs, and says for each upstream and
account what was stored, repaired and refused, and which messages were left
behind: those that neither their last attempt nor another one has stored. For
each of them it names the setting with which it would arrive.

csv has only the messages that were left behind. html is one file, which needs
nothing from outside.

Exit codes: 0: nothing was left behind; 65: something was left behind.`,
		Example: `  exgate report
  exgate report --account bob@example.com --since 24h
  exgate report --format html > report.html`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if !slices.Contains(report.Formats, format) {
				return exitError{exitUsage, fmt.Errorf("--format: %q is not one of %s", format,
					strings.Join(report.Formats, ", "))}
			}
			if o.Since, err = parseSince(since, time.Now()); err != nil {
				return exitError{exitUsage, fmt.Errorf("--since: %w", err)}
			}
			if file == "" {
				if file, err = configuredLedger(cmd); err != nil {
					return err
				}
			}
			r, err := report.Read(cmd.Context(), file, o)
			if err != nil {
				return fmt.Errorf("the ledger cannot be read: %w", err)
			}
			if err := r.Write(cmd.OutOrStdout(), format); err != nil {
				return err
			}
			if r.LeftCount > 0 {
				return exitError{exitData, fmt.Errorf("messages that were left behind: %d", r.LeftCount)}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&file, "file", "", "the ledger `file` (default: that of the configuration)")
	f.StringVar(&format, "format", "text", strings.Join(report.Formats, ", "))
	f.StringVar(&o.Account, "account", "", "only this `account`")
	f.StringVar(&since, "since", "", "only what came after this `time`: 24h, 2026-11-24, or 2026-11-24T18:00:00Z")
	return cmd
}

// configuredLedger returns the file of the ledger in the configuration.
func configuredLedger(cmd *cobra.Command) (string, error) {
	c, from, err := readConfig(cmd)
	if c == nil || err != nil && from != "" { // without a configuration, the ledger is where serve would keep it
		return "", exitError{exitConfig, err}
	}
	file, err := ledgerFile(c)
	switch {
	case err != nil:
		return "", exitError{exitConfig, err}
	case file == "":
		return "", exitError{exitConfig, errors.New("the configuration keeps no ledger (ledger.file: off)")}
	}
	return file, nil
}

// ledgerFile returns the file of the ledger; "" if there is none.
func ledgerFile(c *config.Config) (string, error) {
	switch c.Ledger.File {
	case config.LedgerOff:
		return "", nil
	case "":
		dir, err := c.StateDirectory()
		return filepath.Join(dir, "ledger.db"), err
	}
	return c.Ledger.File, nil
}

// parseSince reads a time, or a duration before now. Without a text, the time is zero.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339, time.DateTime} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is neither a duration such as 24h nor a time such as 2026-11-24", text)
}
