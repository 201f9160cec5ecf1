package proxy

import (
	"strings"

	"exgate/config/profile"
)

// canOfferTokens reports whether the gateway announces XOAUTH2 and OAUTHBEARER
// before the login. No Exchange on premises takes tokens. A client may use the
// mechanisms unannounced.
func (s *settings) canOfferTokens() bool { return s.opts.Upstreams[0].Profile == profile.Online }

// capabilitiesBeforeLogin returns the capabilities that the gateway itself has. If all
// logins go to one upstream, those that its last login was offered follow: Python's imaplib
// asks before the login only (cpython, Lib/imaplib.py), and would not use IDLE or ENABLE.
func (c *conn) capabilitiesBeforeLogin() string {
	list := []string{"IMAP4rev1", "LITERAL+", "SASL-IR", "ID"}
	switch {
	case c.client.canLogin():
		list = append(list, "AUTH=PLAIN", "AUTH=LOGIN")
		if c.set.canOfferTokens() {
			list = append(list, "AUTH=XOAUTH2", "AUTH=OAUTHBEARER")
		}
		if users := c.set.opts.Users; users != nil {
			if _, known := users.Named(c.client.certificate()); known {
				list = append(list, "AUTH=EXTERNAL")
			}
		}
	case c.client.listener == ListenStartTLS:
		list = append(list, "STARTTLS", "LOGINDISABLED")
	}
	if only := c.set.router.Only(); only != nil {
		list = append(list, only.Offered.Beside(list)...)
	}
	return strings.Join(list, " ")
}
