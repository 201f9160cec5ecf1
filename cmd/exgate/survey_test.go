package main

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"exgate/backend/exchangesim"
	"exgate/backend/survey"
)

// surveyedServer is a simulated server, and the directory for what a survey of it writes.
type surveyedServer struct {
	*exchangesim.Server
	address, ca, dir string
}

func surveyServer(t *testing.T, c exchangesim.Config) surveyedServer {
	t.Helper()
	server, err := exchangesim.New(c)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l, exchangesim.ImplicitTLS) }()
	t.Cleanup(func() {
		server.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	dir := t.TempDir()
	cert, err := server.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(dir, "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return surveyedServer{Server: server, address: l.Addr().String(), ca: ca, dir: dir}
}

// survey runs exgate survey as bob.
func (s surveyedServer) survey(ctx context.Context, progress io.Writer, args ...string) (out string, err error) {
	var stdout strings.Builder
	root := rootCommand(&stdout)
	root.SetArgs(append([]string{
		"survey", "--login", "bob@example.com", "--pace", "0", "--connections", "3", "--out", s.dir,
		"--set", "listen.implicit=127.0.0.1:0", "--set", "upstream.address=" + s.address,
		"--set", "upstream.server_name=localhost", "--set", "upstream.ca_file=" + s.ca,
		"--set", "upstream.login.domains=EXAMPLE",
	}, args...))
	root.SetIn(strings.NewReader("bobpass\n"))
	root.SetErr(progress)
	err = root.ExecuteContext(ctx)
	return stdout.String(), err
}

// clean fails if the survey has left folders.
func (s surveyedServer) clean(t *testing.T) {
	t.Helper()
	for _, name := range s.Mailboxes("bob") {
		if strings.HasPrefix(name, "exgate") {
			t.Errorf("the folder %s is left", name)
		}
	}
}

// surveyed surveys a simulated server, and returns the directory of the outputs.
func surveyed(t *testing.T, c exchangesim.Config, args ...string) (dir, out string) {
	t.Helper()
	s := surveyServer(t, c)
	out, err := s.survey(t.Context(), io.Discard, args...)
	if err != nil {
		t.Fatal(err)
	}
	s.clean(t)
	return s.dir, out
}

func readEvidence(t *testing.T, dir string) survey.Evidence {
	t.Helper()
	e, err := survey.ReadEvidence(filepath.Join(dir, surveyEvidence))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// A simulation like a measured server gives the same evidence as the server, word for word but for the numbers of
// mailboxes and the sizes that a server estimates.
func TestSimulateLike(t *testing.T) {
	measured := exchangesim.Config{
		Profile: "exchange2013",
		Quirks: []string{
			"no-keyword-refused", "bare-copyuid", "long-subject-refused", "idle-exists-first", "no-case-folding",
			"many-parts-refused", "no-oversize-refused", "oversize-closes", "tab-names",
		},
		Like: exchangesim.Like{Greeting: "Willkommen bei Exchange", Limits: map[string]int64{
			"command-size": 8000, "literal-run-as-commands": 2000, "oversize-refused": 123_456, "ten-bads": 8,
			"long-subject-refused": 100, "name-length": 90, "many-parts-refused": 12,
		}},
		Faults: []string{"connection-limit:2:refused"},
	}
	configs := []exchangesim.Config{measured}
	for _, name := range exchangesim.Profiles() {
		configs = append(configs, exchangesim.Config{Profile: name})
	}
	for _, c := range configs {
		first, _ := surveyed(t, c)
		evidence := readEvidence(t, first)
		var again exchangesim.Config
		like(&again, evidence)
		second, _ := surveyed(t, again)
		got := readEvidence(t, second)
		if a, b := shown(t, evidence.Server), shown(t, got.Server); a != b {
			t.Errorf("%s: the server is\n%s\nand was\n%s", c.Profile, b, a)
		}
		for i, f := range evidence.Findings {
			g := got.Findings[i]
			f.Words, g.Words = nil, nil
			if a, b := shown(t, f), shown(t, g); a != b {
				t.Errorf("%s: the finding is\n%s\nand was\n%s", c.Profile, b, a)
			}
		}
	}
}

func shown(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// What the survey of a real run writes: settings that load, evidence that tells nothing of the run.
func TestSurveyOutputs(t *testing.T) {
	dir, out := surveyed(t, exchangesim.Config{Quirks: []string{"error-in-ok"}}, "--format", "json")
	var report survey.Report
	if err := json.Unmarshal([]byte(out), &report); err != nil || len(report.Rows) < 40 || report.Missing > 0 {
		t.Errorf("%d rows, %d missing, %v", len(report.Rows), report.Missing, err)
	}
	if out, err := exgateWith(t, "", "check", "--config", filepath.Join(dir, surveyYAML)); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	for file, secrets := range map[string][]string{
		surveyEvidence: {"bob", "bobpass", "127.0.0.1", "localhost", "exchangesim.example.com", "EXAMPLE"},
		surveyYAML:     {"bob"},
		surveyReport:   {"bobpass"},
	} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range secrets {
			if strings.Contains(string(text), secret) {
				t.Errorf("%s has %q", file, secret)
			}
		}
	}
	state, err := os.Stat(filepath.Join(dir, surveyState))
	if err != nil || state.Mode().Perm()&0o077 != 0 {
		t.Errorf("the state: %v, %v", state.Mode(), err)
	}
}

func TestSurveyRefuses(t *testing.T) {
	for _, args := range [][]string{
		{}, {"--login", "bob", "--format", "xml"}, {"--login", "bob", "--pace", "-1"}, {"--login", "bob", "--idle", "30m"},
		{"--login", "bob", "--connections", "1000"},
	} {
		root := rootCommand(io.Discard)
		root.SetArgs(append([]string{"survey", "--out", t.TempDir(), "--set", "listen.implicit=127.0.0.1:0",
			"--set", "upstream.address=127.0.0.1:1"}, args...))
		root.SetErr(io.Discard)
		if err := root.ExecuteContext(t.Context()); exitCode(err) != exitUsage {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// A login that is refused ends the survey with the reason, and leaves no report.
func TestSurveyLoginRefused(t *testing.T) {
	dir := t.TempDir()
	_, err := exgateWith(t, "secret\n", "survey", "--login", "bob", "--out", dir, "--set", "listen.implicit=127.0.0.1:0",
		"--set", "upstream.tls=insecure-none", "--set", "upstream.address="+hostileServer(t, "NO"))
	if exitCode(err) != exitUnavailable || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, surveyReport)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a report: %v", err)
	}
}

// at calls a function when a line of progress begins with some words.
type at struct {
	words string
	call  func()
	lines []string
}

func (a *at) Write(p []byte) (int, error) {
	a.lines = append(a.lines, string(p))
	if strings.HasPrefix(string(p), a.words) {
		a.call()
	}
	return len(p), nil
}

// A survey that ends in the midst writes what it has found. The next run asks the rest, and removes what is left.
func TestSurveyResumes(t *testing.T) {
	for _, tt := range []struct {
		name    string
		ends    func(s surveyedServer, interrupt func()) error
		removed bool // the first run can remove its folders
	}{
		{"interrupted", func(_ surveyedServer, interrupt func()) error { interrupt(); return nil }, true},
		{"every connection is cut", func(s surveyedServer, _ func()) error { return s.AddFault("cut:*:100000") }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := surveyServer(t, exchangesim.Config{})
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			first := &at{words: "30 of", call: func() {
				if err := tt.ends(s, interrupt); err != nil {
					t.Error(err)
				}
			}}
			out, err := s.survey(ctx, first, "--set", "upstream.pace.max_backoff=1s")
			if exitCode(err) != exitUnavailable || !strings.Contains(out, "Not asked yet") {
				t.Errorf("%v\n%s", err, out)
			}
			if tt.removed {
				s.clean(t)
			}
			s.ClearFaults()
			second := &at{words: "30 of", call: func() {}}
			out, err = s.survey(t.Context(), second)
			if err != nil || strings.Contains(out, "Not asked yet") {
				t.Errorf("%v\n%s", err, out)
			}
			s.clean(t)
			if strings.Contains(strings.Join(second.lines, ""), "29 of") {
				t.Errorf("the second run has asked again: %q", second.lines)
			}
			if !strings.Contains(strings.Join(second.lines, ""), "30 of") {
				t.Errorf("the second run has not gone on: %q", second.lines)
			}
		})
	}
}
