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
	write(t, in, files)
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

// TestFromWithBlanks has messages with blanks before the colon of From, which is no From
// line of an mbox.
func TestFromWithBlanks(t *testing.T) {
	message := "From  : Ann <ann@example.org>\nTo: bob@example.org\n\nFrom :\n\nFrom  : the text\n"
	in := t.TempDir()
	// The end of the mbox's buffer comes between From and the colon.
	first := mboxOf("Subject: x\n\n")
	space := mboxBuffer - len(first) - len("\nFrom  ")
	filler := strings.Repeat("x\n", space/2) + strings.Repeat("\n", space%2) + "\nFrom      : no message\n"
	write(t, in, map[string]string{"one.eml": message, "box": mboxOf(message, message), "large": first + filler})
	out := filepath.Join(t.TempDir(), "out")
	_, log, status := runFix(t, "", in, "--output", out, "--report", "json")
	if status != 0 {
		t.Errorf("status %d: %s", status, log)
	}
	if n := strings.Count(log, `"size"`); n != 4 {
		t.Errorf("%d messages: %s", n, log)
	}
}

// What a folder has beside its messages stays as it is, and is named.
func TestFixOtherFiles(t *testing.T) {
	sqlite := "SQLite format 3\x00\x10\x00\n\n\r\x00" + strings.Repeat("\x00\n", 20_000)
	mork := "// <!-- <mdb:mork:z v=\"1.4\"/> -->\n< <(a=c)> // (f=iso-8859-1)\r\n(B8=x)>\n"
	files := map[string]string{
		".notmuch/index.sqlite": sqlite, "Inbox.msf": mork, "empty": "", "notes": strings.Repeat("some text\r\nand more\n",
			10),
		"a.eml": "Subject: a\n\nbody\n", "b.eml": "no field\nReceived: b\n\nbody\n", "box": mboxOf("Subject: c\n\nbody\n"),
	}
	in := filepath.Join(t.TempDir(), "in")
	write(t, in, files)
	out := filepath.Join(t.TempDir(), "out")
	_, log, status := runFix(t, "", in, "--output", out)
	if status != 0 {
		t.Errorf("status %d: %s", status, log)
	}
	for name, text := range files {
		if got, err := os.ReadFile(filepath.Join(out, "in", name)); err != nil || string(got) != text {
			t.Errorf("%s: %d bytes became %d, %v", name, len(text), len(got), err)
		}
		isMessage := strings.HasSuffix(name, ".eml") || name == "box"
		if named := strings.Contains(log, filepath.Join(in, name)+": no message"); named == isMessage {
			t.Errorf("%s: the log says %s", name, log)
		}
	}
	if want := "3 messages, 0 changed, 0 refused; 4 other files, copied as they are\n"; !strings.HasSuffix(log, want) {
		t.Errorf("the log says %q, want %q", log, want)
	}
	// Who names a file means a message.
	_, log, _ = runFix(t, "", filepath.Join(in, "notes"), "--output", out+"2", "--report", "json")
	if !strings.Contains(log, `"changed":true`) {
		t.Errorf("the log says %q", log)
	}
}

// Where line ends are mixed, the more frequent is how the message is stored.
func TestFixMixedLineEnds(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"Subject: a\r\n\nb\nc\n", "Subject: a\n\nb\nc\n"},
		{"Subject: a\r\n\r\nb\nc\r\n", "Subject: a\r\n\r\nb\r\nc\r\n"},
		{"Subject: a\r\n\nb\n\r\n", "Subject: a\r\n\r\nb\r\n\r\n"}, // as many of each
	} {
		if got, log, status := runFix(t, test.in); got != test.want || status != 0 {
			t.Errorf("%q: %q, want %q: %d, %s", test.in, got, test.want, status, log)
		}
		if got, _, _ := runFix(t, test.in, "--profile", "plain"); got != test.in {
			t.Errorf("%q: without fixes it is %q", test.in, got)
		}
	}
}

// A Content-Length that is true tells where a message ends, and one that is
// not is passed over.
func TestFixContentLength(t *testing.T) {
	const from = "From a@example.org Tue Mar  3 10:00:00 2026\n"
	body := "text\n\nFrom here on, no message begins\n"
	sized := fmt.Sprintf("%sSubject: a\ncontent-length: %d\n\n%s", from, len(body), body)
	for _, test := range []struct {
		box      string
		messages int
	}{
		{sized, 1}, {sized + "\n", 1}, {sized + sized, 2}, {sized + "\n" + sized + sized, 3}, {sized + from +
			"Subject: b\n\nlast\n", 2},
		{from + "Content-Length: 3\n\ntext\n\n" + sized, 2}, {from + "Content-Length: 99999999999999999999\n\ntext\n\n" +
			sized, 2},
		{from + "Content-Length: -5\n\ntext\n\n" + sized, 2}, {from + "Content-Length: 4611686018427387904\n\ntext\n\n" +
			sized, 2},
		{from + "Subject: a\n\nContent-Length: 5\n\n" + sized, 2},
		{strings.Repeat(sized+from+"Subject: "+strings.Repeat("x", 9000)+"\n\n\n", 500), 1000},
	} {
		for _, box := range []string{test.box, strings.ReplaceAll(strings.ReplaceAll(test.box, fmt.Sprint(": ", len(body)),
			fmt.Sprint(": ", len(body)+3)), "\n", "\r\n")} {
			in := t.TempDir()
			write(t, in, map[string]string{"box": box})
			out := filepath.Join(t.TempDir(), "out")
			_, log, status := runFix(t, "", filepath.Join(in, "box"), "--output", out)
			got, err := os.ReadFile(filepath.Join(out, "box"))
			if want := fmt.Sprintf("%d messages, 0 changed", test.messages); !strings.HasPrefix(log, want) || status != 0 ||
				string(got) != box || err != nil {
				t.Errorf("%.200q: %q, %d, %d bytes, want %s and %d bytes", box, log, status, len(got), want, len(box))
			}
		}
	}
}

// write makes files of a folder.
func write(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
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
	write(t, in, files)
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
