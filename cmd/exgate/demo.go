package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"exgate/backend/exchangesim"
	"exgate/config"
	ledgerreport "exgate/proxy/report"
)

// demo holds the flags of "exgate demo".
type demo struct {
	profile string
	stay    bool
	asJSON  bool
	verbose bool
}

// demoCommand is "exgate demo": it syncs the same mailbox into a simulated
// Exchange twice, directly and through exgate. It is also a test: it fails if
// exgate did not treat a message as it should.
func demoCommand() *cobra.Command {
	var d demo
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show what Exchange does to a mailbox, with and without exgate",
		Long: "Starts a simulated Exchange, and exgate in front of it, on free ports of this machine. Then it " +
			"syncs a small mailbox\n" +
			"into Exchange twice: directly, and through exgate, and ends with the report of the gateway's ledger. It then stops both servers and removes all " +
			"their data.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := slog.New(slog.DiscardHandler)
			if d.verbose {
				log = newLogger(cmd.ErrOrStderr(), config.Default().Log)
			}
			return d.run(cmd.Context(), cmd.OutOrStdout(), log)
		},
	}
	f := cmd.Flags()
	f.StringVar(&d.profile, "profile", "exchange2010",
		"the version to simulate, one of "+strings.Join(exchangesim.Profiles(), ", "))
	f.BoolVar(&d.stay, "stay", false,
		"keep both servers running until interrupted, and print settings for your own mail program")
	f.BoolVar(&d.asJSON, "json", false, "report as JSON")
	f.BoolVar(&d.verbose, "verbose", false, "show the logs of exgate and of the simulated Exchange")
	return cmd
}

// run writes the report to out. With --stay it returns when ctx ends.
func (d *demo) run(ctx context.Context, out io.Writer, log *slog.Logger) (err error) {
	var fixes fixRecorder
	st, err := newStage(d.profile, slog.New(slog.NewMultiHandler(&fixes, log.Handler())))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.close()) }()

	messages := demoMailbox()
	report := demoReport{Profile: d.profile}
	for _, way := range []struct {
		who    account
		result *demoSync
	}{{st.direct, &report.Direct}, {st.through, &report.Through}} {
		attempts, err := syncMailbox(ctx, way.who, messages, fixes.take)
		if err != nil {
			return fmt.Errorf("demo: the sync of user %s failed: %w", way.who.user, err)
		}
		*way.result = judge(messages, attempts, st.exchange.Messages(way.who.user, "INBOX"))
	}
	st.ledger.Flush()
	if report.Ledger, err = ledgerreport.Read(ctx, st.ledger.Options().File, ledgerreport.Options{}); err != nil {
		return fmt.Errorf("demo: the ledger cannot be read: %w", err)
	}
	if d.stay {
		if report.Settings, err = st.stay(messages); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
	}
	if err := d.print(out, &report); err != nil {
		return err
	}
	if d.stay {
		<-ctx.Done()
	}
	return report.err()
}

// err returns an error if exgate did not treat every message as it should.
func (r *demoReport) err() error {
	if r.Through.AllRight {
		return nil
	}
	return errors.New("demo: exgate did not treat every message as it should; --verbose shows the logs")
}

func (d *demo) print(out io.Writer, report *demoReport) error {
	if d.asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false) // "<html BAD Command Error. 10"
		return encoder.Encode(report)
	}
	if err := report.print(out, newPalette(out)); err != nil {
		return err
	}
	fmt.Fprint(out, "\nWhat exgate report says of the sync through exgate, by the gateway's ledger:\n\n")
	return report.Ledger.Write(out, "text")
}
