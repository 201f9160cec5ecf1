package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"exgate/backend/knowledge"
)

// explain runs "exgate explain" with a text on standard input.
func explain(t *testing.T, stdin io.Reader, args ...string) (stdout string, err error) {
	t.Helper()
	var out strings.Builder
	cmd := explainCommand()
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(append([]string{}, args...)) // nil would be the arguments of the test
	cmd.SetIn(stdin)
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	err = cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func TestExplain(t *testing.T) {
	const log = "../../testdata/explain/imapsync.txt"
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		stdin string
		args  []string
		code  int
		says  []string // squeezed
		not   string
	}{
		{"a reply", "", []string{"a1 BAD User is authenticated but not connected."}, 0, []string{
			"User is authenticated but not connected (not-connected) Exchange said OK",
			" 1. The admin, or the account", "Where to click: Exchange admin center: Recipients",
			"Add-MailboxPermission -Identity '<user>' -User '<admin>' -AccessRights FullAccess -InheritanceType All -AutoMapping $false",
			"What exgate does: exgate opens the INBOX", "See also: exgate explain login-failed", "Sources: docs/exchange.md#not-connected"}, "on line"},
		{"the cause that the text shows comes first", "", []string{"AADSTS50076: a second factor is needed"}, 0, []string{" 1. AADSTS50076"}, ""},
		{"of a login too", "", []string{"a1 NO Ambiguous Alias"}, 0, []string{" 1. Exchange 2000 and 2003, Ambiguous Alias"}, ""},
		{"unquoted", "", []string{"BAD", "Command", "Argument", "Error.", "11"}, 0, []string{"(argument-error)"}, "argument-error-12)"},
		{"names", "", []string{"not-connected", "--user", "o'brien", "--admin", `EXAMPLE\admin`, "--server", "EX1"}, 0, []string{
			`Add-MailboxPermission -Identity 'o''brien' -User 'EXAMPLE\admin' -AccessRights`, "Set-ImapSettings -Server 'EX1' -MaxConn"}, "<user>"},
		{"the domain", "", []string{"admin-login", "--domain", "EXAMPLE", "--admin", "adm", "--user", "bob"}, 0, []string{`--user2 'EXAMPLE\adm\bob'`}, ""},
		{"several ids", "", []string{"throttled", "Too-Big"}, 0, []string{"(throttled)", "---", "(too-big)"}, ""},
		{"an id among words", "", []string{"what", "is", "throttled"}, 0, []string{"(throttled)"}, ""},
		{"a question", "", []string{"read receipts"}, 0, []string{"(read-receipts)"}, ""},
		{"a question on standard input", "How can I access an Office365 shared mailbox?\n", nil, 0, []string{"(shared-mailbox)"}, ""},
		{"a log", string(text), nil, 0, []string{
			"In 22 lines: login-failed on 2 lines, first on line 10 lost on line 12 throttled on line 13 closed on line 14",
			"argument-error on 3 lines, first on line 15", "(login-failed; on 2 lines, first on line 10)", "(throttled; on line 13)",
			"Add-MailboxPermission -Identity 'bob.o''hara' -User 'migration@example.com'"}, "<user>"},
		{"an option before the log", string(text), []string{"--user", "carol"}, 0, []string{"-Identity 'carol' -User 'migration@example.com'"}, "o''hara"},
		{"a file", "", []string{log}, 0, []string{"In 22 lines: login-failed"}, ""},
		{"a directory", "", []string{"../../testdata"}, exitNothing, nil, ""},
		{"nothing", "", []string{"the weather is fine"}, exitNothing, []string{
			"Not known (other)", "log.trace=FILE", "mode=observe", "Set-ImapSettings -Server '<server>' -ProtocolLogEnabled $true"}, ""},
		{"nothing on standard input", "", nil, exitNothing, []string{"Not known"}, ""},
		{"a long text without errors is no question", strings.Repeat("read receipts are fine here\n", 1000), nil, exitNothing, []string{"Not known"}, ""},
		{"JSON and list of a text", "", []string{"--list", "text"}, exitUsage, nil, ""},
		{"a name that would break the line", "", []string{"throttled", "--user", "bob\nRemove-Mailbox"}, exitUsage, nil, ""},
		{"a name with an escape", "", []string{"throttled", "--admin", "\x1b[31m"}, exitUsage, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, err := explain(t, strings.NewReader(tt.stdin), tt.args...)
			if code := exitCode(err); code != tt.code {
				t.Fatalf("exit code %d, want %d (%v)", code, tt.code, err)
			}
			squeezed := strings.Join(strings.Fields(out), " ")
			for _, words := range tt.says {
				if !strings.Contains(squeezed, strings.TrimSpace(words)) {
					t.Errorf("%q is not in:\n%s", words, out)
				}
			}
			if tt.not != "" && strings.Contains(out, tt.not) {
				t.Errorf("%q is in:\n%s", tt.not, out)
			}
		})
	}
}

