package knowledge

import (
	"slices"
	"strings"
	"testing"
)

func TestQuotePowerShell(t *testing.T) {
	tests := []struct{ name, want string }{
		{"bob", `'bob'`},
		{"o'brien@example.com", `'o''brien@example.com'`},
		{`EXAMPLE\bob`, `'EXAMPLE\bob'`},
		{"$(Remove-Mailbox bob)`\"", "'$(Remove-Mailbox bob)`\"'"}, // nothing is expanded in single quotes
		{"d’Arc ‘x‚ y‛", "'d’’Arc ‘‘x‚‚ y‛‛'"},                     // quotes to PowerShell as well
		{"Jörg", `'Jörg'`},
		{"", `''`},
	}
	for _, tt := range tests {
		if got := quotePowerShell(tt.name); got != tt.want {
			t.Errorf("%q: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestWith(t *testing.T) {
	entry := Entry{Causes: []Cause{{
		PowerShell: []string{"Add-MailboxPermission -Identity {user} -User {admin}", "Set-ImapSettings -Server {server} -X $true"},
		Lines:      []string{`--user2 '{domain}\{admin}\{user}'`},
	}}}
	tests := []struct {
		names Names
		want  []string
	}{
		{Names{}, []string{
			"Add-MailboxPermission -Identity '<user>' -User '<admin>'", "Set-ImapSettings -Server '<server>' -X $true", `--user2 '<domain>\<admin>\<user>'`}},
		{Names{User: "o'brien", Admin: "{user}", Server: "EX1", Domain: "EXAMPLE"}, []string{ // what looks like a placeholder is a name
			"Add-MailboxPermission -Identity 'o''brien' -User '{user}'", "Set-ImapSettings -Server 'EX1' -X $true", `--user2 'EXAMPLE\{user}\o'brien'`}},
	}
	for _, tt := range tests {
		c := entry.With(tt.names).Causes[0]
		if got := slices.Concat(c.PowerShell, c.Lines); !slices.Equal(got, tt.want) {
			t.Errorf("%+v:\n%q, want\n%q", tt.names, got, tt.want)
		}
	}
	if entry.Causes[0].PowerShell[0] != "Add-MailboxPermission -Identity {user} -User {admin}" {
		t.Error("the entry itself was filled in")
	}
}

func TestNamesInText(t *testing.T) {
	const failure = "Host2 failure: Error login on [mail.example.com] with user [%s] auth [PLAIN]: 2 NO AUTHENTICATE failed.\n"
	failed := func(user string) string { return strings.ReplaceAll(failure, "%s", user) }
	tests := []struct {
		name, text string
		want       Names
	}{
		{"of the FAQ", failed("mydomainuser"), Names{User: "mydomainuser"}},
		{"of the list of errors", "Err 1/1: " + failed("bob"), Names{User: "bob"}},
		{"domain, admin, user", failed(`EXAMPLE\admin\o'brien`), Names{User: "o'brien", Admin: "admin", Domain: "EXAMPLE"}},
		{"address of the admin", failed(`admin@example.com\bob`), Names{User: "bob", Admin: "admin@example.com"}},
		{"shared mailbox", failed(`user@example.com\shared@example.com`), Names{User: "shared@example.com", Admin: "user@example.com"}},
		{"authuser", "Host2 info: authmech [PLAIN] user [bob] authuser [admin@example.com] IsUnconnected []\n" + failed("bob"), Names{User: "bob", Admin: "admin@example.com"}},
		{"no authuser", "Host2 info: authmech [LOGIN] user [bob] authuser [] IsUnconnected []\n" + failed("bob"), Names{User: "bob"}},
		{"authuser of the other side", "Host1 info: authmech [PLAIN] user [ann] authuser [cyrus] IsUnconnected []\n" + failed("bob"), Names{User: "bob"}},
		{"the failed one of two", "Host1: success login on [old] with user [ann] auth [LOGIN]\n" + failed("bob") + failed("carol"), Names{User: "bob"}},
		{"one of one", "Host1: success login on [old] with user [bob] auth [LOGIN]\nHost2: success login on [new] with user [bob] auth [LOGIN]\n", Names{User: "bob"}},
		{"none of two", "Host1: success login on [old] with user [ann] auth [LOGIN]\nHost2: success login on [new] with user [bob] auth [LOGIN]\n", Names{}},
		{"no end of line", strings.TrimSuffix(failed("bob"), "\n"), Names{User: "bob"}},
		{"an escape sequence", failed("bob\x1b[2J"), Names{}},
		{"too long", failed(strings.Repeat("x", 400)), Names{}},
		{"too many parts", failed(`a\b\c\d`), Names{}},
		{"the built-in Administrator", failed(`EXAMPLE\Administrator\bob`), Names{}},
		{"none", "2 NO LOGIN failed. user [bob]\n", Names{}},
		{"beyond what is read of a line", strings.Repeat("x", 3000) + failed("bob"), Names{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := scan(t, tt.text).Names; got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
	if got, want := (Names{User: "a", Server: "s"}).Or(Names{User: "b", Admin: "c"}), (Names{User: "a", Admin: "c", Server: "s"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
