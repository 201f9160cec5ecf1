package config

import (
	"path/filepath"
	"strings"
	"time"
)

// Ledger is the file that says what became of each message.
type Ledger struct {
	// The SQLite file. docs/ledger.md describes its tables. Unset: ledger.db in
	// state_dir. off: exgate keeps no ledger, and a client that lost exgate and sends
	// its last message again may store it twice.
	File string `key:"file" example:"/var/lib/exgate/ledger.db"`
	// exgate removes a row after this time. 0: never.
	Retention time.Duration `key:"retention"`
	// Limit for the size of the file, in bytes. When it is reached, exgate removes the
	// oldest rows. 0: no limit.
	Size int64 `key:"size"`
	// The ledger also has the subjects of messages.
	Subjects bool `key:"subjects"`
	// exgate writes its report (exgate report) to this file when it stops, and each
	// report_every. The end of the name is the format: .html, .json, .csv or .txt.
	// Unset: no report is written.
	Report string `key:"report" example:"/var/lib/exgate/report.html"`
	// How often exgate writes the report while it runs. 0: only when it stops.
	ReportEvery time.Duration `key:"report_every"`
}

// ReportFormat returns the format of the report; "" if its name has none.
func (l *Ledger) ReportFormat() string {
	switch ext := strings.ToLower(filepath.Ext(l.Report)); ext {
	case ".html", ".json", ".csv":
		return ext[1:]
	case ".txt":
		return "text"
	}
	return ""
}

// LedgerOff is the value of Ledger.File for no ledger.
const LedgerOff = "off"
