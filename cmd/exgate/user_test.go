package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"exgate/backend"
	"exgate/proxy/certificate"
	"exgate/proxy/users"
)

// exgateWith runs a command line with standard input.
func exgateWith(t *testing.T, stdin string, args ...string) (stdout string, err error) {
	t.Helper()
	var out strings.Builder
	root := rootCommand(&out)
	root.SetArgs(args)
	root.SetIn(strings.NewReader(stdin))
	err = root.ExecuteContext(t.Context())
	return out.String(), err
}

func TestUser(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "users")
	cert, _, err := certificate.Own(dir)
	if err != nil {
		t.Fatal(err)
	}
	pem := filepath.Join(dir, "certificate.pem")
	for _, step := range []struct {
		stdin string
		args  string
		says  string // in the output or the error
		fails bool
	}{
		{"secret\n", "user add migration --mailbox *@example.com", "migration may open *@example.com", false},
		{"bobs\n", "user add bob@example.com", "bob@example.com may open bob@example.com", false},
		{"", "user add scanner --mailbox scans,faxes --certificate " + pem, "scanner may open scans, faxes", false},
		{"\n", "user add carol", "the password is empty", true},
		{"x\n", `user add EXAMPLE\carol`, "name of the caller", true},
		{"x\n", `user add carol --mailbox a\b`, "only ASCII letters", true},
		{"x\n", `user add carol --mailbox a/`, "no prefix follows", true},
		{"", "user add carol --certificate nowhere.pem", "nowhere.pem", true},
		{"new\n", "user add MIGRATION --mailbox alice", "MIGRATION may open alice", false},
		{"", "user remove nobody", "has no caller nobody", true},
		{"", "user remove bob@example.com", "", false},
		{"", "user list", "MIGRATION  password  ", false},
		{"", "user list", "scanner    certificate " + strings.ToLower(strings.ReplaceAll(certificate.Fingerprint(cert), ":", "")), false},
	} {
		out, err := exgateWith(t, step.stdin, append(strings.Fields(step.args), "--file", file)...)
		if err != nil {
			out = err.Error()
		}
		if (err != nil) != step.fails || !strings.Contains(out, step.says) || strings.Contains(out, "$argon2id") {
			t.Errorf("%s: %q, %v", step.args, out, err)
		}
	}
	data, err := os.ReadFile(file)
	if err != nil || strings.Contains(string(data), "bob") || strings.Contains(string(data), "secret") || strings.Count(string(data), "\n") != 2 {
		t.Errorf("%v:\n%s", err, data)
	}
	users, err := users.Load(file)
	if err != nil || users.Prove(t.Context(), "migration", backend.NewSecret("new"), "") != nil || users.Prove(t.Context(), "migration", backend.NewSecret("secret"), "") == nil {
		t.Errorf("the password was not replaced: %v", err)
	}
	if _, err := exgateWith(t, "", "user", "list", "--file", filepath.Join(dir, "nowhere")); exitCode(err) != exitConfig {
		t.Errorf("no file: %v", err)
	}
}

func TestUserFileOfTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "users")
	config := filepath.Join(dir, "exgate.yaml")
	text := "listen: { implicit: 127.0.0.1:0 }\nusers_file: " + file +
		"\nupstream: { address: localhost:993, login: { admin: svc, admin_password: geheim } }\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := exgate(t, "check", "--config", config); exitCode(err) != exitConfig || !strings.Contains(err.Error(), "users_file: ") {
		t.Errorf("without the file: %v", err)
	}
	if _, err := exgateWith(t, "secret\n", "user", "add", "bob", "--config", config); err != nil {
		t.Error(err)
	}
	out, err := exgate(t, "check", "--config", config)
	if err != nil || strings.Contains(out, "geheim") {
		t.Errorf("with it: %v\n%s", err, out)
	}
	if out, err := exgate(t, "check", "--json", "--config", config); err != nil || strings.Contains(out, "geheim") || !strings.Contains(out, `"***"`) {
		t.Errorf("with it: %v\n%s", err, out)
	}
}

func TestLoginKeepsARefreshToken(t *testing.T) {
	dir := t.TempDir()
	users := filepath.Join(dir, "users")
	if _, err := exgateWith(t, "secret\n", "user", "add", "bob", "--file", users); err != nil {
		t.Fatal(err)
	}
	settings := []string{
		"login", "bob@example.com", "--refresh-token", "--set", "listen.implicit=127.0.0.1:0", "--set", "users_file=" + users,
		"--set", "state_dir=" + dir, "--set", "upstream.address=localhost:993", "--set", "upstream.oauth2.flow=refresh-token",
		"--set", "upstream.oauth2.tenant=example.com", "--set", "upstream.oauth2.client_id=app",
	}
	t.Chdir(dir) // no configuration file is here
	if _, err := exgateWith(t, "\n", settings...); exitCode(err) != exitUsage {
		t.Errorf("no token: %v", err)
	}
	if _, err := exgateWith(t, "1.Arefresh\n", settings...); err != nil {
		t.Fatal(err)
	}
	store := backend.TokenStore{Dir: filepath.Join(dir, "tokens"), KeyFile: filepath.Join(dir, "token.key")}
	if token, err := store.Load("app", "bob@example.com"); err != nil || token.Reveal() != "1.Arefresh" {
		t.Errorf("kept %q, %v", token.Reveal(), err)
	}
	if _, err := exgateWith(t, "", append(settings, "--set", "upstream.oauth2.flow=command", "--set", "upstream.oauth2.command=x")...); exitCode(err) != exitConfig {
		t.Errorf("another flow: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	root := rootCommand(io.Discard)
	root.SetArgs(append(settings[:2:2], settings[3:]...))
	if err := root.ExecuteContext(ctx); exitCode(err) != exitUnavailable {
		t.Errorf("no endpoint: %v", err)
	}
}
