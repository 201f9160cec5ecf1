package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"exgate/config"
	"exgate/proxy/ledger"
	"exgate/proxy/report"
)

// startReports writes the report of the ledger each ledger.report_every. The caller calls
// stop when the ledger is closed: stop writes the last report.
func startReports(c *config.Config, records *ledger.Ledger, log *slog.Logger) (stop func()) {
	if records == nil || c.Ledger.Report == "" {
		return func() {}
	}
	write := func(ctx context.Context) {
		began := time.Now()
		err := writeReport(ctx, records.Options().File, c.Ledger.Report, c.Ledger.ReportFormat())
		switch {
		case ctx.Err() != nil: // exgate stops: the last report follows
		case err != nil:
			log.Error("the report of the ledger is not written", "file", c.Ledger.Report, "err", err)
		default:
			log.Info("report written", "file", c.Ledger.Report, "took", time.Since(began).Round(time.Millisecond))
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var writing sync.WaitGroup
	if every := c.Ledger.ReportEvery; every > 0 {
		writing.Go(func() {
			ticker := time.NewTicker(every)
			defer ticker.Stop()
			for {
				select {
				case <-ticker.C:
					write(ctx)
				case <-ctx.Done():
					return
				}
			}
		})
	}
	return func() {
		cancel()
		writing.Wait()
		write(context.Background())
	}
}

// writeReport writes a report in one step: a reader sees the old one or the new one.
func writeReport(ctx context.Context, records, file, format string) (err error) {
	r, err := report.Read(ctx, records, report.Options{})
	if err != nil {
		return err
	}
	out, err := os.CreateTemp(filepath.Dir(file), ".exgate-report-*") // with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(out.Name()))
		}
	}()
	err = r.Write(out, format)
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	return os.Rename(out.Name(), file)
}
