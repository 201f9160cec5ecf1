package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"

	"exgate/backend/exchangesim"
)

// demoOutput runs the demo and reads its JSON.
func demoOutput(t *testing.T, args ...string) demoReport {
	t.Helper()
	out, err := exgate(t, append([]string{"demo", "--json"}, args...)...)
	if err != nil {
		t.Errorf("exit code %d: %v", exitCode(err), err)
	}
	decoder := json.NewDecoder(strings.NewReader(out))
	decoder.DisallowUnknownFields()
	var report demoReport
	if err := decoder.Decode(&report); err != nil {
		t.Fatalf("%v in:\n%s", err, out)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		t.Errorf("something follows the report: %v", err)
	}
	return report
}

func TestDemo(t *testing.T) {
	const (
		ran        = "lost: BAD Command Error. 10"
		stored     = "stored"
		noFlag     = "stored, but: Outlook does not show the flag"
		badKeyword = "refused: BAD Command Argument Error. 11"
		receipt    = "stored, but: Outlook sends a second receipt"
		tooBig     = "refused: NO Maximum size of appendable message has been exceeded"
	)
	names := []string{"plain text", "line of 15,000 bytes", "HTML in one line, UTF-8", "attachment in one line",
		"forwarded, with a long line", "long line after the last part", "flagged", "flagged and read", "keyword $Forwarded",
		"read, asked for a receipt", "50 MB"}
	fixes := func(flagged string) []string {
		return []string{"", "long-lines", "long-lines", "long-lines", "long-lines", "long-lines", flagged, flagged, "keywords", "read-receipt", ""}
	}
	tests := []struct {
		profile string
		direct  []string // by name
		fixes   []string
	}{
		{"exchange2010", []string{stored, ran, ran, ran, ran, ran, noFlag, noFlag, badKeyword, receipt,
			"refused: BAD Command Argument Error. 11, * BYE Connection closed. 14; connection closed"}, fixes("flagged")},
		{"exchange2016", []string{stored, ran, ran, ran, ran, ran, noFlag, noFlag, badKeyword, receipt, tooBig}, fixes("flagged")},
		{"exchange-online", []string{stored, ran, ran, ran, ran, ran, stored, stored, badKeyword, receipt, tooBig}, fixes("")},
	}
	for _, test := range tests {
		t.Run(test.profile, func(t *testing.T) {
			report := demoOutput(t, "--profile", test.profile)
			if report.Profile != test.profile || report.Settings != nil {
				t.Errorf("profile %q, settings %v", report.Profile, report.Settings)
			}
			if got := summaries(report.Direct); !slices.Equal(got, test.direct) {
				t.Errorf("directly:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(test.direct, "\n"))
			}
			if s := report.Through; !s.AllRight || s.Right != 10 || s.Total != 10 || report.Direct.AllRight {
				t.Errorf("through exgate: %d of %d, %+v", s.Right, s.Total, s.Messages)
			}
			for i, v := range report.Through.Messages {
				if v.Name != names[i] || report.Direct.Messages[i].Name != names[i] {
					t.Errorf("message %d is %q", i, v.Name)
				}
				if got := strings.Join(v.Fixes, ","); got != test.fixes[i] {
					t.Errorf("%s: fixes %q, want %q", v.Name, got, test.fixes[i])
				}
			}
			if v := report.Through.Messages[0]; !v.Untouched {
				t.Errorf("the plain message was changed: %+v", v)
			}
		})
	}
}

// summaries are verdicts in one line each.
func summaries(s demoSync) (lines []string) {
	echoed := regexp.MustCompile(`^\S+ (BAD Command Error\. 10)$`) // the tag is a word of the message
	for _, v := range s.Messages {
		line := v.State
		switch {
		case len(v.Faults) > 0:
			line += ", but: " + strings.Join(v.Faults, ", ")
		case v.State == stateLost:
			line += ": " + echoed.ReplaceAllString(v.Said, "$1")
		case v.State == stateRefused:
			line += ": " + v.Said
		}
		if v.Closed && v.State != stateLost {
			line += "; connection closed"
		}
		lines = append(lines, line)
	}
	return lines
}

func TestDemoTable(t *testing.T) {
	out, err := exgate(t, "demo")
	if err != nil {
		t.Error(err)
	}
	table, _, _ := strings.Cut(out, "What exgate report says")
	for line := range strings.Lines(table) {
		line = strings.TrimSuffix(line, "\n")
		if len(line) > 100 || line != strings.TrimRight(line, " ") || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("over 100 columns, blanks at the end, or no plain text: %q", line)
		}
	}
	for _, want := range []string{
		`(?m)^line of 15,000 bytes +lost; connection closed +stored; fixed: long-lines$`,
		`(?m)^ +The BAD Command Error. 10 +same contents after decoding$`,
		`(?m)^ +Outlook does not show the flag +Outlook shows the flag$`,
		`(?m)^ +BAD Command Argument Error. 11 +Exchange lacks \$Forwarded$`,
		`(?m)^arrived correctly +1 of 10 +10 of 10$`,
		`(?m)^  through exgate  refused; the connection stays open\n +NO \[TOOBIG\] `,
		`(?m)^10 messages stored \([0-9.]+ kB\): [0-9]+ untouched, [0-9]+ repaired$`,
		`(?m)^left behind: 1 message, [0-9.]+ MB$`, `(?m)^    INBOX: .*not read: announced as [0-9]+ bytes, too-large$`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("no %s in:\n%s", want, out)
		}
	}
}

func TestDemoLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	if _, err := exgate(t, "demo"); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestDemoUsage(t *testing.T) {
	_, err := exgate(t, "demo", "--profile", "exchange5.5")
	if exitCode(err) != exitUsage || !strings.Contains(err.Error(), "exchange2010") {
		t.Errorf("exit code %d: %v", exitCode(err), err)
	}
}

func TestDemoInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, []string{"demo"}, io.Discard, os.Stderr); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestDemoStay(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, []string{"demo", "--stay", "--json"}, w, os.Stderr)
		w.CloseWithError(err)
		ended <- err
	}()
	var report demoReport
	if err := json.NewDecoder(r).Decode(&report); err != nil {
		t.Fatal(err)
	}
	s := report.Settings
	for _, box := range []struct {
		port, user string
		messages   uint32
		pinned     bool
	}{
		{s.GatewayPort, s.ThroughUser, 10, true},
		{s.GatewayPort, s.DirectUser, 4, true},
		{s.GatewayPort, s.TrialUser, 0, true},
		{s.ExchangePort, s.BareUser, 0, false},
		{s.SourcePort, s.SourceUser, 11, true},
	} {
		conn, err := tls.Dial("tcp", net.JoinHostPort("127.0.0.1", box.port), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(conn.ConnectionState().PeerCertificates[0].Raw)
		if shown := strings.ReplaceAll(s.Fingerprint, ":", ""); strings.EqualFold(shown, hex.EncodeToString(sum[:])) != box.pinned {
			t.Errorf("port of %s: certificate %x, told %s", box.user, sum, s.Fingerprint)
		}
		client := imapclient.New(conn, nil)
		if err := client.Login(box.user, s.Password).Wait(); err != nil {
			t.Fatalf("%s: %v", box.user, err)
		}
		if data, err := client.Select("INBOX", nil).Wait(); err != nil || data.NumMessages != box.messages {
			t.Errorf("%s: %+v, %v; want %d messages", box.user, data, err, box.messages)
		}
		if err := client.Logout().Wait(); err != nil {
			t.Error(err)
		}
		client.Close()
	}
	if _, err := os.Stat(s.CertificateFile); err != nil {
		t.Error(err)
	}

	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.CertificateFile); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the state directory is left: %v", err)
	}
	for _, port := range []string{s.GatewayPort, s.ExchangePort, s.SourcePort} {
		if conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", port)); err == nil {
			conn.Close()
			t.Errorf("port %s is still served", port)
		}
	}
}

