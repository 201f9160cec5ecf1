package proxy

import (
	"exgate/config/profile"
)

// canOfferTokens reports whether the gateway announces XOAUTH2 and OAUTHBEARER
// before the login. No Exchange on premises takes tokens. A client may use the
// mechanisms unannounced.
func (s *settings) canOfferTokens() bool { return s.opts.Upstreams[0].Profile == profile.Online }

// capabilitiesBeforeLogin returns the capabilities that the gateway itself has.
func (c *conn) capabilitiesBeforeLogin() string {
	list := "IMAP4rev1 LITERAL+ SASL-IR ID"
	switch {
	case c.canLogin():
		list += " AUTH=PLAIN AUTH=LOGIN"
		if c.set.canOfferTokens() {
			list += " AUTH=XOAUTH2 AUTH=OAUTHBEARER"
		}
		if users := c.set.opts.Users; users != nil {
			if _, known := users.Named(c.clientCertificate()); known {
				list += " AUTH=EXTERNAL"
			}
		}
	case c.client.listener == ListenStartTLS:
		list += " STARTTLS LOGINDISABLED"
	}
	return list
}
