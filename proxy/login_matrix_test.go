package proxy

import (
	"bytes"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"exgate/backend"
	"exgate/backend/exchangesim"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing them")

// clientForms are the ways in which a client names an admin and a user, or a
// user alone; the user is bob in the first group and carol, whose alias is cc,
// in the second.
var clientForms = []struct{ name, command string }{
	{`bob`, `LOGIN bob bobpass`},
	{`bob@example.com`, `LOGIN bob@example.com bobpass`},
	{`EXAMPLE\bob`, `LOGIN EXAMPLE\bob bobpass`},
	{`EXAMPLE\admin\bob`, `LOGIN EXAMPLE\admin\bob adminpass`},
	{`example.local\admin\bob`, `LOGIN example.local\admin\bob adminpass`},
	{`EXAMPLE/admin/bob`, `LOGIN EXAMPLE/admin/bob adminpass`},
	{`admin@example.com\bob`, `LOGIN admin@example.com\bob adminpass`},
	{`admin\bob`, `LOGIN admin\bob adminpass`},
	{`bob*admin`, `LOGIN bob*admin adminpass`},
	{`authzid bob`, `AUTHENTICATE PLAIN ` + plainResponse("bob", "admin", "adminpass")},
	{`authzid, addresses`, `AUTHENTICATE PLAIN ` + plainResponse("bob@example.com", "admin@example.com", "adminpass")},
	{`PROXYAUTH bob`, `LOGIN admin adminpass` + "\n" + `PROXYAUTH bob`},
	{`EXAMPLE\admin\carol`, `LOGIN EXAMPLE\admin\carol adminpass`},
	{`authzid carol@`, `AUTHENTICATE PLAIN ` + plainResponse("carol@example.com", "admin", "adminpass")},
	{`wrong password`, `LOGIN EXAMPLE\admin\bob wrongpass`},
	{`no FullAccess`, `LOGIN EXAMPLE\alice\bob alicepass`},
	{`Administrator`, `LOGIN EXAMPLE\Administrator\bob adminpass`},
}

// TestLoginMatrix tries each client form × upstream form × version of
// Exchange. The golden file has a table for each version; in a cell is the
// mailbox that was opened, or why none was:
//
//	no     Exchange refused the name or the password, after all tries
//	right  Exchange took the login, and the mailbox cannot be opened
//	form   no form can be written that this server takes
//	admin  exgate does not send the built-in Administrator on
func TestLoginMatrix(t *testing.T) {
	const golden = "testdata/login-matrix.txt"
	var got strings.Builder
	for _, profile := range exchangesim.Profiles() {
		got.WriteString(profile + "\n\n")
		table := tabwriter.NewWriter(&got, 0, 0, 2, ' ', 0)
		fmt.Fprint(table, "client says\tprofile's\t")
		for _, form := range backend.Forms {
			fmt.Fprintf(table, "%s\t", form)
		}
		fmt.Fprintln(table)
		columns := make([][]string, len(backend.Forms)+1)
		columns[0] = matrixColumn(t, profile, nil)
		for i, form := range backend.Forms {
			columns[i+1] = matrixColumn(t, profile, []backend.Form{form})
		}
		for row, form := range clientForms {
			fmt.Fprintf(table, "%s\t", form.name)
			for _, column := range columns {
				fmt.Fprintf(table, "%s\t", column[row])
			}
			fmt.Fprintln(table)
		}
		table.Flush()
		got.WriteString("\n")
	}
	lines := strings.Split(got.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	text := strings.Join(lines, "\n")
	if *update {
		if err := os.WriteFile(golden, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil || string(want) != text {
		t.Errorf("%s differs (%v); go test -run TestLoginMatrix -update writes it:\n%s", golden, err, text)
	}
}

// profileForms are the admin forms of each profile, as config has them.
var profileForms = map[string][]backend.Form{
	"exchange2000":    {backend.FormDomainAdminAlias, backend.FormDomainAdminUser, backend.FormAdminUPNAlias},
	"exchange2003":    {backend.FormDomainAdminAlias, backend.FormDomainAdminUser, backend.FormAdminUPNAlias},
	"exchange2007":    {backend.FormDomainAdminUser, backend.FormAdminUPNUser, backend.FormPlainAuthzid},
	"exchange2010":    {backend.FormPlainAuthzid, backend.FormDomainAdminUser, backend.FormAdminUPNUser},
	"exchange2013":    {backend.FormPlainAuthzid, backend.FormDomainAdminUser, backend.FormAdminUPNUser},
	"exchange2016":    {backend.FormPlainAuthzid, backend.FormDomainAdminUser, backend.FormAdminUPNUser},
	"exchange2019":    {backend.FormDomainAdminUser, backend.FormAdminUPNUser, backend.FormPlainAuthzid},
	"exchange-online": {backend.FormAdminUPNUser},
}

// matrixColumn logs in by each client form at a gateway that writes upstream
// the forms given.
func matrixColumn(t *testing.T, profile string, forms []backend.Form) []string {
	users := append(exchangesim.DefaultUsers(), exchangesim.User{Name: "carol", Alias: "cc", Password: "carolpass"})
	policy := exchangePolicy
	policy.Name, policy.Forms = profile, profileForms[profile]
	// One entry in the inbox of bob, two in carol's: they show which was opened.
	g, sim := newSimulated(t, exchangesim.Config{Profile: profile, Users: users}, withPolicy(policy), func(o *Options, _ *limits) {
		o.Upstream.Login = backend.LoginOptions{
			Domains: []string{exchangesim.Domain, exchangesim.DNSDomain}, UPN: exchangesim.UPNSuffix, Separator: "*", Forms: forms,
			Aliases: []backend.Alias{{User: "carol", Alias: "cc"}, {User: "carol@example.com", Alias: "cc"}},
		}
		o.Log, o.Trace = slog.New(slog.DiscardHandler), nil
	})
	for mailbox, n := range map[string]int{"bob": 1, "carol": 2, "admin": 3, "alice": 4} {
		for range n {
			if _, err := sim.Deliver(mailbox, "INBOX", nil, time.Unix(0, 0), []byte(cleanMessage)); err != nil {
				t.Fatal(err)
			}
		}
	}
	column := make([]string, len(clientForms))
	for i, form := range clientForms {
		column[i] = matrixCell(t, g, form.command)
	}
	return column
}

// matrixReasons are the parts of replies that tell why.
var matrixReasons = []struct{ part, cell string }{
	{"built-in Administrator", "admin"},
	{"no form of this login", "form"},
	{"not connected", "right"},
	{"AUTHENTICATIONFAILED", "no"},
}

func matrixCell(t *testing.T, g *gateway, commands string) string {
	c := g.dial()
	defer c.close()
	c.S("* OK …")
	for command := range strings.SplitSeq(commands, "\n") {
		c.C("a1 " + command)
		reply := c.S("…")
		if strings.HasPrefix(reply, "a1 OK ") {
			continue
		}
		for _, reason := range matrixReasons {
			if strings.Contains(reply, reason.part) {
				return reason.cell
			}
		}
		t.Errorf("%s: %s", command, reply)
		return "?"
	}
	c.C("a2 STATUS INBOX (MESSAGES)")
	reply := c.S("…")
	for i, mailbox := range []string{"bob", "carol", "admin", "alice"} {
		if bytes.Contains([]byte(reply), fmt.Appendf(nil, "(MESSAGES %d)", i+1)) {
			return mailbox
		}
	}
	t.Errorf("%s: %s", commands, reply)
	return "?"
}
