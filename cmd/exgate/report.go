package main

import (
	"errors"
	"fmt"
	"os"
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
	var format, since string
	var named []string
	var o report.Options
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Tell what became of the messages, and which were left behind",
		Long: `Reads the ledger, also while the gateway runs, and says for each upstream and
account what was stored, repaired and refused, and which messages were left
behind: those that neither their last attempt nor another one has stored. For
each of them it names the setting with which it would arrive.

Several ledgers, those of several gateways, make one report: a message that one
of them has left behind and another one has stored is not left behind.

csv has only the messages that were left behind. html is one file, which needs
nothing from outside.

Exit codes: 0: nothing was left behind; 65: something was left behind.`,
		Example: `  exgate report
  exgate report --account bob@example.com --since 24h
  exgate report --format html > report.html
  exgate report --ledger a/ledger.db --ledger b/ledger.db
  exgate report --ledger '/srv/*/ledger.db'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if !slices.Contains(report.Formats, format) {
				return exitError{exitUsage, fmt.Errorf("--format: %q is not one of %s", format,
					strings.Join(report.Formats, ", "))}
			}
			if o.Since, err = parseSince(since, time.Now()); err != nil {
				return exitError{exitUsage, fmt.Errorf("--since: %w", err)}
			}
			files, err := namedLedgers(named)
			if err != nil {
				return exitError{exitUsage, err}
			}
			if len(files) == 0 {
				file, err := configuredLedger(cmd)
				if err != nil {
					return err
				}
				files = append(files, file)
			}
			r, err := report.ReadAll(cmd.Context(), files, o)
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
	f.StringArrayVar(&named, "ledger", nil, "the ledger: a `file`, a pattern of files such as '/srv/*/ledger.db', or a "+
		"directory whose files *.db are ledgers (default: that of the configuration; may be repeated)")
	f.StringVar(&format, "format", "text", strings.Join(report.Formats, ", "))
	f.StringVar(&o.Account, "account", "", "only this `account`")
	f.StringVar(&since, "since", "", "only what came after this `time`: 24h, 2026-11-24, or 2026-11-24T18:00:00Z")
	return cmd
}

// namedLedgers returns the files that --ledger names, each once.
func namedLedgers(named []string) (files []string, err error) {
	for _, name := range named {
		pattern := name
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			pattern = filepath.Join(name, "*.db")
		} else if err == nil {
			pattern = "" // a file, whose name is no pattern
		}
		found := []string{name}
		if pattern != "" {
			if found, err = filepath.Glob(pattern); err != nil {
				return nil, fmt.Errorf("--ledger %s: %w", name, err)
			}
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("--ledger %s: there is no such file", name)
		}
		for _, file := range found {
			if !slices.ContainsFunc(files, func(other string) bool { return isSameFile(file, other) }) {
				files = append(files, file)
			}
		}
	}
	return files, nil
}

// isSameFile reports whether two names are of one file.
func isSameFile(a, b string) bool {
	one, errA := os.Stat(a)
	other, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(one, other)
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
