package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"exgate/backend/testkit"
	"exgate/config"
	"exgate/proxy/ledger"
)

// The report is written at intervals, and once more when the ledger is closed.
func TestReportsAreWritten(t *testing.T) {
	dir := t.TempDir()
	c := config.Default()
	c.Ledger.Report, c.Ledger.ReportEvery = filepath.Join(dir, "report.txt"), time.Millisecond
	file := filepath.Join(dir, "ledger.db")
	recorded(t, file, ledger.Refused)
	l := ledger.Open(ledger.Options{File: file})
	said := new(strings.Builder)
	stop := startReports(c, l, slog.New(slog.NewTextHandler(said, nil)))
	text := func() string {
		data, err := os.ReadFile(c.Ledger.Report)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return string(data)
	}
	testkit.Eventually(t, "a report", func() bool { return strings.Contains(text(), "left behind: 1 message,") })
	l.Session(ledger.Session{ID: "two", Upstream: "default", Account: "eve"})
	l.Close()
	stop()
	if got := text(); !strings.Contains(got, "eve") {
		t.Errorf("the last report is %s", got)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, ".exgate-report-*")); len(files) > 0 {
		t.Errorf("left: %v", files)
	}
	if !strings.Contains(said.String(), "report written") {
		t.Errorf("the log says %s", said)
	}
}

// A report that cannot be written is said, and stops nothing.
func TestReportIsNotWritten(t *testing.T) {
	dir := t.TempDir()
	c := config.Default()
	c.Ledger.Report, c.Ledger.ReportEvery = filepath.Join(dir, "missing", "report.html"), 0
	l := ledger.Open(ledger.Options{File: filepath.Join(dir, "ledger.db")})
	said := new(strings.Builder)
	stop := startReports(c, l, slog.New(slog.NewTextHandler(said, nil)))
	l.Close()
	stop()
	if !strings.Contains(said.String(), "the report of the ledger is not written") {
		t.Errorf("the log says %s", said)
	}
}
