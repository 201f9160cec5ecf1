package proxy

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"exgate/backend"
	"exgate/backend/exchangesim"
	"exgate/proxy/testkit"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing them")

// clientForms are the ways in which a client names an admin and a user, or a user alone. The user is bob in the first
// group, and carol, whose alias is cc, in the second.
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
	{`AUTHENTICATE LOGIN`, "AUTHENTICATE LOGIN " + b64(`EXAMPLE\admin\bob`) + "\n" + b64("adminpass")},
	{`XOAUTH2 bob@`, `AUTHENTICATE XOAUTH2 ` + xoauth2Response("bob@example.com", "TOKEN")},
	{`OAUTHBEARER bob@`, `AUTHENTICATE OAUTHBEARER ` + bearerResponse("bob@example.com", "TOKEN")},
	{`XOAUTH2 wrong token`, `AUTHENTICATE XOAUTH2 ` + xoauth2Response("bob@example.com", "wrong")},
}

func bearerResponse(user, token string) string {
	return b64("n,a=" + user + ",\x01host=localhost\x01port=993\x01auth=Bearer " + token + "\x01\x01")
}

// upstreamForms are the columns of the matrix: the forms in which the gateway logs in upstream.
var upstreamForms = func() []upstreamForm {
	columns := []upstreamForm{{name: "profile's"}}
	for _, form := range backend.Forms {
		columns = append(columns, upstreamForm{name: string(form), forms: []backend.Form{form}})
	}
	return append(columns,
		upstreamForm{name: "held admin", held: true},
		upstreamForm{name: "held XOAUTH2", held: true, tokens: true})
}()

// upstreamForm is a column. If the gateway holds the admin's password or the application's secret, the client sends
// its password of the users file.
type upstreamForm struct {
	name   string
	forms  []backend.Form // nil: those of the profile
	held   bool
	tokens bool // the gateway gets tokens by the application's secret
}

// TestLoginMatrix tries each client form with each upstream form and each version of Exchange. The golden file has a
// table for each version. A cell has the mailbox that was opened, or the reason why none was (matrixLegend).
func TestLoginMatrix(t *testing.T) {
	const golden = "testdata/login-matrix.txt"
	var got strings.Builder
	got.WriteString(matrixLegend)
	for _, profile := range exchangesim.Profiles() {
		fmt.Fprintf(&got, "\n%s%s\n\n", profile, map[string]string{"exchange2019": ", and Subscription Edition"}[profile])
		table := tabwriter.NewWriter(&got, 0, 0, 2, ' ', 0)
		fmt.Fprint(table, "client says\t")
		columns := make([][]string, len(upstreamForms))
		for i, form := range upstreamForms {
			fmt.Fprintf(table, "%s\t", form.name)
			columns[i] = matrixColumn(t, profile, form)
		}
		fmt.Fprintln(table)
		for row, form := range clientForms {
			fmt.Fprintf(table, "%s\t", form.name)
			for _, column := range columns {
				fmt.Fprintf(table, "%s\t", column[row])
			}
			fmt.Fprintln(table)
		}
		table.Flush()
	}
	lines := strings.Split(got.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	text := strings.Join(lines, "\n")
	t.Log("\n" + text)
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

// matrixColumn logs in by each client form, at a gateway that uses one upstream form.
func matrixColumn(t *testing.T, profile string, form upstreamForm) []string {
	prof := exchangeProfile
	prof.Name, prof.Forms = profile, profileForms[profile]
	web := testkit.Listen(t)
	endpoint := "https://" + web.Addr().String() + "/" + exchangesim.TokenTenant + "/oauth2/v2.0/token"
	var client *http.Client
	g, sim := newHolder(t, exchangesim.Config{
		Profile: profile, Users: append(exchangesim.DefaultUsers(), exchangesim.User{Name: "carol", Alias: "cc", Password: "carolpass"}),
	}, matrixUsers, withProfile(prof), func(o *Options, _ *limits) {
		client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: o.Upstreams[0].Backend.RootCAs}}}
		o.Upstreams[0].Backend.Login = backend.LoginOptions{
			Domains: []string{exchangesim.Domain, exchangesim.DNSDomain}, UPN: exchangesim.UPNSuffix, Separator: "*", Forms: form.forms,
			Aliases: []backend.Alias{{User: "carol", Alias: "cc"}, {User: "carol@example.com", Alias: "cc"}},
		}
		if !form.held {
			o.Upstreams[0].Backend.Admin, o.Users = backend.Admin{}, nil
		}
		if form.tokens {
			o.Upstreams[0].Backend.Admin = backend.Admin{}
			o.Upstreams[0].Backend.OAuth2 = backend.OAuth2Options{
				Flow: backend.FlowClientCredentials, ClientID: exchangesim.TokenClient, ClientSecret: backend.NewSecret(exchangesim.TokenSecret),
				HTTP: client, TokenURL: endpoint,
			}
		}
		o.Log, o.Trace = slog.New(slog.DiscardHandler), nil
	})
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := sim.ServeTokens(web); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { client.CloseIdleConnections(); sim.Close(); serving.Wait() })
	// Each inbox has another number of messages, so that EXISTS shows which one was opened.
	for n, mailbox := range matrixMailboxes {
		for range n + 1 {
			if _, err := sim.Deliver(mailbox, "INBOX", nil, time.Unix(0, 0), []byte(cleanMessage)); err != nil {
				t.Fatal(err)
			}
		}
	}
	token := fetchToken(t, client, endpoint)
	column := make([]string, len(clientForms))
	for i, said := range clientForms {
		column[i] = matrixCell(t, g, withToken(said.command, token))
	}
	return column
}

