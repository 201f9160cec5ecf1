package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"exgate/backend"
)

// secretKeys are the three keys of a secret: the value, a file and an environment
// variable.
type secretKeys struct {
	key   string // the key of the value; the other two end in _file and _env
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

// given returns the number of keys that are set.
func (s secretKeys) given() int {
	n := 0
	for _, set := range []bool{!s.value.IsNone(), s.file != "", s.env != ""} {
		if set {
			n++
		}
	}
	return n
}

// validate adds a problem if more than one key gives the secret.
func (s secretKeys) validate(p *problems) {
	if s.given() > 1 {
		p.add(s.key, "this secret is given more than once: set only one of the value, _file and _env")
	}
}

// read returns the secret from whichever key is set. Errors contain the key but not its value,
// because a user may have written the secret itself in place of the file name.
func (s secretKeys) read() (backend.Secret, error) {
	secret, err := "", error(nil)
	switch {
	case s.file != "":
		if secret, err = ReadSecretFile(s.file); err != nil {
			return backend.Secret{}, fmt.Errorf("%s_file: %w", s.key, err)
		}
	case s.env != "":
		if secret, err = ReadSecretVariable(s.env); err != nil {
			return backend.Secret{}, fmt.Errorf("%s_env: %w", s.key, err)
		}
	default:
		return s.value, nil
	}
	return backend.NewSecret(secret), nil
}

// maxSecret limits a file with a secret, in bytes.
const maxSecret = 64 << 10

// ReadSecretFile returns the secret in a file. A line end at the end of the file is not part of
// it. Errors do not contain the name of the file.
func ReadSecretFile(file string) (string, error) {
	f, err := os.Open(file)
	if err == nil {
		defer f.Close()
		var data []byte
		if data, err = io.ReadAll(io.LimitReader(f, maxSecret+1)); err == nil {
			secret := strings.TrimRight(string(data), "\r\n")
			switch {
			case len(data) > maxSecret:
				return "", fmt.Errorf("the file has more than %d bytes", maxSecret)
			case secret == "":
				return "", errors.New("the file is empty")
			}
			return secret, nil
		}
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return "", fmt.Errorf("cannot read the file: %w", err)
}

// ReadSecretVariable returns the secret in an environment variable.
func ReadSecretVariable(name string) (string, error) {
	secret := os.Getenv(name)
	if secret == "" {
		return "", errors.New("there is no environment variable with this name")
	}
	return secret, nil
}

// validateSecrets adds a problem for each secret that is missing, or given more
// than once.
func (u *Upstream) validateSecrets(p *problems) {
	for _, s := range []secretKeys{u.adminPassword(), u.clientSecret()} {
		s.validate(p)
	}
	switch password := u.adminPassword(); {
	case u.Login.Admin != "" && password.given() == 0:
		p.add(password.key, "missing: upstream.login.admin needs admin_password, admin_password_file or "+
			"admin_password_env")
	case u.Login.Admin == "" && password.given() > 0:
		p.add("upstream.login.admin", "missing: admin_password is set, but not the name of the admin")
	}
	if a := u.OAuth2; (a.CertificateFile == "") != (a.KeyFile == "") {
		p.add("upstream.oauth2.certificate_file", "give certificate_file and key_file, or neither")
	}
}

// validateUsers adds a problem unless users_file is set exactly when the gateway
// holds a credential.
func (c *Config) validateUsers(p *problems) {
	held := c.backendOptions().Holds()
	for _, u := range c.Upstreams {
		held = held || c.At(u).backendOptions().Holds()
	}
	switch {
	case held && c.UsersFile == "":
		p.add("users_file", "missing: exgate holds a credential that opens mailboxes, and must know who may open "+
			"which one: create the file with exgate user add")
	case !held && c.UsersFile != "":
		p.add("users_file", "not needed: exgate holds no credential, and Exchange decides who may open which mailbox")
	}
}

// readHeld reads the secrets from the configuration, files or the environment.
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

// tokenStore returns the store of the refresh tokens.
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
