package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"exgate/proxy/audit"
)

// audited runs "exgate audit" and returns its report in JSON.
func audited(t *testing.T, wantExit int, args ...string) *audit.Report {
	t.Helper()
	out, err := exgateWith(t, "", append([]string{"audit", "--format", "json"}, args...)...)
	report := new(audit.Report)
	if exitCode(err) != wantExit || json.Unmarshal([]byte(out), report) != nil {
		t.Fatalf("%v, want exit code %d: %s", err, wantExit, out)
	}
	return report
}

// A field may be folded, and a line that continues one is no field (RFC 5322 section 2.2.3).
func TestAuditReadsFoldedFields(t *testing.T) {
	box := filepath.Join(t.TempDir(), "box")
	text := mboxOf("Message-ID:\n <a@x>\nSubject: x\n Date: Tue, 3 Mar 2026 10:00:00 +0000\n\nx\n",
		"Message-ID: <a@x>\nDate:\n Tue, 3 Mar 2026 10:00:00 +0000\n\nx\n")
	if err := os.WriteFile(box, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := audited(t, 0, box); r.Total.Duplicates != 1 || r.Total.SameBox != 1 || r.Total.NoDate != 1 {
		t.Errorf("%+v", r.Total)
	}
}

func TestAuditOfFiles(t *testing.T) {
	dir := t.TempDir()
	long := "Message-ID: <a@x>\nSubject: long\n\n" + strings.Repeat(longLine, 500) + "\n"
	bad := "Date: Tue, 3 Mar 2026 10:00:00 +0000\nMessage-ID: <" + strings.Repeat("x", 20_000) + ">\n\nbody\n"
	for _, name := range []string{"Maildir/cur", "Maildir/.Sent.Old &AOQ-/cur"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"box":                           mboxOf(long, "Message-ID: <a@x>\nDate: x\n\nclean\n", bad),
		"Maildir/cur/1":                 "Subject: huge\n\n" + strings.Repeat("body\n", 2_500_000),
		"Maildir/cur/2:2,FS":            "Message-ID: <a@x>\n\nx\n",
		"Maildir/.Sent.Old &AOQ-/cur/3": "Subject: x\n\nx\n",
		"Maildir/dbfile":                "no message",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	maildir, box := filepath.Join(dir, "Maildir"), filepath.Join(dir, "box")
	r := audited(t, exitData, "--profile", "exchange2016", box, maildir)
	total := &r.Total
	if total.Messages != 6 || total.Repaired != 2 || total.Fixes["long-lines"] != 1 || total.Fixes["flagged"] != 1 || total.Refused != 2 ||
		total.Rules["oversize"] != 1 || total.Switches["fixes.escalate: envelope"] != 1 || total.Unread != 0 {
		t.Errorf("%+v", total)
	}
	if total.Duplicates != 1 || r.Accounts[0].Duplicates != 1 { // not the one of the other account
		t.Errorf("duplicates: %d in all, %d in the first account", total.Duplicates, r.Accounts[0].Duplicates)
	}
	// Four messages are in the bucket at the beginning; what is refused here needs no time.
	if total.Attempts != 4 || r.OneByOne != 0 || total.Sent > 3_000_000 {
		t.Errorf("%d attempts, %d bytes, %s", total.Attempts, total.Sent, r.OneByOne)
	}
	left := r.Accounts[0].Left
	if len(left) != 1 || left[0].Index != 3 || left[0].Switch != "fixes.escalate: envelope" {
		t.Errorf("left behind: %+v", left)
	}
	text, err := exgateWith(t, "", "audit", "--profile", "exchange2016", dir)
	if exitCode(err) != exitData || !strings.Contains(text, "6 messages in 3 mailboxes of 1 accounts, ") ||
		!strings.Contains(text, "would arrive with: fixes.escalate: envelope") {
		t.Errorf("%v: %s", err, text)
	}
	if names := audited(t, exitData, "--profile", "exchange2016", maildir).Accounts[0]; names.Mailboxes != 2 ||
		names.Largest[0].Mailbox != "INBOX" || names.Largest[2].Mailbox != "Sent/Old ä" {
		t.Errorf("mailboxes: %+v", names.Largest)
	}
}

// A message that cannot be read does not hide those after it.
func TestAuditGoesOnAfterABadMessage(t *testing.T) {
	box := boxWith(t, "Subject: a\n\nx\n", "Subject: large\n\n"+strings.Repeat("body\n", maxLoaded/5+1), "Subject: b\n\nx\n")
	none := filepath.Join(t.TempDir(), "none") // there is no place for a large message
	t.Setenv("TMPDIR", none)
	t.Setenv("TMP", none)
	r := audited(t, exitData, box)
	if total := &r.Total; total.Messages != 2 || total.Stored != 2 || total.Unread != 1 || r.Accounts[0].Failures[0].Index != 2 {
		t.Errorf("%+v", r.Total)
	}
}

func boxWith(t *testing.T, messages ...string) string {
	t.Helper()
	box := filepath.Join(t.TempDir(), "box")
	if err := os.WriteFile(box, []byte(mboxOf(messages...)), 0o600); err != nil {
		t.Fatal(err)
	}
	return box
}

func TestAuditUsage(t *testing.T) {
	box := boxWith(t, "Subject: a\n\nx\n")
	for _, args := range [][]string{
		{}, {"--format", "x", box}, {"--profile", "x", box}, {filepath.Join(t.TempDir(), "none")}, {"--parallel", "0", box},
		{"--source", "localhost:1", box}, {"--source", "localhost:1"}, {"--source", "localhost", "--login", "x"},
		{"--source", "localhost:1", "--login", "x", "--source-ca", box},
	} {
		if _, err := exgateWith(t, "", append([]string{"audit"}, args...)...); exitCode(err) != exitUsage {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// A later call with the state file does not read again what is done, unless it is told to, or
// the messages would meet something else.
func TestAuditState(t *testing.T) {
	box, state := boxWith(t, "Subject: a\n\nx\n"), filepath.Join(t.TempDir(), "state")
	args := []string{"--profile", "exchange2016", "--state", state, box}
	if r := audited(t, 0, args...); r.Total.Messages != 1 {
		t.Errorf("%+v", r.Total)
	}
	if err := os.WriteFile(box, []byte(mboxOf("Subject: a\n\nx\n", "Subject: b\n\nx\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(state, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(`{"key":"cut`) // as a call that was killed leaves it
	f.Close()
	for _, tt := range []struct {
		name string
		more []string
		want int64
	}{
		{"again", nil, 1}, {"told to", []string{"--again"}, 2}, {"another profile", []string{"--profile", "exchange2010"}, 2},
	} {
		if r := audited(t, 0, append(tt.more, args...)...); tt.name != "another profile" && r.Total.Messages != tt.want {
			t.Errorf("%s: %+v", tt.name, r.Total)
		}
	}
	if r := audited(t, 0, "--profile", "exchange2010", "--state", state, box); r.Total.Messages != 2 {
		t.Errorf("another profile: %+v", r.Total)
	}
}

func TestAuditProgress(t *testing.T) {
	var b strings.Builder
	p := newAuditProgress(&b)
	p.accounts, p.every = 3, time.Hour
	p.open("bob", "Evil\x1b[2J", 5)
	p.read("bob", 2000)
	p.say(p.line())
	p.done("bob")
	p.say(p.line())
	want := "0 of 3 accounts done, 1 messages, 2.0 kB; bob: Evil\\u001b[2J 1 of 5\n1 of 3 accounts done, 1 messages, 2.0 kB\n"
	if b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}
