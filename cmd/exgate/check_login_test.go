package main

import (
	"encoding/json"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"exgate/backend/exchangesim"
)

// simulated starts a simulated Exchange with TLS, and returns the settings of a
// gateway before it.
func simulated(t *testing.T, cfg exchangesim.Config, mode exchangesim.Mode) (settings []string, sim *exchangesim.Server) {
	t.Helper()
	sim, err := exchangesim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
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
			"exchange2016: ID says version 15.1", "messages of 10000000 bytes", "bob opens; 11 folders", `"Sent Items"`, "all of it works",
		}, ""},
		{"two forms", "exchange2019", `EXAMPLE\admin\bob`, "adminpass", "upstream.login.forms=plain-authzid,domain\\admin\\user", []string{
			"PLAIN EXAMPLE\\admin for bob: refused: NO AUTHENTICATE failed.", "LOGIN EXAMPLE\\admin\\bob: accepted",
		}, ""},
		{"a form that is not offered", "exchange2003", `EXAMPLE\admin\bob`, "adminpass", "upstream.login.forms=plain-authzid,domain/admin/alias", []string{
			"PLAIN EXAMPLE\\admin for bob: refused: not sent: no form", "LOGIN EXAMPLE/admin/bob: accepted",
		}, ""},
		{"wrong password", "exchange2016", `EXAMPLE\admin\bob`, "wrong", "", []string{
			"LOGIN EXAMPLE\\admin\\bob: refused: NO LOGIN failed.", "login failed", "1. ", "exgate explain login-failed",
		}, "login"},
		{"no FullAccess", "exchange2016", `EXAMPLE\alice\bob`, "alicepass", "", []string{
			"accepted", "mailbox failed", "Add-MailboxPermission -Identity 'bob' -User 'alice'", "exgate explain not-connected",
		}, "mailbox"},
		{"built-in Administrator", "exchange2016", `EXAMPLE\Administrator\bob`, "x", "", []string{"login failed", "never lets"}, "login"},
		{"no password", "exchange2016", "bob", "", "", nil, "usage"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			settings, _ := simulated(t, exchangesim.Config{Profile: tt.profile}, exchangesim.ImplicitTLS)
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
		Appended string `json:"appended"`
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatal(err)
	}
	if report.Mailbox != "bob@example.com" || report.Profile != "exchange-online" || !report.Opened || report.TLS["mode"] != "starttls" ||
		len(report.Forms) != 1 || !report.Forms[0].OK || report.Appended != "OK APPEND completed." || strings.Contains(out, "bobpass") {
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
