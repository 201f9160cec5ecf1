//go:build unix

package config

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"exgate/backend"
)

func TestExposed(t *testing.T) {
	withSecret := func(c *Config, _ string) { c.Upstream.Login.AdminPassword = backend.NewSecret("secret") }

	adminFile := func(c *Config, path string) { c.Upstream.Login.AdminPasswordFile = path }
	trace := func(c *Config, path string) { c.Log.Trace = path }
	const readable, writable = "others may read", "others may write to"
	for _, tt := range []struct {
		name    string
		set     func(c *Config, path string)
		file    string // in the directory; it ends in "/": a directory
		mode    fs.FileMode
		warning string
		err     string
	}{
		{"a configuration without a secret, readable", nil, "exgate.yaml", 0o644, "", ""},
		{"the same, writable for its group", nil, "exgate.yaml", 0o664, "", ""},
		{"the same, writable for all", nil, "exgate.yaml", 0o666, "", "configuration: " + writable},
		{"a configuration with a secret", withSecret, "exgate.yaml", 0o600, "", ""},
		{"the same, readable", withSecret, "exgate.yaml", 0o644, "configuration: " + readable, ""},
		{"the same, writable for its group", withSecret, "exgate.yaml", 0o620, "", "configuration: " + writable},
		{"a secret of a further upstream", func(c *Config, _ string) {
			c.Upstreams = []FurtherUpstream{{Name: "b"}}
			c.Upstreams[0].OAuth2.ClientSecret = backend.NewSecret("secret")
		}, "exgate.yaml", 0o604, "configuration: " + readable, ""},
		{"a password file", adminFile, "password", 0o400, "", ""},
		{"the same, readable", adminFile, "password", 0o444, "upstream.login.admin_password_file: " + readable, ""},
		{"the same, writable", adminFile, "password", 0o602, "", "upstream.login.admin_password_file: " + writable},
		{"a client secret", func(c *Config, path string) { c.Upstream.OAuth2.ClientSecretFile = path }, "secret", 0o666, "", "upstream.oauth2.client_secret_file: " + writable},
		{"a key of OAuth2", func(c *Config, path string) { c.Upstream.OAuth2.KeyFile = path }, "key", 0o604, "upstream.oauth2.key_file: " + readable, ""},
		{"a key of tokens", func(c *Config, path string) { c.Upstream.OAuth2.TokenKeyFile = path }, "key", 0o622, "", "upstream.oauth2.token_key_file: " + writable},
		{"a key of a further upstream", func(c *Config, path string) {
			c.Upstreams = []FurtherUpstream{{Name: "b"}}
			c.Upstreams[0].Login.AdminPasswordFile = path
		}, "password", 0o666, "", "upstreams, entry 1, b: upstream.login.admin_password_file: " + writable},
		{"an authority, readable", func(c *Config, path string) { c.Upstream.CAFile = path }, "ca.pem", 0o644, "", ""},
		{"an authority, writable", func(c *Config, path string) { c.Upstream.CAFile = path }, "ca.pem", 0o646, "", "upstream.ca_file: " + writable},
		{"the certificate's key", func(c *Config, path string) { c.TLS.KeyFile = path }, "tls.key", 0o644, "tls.key_file: " + readable, ""},
		{"users", func(c *Config, path string) { c.UsersFile = path }, "users", 0o660, "", "users_file: " + writable},
		{"routes, readable", func(c *Config, path string) { c.RoutesFile = path }, "routes", 0o644, "", ""},
		{"routes, writable", func(c *Config, path string) { c.RoutesFile = path }, "routes", 0o666, "", "routes_file: " + writable},
		{"a trace", trace, "trace", 0o600, "", ""},
		{"a trace, readable", trace, "trace", 0o644, "log.trace: " + readable, ""},
		{"a trace, writable", trace, "trace", 0o666, "", "log.trace: " + writable},
		{"a trace that is a link", trace, "link", 0, "", "is a link"},
		{"a trace that is not there", trace, "none", 0, "", ""},
		{"a secret behind a link", adminFile, "link", 0, "upstream.login.admin_password_file: " + readable, ""},
		{"state", nil, "state/", 0o755, "", ""},
		{"state, writable", nil, "state/", 0o777, "", "state_dir: " + writable},
		{"state, sticky", nil, "state/", 0o777 | fs.ModeSticky, "", ""},
		{"the kept certificate's key", nil, "state/key.pem", 0o644, "state_dir: " + readable, ""},
		{"the kept certificate's key, writable", nil, "state/key.pem", 0o666, "", "state_dir: " + writable},
		{"the kept key of tokens", nil, "state/token.key", 0o606, "", "state_dir: " + writable},
		{"the kept tokens", nil, "state/tokens/", 0o777, "", "state_dir: " + writable},
		{"the quarantine", func(c *Config, path string) { c.Quarantine.Dir = path }, "quarantine/", 0o777, "", "quarantine.dir: " + writable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			c := Default()
			c.StateDir = filepath.Join(dir, "state")
			make := func(path string, mode fs.FileMode) string {
				t.Helper()
				file := filepath.Join(dir, path)
				if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
					t.Fatal(err)
				}
				var err error
				if strings.HasSuffix(path, "/") {
					err = os.MkdirAll(file, 0o700)
				} else {
					err = os.WriteFile(file, nil, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
				if err := os.Chmod(file, mode); err != nil { // past the umask
					t.Fatal(err)
				}
				return file
			}
			path := filepath.Join(dir, tt.file)
			switch tt.file {
			case "none":
			case "link":
				if err := os.Symlink(make("real", 0o644), path); err != nil {
					t.Fatal(err)
				}
			default:
				make(tt.file, tt.mode)
			}
			configuration := path
			if tt.file != "exgate.yaml" {
				configuration = make("exgate.yaml", 0o600)
			}
			if tt.set != nil {
				tt.set(c, path)
			}
			warnings, err := c.Exposed(configuration)
			check := func(what, got, want string) {
				t.Helper()
				if (got == "") != (want == "") || !strings.Contains(got, want) {
					t.Errorf("%s %q, want %q", what, got, want)
				}
			}
			check("warning", strings.Join(warnings, "\n"), tt.warning)
			text := ""
			if err != nil {
				text = err.Error()
			}
			check("error", text, tt.err)
		})
	}
}

