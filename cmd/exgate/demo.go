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
)

// demo holds the flags of "exgate demo".
type demo struct {
	profile string
	stay    bool
	asJSON  bool
	verbose bool
}

// demoCommand is "exgate demo": the same mailbox synced into a simulated
// Exchange twice, directly and through exgate. It is a test too: it fails when
// a message did not fare through exgate as it should.
func demoCommand() *cobra.Command {
	var d demo
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show what Exchange does to a mailbox, without exgate and with it",
		Long: "Starts a simulated Exchange and exgate in front of it, on free ports of this machine, and syncs a small mailbox\n" +
			"into it twice: directly and through exgate. Then both are gone, and nothing is kept.",
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
	f.StringVar(&d.profile, "profile", "exchange2010", "the Exchange to simulate, one of "+strings.Join(exchangesim.Profiles(), ", "))
	f.BoolVar(&d.stay, "stay", false, "keep both up afterwards, with settings for your own mail program, until interrupted")
	f.BoolVar(&d.asJSON, "json", false, "report as JSON")
	f.BoolVar(&d.verbose, "verbose", false, "show the logs of exgate and of the simulated Exchange")
	return cmd
}

// run reports to out, and with --stay returns when ctx ends.
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
			return fmt.Errorf("demo: sync by %s: %w", way.who.user, err)
		}
		*way.result = judge(messages, attempts, st.exchange.Messages(way.who.user, "INBOX"))
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

// err is not nil when exgate did not do what it is for.
func (r *demoReport) err() error {
	if r.Through.AllRight {
		return nil
	}
	return errors.New("demo: not every message fared through exgate as it should; --verbose shows the logs")
}

func (d *demo) print(out io.Writer, report *demoReport) error {
	if d.asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false) // "<html BAD Command Error. 10"
		return encoder.Encode(report)
	}
	return report.print(out, newPalette(out))
}
