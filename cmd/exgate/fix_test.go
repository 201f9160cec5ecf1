package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// runFix runs "exgate fix" with a message on standard input.
func runFix(t *testing.T, in string, args ...string) (out, log string, status int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	root := rootCommand(&stdout)
	root.SetArgs(append([]string{"fix"}, args...))
	root.SetIn(strings.NewReader(in))
	root.SetErr(&stderr)
	err := root.ExecuteContext(context.Background())
	if err != nil && !isAnswer(err) {
		fmt.Fprintln(&stderr, err)
	}
	return stdout.String(), stderr.String(), exitCode(err)
}

const longLine = "The quick brown fox jumps over the lazy dog. "

func TestFixPipe(t *testing.T) {
	head := "From: a@example.org\nSubject: x\n\n"
	long := head + strings.Repeat(longLine, 500) + "\n"
	crlf := func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
	for _, test := range []struct {
		name, in string
		args     []string
		status   int
		changed  bool
		says     string // in the log
	}{
		{name: "clean", in: crlf(head + "body\n"), args: []string{"--exit-code"}},
		{name: "clean, stored by Unix", in: head + "body\n", args: []string{"--exit-code"}},
		{name: "empty", in: ""},
		{name: "changed", in: crlf(long), changed: true},
		{name: "changed, with the status", in: crlf(long), args: []string{"--exit-code"}, changed: true, status: 1},
		{name: "changed, stored by Unix", in: long, args: []string{"--exit-code"}, changed: true, status: 1},
		{name: "plain has no fixes", in: crlf(long), args: []string{"--profile", "plain", "--exit-code"}},
		{name: "stage", in: "Subject: Grüße\r\n\r\n", args: []string{"--stage", "refused"}, changed: true},
		{name: "not at this stage", in: "Subject: Grüße\r\n\r\n", args: []string{"--exit-code"}},
		{name: "refused", in: "Message-ID: <" + strings.Repeat("x", 20_000) + ">\r\n\r\n", status: 65, says: "refused by rule header-line"},
		{name: "too large", in: crlf(head) + strings.Repeat("body\r\n", 2_000_000), status: 65, says: "refused by rule oversize"},
		{name: "larger than the memory", in: head + strings.Repeat("body\n", 5_000_000), args: []string{"--profile", "exchange-online", "--exit-code"}},
		{name: "larger than the memory, changed", in: long + strings.Repeat("body\n", 5_000_000), args: []string{"--profile", "exchange-online", "--exit-code"}, changed: true, status: 1},
		{name: "no such profile", args: []string{"--profile", "x"}, status: 64, says: `"x" is not one of`},
		{name: "no such stage", args: []string{"--stage", "x"}, status: 64, says: `"x" is not one of`},
		{name: "no such report", args: []string{"--report", "x"}, status: 64, says: `"x" is not one of`},
		{name: "output without files", args: []string{"--output", "x"}, status: 64, says: "--output needs files"},
		{name: "files without output", args: []string{"x"}, status: 64, says: "--output is missing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, log, status := runFix(t, test.in, test.args...)
			if status != test.status {
				t.Errorf("status %d, want %d: %s", status, test.status, log)
			}
			if !strings.Contains(log, test.says) {
				t.Errorf("the log says %q, want %q", log, test.says)
			}
			switch {
			case status > 1:
				if out != "" {
					t.Errorf("wrote %d bytes", len(out))
				}
			case !test.changed && out != test.in:
				t.Errorf("%d bytes became %d", len(test.in), len(out))
			case test.changed && (out == test.in || strings.Contains(out, "\r\n") != strings.Contains(test.in, "\r\n")):
				t.Errorf("unchanged, or other line ends: %.100q", out)
			}
		})
	}
}

// mboxOf is an mbox of messages stored by Unix.
func mboxOf(messages ...string) string {
	var b strings.Builder
	for i, m := range messages {
		fmt.Fprintf(&b, "From a@example.org Tue Mar  3 10:00:%02d 2026\n%s", i%60, m)
		if i < len(messages)-1 {
			b.WriteString("\n")
		}
	}
	return b.String()
}

