package main

import (
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"exgate/backend"
	"exgate/backend/exchangesim"
	"exgate/backend/knowledge"
	"exgate/backend/testkit"
	"exgate/config"
)

// simulated starts a simulated Exchange with TLS, and returns the settings of a
// gateway before it.
func simulated(t *testing.T, cfg exchangesim.Config, mode exchangesim.Mode) (settings []string, sim *exchangesim.Server) {
	t.Helper()
	sim, err := exchangesim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l := testkit.Listen(t)
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := sim.Serve(l, mode); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { sim.Close(); serving.Wait() })
	cert, err := sim.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir()) // no configuration file is here
	for _, setting := range []string{
		"listen.implicit=127.0.0.1:0", "upstream.address=" + l.Addr().String(), "upstream.ca_file=" + ca,
		"upstream.login.domains=EXAMPLE", "upstream.login.upn=example.com",
	} {
		settings = append(settings, "--set", setting)
	}
	return settings, sim
}

func TestCheckLogin(t *testing.T) {
	for _, tt := range []struct {
		name, profile, login, password string
		settings                       string
		says                           []string
		fails                          string // step; "": it works
	}{
		{"an admin", "exchange2016", `EXAMPLE\admin\bob`, "adminpass", "", []string{
			"TLS 1.3", "certificate of localhost", "greeting", "before login: IMAP4 ", `plain-authzid, PLAIN EXAMPLE\admin for bob: accepted`,
			"exchange2016: ID says version 15.1", "messages of 10485760 bytes", "bob opens", "11 in Exchange: 6 shown to clients, 0 of them under another name; 5 not shown; 4 marked", `\Sent`, "Everything works.",
		}, ""},
		{"two forms", "exchange2019", `EXAMPLE\admin\bob`, "adminpass", "upstream.login.forms=plain-authzid,domain\\admin\\user", []string{
			"PLAIN EXAMPLE\\admin for bob: refused: NO AUTHENTICATE failed.", "LOGIN EXAMPLE\\admin\\bob: accepted",
			`advice: Exchange refused 1 login forms before it accepted one. This counts towards a lock-out each time that exgate starts: set upstream.login.forms: ['domain\admin\user']`,
		}, ""},
		{"a form that is not offered", "exchange2003", `EXAMPLE\admin\bob`, "adminpass", "upstream.login.forms=plain-authzid,domain/admin/alias", []string{
			"PLAIN EXAMPLE\\admin for bob: refused: not sent: the server does not support this login", "LOGIN EXAMPLE/admin/bob: accepted",
		}, ""},
		{"wrong password", "exchange2016", `EXAMPLE\admin\bob`, "wrong", "", []string{
			"LOGIN EXAMPLE\\admin\\bob: refused: NO LOGIN failed.", "login failed", "1. ", "exgate explain login-failed",
			`advice: exgate stopped after 2 failures.`,
		}, "login"},
		{"no FullAccess", "exchange2016", `EXAMPLE\alice\bob`, "alicepass", "", []string{
			"accepted", "mailbox failed", "Add-MailboxPermission -Identity 'bob' -User 'alice'", "exgate explain not-connected",
		}, "mailbox"},
		{"the mailbox does not open", "exchange2016", "bob", "bobpass", "", []string{
			"mailbox failed: open the mailbox: BAD User is authenticated but not connected.", "1. The password is wrong", "Set-CASMailbox -Identity 'bob' -ImapEnabled $true",
		}, "mailbox"},
		{"another profile", "exchange2013", "bob", "bobpass", "upstream.profile=exchange-online", []string{
			"advice: the server is exchange2013 (ID says version 15.0), not exchange-online: set upstream.profile: exchange2013, or auto",
		}, ""},
		{"no way to be sure", "exchange2010", "bob", "bobpass", "", []string{"advice: exgate is not sure about the version of the server (hint: "}, ""},
		{"no address, before Exchange Online", "exchange-online", "bob", "bobpass", "", []string{"login failed", "advice: Exchange Online needs the user's whole address"}, "login"},
		{"below a prefix", "exchange2016", "bob", "bobpass", "names.prefix=Projects", []string{
			"11 in Exchange: 0 shown", "not shown: it is outside names.prefix",
		}, ""},
		{"another name in the certificate", "exchange2016", "bob", "bobpass", "upstream.server_name=mail.example.com", []string{
			"TLS 1.3", "until ", "verified: no", "tls failed", "set server_name to the certificate's name", "exgate explain certificate",
		}, "tls"},
		{"built-in Administrator", "exchange2016", `EXAMPLE\Administrator\bob`, "x", "", []string{"login failed", "never accepts"}, "login"},
		{"no password", "exchange2016", "bob", "", "", nil, "usage"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := exchangesim.Config{Profile: tt.profile}
			if tt.fails == "mailbox" && !strings.Contains(tt.login, "alice") {
				cfg.Faults = []string{"unopenable:" + tt.login}
			}
			settings, _ := simulated(t, cfg, exchangesim.ImplicitTLS)
			if tt.settings != "" {
				settings = append(settings, "--set", tt.settings)
			}
			args := append([]string{"check", "--login", tt.login}, settings...)
			out, err := exgateWith(t, tt.password+"\n", args...)
			code := map[string]int{"": 0, "usage": exitUsage}[tt.fails]
			if tt.fails != "" && tt.fails != "usage" {
				code = exitUnavailable
			}
			if exitCode(err) != code {
				t.Errorf("exit code %d, want %d: %v", exitCode(err), code, err)
			}
			for _, words := range tt.says {
				if !strings.Contains(out, words) {
					t.Errorf("%q is not in the report:\n%s", words, out)
				}
			}
			if tt.password != "x" && tt.password != "" && strings.Contains(strings.ReplaceAll(out, "Name or password are wrong", ""), tt.password+"\n") {
				t.Errorf("the password is in the report:\n%s", out)
			}
		})
	}
}

