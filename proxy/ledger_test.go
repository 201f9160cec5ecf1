package proxy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"exgate/backend/exchangesim"
	"exgate/proxy/ledger"
)

// Mail goes on with a ledger that cannot be written, and the loss is in the log and in the totals.
func TestMailGoesOnWithoutTheLedger(t *testing.T) {
	file := filepath.Join(t.TempDir(), "missing", "ledger.db")
	g, sim := newSimulated(t, exchangesim.Config{Profile: "exchange2016"}, withProfile(exchangeProfile), resuming,
		func(o *Options, _ *limits) {
			o.Ledger = ledger.Open(ledger.Options{File: file, Log: o.Log})
			t.Cleanup(o.Ledger.Close)
		})
	g.put(cleanMessage, "", goesOn)
	g.put(cleanMessage, "", breaksOff)
	g.put(cleanMessage, "", goesOn) // exgate knows it without the file
	if n := len(sim.Messages("alice", "INBOX")); n != 2 {
		t.Errorf("%d messages, want 2", n)
	}
	line := g.logged("the ledger cannot be written: mail goes on, and rows are lost")
	if line["level"] != "ERROR" || !strings.Contains(line["err"].(string), "no such file") {
		t.Errorf("the log says %v", line)
	}
	if g.srv.Totals().LedgerLost == 0 {
		t.Error("the totals have no loss")
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("there is a file")
	}
}