// Text is broken at the width of a terminal; lines to be copied are not broken.
func TestExplainPage(t *testing.T) {
	for _, entry := range knowledge.Entries() {
		out, err := explain(t, nil, entry.ID)
		if err != nil {
			t.Fatal(err)
		}
		whole := map[string]bool{}
		for _, c := range entry.With(knowledge.Names{}).Causes {
			for _, line := range append(c.Lines, c.PowerShell...) {
				whole[line] = true
				if !strings.Contains(out, "\n        "+line+"\n") {
					t.Errorf("%s: %q is not a line of:\n%s", entry.ID, line, out)
				}
			}
		}
		for line := range strings.Lines(out) {
			line = strings.TrimRight(line, "\n")
			if len([]rune(line)) > pageWidth && strings.Contains(strings.TrimSpace(line), " ") && !whole[strings.TrimSpace(line)] {
				t.Errorf("%s: %d characters: %s", entry.ID, len([]rune(line)), line)
			}
			if line != strings.TrimRight(line, " ") {
				t.Errorf("%s: blanks at the end of %q", entry.ID, line)
			}
		}
		if strings.Contains(out, "\n\n\n") {
			t.Errorf("%s: two empty lines:\n%s", entry.ID, out)
		}
	}
}

func TestExplainJSON(t *testing.T) {
	type report struct {
		Found []struct {
			ID, Title, Meaning, Source string
			Kinds                      []string
			FirstLine                  int `json:"first_line"`
			Lines                      int
			Causes                     []struct {
				Title, Source string
				PowerShell    []string
			}
		}
		Lines int
		Names struct{ User, Admin string }
	}
	get := func(code int, stdin string, args ...string) (r report) {
		t.Helper()
		out, err := explain(t, strings.NewReader(stdin), append(args, "--json")...)
		if exitCode(err) != code {
			t.Errorf("%v: exit code %d, want %d", args, exitCode(err), code)
		}
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatalf("%v in:\n%s", err, out)
		}
		return r
	}
	r := get(0, "one\nHost2 failure: Error login on [h] with user [EXAMPLE\\adm\\bob] auth [PLAIN]: 2 NO AUTHENTICATE failed.\n")
	if len(r.Found) != 1 || r.Found[0].ID != "login-failed" || r.Found[0].FirstLine != 2 || r.Found[0].Lines != 1 || r.Lines != 2 ||
		r.Names.User != "bob" || r.Names.Admin != "adm" || len(r.Found[0].Kinds) == 0 || r.Found[0].Kinds[0] != "credentials-refused" {
		t.Errorf("got %+v", r)
	}
	var lines []string
	for _, c := range r.Found[0].Causes {
		lines = append(lines, c.PowerShell...)
	}
	if all := strings.Join(lines, "\n"); !strings.Contains(all, "-Identity 'bob' -User 'adm'") {
		t.Errorf("names are not filled in:\n%s", all)
	}
	if r := get(exitNothing, "", "the weather"); r.Found == nil || len(r.Found) != 0 {
		t.Errorf("nothing: %+v", r)
	}
	var list []struct{ ID, Title string }
	out, err := explain(t, nil, "--list", "--json")
	if err != nil || json.Unmarshal([]byte(out), &list) != nil || len(list) != len(knowledge.Entries()) {
		t.Errorf("%d entries (%v)", len(list), err)
	}
}

// What is pasted may begin like an option.
func TestExplainPasted(t *testing.T) {
	tests := []struct {
		args []string
		code int
		says string
	}{
		{[]string{"- could not append ( Subject:[a=b] ) to folder X: Error: 12 NO Server Unavailable. 15"}, 0, "(server-unavailable)"},
		{[]string{"--maxlinelength 9900", "--user", "bob"}, 0, "(long-lines)"},
		{[]string{"--user=John O'Hara", "not-connected"}, 0, "-Identity 'John O''Hara'"},
		{[]string{"-\n2 NO LOGIN failed."}, 0, "(login-failed; on line 2)"},
		{[]string{"--usre", "bob"}, exitUsage, ""},
		{[]string{"-x"}, exitUsage, ""},
	}
	for _, tt := range tests {
		out, err := exgate(t, append([]string{"explain"}, tt.args...)...)
		if exitCode(err) != tt.code || !strings.Contains(out, tt.says) {
			t.Errorf("%q: %v, no %q in:\n%s", tt.args, err, tt.says, out)
		}
	}
}

func TestExplainList(t *testing.T) {
	out, err := explain(t, nil, "--list")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range knowledge.Entries() {
		if !regexp.MustCompile(`(?m)^` + entry.ID + ` +` + regexp.QuoteMeta(entry.Title) + `$`).MatchString(out) {
			t.Errorf("%s is not in the list", entry.ID)
		}
	}
}

func TestExplainUnreadable(t *testing.T) {
	if _, err := explain(t, iotest.ErrReader(errors.New("broken"))); exitCode(err) != exitUnavailable || !strings.Contains(err.Error(), "broken") {
		t.Errorf("got %v", err)
	}
}
