package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// hostileServer says escape sequences wherever a server has words of its own.
func hostileServer(t *testing.T, loginWord string) (address string) {
	t.Helper()
	const evil = "\x1b[2J\x1b]0;x\x07\u009b31m\u202e\x7f\r\b"
	words := strings.ReplaceAll(evil, "\r", "")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve := func(conn net.Conn) {
		defer conn.Close()
		fmt.Fprintf(conn, "* OK %s ready\r\n", words)
		for r := bufio.NewReader(conn); ; {
			line, err := r.ReadString('\n')
			if err != nil {
				break
			}
			tag, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
			verb, _, _ := strings.Cut(rest, " ")
			word := "OK"
			if size := 0; verb == "APPEND" {
				if _, err := fmt.Sscanf(rest[strings.Index(rest, "{")+1:], "%d}", &size); err != nil || size > 1<<20 {
					fmt.Fprintf(conn, "%s NO %s\r\n", tag, words)
					continue
				}
				fmt.Fprintf(conn, "+ %s\r\n", words)
				if _, err := io.CopyN(io.Discard, r, int64(size+len("\r\n"))); err != nil {
					break
				}
			}
			switch verb {
			case "CAPABILITY":
				fmt.Fprintf(conn, "* CAPABILITY IMAP4rev1 ID X%s\r\n", words)
			case "LOGIN":
				word = loginWord
			case "ID":
				fmt.Fprintf(conn, "* ID (\"name\" \"%s\" \"version\" \"%s\")\r\n", words, words)
			case "LIST":
				fmt.Fprintf(conn, "* LIST (\\%s) \"/\" \"Box%s\"\r\n", words, words)
			case "FETCH":
				fmt.Fprintf(conn, "* 1 FETCH (UID 1 BODY[] \"%s\")\r\n", words)
			case "SELECT":
				fmt.Fprintf(conn, "* 1 EXISTS\r\n")
			case "STATUS":
				fmt.Fprintf(conn, "* STATUS INBOX (UIDNEXT 1)\r\n")
			}
			fmt.Fprintf(conn, "%s %s [%s] %s\r\n", tag, word, words, words)
		}
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { serve(conn) })
		}
	})
	t.Cleanup(func() { l.Close(); serving.Wait() })
	return l.Addr().String()
}

// Nothing that a server says reaches the terminal as more than text.
func TestCheckLoginShowsNoControlCharacters(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, tt := range []struct {
		word string
		args []string
		says string
	}{
		{"OK", nil, `\u001b[2J`},
		{"OK", []string{"--json"}, `\u001b[2J`},
		{"OK", []string{"--append", "Box"}, "test message"},
		{"NO", nil, "login failed"},
		{"BAD", []string{"--json"}, `"step": "login"`},
	} {
		t.Run(tt.word+strings.Join(tt.args, " "), func(t *testing.T) {
			args := append([]string{
				"check", "--login", "bob", "--set", "listen.implicit=127.0.0.1:0", "--set", "upstream.tls=insecure-none",
				"--set", "upstream.address=" + hostileServer(t, tt.word),
			}, tt.args...)
			out, err := exgateWith(t, "secret\n", args...)
			if !strings.Contains(out, tt.says) {
				t.Errorf("no %q in %q, %v", tt.says, out, err)
			}
			if i := strings.IndexFunc(out, isUnprintable); i >= 0 {
				t.Errorf("%q reaches the terminal", out[i:])
			}
			if (err == nil) != (tt.word == "OK") || err != nil && strings.ContainsFunc(printable(err.Error()), isUnprintable) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Nor does what exgate survey writes: its progress, its report, its files.
func TestSurveyShowsNoControlCharacters(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		dir := t.TempDir()
		var out, progress strings.Builder
		root := rootCommand(&out)
		root.SetArgs([]string{
			"survey", "--login", "bob", "--pace", "0", "--with-mail", "--connections", "0", "--format", format, "--out", dir,
			"--set", "listen.implicit=127.0.0.1:0", "--set", "upstream.tls=insecure-none",
			"--set", "upstream.address=" + hostileServer(t, "OK"),
		})
		root.SetIn(strings.NewReader("secret\n"))
		root.SetErr(&progress)
		if err := root.ExecuteContext(t.Context()); err != nil {
			t.Errorf("%v", err)
		}
		written := map[string]string{"standard output": out.String(), "standard error": progress.String()}
		for _, name := range []string{surveyState, surveyReport, surveyYAML, surveyEvidence} {
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			written[name] = string(text)
		}
		for name, text := range written {
			if i := strings.IndexFunc(text, isUnprintable); i >= 0 {
				t.Errorf("%s has %q", name, text[i:min(len(text), i+40)])
			}
			if name != surveyYAML && !strings.Contains(text, `\u001b[2J`) {
				t.Errorf("%s does not tell what the server says", name)
			}
		}
	}
}
