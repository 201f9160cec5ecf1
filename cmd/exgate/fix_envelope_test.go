package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"exgate/backend/exchangesim"
)

// hardHeaders are what an envelope has to carry, in every way that a server
// could refuse.
var hardHeaders = []string{
	"Subject: =?utf-7?Q?Heinz_M+APw-ller?=",
	"Subject: =?TELETEX?Q?caf=E9?=",
	"Subject: =?cp932?B?k/qWew==?=",
	"Subject: =?iso-8859-2*sl?Q?Doma=E8e?=",
	"Subject: =?utf-8?B?w6TD?= =?utf-8?Z?x?=",
	"Subject: " + strings.Repeat("=?utf-8?Q?=C3=A4?= ", 300),
	"Subject: Gr\xfc\xdfe",
	"Subject: " + strings.Repeat("x", 20_000),
	"Subject: a\x00b\rFrom: c",
	"From: =?UTF-7?B?TStBUHctbGxlcg==?= <a@example.org>",
	"From: b\xe4r@example.org",
	"From: B\xe4r <b@ex\xe4mple.org>",
	"From: " + strings.Repeat("x", 20_000),
	"To    : a@example.org",
	"To:" + strings.Repeat(" =?utf-8?Q?a:b=C3=A4?=", 900) + " <a@example.org>",
	"To: \"" + strings.Repeat(`a\", `, 1000) + "\" <a@example.org>",
	"To: undisclosed-recipients:;",
	"Cc: a@example.org,, \xe4@example.org",
	"Reply-To: \"",
	"Sender: (" + strings.Repeat("(", 3000),
	"Received: from M\xfcller by b; Tue, 3 Mar 2026 10:00:00 +0000",
	"Received: " + strings.Repeat("y", 20_000),
	"Received: a\n \t\n b",
	"Received : x",
	strings.Repeat("Received: from a by b\n", 1000) + "X: y",
	"Date: Di, 3 M\xe4rz 2026",
	"Date   : Tue, 3 Mar 2026 10:00:00 +0000",
	"Message-Id: <\xfc@example.org>",
	"Message-ID: " + strings.Repeat("z", 20_000),
	"In-Reply-To: <\xe4@example.org>",
	"References:" + strings.Repeat(" <a@example.org>", 3000),
	"References: " + strings.Repeat("z", 20_000),
	"References: " + strings.Repeat("<a>", 400_000),
	"no field",
	": nothing",
	"\xe4: \xe4",
}

// TestEnvelopeIsTaken has every stage's last resort taken by a server with all
// rules of content that are known.
func TestEnvelopeIsTaken(t *testing.T) {
	var strict []string
	for _, q := range exchangesim.Quirks() {
		if strings.HasSuffix(q.Name, "-refused") || q.Name == "literal-run-as-commands" {
			strict = append(strict, q.Name)
		}
	}
	in := t.TempDir()
	for i, hard := range hardHeaders {
		for j, message := range []string{
			"From: a@example.org\n" + hard + "\nTo: b@example.org\nContent-Type: message/partial\n\nbody\n",
			hard + "\n\n" + strings.Repeat("x", 20_000),
		} {
			path := filepath.Join(in, fmt.Sprintf("%d-%d.eml", i, j))
			message = "X-First: field\r\n" + strings.ReplaceAll(message, "\n", "\r\n")
			if err := os.WriteFile(path, []byte(message), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	out := filepath.Join(t.TempDir(), "out")
	_, log, status := runFix(t, "", in, "--output", out, "--stage", "envelope", "--profile", "exchange2016")
	if status != exitChanged {
		t.Fatalf("status %d: %s", status, log)
	}
	for _, quirks := range [][]string{nil, strict} {
		say := appender(t, quirks)
		files, err := filepath.Glob(filepath.Join(out, "*", "*.eml"))
		if err != nil || len(files) != 2*len(hardHeaders) {
			t.Fatalf("%d files, %v", len(files), err)
		}
		for _, file := range files {
			message, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if answer := say(message); !strings.HasPrefix(answer, "a OK") {
				t.Errorf("with %d quirks, %s: %s: %.1500q", len(quirks), filepath.Base(file), answer, message)
			}
		}
	}
}

// appender sends messages to a simulated Exchange, and returns its answers.
func appender(t *testing.T, quirks []string) func(message []byte) string {
	t.Helper()
	sim, err := exchangesim.New(exchangesim.Config{Quirks: quirks})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := sim.Serve(l, exchangesim.InsecurePlaintext); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { sim.Close(); serving.Wait() })
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	lines := bufio.NewReader(conn)
	answer := func() string {
		for {
			line, err := lines.ReadString('\n')
			if err != nil || strings.HasPrefix(line, "a ") {
				return strings.TrimSpace(line+fmt.Sprint(err)) + "\n"
			}
		}
	}
	fmt.Fprintf(conn, "a LOGIN alice alicepass\r\n")
	if got := answer(); !strings.HasPrefix(got, "a OK") {
		t.Fatal(got)
	}
	return func(message []byte) string {
		fmt.Fprintf(conn, "a APPEND INBOX {%d+}\r\n%s\r\n", len(message), message)
		return answer()
	}
}