// fetchToken gets a token by the client credentials of the application.
func fetchToken(t *testing.T, client *http.Client, endpoint string) string {
	t.Helper()
	answer, err := client.PostForm(endpoint, url.Values{
		"grant_type": {"client_credentials"}, "client_id": {exchangesim.TokenClient}, "client_secret": {exchangesim.TokenSecret},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var token struct {
		Access string `json:"access_token"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&token); err != nil || token.Access == "" {
		t.Fatal("no token: ", err)
	}
	return token.Access
}

// withToken returns the command with a token in its base64 response.
func withToken(command, token string) string {
	first, response, _ := cutLastWord(command)
	decoded, err := base64.StdEncoding.DecodeString(response)
	if err != nil || !bytes.Contains(decoded, []byte("TOKEN")) {
		return command
	}
	return first + b64(strings.Replace(string(decoded), "TOKEN", token, 1))
}

func cutLastWord(command string) (first, last string, ok bool) {
	i := strings.LastIndexByte(command, ' ') + 1
	return command[:i], command[i:], i > 0
}

// matrixMailboxes are the inboxes, in the order of their numbers of messages: 1, 2, 3, 4.
var matrixMailboxes = []string{"bob", "carol", "admin", "alice"}

// matrixUsers is the users file of gateways that hold credentials.
var matrixUsers = []string{
	"bob HASH(bobpass) bob bob@example.com", "bob@example.com HASH(bobpass) bob bob@example.com", "alice HASH(alicepass) alice alice@example.com",
	"admin HASH(adminpass) *", "admin@example.com HASH(adminpass) *",
}

const matrixLegend = `What comes of each client form with each upstream form on each version of
Exchange, as the simulator has it. In a cell is the mailbox that was opened, or
why none was:

no     Exchange refused the name or the password, or the users file did
right  Exchange took the login, and the mailbox cannot be opened
file   the users file does not give this caller the mailbox
form   impossible: nothing can be written that this server takes
admin  exgate does not send the built-in Administrator on

In the last two columns exgate holds the admin's password, or the application's
secret, and the client's password is that of the users file. A client's own
token goes on as it is in every column.
`

// matrixReasons are the reasons for a refusal: a part of the reply, and the text of the cell.
var matrixReasons = []struct{ part, cell string }{
	{"built-in Administrator", "admin"},
	{"the server does not support this login", "form"},
	{"not connected", "right"},
	{"may not open", "file"},
	{"AUTHENTICATIONFAILED", "no"},
}

func matrixCell(t *testing.T, g *gateway, commands string) string {
	c := g.dial()
	defer c.close()
	c.S("* OK …")
	lines := strings.Split(commands, "\n")
	for i := 0; i < len(lines); i++ {
		c.C("a1 " + lines[i])
		reply := c.S("…")
		for strings.HasPrefix(reply, "+ ") { // a challenge, or the reason for a refused token
			response := ""
			if i+1 < len(lines) {
				i++
				response = lines[i]
			}
			c.C(response)
			reply = c.S("…")
		}
		if strings.HasPrefix(reply, "a1 OK ") {
			continue
		}
		for _, reason := range matrixReasons {
			if strings.Contains(reply, reason.part) {
				return reason.cell
			}
		}
		t.Errorf("%s: %s", lines[i], reply)
		return "?"
	}
	c.C("a2 STATUS INBOX (MESSAGES)")
	reply := c.S("…")
	for i, mailbox := range matrixMailboxes {
		if bytes.Contains([]byte(reply), fmt.Appendf(nil, "(MESSAGES %d)", i+1)) {
			return mailbox
		}
	}
	t.Errorf("%s: %s", commands, reply)
	return "?"
}
