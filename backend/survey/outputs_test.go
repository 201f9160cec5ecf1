package survey

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"exgate/backend/exchangesim"
	"exgate/config"
	"exgate/config/profile"
)

// The settings of every finding are accepted by the configuration's own loader.
func TestSettingsLoad(t *testing.T) {
	for _, name := range profile.Names() {
		for _, a := range []Answer{Yes, No} {
			for _, number := range []int64{70, 100_000_000} {
				state := &State{Server: Server{Profile: name}}
				for _, p := range table() {
					state.add(Finding{ID: p.id, Name: p.name, Answer: a, Number: number, Open: a == No && number > 100})
				}
				f, _ := state.Find("EX-05") // which looks between 998 and 100,000
				f.Number = min(max(f.Number, 998), 100_000)
				state.add(f)
				load(t, YAML(Settings(state, profile.Named(name))))
			}
		}
	}
}

func load(t *testing.T, yaml string) *config.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "exgate.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file, []string{"upstream.address=localhost:993", "listen.implicit=127.0.0.1:0"})
	if err != nil {
		t.Fatalf("%v\n%s", err, yaml)
	}
	return c
}

// The settings follow what was measured.
func TestSettingsFollow(t *testing.T) {
	for _, tt := range []struct {
		profile string
		f       Finding
		want    string // the key and its value; "": none
	}{
		{"exchange2016", Finding{ID: "EX-05", Answer: Yes, Number: 10_239}, ""},
		{"exchange2016", Finding{ID: "EX-05", Answer: Yes, Number: 8000}, "line-limit: 8000"},
		{"exchange2016", Finding{ID: "EX-05", Answer: No, Number: 100_000, Open: true}, "long-lines: 'off'"},
		{"plain", Finding{ID: "EX-05", Answer: Yes, Number: 8000}, "long-lines: 'recode'"},
		{"exchange2016", Finding{ID: "EX-06", Answer: Yes, Number: 10 << 20}, ""},
		{"exchange2016", Finding{ID: "EX-06", Answer: No, Number: 35 << 20}, "message_size: 36700160"},
		{"exchange-online", Finding{ID: "EX-06", Answer: No, Number: 35 << 20}, "message_size: 36700160"},
		{"exchange2016", Finding{ID: "EX-06", Answer: No, Number: 256 << 20, Open: true}, ""},
		{"exchange2016", Finding{ID: "EX-08", Answer: Yes}, ""},
		{"exchange2016", Finding{ID: "EX-08", Answer: No}, "keywords: 'leave'"},
		{"exchange2016", Finding{ID: "EX-08", Answer: Unknown}, ""},
		{"exchange2016", Finding{ID: "EX-10", Answer: No}, "flagged: 'leave'"},
		{"exchange2016", Finding{ID: "EX-14", Answer: No}, "case: 'off'"},
		{"exchange2016", Finding{ID: "EX-15", Answer: Yes}, "reserved: ['Files']"},
		{"exchange-online", Finding{ID: "EX-15", Answer: No}, "reserved: ['off']"},
		{"exchange2016", Finding{ID: "EX-44", Answer: Yes, Number: 256}, ""},
		{"exchange2016", Finding{ID: "EX-44", Answer: Yes, Number: 200}, "longest: 200"},
		{"plain", Finding{ID: "EX-36", Answer: Yes, Number: 250}, "attachments: 'shed'"},
		{"exchange2016", Finding{ID: "M-01", Answer: Yes, Number: 5}, "connections_per_account: 5"},
	} {
		state := &State{Findings: []Finding{tt.f}}
		yaml := YAML(Settings(state, profile.Named(tt.profile)))
		_, rest, _ := strings.Cut(yaml, "profile: '"+tt.profile+"'\n")
		head, _, _ := strings.Cut(yaml, "upstream:")
		got := strings.TrimSpace(strings.TrimPrefix(head, "# Measured by exgate survey. Merge these keys into exgate.yaml.\n") + rest)
		if tt.want == "" && got != "" || !strings.Contains(yaml, tt.want) {
			t.Errorf("%s, %s %s: %q, want %q", tt.profile, tt.f.ID, tt.f.short(), got, tt.want)
		}
		row := NewReport(state, profile.Named(tt.profile)).Rows[0]
		if want := tt.want != ""; want != (row.Verdict == Different) {
			t.Errorf("%s, %s %s: the verdict is %s", tt.profile, tt.f.ID, tt.f.short(), row.Verdict)
		}
	}
}