func TestCheckLoginForPrograms(t *testing.T) {
	settings, sim := simulated(t, exchangesim.Config{Profile: "exchange-online"}, exchangesim.StartTLS)
	settings = append(settings, "--set", "upstream.tls=starttls")
	out, err := exgateWith(t, "bobpass\n", append([]string{"check", "--json", "--login", "bob@example.com", "--append", "Drafts"}, settings...)...)
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Mailbox string         `json:"mailbox"`
		Profile string         `json:"profile"`
		Opened  bool           `json:"mailbox_opened"`
		TLS     map[string]any `json:"tls"`
		Forms   []struct {
			Form string `json:"form"`
			OK   bool   `json:"ok"`
		} `json:"forms"`
		Folders  []folderReport `json:"folders"`
		Appended string         `json:"appended"`
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatal(err)
	}
	if report.Mailbox != "bob@example.com" || report.Profile != "exchange-online" || !report.Opened || report.TLS["mode"] != "starttls" ||
		len(report.Forms) != 1 || !report.Forms[0].OK || report.Appended != "OK APPEND completed." ||
		len(report.Folders) != 11 || report.Folders[1].Shown || !slices.Equal(report.Folders[1].By, []string{"hide"}) || report.Folders[3].SpecialUse != `\Trash` || strings.Contains(out, "bobpass") {
		t.Errorf("%+v\n%s", report, out)
	}
	if n := len(sim.Messages("bob", "Drafts")); n != 1 {
		t.Errorf("%d test messages", n)
	}
	if _, err := exgateWith(t, "bobpass\n", append([]string{"check", "--json", "--login", "bob@example.com", "--append", "Nowhere"}, settings...)...); exitCode(err) != exitUnavailable {
		t.Errorf("a folder that is not there: %v", err)
	}
	if _, err := exgateWith(t, "", append([]string{"check", "--append", "INBOX"}, settings...)...); exitCode(err) != exitUsage {
		t.Errorf("--append alone: %v", err)
	}
}

