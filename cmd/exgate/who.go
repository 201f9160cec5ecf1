package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"exgate/proxy/status"
)

func whoCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "who",
		Short: "Show the sessions of the running exgate",
		Long: "Shows the sessions of the exgate that runs with this configuration: the user, the address and the " +
			"program of the\n" +
			"client, the selected mailbox, and what the session does. The states are: login, idle, sending, paced (a " +
			"command\n" +
			"waits for the configured pace), throttled (it waits until a throttle of Exchange is over), paused (by " +
			"exgate pause),\n" +
			"waiting, and parked (the connection of an idle session was given to another session).",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "text" && format != "json" {
				return exitError{exitUsage, fmt.Errorf("--format: %q is not one of text, json", format)}
			}
			client, err := controlClient(cmd)
			if err != nil {
				return err
			}
			now, err := client.Snapshot(cmd.Context())
			if err != nil {
				return unreached(err)
			}
			if format == "json" {
				return encodeJSON(cmd.OutOrStdout(), now)
			}
			return printWho(cmd.OutOrStdout(), &now)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	return cmd
}

// printWho writes the sessions as a table.
func printWho(out io.Writer, now *status.Snapshot) error {
	if len(now.Sessions) == 0 {
		_, err := fmt.Fprintf(out, "no client is connected\n%s%s", pausedText(now), clusterText(now))
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SESSION\tUSER\tCLIENT\tPROGRAM\tMAILBOX\tSTORED\tFOR\tSTATE")
	for _, s := range now.Sessions {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", s.ID, cmp.Or(userText(&s), "-"), s.Client,
			cmp.Or(s.Program, "-"), cmp.Or(s.Mailbox, "-"), s.Stored, now.Time.Sub(s.Since).Round(time.Second),
			stateText(&s))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%s, %s\n%s%s", count(len(now.Sessions), "session", "sessions"),
		count(openAccounts(now), "account", "accounts"), pausedText(now), clusterText(now))
	return err
}

// openAccounts is the number of accounts with sessions.
func openAccounts(now *status.Snapshot) (n int) {
	for _, account := range now.Accounts {
		if account.Sessions > 0 {
			n++
		}
	}
	return n
}

// pausedText is a line that names the users who are paused; "" if nobody is.
func pausedText(now *status.Snapshot) string {
	if len(now.Paused) == 0 {
		return ""
	}
	return "paused: " + strings.Join(now.Paused, ", ") + "\n"
}

// clusterText is a line about the other gateways; "" if this one shares nothing.
func clusterText(now *status.Snapshot) string {
	switch {
	case now.Cluster == nil:
		return ""
	case now.Cluster.Text() != "":
		return now.Cluster.Text() + ": " + now.Cluster.Reason + "\n"
	}
	return count(now.Cluster.Gateways, "gateway shares", "gateways share") + " the limits\n"
}

// userText is the user of a session, and who uses the mailbox in the user's place.
func userText(s *status.Session) string {
	if by := cmp.Or(s.Caller, s.Admin); by != "" && by != s.User {
		return s.User + " by " + by
	}
	return s.User
}

// stateText is the state of a session with what is known of it.
func stateText(s *status.Session) string {
	text := string(s.State)
	if !s.Until.IsZero() {
		text += " until " + s.Until.Local().Format(time.TimeOnly)
	}
	if s.Detail != "" {
		text += ": " + s.Detail
	}
	return text
}
