package proxy

import (
	"exgate/config/profile"
)

// offersTokens tells whether clients are told of the mechanisms for tokens.
// They may use them at any time, but no Exchange on premises takes tokens.
func (s *settings) canOfferTokens() bool { return s.opts.Upstreams[0].Profile == profile.Online }

// capabilitiesBeforeLogin is what the gateway itself offers.
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