func TestDemoSettingsText(t *testing.T) {
	s := &demoSettings{
		Host: "localhost", GatewayPort: "40001", ExchangePort: "40002", SourcePort: "40003",
		SourceUser: "old@example.com", DirectUser: "direct@example.com", ThroughUser: "exgate@example.com",
		TrialUser: "trial@example.com", BareUser: "bare@example.com", Password: "demo",
		Fingerprint: strings.TrimSuffix(strings.Repeat("AB:", sha256.Size), ":"), CertificateFile: "/tmp/x/certificate.pem",
	}
	text, err := s.text(palette{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"  imapsync \\\n    --host1 localhost --port1 40003 --ssl1 --user1 'old@example.com' --password1 'demo' \\\n" +
			"    --host2 localhost --port2 40001 --ssl2 --user2 'trial@example.com' --password2 'demo'\n",
		"  imapsync ^\n    --host1 localhost --port1 40003 --ssl1 --user1 \"old@example.com\" --password1 \"demo\" ^\n" +
			"    --host2 localhost --port2 40001 --ssl2 --user2 \"trial@example.com\" --password2 \"demo\"\n",
		"Hostname localhost, Port 40001, Connection security SSL/TLS",
		"AB:AB:AB",
		"  CertificateFile /tmp/x/certificate.pem\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	for line := range strings.Lines(text) {
		if len(line) > 101 {
			t.Errorf("over 100 columns: %q", line)
		}
	}
}

func TestJudge(t *testing.T) {
	messages := demoMailbox()
	plain, flagged, receipt, big := messages[0], messages[6], messages[9], messages[10]
	ok := attempt{ok: true, said: "OK [APPENDUID 1 1] APPEND completed."}
	copyOf := func(m demoMessage, change func(*exchangesim.Message)) exchangesim.Message {
		c := exchangesim.Message{Flags: m.flags, InternalDate: m.date, Received: m.raw, Stored: m.raw, OutlookFlagged: slices.Contains(m.flags, `\Flagged`)}
		if change != nil {
			change(&c)
		}
		return c
	}
	tests := []struct {
		name    string
		message demoMessage
		attempt attempt
		stored  []exchangesim.Message
		state   string
		fault   string // "": all is right, if not a refusal
	}{
		{"stored", plain, ok, []exchangesim.Message{copyOf(plain, nil)}, stateStored, ""},
		{"stored twice", plain, ok, []exchangesim.Message{copyOf(plain, nil), copyOf(plain, nil)}, stateStored, "stored 2 times"},
		{"OK, and nothing is there", plain, ok, nil, stateLost, `the reply to the client was "OK [APPENDUID 1 1] APPEND completed."`},
		{"NO, and it is there", plain, attempt{said: "NO later"}, []exchangesim.Message{copyOf(plain, nil)}, stateStored, `the reply to the client was "NO later"`},
		{"another body", plain, ok, []exchangesim.Message{copyOf(plain, func(m *exchangesim.Message) {
			m.Stored = bytes.Replace(m.Stored, []byte("noon"), []byte("nine"), 1)
		})}, stateStored, "contents changed"},
		{"another subject", plain, ok, []exchangesim.Message{copyOf(plain, func(m *exchangesim.Message) {
			m.Stored = bytes.Replace(m.Stored, []byte("Subject: plain"), []byte("Subject: fancy"), 1)
		})}, stateStored, "contents changed"},
		{"changed on the way without a reason", plain, ok, []exchangesim.Message{copyOf(plain, func(m *exchangesim.Message) {
			m.Received = append([]byte("X-Gateway: yes\r\n"), m.Received...)
		})}, stateStored, "exgate changed the message without a fix"},
		{"another date", plain, ok, []exchangesim.Message{copyOf(plain, func(m *exchangesim.Message) {
			m.InternalDate = m.InternalDate.Add(time.Hour)
		})}, stateStored, "wrong date: 2019-03-04 10:30:00 +0000 UTC"},
		{"no flag", flagged, ok, []exchangesim.Message{copyOf(flagged, func(m *exchangesim.Message) { m.Flags = nil })}, stateStored, `flag \Flagged lost`},
		{"no flag in Outlook", flagged, ok, []exchangesim.Message{copyOf(flagged, func(m *exchangesim.Message) { m.OutlookFlagged = false })},
			stateStored, "Outlook does not show the flag"},
		{"receipt", receipt, ok, []exchangesim.Message{copyOf(receipt, func(m *exchangesim.Message) { m.WouldSendReceipt = true })},
			stateStored, "Outlook sends a second receipt"},
		{"too big, and said so", big, attempt{said: "NO [TOOBIG] too big"}, nil, stateRefused, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := judge([]demoMessage{test.message}, []attempt{test.attempt}, test.stored)
			v := s.Messages[0]
			if right := test.fault == ""; v.State != test.state || strings.Join(v.Faults, "; ") != test.fault || v.Right != right || s.AllRight != right {
				t.Errorf("%+v", v)
			}
			if err := (&demoReport{Through: s}).err(); (err == nil) != s.AllRight || err != nil && exitCode(err) != exitInternal {
				t.Errorf("exit code %d: %v", exitCode(err), err)
			}
		})
	}
	for name, a := range map[string]attempt{
		"no code":           {said: "NO too big"},
		"connection closed": {said: "NO [TOOBIG] too big", closed: true},
		"no answer":         {closed: true},
	} {
		if s := judge([]demoMessage{big}, []attempt{a}, nil); s.AllRight || s.Total != 0 {
			t.Errorf("too big, %s: %+v", name, s)
		}
	}
	if s := judge([]demoMessage{plain}, []attempt{ok}, []exchangesim.Message{copyOf(plain, nil), copyOf(flagged, nil)}); s.AllRight {
		t.Error("a message that nobody sent is passed over")
	}
}

