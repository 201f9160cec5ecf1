package main

import (
	"log/slog"
	"path/filepath"

	"exgate/config"
	"exgate/proxy/ledger"
)

// openLedger opens the ledger of the configuration; nil if there is none.
func openLedger(c *config.Config, log *slog.Logger) *ledger.Ledger {
	file := c.Ledger.File
	switch file {
	case config.LedgerOff:
		return nil
	case "":
		dir, err := c.StateDirectory()
		if err != nil {
			log.Warn("no state directory: exgate keeps no ledger", "err", err)
			return nil
		}
		file = filepath.Join(dir, "ledger.db")
	}
	return ledger.Open(ledger.Options{
		File: file, Retention: c.Ledger.Retention, MaxBytes: c.Ledger.Size, Subjects: c.Ledger.Subjects, Log: log,
	})
}
