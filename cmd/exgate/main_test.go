package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"exgate/config"
)

// runsExgate, set, has the test binary be exgate itself: a program of its own,
// whose crash is seen whole.
const runsExgate = "TEST_RUNS_EXGATE"

// TestMain takes our variables out of the environment, which would reach
// every configuration, and looks for goroutines left behind.
func TestMain(m *testing.M) {
	if os.Getenv(runsExgate) != "" {
		main()
	}
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "EXGATE_") {
			os.Unsetenv(name)
		}
	}
	goleak.VerifyTestMain(m)
}

const configs = "../../testdata/config/"

// exgate runs a command line.
func exgate(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	var out strings.Builder
	err = run(t.Context(), args, &out, os.Stderr)
	return out.String(), err
}

func TestExitCodes(t *testing.T) {
	tests := []struct {
		args string
		code int
		says string // in the error
	}{
		{"version", 0, ""},
		{"", 0, ""},
		{"check --help", 0, ""},
		{"check --config " + configs + "good/design.yaml", 0, ""},
		{"chekc", exitUsage, "chekc"},
		{"check --jsno", exitUsage, "--jsno"},
		{"check one two", exitUsage, "exgate check --help"},
		{"check --config", exitUsage, "--config"},
		{"check --config nowhere.yaml", exitConfig, "nowhere.yaml"},
		{"check --config " + configs + "bad/five-mistakes.yaml", exitConfig, "upstream.adress: unknown key: did you mean upstream.address?"},
		{"check --config " + configs + "good/everything.yaml", exitConfig, "ca.pem"}, // names files that are not there
		{"check --config " + configs + "good/design.yaml --set mode=x", exitConfig, "mode: "},
		{"check --json --config " + configs + "bad/five-mistakes.yaml", exitConfig, "the configuration has problems: 5"},
	}
	for _, test := range tests {
		t.Run(test.args, func(t *testing.T) {
			_, err := exgate(t, strings.Fields(test.args)...)
			if code := exitCode(err); code != test.code {
				t.Errorf("exit code %d, want %d (%v)", code, test.code, err)
			}
			if err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("%q is not in %q", test.says, err)
			}
		})
	}
	if code := exitCode(errors.New("anything")); code != exitInternal {
		t.Errorf("any other error: exit code %d", code)
	}
}

func TestNoFileIsNamed(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"XDG_CONFIG_HOME", "HOME", "AppData"} {
		t.Setenv(name, t.TempDir())
	}
	if file, err := config.Find(""); file != "" || err != nil {
		t.Skipf("this machine has %s (%v)", file, err)
	}
	if _, err := exgate(t, "check"); err == nil || !strings.HasPrefix(err.Error(), "no configuration file found: ") {
		t.Errorf("got %v", err)
	}
	out, err := exgate(t, "check", "--set", "upstream.address=localhost:993", "--set", "listen.starttls=127.0.0.1:0")
	if err != nil || !strings.HasPrefix(out, "The configuration is valid: no file") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestCheckTellsEveryProblem(t *testing.T) {
	_, err := exgate(t, "check", "--config", configs+"bad/five-mistakes.yaml")
	want, readErr := os.ReadFile(configs + "bad/five-mistakes.txt")
	if readErr != nil {
		t.Fatal(readErr)
	}
	if err == nil || err.Error()+"\n" != string(want) {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}

func TestCheckTellsWhatWillBeDone(t *testing.T) {
	tests := []struct {
		file  string
		lines []string // words of a row, spaces squeezed
	}{
		{"design", []string{
			"The configuration is valid: " + configs + "good/design.yaml",
			"mode enforce",
			"listen starttls on 127.0.0.1:1143",
			"listen implicit on 127.0.0.1:1993",
			"upstream mail.example.com:993, implicit TLS, certificate for mail.example.com from an authority that the system trusts",
			"long-lines recode over 9900 bytes",
			"read-receipt all",
			"flagged replay",
			"keywords drop",
			"oversize refuse messages over 10485760 bytes",
			"pace 4 messages/s per account; after a throttle exgate waits at most 15m0s",
			"log info, auto, to standard error; wire trace: off",
		}},
		{"observe", []string{
			"mode observe: exgate does not repair or refuse, and logs what it would have done; it waits out throttles",
			"listen insecure-plaintext on [::1]:1143",
			"upstream 192.0.2.1:143, starttls TLS, certificate for mail.example.com from an authority that the system trusts",
			"profile exchange2010",
			"admin logins plain-authzid, domain\\admin\\user, admin@upn\\user; at most 2 failures",
			"long-lines off",
			"oversize off",
			"log debug, json, to standard error; wire trace: wire.log",
		}},
		{"plain", []string{
			"upstream localhost:143, plain text: others on the network can read the passwords",
			"flagged leave",
			"pace no limit; after a throttle exgate waits at most 15m0s",
			"pipeline 1000; literal_plus: true",
		}},
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			out, err := exgate(t, "check", "--config", configs+"good/"+test.file+".yaml")
			if err != nil {
				t.Fatal(err)
			}
			var rows []string
			for line := range strings.Lines(out) {
				rows = append(rows, strings.Join(strings.Fields(line), " "))
			}
			squeezed := strings.Join(rows, "\n")
			for _, line := range test.lines {
				if !strings.Contains("\n"+squeezed+"\n", "\n"+line+"\n") {
					t.Errorf("no line %q in:\n%s", line, squeezed)
				}
			}
		})
	}
	out, err := exgate(t, "check", "--config", configs+"good/literal-characters.yaml", "--set", "spool.dir=")
	if err != nil || !strings.Contains(out, "implicit TLS, certificate pinned") {
		t.Errorf("a pin: %v\n%s", err, out)
	}
}

