package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"exgate/backend"
)

// Backend returns the options of the upstream for package backend. It reads the
// files that the configuration names.
func (c *Config) Backend() (backend.Options, error) {
	o := c.backendOptions()
	return o, errors.Join(c.readCA(&o), c.readHeld(&o))
}

func (c *Config) readCA(o *backend.Options) (err error) {
	o.RootCAs, err = ReadAuthorities("upstream.ca_file", c.Upstream.CAFile)
	return err
}

// ReadAuthorities reads the PEM file of the authorities that key names; nil if path is "".
func ReadAuthorities(key, path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: no certificate (PEM) in %s", key, path)
	}
	return pool, nil
}

// backendOptions returns the options that need no file.
func (c *Config) backendOptions() backend.Options {
	u := c.Upstream
	var aliases []backend.Alias
	for _, a := range u.Login.Aliases {
		aliases = append(aliases, backend.Alias(a))
	}
	a := u.OAuth2
	p := c.Profile(u.Profile)
	return backend.Options{
		Address:       u.Address,
		MoreAddresses: u.MoreAddresses,
		TLS:           u.TLS,
		ServerName:    u.ServerName,
		Pin:           u.Pin,
		OldTLS:        u.InsecureOldTLS,
		NoHybrid:      p.LacksTLS13(),
		Login: backend.LoginOptions{
			Domains:     u.Login.Domains,
			UPN:         u.Login.UPN,
			Separator:   u.Login.Separator,
			Forms:       u.Login.Forms,
			Aliases:     aliases,
			MaxFailures: u.Login.MaxFailures,
		},
		Admin: backend.Admin{Name: u.Login.Admin, Password: u.Login.AdminPassword},
		OAuth2: backend.OAuth2Options{
			Flow: a.Flow, Tenant: a.Tenant, TokenURL: a.TokenURL, DeviceURL: a.DeviceURL, ClientID: a.ClientID,
			ClientSecret: a.ClientSecret, SecretFromLogin: a.SecretFromLogin, Scopes: a.Scopes,
			Account: a.Account, Command: a.Command,
			Pending: a.ClientSecretFile != "" || a.ClientSecretEnv != "" || a.CertificateFile != "",
		},
		MaxBackoff: u.Pace.MaxBackoff,
		Timeouts:   backend.Timeouts{Reply: u.ReplyTimeout},
		// A profile that is found out at the login is one of an Exchange, which has it off.
		LiteralPlus: p.LiteralPlus,
	}
}

// CheckFiles opens every file and directory that the configuration names, and
// returns every problem at once.
func (c *Config) CheckFiles() error {
	_, caErr := c.Backend()
	for i, u := range c.Upstreams {
		if _, err := c.At(u).Backend(); err != nil {
			caErr = errors.Join(caErr, fmt.Errorf("upstreams, entry %d, %s: %w", i+1, u.Name, err))
		}
	}
	_, certificateErr := c.TLS.Certificate()
	_, statusErr := c.StatusAccess()
	var clusterErr error
	if c.Cluster.Address != "" {
		_, _, _, clusterErr = c.Redis()
	}
	var spoolErr error
	if dir := c.Spool.Dir; dir != "" {
		if info, err := os.Stat(dir); err != nil {
			spoolErr = fmt.Errorf("spool.dir: %w", err)
		} else if !info.IsDir() {
			spoolErr = fmt.Errorf("spool.dir: %s is not a directory", dir)
		}
	}
	return errors.Join(certificateErr, statusErr, clusterErr, caErr, spoolErr)
}

// Certificate loads the certificate that clients see. It returns nil if none is
// configured.
func (t TLS) Certificate() (*tls.Certificate, error) {
	if t.CertificateFile == "" || t.KeyFile == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(t.CertificateFile, t.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("tls.certificate_file, tls.key_file: %w", err)
	}
	return &pair, nil
}

// StateDirectory returns state_dir, or its default on this machine. The directory
// may not exist.
func (c *Config) StateDirectory() (string, error) {
	if c.StateDir != "" {
		return c.StateDir, nil
	}
	// StateDirectory= of systemd.exec(5), which may name several.
	if first, _, _ := strings.Cut(os.Getenv("STATE_DIRECTORY"), ":"); first != "" {
		return first, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("state_dir: missing, and this user has no configuration directory: "+
			"set state_dir: %w", err)
	}
	return filepath.Join(dir, "exgate"), nil
}