func TestCheckLoginAdvice(t *testing.T) {
	now := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	verified := backend.ProbedTLS{Version: "TLS 1.2", Expires: now.AddDate(1, 0, 0), Verified: "for mail.example.com"}
	with := func(change func(*backend.ProbedTLS)) *backend.ProbedTLS { p := verified; change(&p); return &p }
	failed := &backend.Problem{Step: "connect", Kind: backend.KindUnreachable}
	works := &backend.OtherTLS{Mode: backend.TLSImplicit, Address: "mail.example.com:993"}
	for name, tt := range map[string]struct {
		probe  backend.Probe
		set    func(*config.Config)
		advice string // the only one; "": none
		causes bool
	}{
		"nothing":                {backend.Probe{Greeting: "hello", TLS: &verified}, nil, "", false},
		"the other way":          {backend.Probe{Problem: failed, OtherTLS: works}, nil, "the server accepts TLS another way: set upstream.tls: implicit and upstream.address: mail.example.com:993", false},
		"nor the other way":      {backend.Probe{Problem: failed, OtherTLS: &backend.OtherTLS{Error: "refused"}}, nil, "", true},
		"plain text":             {backend.Probe{Greeting: "hello"}, nil, "others on the network can read the passwords: set upstream.tls: implicit (port 993) or starttls (port 143)", false},
		"it ends soon":           {backend.Probe{TLS: with(func(p *backend.ProbedTLS) { p.Expires = now.AddDate(0, 0, 8) })}, nil, "the certificate expires on 2026-07-09: renew it (Enable-ExchangeCertificate)", false},
		"it has ended, pinned":   {backend.Probe{TLS: with(func(p *backend.ProbedTLS) { p.Expires = now.AddDate(0, 0, -8) })}, func(c *config.Config) { c.Upstream.Pin = "00" }, "the certificate expired on 2026-06-23: renew it (Enable-ExchangeCertificate), and then change upstream.pin", false},
		"old TLS, as set":        {backend.Probe{TLS: with(func(p *backend.ProbedTLS) { p.Version = "TLS 1.0" })}, func(c *config.Config) { c.Upstream.InsecureOldTLS = true }, "TLS 1.0 does not stop a determined attacker: run exgate on the same machine as this server, use a tunnel, or update the server's Windows", false},
		"old TLS, and not taken": {backend.Probe{TLS: with(func(p *backend.ProbedTLS) { p.Version, p.Verified = "TLS 1.1", "" }), Problem: &backend.Problem{Step: "tls"}}, nil, "the server supports only TLS 1.1: upstream.insecure-old-tls: true allows it; docs/logins.md describes the risk", true},
		"an Exchange set plain":  {backend.Probe{Opened: true, TLS: &verified, ID: map[string]string{"name": "Microsoft.Exchange.Imap4.Imap4Server", "version": "15.2"}}, func(c *config.Config) { c.Upstream.Profile = "plain" }, "the server is exchange2019 (ID says version 15.2), but profile plain repairs nothing: set upstream.profile: exchange2019, or auto", false},
		"subscription edition":   {backend.Probe{Opened: true, TLS: &verified, ID: map[string]string{"name": "Microsoft.Exchange.Imap4.Imap4Server", "version": "15.2"}}, func(c *config.Config) { c.Upstream.Profile = "exchange-se" }, "", false},
		"no Exchange":            {backend.Probe{Opened: true, TLS: &verified, ID: map[string]string{"name": "Dovecot"}}, nil, `the server is not Exchange (ID says "Dovecot", which is not Exchange), so exgate repairs nothing: set upstream.profile: plain, which makes each login faster`, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := config.Default()
			if tt.set != nil {
				tt.set(c)
			}
			r := &loginReport{Probe: &tt.probe}
			r.advise(c, now)
			if r.Problem != nil {
				r.explain(knowledge.Names{})
			}
			if got := strings.Join(r.Advice, "\n"); got != tt.advice {
				t.Errorf("%s", got)
			}
			if (len(r.Causes) > 0) != tt.causes {
				t.Errorf("%d causes", len(r.Causes))
			}
		})
	}
}

// The check goes where the login would: here to a further upstream, where the
// map file gives the mailbox another name and a prefix.
func TestCheckLoginFollowsTheRoutes(t *testing.T) {
	settings, _ := simulated(t, exchangesim.Config{}, exchangesim.ImplicitTLS)
	var address, ca string
	for _, setting := range settings {
		if value, ok := strings.CutPrefix(setting, "upstream.address="); ok {
			address = value
		}
		if value, ok := strings.CutPrefix(setting, "upstream.ca_file="); ok {
			ca = value
		}
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	routes := write("routes", "carol new mailbox=bob prefix=Projects\n")
	file := write("exgate.yaml", "listen: {implicit: 127.0.0.1:0}\nroutes_file: "+routes+"\n"+
		"upstream: {address: 127.0.0.1:1}\nupstreams: [{name: new, address: "+address+", ca_file: "+ca+"}]\n")
	out, err := exgateWith(t, "bobpass\n", "check", "--config", file, "--login", "carol")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, words := range []string{"upstream        new\n", "bob opens", "11 in Exchange: 0 shown", "it is outside names.prefix", "clients do not see 11 mailboxes"} {
		if !strings.Contains(out, words) {
			t.Errorf("%q is not in the report:\n%s", words, out)
		}
	}
	if _, err := exgateWith(t, "bobpass\n", "check", "--config", file, "--login", "bob", "--upstream", "new"); err != nil {
		t.Error(err)
	}
	if _, err := exgateWith(t, "bobpass\n", "check", "--config", file, "--login", "bob", "--upstream", "nowhere"); exitCode(err) != exitUsage {
		t.Error(err)
	}
}
