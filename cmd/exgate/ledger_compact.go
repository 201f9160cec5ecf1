package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"exgate/proxy/ledger"
)

// ledgerCommand is "exgate ledger", whose verbs look after the ledger.
func ledgerCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "ledger", Short: "Look after the ledger"}
	cmd.AddCommand(compactCommand())
	return cmd
}

// compactCommand is "exgate ledger compact".
func compactCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "compact",
		Short: "Remove old rows, and give their space back to the disk",
		Long: `Removes the rows that are older than ledger.retention, and makes the file as
small as it can be. That needs as much free space as the file has. The gateway
may run meanwhile; its messages wait for 5 seconds at most.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, from, err := readConfig(cmd)
			if c == nil || err != nil && from != "" {
				return exitError{exitConfig, err}
			}
			if file == "" {
				if file, err = configuredLedger(cmd); err != nil {
					return err
				}
			}
			before, after, err := ledger.Compact(cmd.Context(), file, c.Ledger.Retention)
			if err != nil {
				return fmt.Errorf("the ledger cannot be compacted: %w", err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %d bytes before, %d now\n", file, before, after)
			return err
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "the ledger `file` (default: that of the configuration)")
	return cmd
}
