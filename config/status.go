package config

import (
	"crypto/x509"
	"fmt"

	"exgate/backend"
)

// minToken is the shortest token of the status page, in bytes.
const minToken = 16

func (l Listen) statusToken() secretKeys {
	return secretKeys{"listen.status_token", l.StatusToken, l.StatusTokenFile, l.StatusTokenEnv}
}

// validateStatus adds the problems of the keys of the status page.
func (l Listen) validateStatus(p *problems) {
	token := l.statusToken()
	token.validate(p)
	if n := len(l.StatusToken.Reveal()); n > 0 && n < minToken {
		p.add(token.key, "too short: use a random text of %d characters or more", minToken)
	}
	if (token.given() > 0 || l.StatusClientCA != "") && l.Status == "" {
		p.add("listen.status", "missing: status_token and status_client_ca protect the page that it serves")
	}
}

// StatusAccess is what protects the status page.
type StatusAccess struct {
	Token     backend.Secret // none: no token opens the page
	ClientCAs *x509.CertPool // nil: no client certificate opens it
	Loopback  bool           // only this machine can reach the page
}

// IsNeeded reports whether the page is for those only who show a token or a certificate.
func (a StatusAccess) IsNeeded() bool { return !a.Token.IsNone() || a.ClientCAs != nil }

// StatusAccess reads what protects the status page.
func (c *Config) StatusAccess() (a StatusAccess, err error) {
	l := c.Listen
	if a.Token, err = l.statusToken().read(); err != nil {
		return a, err
	}
	if n := len(a.Token.Reveal()); n > 0 && n < minToken {
		return a, fmt.Errorf("listen.status_token: too short: use a random text of %d characters or more", minToken)
	}
	if a.ClientCAs, err = ReadAuthorities("listen.status_client_ca", l.StatusClientCA); err != nil {
		return a, err
	}
	a.Loopback = isLoopback(hostOf(l.Status))
	return a, nil
}
