package main

import (
	"log/slog"

	"exgate/config"
	"exgate/proxy/ledger"
)

// openLedger opens the ledger of the configuration; nil if there is none.
func openLedger(c *config.Config, log *slog.Logger) *ledger.Ledger {
	file, err := ledgerFile(c)
	if err != nil {
		log.Warn("no state directory: exgate keeps no ledger", "err", err)
	}
	if err != nil || file == "" {
		return nil
	}
	return ledger.Open(ledger.Options{
		File: file, Retention: c.Ledger.Retention, MaxBytes: c.Ledger.Size, Subjects: c.Ledger.Subjects, Log: log,
	})
}
