package main

import (
	"log/slog"
	"os"
	"path/filepath"

	"exgate/config"
	"exgate/proxy/ledger"
)

// openLedger opens the ledger of the configuration; nil if there is none. inherits says that another exgate, which
// writes the same ledger, hands over to this one.
func openLedger(c *config.Config, inherits bool, log *slog.Logger) *ledger.Ledger {
	file, err := ledgerFile(c)
	if err != nil {
		log.Warn("no state directory: exgate keeps no ledger", "err", err)
	}
	if err != nil || file == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil { // state_dir, at the first start
		log.Warn("cannot create the directory of the ledger", "err", err)
	}
	return ledger.Open(ledger.Options{
		File: file, Retention: c.Ledger.Retention, MaxBytes: c.Ledger.Size, Subjects: c.Ledger.Subjects, Log: log,
		Inherits: inherits,
	})
}