// A configuration that leaves what Exchange refuses is told how clients go on that stop there.
func TestCheckRecommendsEscalation(t *testing.T) {
	const recommended = "\nrecommendation: mutt, neomutt, imapfilter and offlineimap stop at a message that is refused: " +
		"set fixes.escalate: shed and quarantine.dir, and limits.message_size (now 10485760) to the true limit"
	quarantine := "quarantine.dir=" + t.TempDir()
	for name, test := range map[string]struct {
		args []string
		want bool
	}{
		"design":   {[]string{configs + "good/design.yaml"}, true},
		"shed":     {[]string{configs + "good/design.yaml", "--set", "fixes.escalate=shed", "--set", quarantine}, false},
		"envelope": {[]string{configs + "good/design.yaml", "--set", "fixes.escalate=envelope", "--set", quarantine}, false},
		"observe":  {[]string{configs + "good/observe.yaml"}, false},
		"plain":    {[]string{configs + "good/plain.yaml"}, false},
	} {
		out, err := exgate(t, append([]string{"check", "--config"}, test.args...)...)
		if err != nil || strings.Contains(out, recommended) != test.want {
			t.Errorf("%s: %v, want a recommendation: %t\n%s", name, err, test.want, out)
		}
	}
}

func TestCheckJSON(t *testing.T) {
	type report struct {
		File     string
		Problems []string
		Settings map[string]any
	}
	get := func(file string) (r report) {
		t.Helper()
		out, _ := exgate(t, "check", "--json", "--config", configs+file) // TestExitCodes has the errors
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatalf("%v in:\n%s", err, out)
		}
		return r
	}
	if r := get("bad/five-mistakes.yaml"); len(r.Problems) != 5 || r.Settings != nil {
		t.Errorf("bad file: %+v", r)
	}
	r := get("good/design.yaml")
	if r.Problems == nil || len(r.Problems) != 0 || r.File != configs+"good/design.yaml" ||
		r.Settings["fixes.line-limit"] != 9900.0 || r.Settings["log.level"] != "info" {
		t.Errorf("good file: %+v", r)
	}
}

func TestPrintSample(t *testing.T) {
	out, err := exgate(t, "check", "--print-sample")
	if err != nil || out != config.Sample {
		t.Fatalf("%v, %q", err, out)
	}
	file := filepath.Join(t.TempDir(), "exgate.yaml")
	if err := os.WriteFile(file, []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := exgate(t, "check", "--config", file); err != nil {
		t.Errorf("the sample has problems: %v", err)
	}
}

func TestVersion(t *testing.T) {
	out, err := exgate(t, "version")
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"exgate ", "\ngo1.", "\ngo-imap v2."} {
		if !strings.Contains(out, word) {
			t.Errorf("no %q in %q", word, out)
		}
	}
}
