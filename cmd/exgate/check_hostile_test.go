package main

import (
	"bufio"
	"fmt"
	"net"
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
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprintf(conn, "* OK %s ready\r\n", words)
			for lines := bufio.NewScanner(conn); lines.Scan(); {
				tag, rest, _ := strings.Cut(lines.Text(), " ")
				verb, _, _ := strings.Cut(rest, " ")
				word := "OK"
				switch verb {
				case "CAPABILITY":
					fmt.Fprintf(conn, "* CAPABILITY IMAP4rev1 ID X%s\r\n", words)
				case "LOGIN":
					word = loginWord
				case "ID":
					fmt.Fprintf(conn, "* ID (\"name\" \"%s\" \"version\" \"%s\")\r\n", words, words)
				case "LIST":
					fmt.Fprintf(conn, "* LIST (\\%s) \"/\" \"Box%s\"\r\n", words, words)
				case "STATUS":
					fmt.Fprintf(conn, "* STATUS INBOX (UIDNEXT 1)\r\n")
				}
				fmt.Fprintf(conn, "%s %s [%s] %s\r\n", tag, word, words, words)
			}
			conn.Close()
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
			if i := strings.IndexFunc(out, unseen); i >= 0 {
				t.Errorf("%q reaches the terminal", out[i:])
			}
			if (err == nil) != (tt.word == "OK") || err != nil && strings.ContainsFunc(printable(err.Error()), unseen) {
				t.Errorf("got %v", err)
			}
		})
	}
}