func TestFixFolders(t *testing.T) {
	clean := "Subject: clean\n\n>From here on\nFrom there\n"
	long := "Subject: long\n\n" + strings.Repeat(longLine, 500) + "\n"
	bad := "Message-ID: <" + strings.Repeat("x", 20_000) + ">\n\nbody\n"
	many := make([]string, 5000)
	for i := range many {
		many[i] = fmt.Sprintf("Subject: %d\n\n%s\n", i, strings.Repeat("body\n", i%200))
	}
	in := t.TempDir()
	files := map[string]string{
		"one.eml":           long,
		"box":               mboxOf(clean, long, bad, clean),
		"many":              mboxOf(many...),
		"crlf-box":          strings.ReplaceAll(mboxOf(clean, long, clean), "\n", "\r\n"),
		"Mail/cur/1:2,S":    clean,
		"Mail/new/2":        long,
		"Mail/tmp/3":        "incomplete",
		"Mail/.Sub/cur/4":   clean,
		"Mail/dovecot.note": "not mail",
	}
	for name, text := range files {
		path := filepath.Join(in, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(t.TempDir(), "out")
	_, log, status := runFix(t, "", in, "--output", out, "--report", "json")
	if status != 65 {
		t.Errorf("status %d: %s", status, log)
	}
	lines, changed, refused := 0, 0, 0
	for line := range strings.Lines(log) {
		var l fixLine
		if json.Unmarshal([]byte(line), &l) != nil {
			continue // the error that the status stands for
		}
		lines++
		if l.Changed {
			changed++
		}
		if l.Refused == "header-line" {
			refused++
		}
	}
	if lines != 5011 || changed != 4 || refused != 1 {
		t.Errorf("%d messages, %d changed, %d refused", lines, changed, refused)
	}
	for name, text := range files {
		got, err := os.ReadFile(filepath.Join(out, filepath.Base(in), filepath.FromSlash(name)))
		skipped := strings.Contains(name, "/tmp/") || strings.HasSuffix(name, ".note")
		switch {
		case skipped:
			if err == nil {
				t.Errorf("%s was taken for mail", name)
			}
		case err != nil:
			t.Error(err)
		case strings.Contains(text, longLine) != (string(got) != text):
			t.Errorf("%s: %d bytes became %d", name, len(text), len(got))
		case strings.Contains(name, "box") && strings.Count(string(got), "From a@example.org") != strings.Count(text, "From a@example.org"):
			t.Errorf("%s: messages were lost", name)
		}
	}
	if _, log, status := runFix(t, "", in, "--output", out); status != 64 || !strings.Contains(log, "exists") {
		t.Errorf("an output folder that exists: status %d, %s", status, log)
	}
	if _, log, status := runFix(t, "", in, "--output", filepath.Join(in, "out")); status == 64 {
		t.Errorf("an output folder that is not there yet, inside of the input: status %d, %s", status, log)
	}
}

// With files the status reports whether anything was changed, unless it is not
// wanted.
func TestFixStatus(t *testing.T) {
	in := t.TempDir()
	clean, long := "Subject: clean\n\nbody\n", "Subject: long\n\n"+strings.Repeat(longLine, 500)+"\n"
	files := map[string]string{
		"clean.eml": clean, "clean.mbox": mboxOf(clean, clean), "clean.Maildir/cur/1": clean,
		"changed.eml": long, "changed.mbox": mboxOf(clean, long), "changed.Maildir/new/1": long,
	}
	for name, text := range files {
		path := filepath.Join(in, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name := range files {
		top, _, _ := strings.Cut(name, "/")
		want := 0
		if strings.HasPrefix(name, "changed") {
			want = exitChanged
		}
		for _, test := range []struct {
			args []string
			want int
		}{{nil, want}, {[]string{"--exit-code"}, want}, {[]string{"--exit-code=false"}, 0}, {[]string{"--profile", "plain"}, 0}} {
			args := append([]string{filepath.Join(in, top), "--output", filepath.Join(t.TempDir(), "out")}, test.args...)
			if _, log, status := runFix(t, "", args...); status != test.want {
				t.Errorf("%s %q: status %d, want %d: %s", top, test.args, status, test.want, log)
			}
		}
	}
	if _, log, status := runFix(t, "", filepath.Join(in, "none"), "--output", filepath.Join(in, "out")); status != exitUsage {
		t.Errorf("a file that is not there: status %d: %s", status, log)
	}
}