func TestColours(t *testing.T) {
	report := demoReport{Profile: "exchange2016", Direct: demoSync{Total: 1, Messages: []verdict{
		{Name: "plain text", State: stateStored, Right: true}, {Name: "a line", State: stateLost, Said: "x BAD Command Error. 10"},
	}}, Through: demoSync{Messages: []verdict{{State: stateStored, Faults: []string{"contents changed"}}, {State: stateStored, Right: true}}}}
	var plain, coloured strings.Builder
	if err := errors.Join(report.print(&plain, palette{}), report.print(&coloured, palette{on: true})); err != nil {
		t.Fatal(err)
	}
	codes := regexp.MustCompile("\x1b\\[[0-9]*m")
	if stripped := codes.ReplaceAllString(coloured.String(), ""); stripped != plain.String() || stripped == coloured.String() {
		t.Errorf("without its colours the table is\n%s\nnot\n%s", stripped, plain.String())
	}
	for _, test := range []struct {
		env  map[string]string
		want bool
	}{
		{map[string]string{"TERM": "xterm", "WT_SESSION": "1"}, true},
		{map[string]string{"TERM": "xterm", "WT_SESSION": "1", "NO_COLOR": "1"}, false},
		{map[string]string{"TERM": "dumb", "WT_SESSION": "1"}, false},
	} {
		if got := wantsColour(func(name string) string { return test.env[name] }); got != test.want {
			t.Errorf("%v: %t", test.env, got)
		}
	}
	if newPalette(&plain).on {
		t.Error("colours in a string")
	}
}

func TestWrap(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", ""},
		{"short", "short"},
		{"exactly twenty chars", "exactly twenty chars"},
		{"one more than twenty c", "one more than twenty|c"},
		{"JVBERi0xLjcgYSBzY2FubmVkIHBhZ2 BAD", "JVBERi0x... BAD"},
	} {
		if got := strings.Join(wrap(test.text, 20), "|"); got != test.want {
			t.Errorf("%q: %q, want %q", test.text, got, test.want)
		}
	}
}
