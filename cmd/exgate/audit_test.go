package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A field may be folded, and a line that continues one is no field (RFC 5322 section 2.2.3).
func TestAuditReadsFoldedFields(t *testing.T) {
	box := filepath.Join(t.TempDir(), "box")
	text := mboxOf("Message-ID:\n <a@x>\nSubject: x\n Date: y\n\nx\n", "Message-ID: <a@x>\nDate:\n x\n\nx\n")
	if err := os.WriteFile(box, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exgateWith(t, "", "audit", "--format", "json", box)
	var report auditReport
	if err != nil || json.Unmarshal([]byte(out), &report) != nil || report.Duplicates != 1 || report.NoDate != 1 {
		t.Errorf("%v: %s", err, out)
	}
}

func TestAudit(t *testing.T) {
	dir := t.TempDir()
	long := "Message-ID: <a@x>\nSubject: long\n\n" + strings.Repeat(longLine, 500) + "\n"
	bad := "Date: Tue, 3 Mar 2026 10:00:00 +0000\nMessage-ID: <" + strings.Repeat("x", 20_000) + ">\n\nbody\n"
	if err := os.MkdirAll(filepath.Join(dir, "Maildir", "cur"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"box":            mboxOf(long, "Message-ID: <a@x>\nDate: x\n\nclean\n", bad),
		"Maildir/cur/1":  "Subject: huge\n\n" + strings.Repeat("body\n", 2_500_000),
		"Maildir/cur/2":  "Subject: x\n\nx\n",
		"Maildir/dbfile": "no message",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exgateWith(t, "", "audit", "--profile", "exchange2016", "--format", "json", filepath.Join(dir, "box"), filepath.Join(dir, "Maildir"))
	var report auditReport
	if exitCode(err) != exitData || json.Unmarshal([]byte(out), &report) != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if report.Messages != 5 || report.Changed != 1 || report.Fixes["long-lines"] != 1 || report.Refused != 2 || report.Rules["oversize"] != 1 ||
		report.Duplicates != 1 || report.NoDate != 3 || report.Seconds != 0.75 || report.Unread != 0 {
		t.Errorf("%s", out)
	}
	if len(report.Left) != 2 || report.Left[0].Index != 3 || report.Left[0].Switch != "fixes.escalate: envelope" || !strings.HasPrefix(report.Largest[0].File, filepath.Join(dir, "Maildir")) {
		t.Errorf("left behind: %+v", report.Left)
	}
	text, err := exgateWith(t, "", "audit", "--profile", "exchange2016", dir)
	if exitCode(err) != exitData || !strings.Contains(text, "5 messages, ") || !strings.Contains(text, "would arrive with fixes.escalate: envelope") {
		t.Errorf("%v: %s", err, text)
	}
	for _, args := range [][]string{{"--format", "x", dir}, {"--profile", "x", dir}, {filepath.Join(dir, "none")}} {
		if _, err := exgateWith(t, "", append([]string{"audit"}, args...)...); exitCode(err) != exitUsage {
			t.Errorf("%q: %v", args, err)
		}
	}
}
