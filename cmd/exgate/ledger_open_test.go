package main

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"exgate/config"
)

// At the first start there may be no state_dir.
func TestLedgerMakesItsDirectory(t *testing.T) {
	var said bytes.Buffer
	c := config.Default()
	c.StateDir = filepath.Join(t.TempDir(), "not", "yet")
	l := openLedger(c, false, slog.New(slog.NewTextHandler(&said, nil)))
	l.Close()
	if said.Len() > 0 {
		t.Errorf("the log says %s", &said)
	}
	info, err := os.Stat(c.StateDir)
	if err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the directory: %v, %v", info, err)
	}
	if _, err := os.Stat(filepath.Join(c.StateDir, "ledger.db")); err != nil {
		t.Error(err)
	}
}
