package survey

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"exgate/backend"
	"exgate/backend/testkit"
	"exgate/config/profile"
)

// hostile is a server that answers as its map says, by verb, and OK otherwise. Answers are untagged lines.
type hostile map[string]func(w io.Writer)

var announcedLiteral = regexp.MustCompile(`\{(\d+)\}$`)

// serve serves one connection.
func (h hostile) serve(conn net.Conn) {
	defer conn.Close()
	fmt.Fprint(conn, "* OK ready\r\n")
	r := bufio.NewReader(conn)
	for {
		command, err := r.ReadString('\n')
		if err != nil {
			return
		}
		words := strings.Fields(command)
		for m := announcedLiteral.FindStringSubmatch(strings.TrimSpace(command)); m != nil; {
			n, _ := strconv.ParseInt(m[1], 10, 64)
			if n > 1<<20 { // announced only
				fmt.Fprintf(conn, "%s NO too large\r\n", words[0])
				break
			}
			fmt.Fprint(conn, "+ go on\r\n")
			if _, err := io.CopyN(io.Discard, r, n); err != nil {
				return
			}
			rest, err := r.ReadString('\n')
			if err != nil {
				return
			}
			m = announcedLiteral.FindStringSubmatch(strings.TrimSpace(rest))
		}
		if len(words) > 1 && h[words[1]] != nil {
			h[words[1]](conn)
		}
		if len(words) > 0 {
			fmt.Fprintf(conn, "%s OK done\r\n", words[0])
		}
	}
}

// start serves until the test ends, and returns options to survey it.
func (h hostile) start(t *testing.T) Options {
	t.Helper()
	l := testkit.Listen(t)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { h.serve(conn) })
		}
	})
	t.Cleanup(func() { l.Close(); serving.Wait() })
	up, err := backend.NewUpstream(backend.Options{Address: l.Addr().String(), TLS: backend.TLSInsecureNone},
		func(backend.Evidence) backend.Choice { return backend.Choice{Verify: true} })
	if err != nil {
		t.Fatal(err)
	}
	return Options{
		Upstream: up, Identity: backend.Identity{User: "bob", AsSent: "bob"},
		Credential: backend.Credential{Password: backend.NewSecret("secret")},
		Profile:    func(backend.Evidence) profile.Profile { return profile.Named(profile.Plain) },
		MaxBackoff: time.Millisecond, Now: time.Now, Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
		Progress: func(string, ...any) {}, Save: func(*State) error { return nil },
	}
}

// What a server says without end is bounded: the survey ends, and keeps little of it.
func TestHostileServer(t *testing.T) {
	many := func(line string) func(io.Writer) {
		return func(w io.Writer) {
			b := bufio.NewWriter(w)
			defer b.Flush()
			for i := range 300_000 {
				if _, err := fmt.Fprintf(b, line, i); err != nil {
					return
				}
			}
		}
	}
	says := func(text string) func(io.Writer) { return func(w io.Writer) { fmt.Fprint(w, text) } }
	long := strings.Repeat("x", 40_000)
	capability := says("* CAPABILITY IMAP4rev1 MOVE UIDPLUS\r\n")
	for _, tt := range []struct {
		name   string
		server hostile
		ends   string // in the error; "": no error
	}{
		{"folders without end", hostile{"LIST": many("* LIST () \"/\" box%d\r\n")}, "more than 200000 lines"},
		{"folders of the survey", hostile{"LIST": func(w io.Writer) {
			b := bufio.NewWriter(w)
			defer b.Flush()
			for i := range 5000 {
				fmt.Fprintf(b, "* LIST () \"/\" exgate-survey-20250101-000000/%d\r\n", i)
			}
		}}, ""},
		{"many numbers", hostile{
			"SELECT": says("* 18446744073709551615 EXISTS\r\n* 4294967295 EXISTS\r\n"),
			"FETCH":  says("* 4294967295 FETCH (UID 99999999999999999999 RFC822.SIZE -1 BODY[] {3}\r\nabc)\r\n"),
			"SEARCH": says("* SEARCH 99999999999999999999 4294967295\r\n"),
		}, ""},
		{"long words", hostile{
			"NOOP": says("* OK " + long + "\r\n"), "CREATE": says(long + "\r\n"), "STATUS": says("* STATUS " + long + "\r\n"),
			"NAMESPACE": says("* NAMESPACE " + long + "\r\n"), "CAPABILITY": says("* CAPABILITY IMAP4rev1 " + long + "\r\n"),
		}, ""},
		{"strays without end", hostile{"NAMESPACE": many("stray %d\r\n")}, ""},
		{"nothing to fetch", hostile{"SELECT": says("* 7 EXISTS\r\n")}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.server["CAPABILITY"] == nil {
				tt.server["CAPABILITY"] = capability
			}
			o, state := tt.server.start(t), &State{}
			o.WithMail = true
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			err := Run(ctx, o, state)
			if (err == nil) != (tt.ends == "") || err != nil && !strings.Contains(err.Error(), tt.ends) {
				t.Errorf("the error is %v, want %q", err, tt.ends)
			}
			file := filepath.Join(t.TempDir(), "state.json")
			if err := state.Store(file); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(file); err != nil || info.Size() > maxFile/4 {
				t.Errorf("the state has %d bytes, %v", info.Size(), err)
			}
		})
	}
}

// The files are in ASCII, whatever a server says, and say the same.
func TestFilesAreASCII(t *testing.T) {
	w := &words{}
	w.trace(false, []byte("* OK \x1b[2J \u009b31m \u202e \U0001f600 caf\xc3\xa9\r\n"))
	w.trace(false, []byte("* OK caf\xe9\r\n"))
	state := &State{Findings: []Finding{{ID: "EX-01", Answer: Yes, Words: w.take()}}}
	file := filepath.Join(t.TempDir(), "state.json")
	if err := state.Store(file); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range data {
		if c >= 0x7f || c < ' ' && c != '\n' {
			t.Fatalf("the byte %#x at %d", c, i)
		}
	}
	var again State
	if err := json.Unmarshal(data, &again); err != nil {
		t.Fatal(err)
	}
	want := []string{"S: * OK \x1b[2J \u009b31m \u202e \U0001f600 café", "S: * OK café"}
	for i, line := range again.Findings[0].Words {
		if line != want[i] {
			t.Errorf("%q, want %q", line, want[i])
		}
	}
}