// No name, address or password of the run is in the evidence.
func TestEvidenceTellsNothing(t *testing.T) {
	names := []string{
		`EXAMPLE\bob.smith`, "bob.smith@corp.example.net", "mail.corp.example.net", "hunter2", "alice", "EXAMPLE",
	}
	state := &State{
		Server: Server{
			Greeting: "Microsoft Exchange Server 2003 IMAP4rev1 server version 6.5.7638.1 (mail.corp.example.net) ready. " +
				"[TQBBAEkATAAuAGMAbwByAHAALgBlAHgAYQBtAHAAbABlAA==]",
			ID: map[string]string{"name": "Microsoft.Exchange.Imap4.Imap4Server", "version": "15.0"},
		},
		Findings: []Finding{{ID: "EX-01", Answer: Yes, Note: "said by ex01.corp.example.net for bob.smith@corp.example.net", Words: []string{
			`S: * LIST () "/" "bob.smith/exgate-survey-20261129-010203"`,
			`S: OK [Error="WrongServer for mailbox 0f3e6a4c-1111-2222-3333-444455556666" Proxy=EX01:1993:SSL MailboxBE=ex01.corp.example.net] x`,
			"S: NO from 10.1.2.3 and fe80:0:0:1:2:3:4:5, hunter2, Alice, smith@other.example.org",
			"S: * LIST (\\HasNoChildren) \"/\" \"Merger with Initech\"",
			"S: * LIST () NIL {7}\r\nInitech",
			"S: * LSUB () \"/\" INBOX",
			"S: * 1 FETCH (BODY[] {400}\r\nReceived: from ITX01 (::1) by ITX02\r\n with mapi id 15.1\r\nSubject: exgate survey\r\n" +
				"X-MS-Exchange-Organization-AuthSource: ITX01\r\nX-Originating: 2001:db9::77\r\n\r\ntext)",
			"S: OK [APPENDUID 1 2] from 2001:db9::77 at 04:05:06",
		}}},
	}
	file := filepath.Join(t.TempDir(), "evidence.json")
	if err := NewEvidence(state, names).Store(file); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ToLower(string(data))
	for _, secret := range []string{
		"bob", "smith", "corp", "hunter2", "alice", "10.1.2.3", "fe80", "ex01", "0f3e6a4c", "tqbbaekata", "other.example", "20261129", "initech", "itx0", "mapi", "db9",
	} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in the evidence:\n%s", secret, data)
		}
	}
	for _, said := range []string{"6.5.7638.1", "microsoft.exchange.imap4.imap4server", "exgate-survey-date", "* lsub () \\\"/\\\" inbox", "subject: exgate survey", "at 04:05:06"} {
		if !strings.Contains(text, said) {
			t.Errorf("%q is not in the evidence any more:\n%s", said, data)
		}
	}
	if _, err := ReadEvidence(file); err != nil {
		t.Error(err)
	}
}

func TestReadEvidenceRefuses(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"empty": "", "no JSON": "* OK ready", "another file": `{"a":1}`, "version": `{"exgate_survey":99}`,
		"answer":   `{"exgate_survey":1,"findings":[{"id":"EX-01","answer":"perhaps"}]}`,
		"too much": `{"exgate_survey":1,"findings":[{"id":"EX-05","answer":"yes","number":9000000000000000000}]}`,
		"number":   `{"exgate_survey":1,"findings":[{"id":"EX-01","answer":"yes","number":-1}]}`,
		"too long": `{"exgate_survey":1,"x":"` + strings.Repeat("x", maxFile) + `"}`,
	} {
		file := filepath.Join(dir, "evidence.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadEvidence(file); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := ReadEvidence(filepath.Join(dir, "none")); err == nil {
		t.Error("a missing file is read")
	}
}

// A finding is the same in the state file and after it.
func TestStateKeeps(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	state := &State{Account: "a", Findings: []Finding{{ID: "EX-04", Answer: Yes, Number: 5, Words: []string{"C: x"}}}}
	if err := state.Store(file); err != nil {
		t.Fatal(err)
	}
	again, err := Load(file, "a")
	if err != nil || !reflect.DeepEqual(state, again) {
		t.Errorf("%+v, %v", again, err)
	}
	if err := os.WriteFile(file, []byte(`{"account":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(file, "a"); err == nil {
		t.Error("half a state is read")
	}
}

// Each quirk of the simulator has its probe, under its own name.
func TestEachQuirkHasAProbe(t *testing.T) {
	names := map[string]string{}
	for _, p := range table() {
		if _, twice := names[p.id]; twice {
			t.Errorf("%s has two probes", p.id)
		}
		names[p.id] = p.name
	}
	for _, q := range exchangesim.Quirks() {
		if names[q.ID] != q.Name {
			t.Errorf("%s %s has the probe %q", q.ID, q.Name, names[q.ID])
		}
	}
}
