package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"exgate/backend"
)

// secretKeys are a secret's three keys: the value, and where else it may be.
type secretKeys struct {
	key   string // of the value; the others end in _file and _env
	value backend.Secret
	file  string
	env   string
}

func (u *Upstream) adminPassword() secretKeys {
	l := u.Login
	return secretKeys{"upstream.login.admin_password", l.AdminPassword, l.AdminPasswordFile, l.AdminPasswordEnv}
}

func (u *Upstream) clientSecret() secretKeys {
	a := u.OAuth2
	return secretKeys{"upstream.oauth2.client_secret", a.ClientSecret, a.ClientSecretFile, a.ClientSecretEnv}
}

// given counts the keys that are set.
func (s secretKeys) given() int {
	n := 0
	for _, set := range []bool{!s.value.None(), s.file != "", s.env != ""} {
		if set {
			n++
		}
	}
	return n
}

// read returns the secret, wherever it is. A file's last line end is not part
// of it. Errors name the key and not its value, in whose place the secret itself
// may stand.
func (s secretKeys) read() (backend.Secret, error) {
	switch {
	case s.file != "":
		data, err := os.ReadFile(s.file)
		if err != nil {
			var path *fs.PathError
			if errors.As(err, &path) {
				err = path.Err
			}
			return backend.Secret{}, fmt.Errorf("%s_file: the file that it names cannot be read: %w", s.key, err)
		}
		secret := strings.TrimRight(string(data), "\r\n")
		if secret == "" {
			return backend.Secret{}, fmt.Errorf("%s_file: the file that it names is empty", s.key)
		}
		return backend.NewSecret(secret), nil
	case s.env != "":
		secret := os.Getenv(s.env)
		if secret == "" {
			return backend.Secret{}, fmt.Errorf("%s_env: the environment has no variable of that name", s.key)
		}
		return backend.NewSecret(secret), nil
	}
	return s.value, nil
}

// validateSecrets sees that each secret is there once.
func (u *Upstream) validateSecrets(p *problems) {
	for _, s := range []secretKeys{u.adminPassword(), u.clientSecret()} {
		if s.given() > 1 {
			p.add(s.key, "given more than once: set one of the value, _file and _env")
		}
	}
	switch password := u.adminPassword(); {
	case u.Login.Admin != "" && password.given() == 0:
		p.add(password.key, "missing: upstream.login.admin needs it, or admin_password_file, or admin_password_env")
	case u.Login.Admin == "" && password.given() > 0:
		p.add("upstream.login.admin", "missing: whose is admin_password?")
	}
	if a := u.OAuth2; (a.CertificateFile == "") != (a.KeyFile == "") {
		p.add("upstream.oauth2.certificate_file", "give certificate_file and key_file, or neither")
	}
}

// validateUsers sees that what opens mailboxes is guarded.
func (c *Config) validateUsers(p *problems) {
	held := c.backendOptions().Holds()
	for _, u := range c.Upstreams {
		held = held || c.At(u).backendOptions().Holds()
	}
	switch {
	case held && c.UsersFile == "":
		p.add("users_file", "missing: exgate holds what opens mailboxes, and must know who may open which: exgate user add writes it")
	case !held && c.UsersFile != "":
		p.add("users_file", "of no use: exgate holds nothing that opens mailboxes, and Exchange itself decides who may open which")
	}
}

// readHeld reads the secrets that are in files or in the environment.
func (c *Config) readHeld(o *backend.Options) error {
	password, err := c.Upstream.adminPassword().read()
	secret, err2 := c.Upstream.clientSecret().read()
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	o.Admin.Password, o.OAuth2.ClientSecret = password, secret
	if a := c.Upstream.OAuth2; a.CertificateFile != "" && a.KeyFile != "" {
		pair, err := tls.LoadX509KeyPair(a.CertificateFile, a.KeyFile)
		if err != nil {
			return fmt.Errorf("upstream.oauth2.certificate_file, key_file: %w", err)
		}
		o.OAuth2.Certificate = &pair
	}
	if o.OAuth2.Flow == backend.FlowRefreshToken {
		store, err := c.tokenStore()
		if err != nil {
			return err
		}
		o.OAuth2.Store = store
	}
	return nil
}

// tokenStore is where refresh tokens are kept.
func (c *Config) tokenStore() (*backend.TokenStore, error) {
	dir, err := c.StateDirectory()
	if err != nil {
		return nil, err
	}
	store := &backend.TokenStore{Dir: filepath.Join(dir, "tokens"), KeyFile: c.Upstream.OAuth2.TokenKeyFile}
	if store.KeyFile == "" {
		store.KeyFile = filepath.Join(dir, "token.key")
	}
	return store, nil
}
