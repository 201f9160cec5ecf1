//go:build unix

package proxy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"exgate/proxy/delivery"
	"exgate/proxy/testkit"
	"exgate/rewrite"
)

// script writes a shell script to a file, and returns the command that runs it.
func script(t *testing.T, text string) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "filter")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return []string{path, "-x"}
}

func TestFilter(t *testing.T) {
	long := head + "Subject: long\r\n\r\n" + strings.Repeat("word ", 3000) + "\r\n"
	for _, test := range []struct {
		name, script, when string
		message            string
		timeout            time.Duration
		arrives            string // must be in the message that Exchange gets
		says               string // must be in the log, if the filter fails
	}{
		{"not for this message", "sed s/clean/filtered/", delivery.FilterLongLines, cleanMessage, 0, "Subject: clean", ""},
		{"always", "sed s/clean/filtered/", delivery.FilterAlways, cleanMessage, 0, "Subject: filtered", ""},
		{"for long lines, and the engine after it", "sed s/long/filtered/", delivery.FilterLongLines, long, 0, "Subject: filtered\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable", ""},
		{"for refused messages", "sed s/Gr.*/filtered/", delivery.FilterRefused, head + "Subject: Gr\xc3\xbc\xc3\x9fe\r\n\r\nx\r\n", 0, "Subject: filtered", ""},
		{"its arguments and environment", `printf 'Subject: %s %s\r\n\r\n' "$1" "$HOME$SECRET"`, delivery.FilterAlways, cleanMessage, 0, "Subject: -x ", ""},
		{"fails", "echo broken >&2; exit 3", delivery.FilterAlways, cleanMessage, 0, "Subject: clean", "broken"},
		{"writes nothing", "exit 0", delivery.FilterAlways, cleanMessage, 0, "Subject: clean", "it wrote nothing"},
		{"does not read", "printf 'Subject: x\\r\\n\\r\\n'", delivery.FilterAlways, long, 0, "Subject: x", ""},
		{"writes too much", "exec cat /dev/zero", delivery.FilterAlways, cleanMessage, 0, "Subject: clean", "it writes too much"},
		{"takes too long, with children", "cat >/dev/null; sleep 60 & sleep 60", delivery.FilterAlways, cleanMessage, 50 * time.Millisecond, "Subject: clean", "was killed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("SECRET", "secret")
			timeout := test.timeout
			if timeout == 0 {
				timeout = testkit.WaitLimit
			}
			filter := func(o *Options, _ *limits) {
				o.Filter = delivery.Filter{Command: script(t, test.script), When: test.when, Timeout: timeout}
			}
			g, c, sim := newStrict(t, strictProfile(rewrite.StageRefused), filter)
			c.upload("INBOX", test.message)
			c.until("a1 OK …", "* OK …")
			if got := string(stored(t, sim, "INBOX").Received); !strings.Contains(got, test.arrives) {
				t.Errorf("arrived: %.300q", got)
			}
			failed := strings.Contains(g.log.String(), "the filter failed")
			if failed != (test.says != "") || failed && !strings.Contains(fmt.Sprint(g.logged("the filter failed, the message goes on without it")["err"]), test.says) {
				t.Errorf("the log says: %s", g.log)
			}
		})
	}
	t.Run("no such program", func(t *testing.T) {
		filter := func(o *Options, _ *limits) {
			o.Filter = delivery.Filter{Command: []string{"/nowhere/filter"}, When: delivery.FilterAlways, Timeout: testkit.WaitLimit}
		}
		g, c, sim := newStrict(t, strictProfile(rewrite.StageRefused), filter)
		c.upload("INBOX", cleanMessage)
		c.until("a1 OK …", "* OK …")
		stored(t, sim, "INBOX")
		g.logged("the filter failed, the message goes on without it")
	})
}
