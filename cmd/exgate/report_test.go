package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"exgate/proxy/ledger"
)

// recorded writes a ledger with one message of this outcome.
func recorded(t *testing.T, file string, outcome ledger.Outcome) {
	t.Helper()
	l := ledger.Open(ledger.Options{File: file})
	j := l.Session(ledger.Session{ID: "one", Upstream: "default", Account: "bob"})
	j.Done(&ledger.Message{Mailbox: "INBOX", Exchange: "INBOX", MessageID: "<1@example.com>", Size: 7, Outcome: outcome,
		Rule: "header-line", Reason: "a line is too long", Sum: [32]byte{1}})
	l.Close()
}

func TestReport(t *testing.T) {
	dir := t.TempDir()
	stored, refused := filepath.Join(dir, "stored.db"), filepath.Join(dir, "ledger.db")
	recorded(t, stored, ledger.Stored)
	recorded(t, refused, ledger.Refused)
	configured := filepath.Join(dir, "exgate.yaml")
	if err := os.WriteFile(configured, []byte("state_dir: "+dir+"\nlisten: { starttls: \"127.0.0.1:1\" }\nupstream: { address: \"localhost:993\" }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args string
		code int
		says string // on standard output, or in the error
	}{
		{"--ledger " + stored, 0, "Nothing was left behind."},
		{"--ledger " + refused, exitData, "would arrive with: fixes.escalate: envelope"},
		{"--ledger " + refused + " --format csv", exitData, "<1@example.com>"},
		{"--ledger " + refused + " --account eve", 0, "0 messages stored"},
		{"--ledger " + refused + " --since 2999-01-01", 0, "0 messages stored"},
		{"--config " + configured, exitData, "<1@example.com>"},
		{"--config " + configured + " --set ledger.file=off", exitConfig, "keeps no ledger"},
		{"--ledger " + filepath.Join(dir, "none.db"), exitUsage, "none.db: there is no such file"},
		{"--ledger " + refused + " --ledger " + stored, 0, "1 message stored"}, // what one gateway left behind, the other has stored
		{"--ledger " + dir + " --format json", 0, `"left_behind_count": 0`},
		{"--ledger " + filepath.Join(dir, "[ls]*.db") + " --format html", 0, "<html"},
		{"--ledger " + refused + " --ledger " + refused + " --format json", exitData, `"refused": 1`},
		{"--ledger " + filepath.Join(dir, "[") + " --format html", exitUsage, "syntax error in pattern"},
		{"--ledger " + configured, exitInternal, "the ledger cannot be read"},
		{"--format xml", exitUsage, "xml"},
		{"--since yesterday", exitUsage, "yesterday"},
	} {
		out, err := exgate(t, append([]string{"report"}, strings.Fields(tt.args)...)...)
		if exitCode(err) != tt.code || !strings.Contains(out+errorText(err), tt.says) {
			t.Errorf("report %s: %v, %s", tt.args, err, out)
		}
	}
	out, err := exgate(t, "report", "--ledger", refused, "--format", "json")
	var object struct {
		Count int64 `json:"left_behind_count"`
	}
	if jsonErr := json.Unmarshal([]byte(out), &object); jsonErr != nil || object.Count != 1 || err == nil {
		t.Errorf("JSON: %v, %v, %s", jsonErr, err, out)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestParseSince(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"":                     {},
		"24h":                  now.Add(-24 * time.Hour),
		"2026-11-23T18:00:00Z": time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC),
		"2026-11-23":           time.Date(2026, 11, 23, 0, 0, 0, 0, time.Local),
	} {
		if got, err := parseSince(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"-1h", "yesterday", "2026-13-01"} {
		if got, err := parseSince(text, now); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestLedgerCompact(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ledger.db")
	recorded(t, file, ledger.Refused)
	if out, err := exgate(t, "ledger", "compact", "--file", file); err != nil || !strings.Contains(out, " bytes before, ") {
		t.Errorf("%v, %s", err, out)
	}
	if _, err := exgate(t, "ledger", "compact", "--file", file+"none"); exitCode(err) != exitInternal {
		t.Errorf("no file: %v", err)
	}
}
