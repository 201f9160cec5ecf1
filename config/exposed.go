package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"exgate/backend"
)

// guarded is a file or directory that others should keep their hands off.
type guarded struct {
	key    string
	path   string
	secret bool // nobody else should read it, either
	opened bool // only as what it is: a link could lead exgate's writing elsewhere
}

// Exposed tells what others than the owner may read, as warnings, and what they
// may write or replace, as an error, of the configuration's file and of what it
// names: whoever writes there decides where passwords go and who opens what.
// Windows has no such bits, and is told nothing.
func (c *Config) Exposed(file string) (warnings []string, err error) {
	if runtime.GOOS == "windows" {
		return nil, nil
	}
	var errs []error
	said := make(map[string]bool) // of directories, which files share
	for _, g := range c.guardedFiles(file) {
		found, err := g.look(said)
		warnings = append(warnings, found...)
		errs = append(errs, err)
	}
	return warnings, errors.Join(errs...)
}

// guardedFiles are those of the configuration, some of which need not be there.
func (c *Config) guardedFiles(file string) []guarded {
	all := []guarded{
		{key: "configuration", path: file, secret: c.hasSecret()},
		{key: "tls.key_file", path: c.TLS.KeyFile, secret: true},
		{key: "listen.status_token_file", path: c.Listen.StatusTokenFile, secret: true},
		{key: "listen.status_client_ca", path: c.Listen.StatusClientCA},
		{key: "cluster.password_file", path: c.Cluster.PasswordFile, secret: true},
		{key: "cluster.ca_file", path: c.Cluster.CAFile},
		{key: "users_file", path: c.UsersFile, secret: true},
		{key: "routes_file", path: c.RoutesFile},
		{key: "quarantine.dir", path: c.Quarantine.Dir},
	}
	if c.Log.Trace != TraceOff && !strings.HasPrefix(c.Log.Trace, "/dev/") {
		all = append(all, guarded{key: "log.trace", path: c.Log.Trace, secret: true, opened: true})
	}
	if !strings.HasPrefix(c.Log.File, "/dev/") {
		all = append(all, guarded{key: "log.file", path: c.Log.File, opened: true})
	}
	if dir, err := c.StateDirectory(); err == nil {
		all = append(all, guarded{key: "state_dir", path: dir},
			guarded{key: "state_dir", path: filepath.Join(dir, "key.pem"), secret: true},
			guarded{key: "state_dir", path: filepath.Join(dir, "token.key"), secret: true},
			guarded{key: "state_dir", path: filepath.Join(dir, "tokens")})
	}
	for i := range len(c.Upstreams) + 1 {
		at, prefix := c, ""
		if i > 0 {
			at, prefix = c.At(c.Upstreams[i-1]), fmt.Sprintf("upstreams, entry %d, %s: ", i, c.Upstreams[i-1].Name)
		}
		u := at.Upstream
		all = append(all,
			guarded{key: prefix + "upstream.ca_file", path: u.CAFile},
			guarded{key: prefix + "upstream.login.admin_password_file", path: u.Login.AdminPasswordFile, secret: true},
			guarded{key: prefix + "upstream.oauth2.client_secret_file", path: u.OAuth2.ClientSecretFile, secret: true},
			guarded{key: prefix + "upstream.oauth2.key_file", path: u.OAuth2.KeyFile, secret: true},
			guarded{key: prefix + "upstream.oauth2.token_key_file", path: u.OAuth2.TokenKeyFile, secret: true})
	}
	return slices.DeleteFunc(all, func(g guarded) bool { return g.path == "" })
}

// hasSecret tells whether a secret stands in the configuration itself.
func (c *Config) hasSecret() bool {
	has := func(u *Upstream) bool { return !u.Login.AdminPassword.IsNone() || !u.OAuth2.ClientSecret.IsNone() }
	return !c.Listen.StatusToken.IsNone() || !c.Cluster.Password.IsNone() || has(&c.Upstream) ||
		slices.ContainsFunc(c.Upstreams, func(u FurtherUpstream) bool { return has(&u.Upstream) })
}

// look returns what is to be said of one. What is not there is no matter here.
func (g guarded) look(said map[string]bool) (warnings []string, err error) {
	path, err := filepath.Abs(g.path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", g.key, err)
	}
	if backend.IsCredential(path) {
		return nil, nil
	}
	link, err := os.Lstat(path)
	if err != nil {
		return nil, nil
	}
	if g.opened && link.Mode()&fs.ModeSymlink != 0 {
		return nil, fmt.Errorf("%s: %s is a link, which could lead elsewhere: name the file itself", g.key, g.path)
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, nil
	}
	info, err := os.Stat(real)
	if err != nil {
		return nil, nil
	}
	var errs []error
	mode := info.Mode()
	writers := fs.FileMode(0o022)
	if !g.secret {
		writers = 0o002 // a group may well keep what is no secret
	}
	switch exposed := mode.Perm() & writers; {
	case exposed != 0 && (!info.IsDir() || mode&fs.ModeSticky == 0):
		errs = append(errs, fmt.Errorf("%s: others may write to %s (mode %04o): chmod go-w it, "+
			"and look at what is in it", g.key, g.path, mode.Perm()))
	case g.secret && backend.Readers(info) != 0:
		warnings = append(warnings, fmt.Sprintf("%s: others may read %s (mode %04o): chmod 600 it, "+
			"and change what is secret in it if they may have", g.key, g.path, mode.Perm()))
	}
	for _, dir := range slices.Concat(parents(path), parents(real)) {
		info, err := os.Stat(dir)
		if err == nil && info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 && !said[dir] {
			said[dir] = true
			errs = append(errs, fmt.Errorf("%s: others may put another in place of %s, "+
				"since they may write to %s (mode %04o): chmod o-w it", g.key, g.path, dir, info.Mode().Perm()))
		}
	}
	return warnings, errors.Join(errs...)
}

// parents are the directories above a path, up to the root.
func parents(path string) (dirs []string) {
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		dirs = append(dirs, dir)
		if dir == filepath.Dir(dir) {
			return dirs
		}
	}
}