// A file that only its owner may write to is replaced by whoever may write to a
// directory above it, the one of a link's among them.
func TestExposedByItsDirectory(t *testing.T) {
	dir := t.TempDir()
	open, closed := filepath.Join(dir, "open"), filepath.Join(dir, "closed")
	for _, d := range []string{filepath.Join(open, "below"), closed} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	users, link := filepath.Join(open, "below", "users"), filepath.Join(closed, "users")
	if err := os.WriteFile(users, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(users, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{users, link} {
		for mode, exposed := range map[fs.FileMode]bool{0o777: true, 0o773: true, 0o775: false, 0o755: false, 0o777 | fs.ModeSticky: false} {
			if err := os.Chmod(open, mode); err != nil {
				t.Fatal(err)
			}
			c := Default()
			c.StateDir, c.UsersFile, c.RoutesFile = filepath.Join(dir, "none"), path, path
			_, err := c.Exposed("")
			if (err != nil) != exposed || exposed && strings.Count(err.Error(), "others may put another in place of") != 1 {
				t.Errorf("%s, directory %v: %v", path, mode, err)
			}
		}
	}
}

// systemd guards its credentials itself.
func TestCredentialsAreNotExposed(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	file := filepath.Join(dir, "admin")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o666); err != nil {
		t.Fatal(err)
	}
	c := Default()
	c.StateDir, c.Upstream.Login.AdminPasswordFile = filepath.Join(dir, "none"), file
	if warnings, err := c.Exposed(""); len(warnings) > 0 || err != nil {
		t.Error(warnings, err)
	}
}

// What root gives to a group is for a service that runs as another user.
func TestGroupOfRootsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	c := Default()
	c.StateDir, c.Upstream.Login.AdminPasswordFile = filepath.Join(filepath.Dir(file), "none"), file
	warnings, err := c.Exposed("")
	if err != nil || (len(warnings) == 0) != (os.Getuid() == 0) {
		t.Error(fmt.Sprint(warnings), err)
	}
}
