package proxy

import (
	"strings"
	"testing"

	"exgate/config/profile"
)

// The upstream of these tests announces the first list, in every place. Clients may see the second.
const (
	announced = "IMAP4 IMAP4rev1 IMAP4rev2 AUTH=PLAIN AUTH=NTLM STARTTLS SASL-IR UIDPLUS COMPRESS=DEFLATE MULTIAPPEND CATENATE " +
		"REPLACE URLAUTH URLAUTH=BINARY UNAUTHENTICATE XPROXY3 BACKENDAUTHENTICATE CLIENTACCESSRULES " +
		"CLIENTNETWORKPRESENCELOCATION APPENDLIMIT=1 LITERAL+ X-UNHEARD-OF"
	shownExchange = "IMAP4 IMAP4rev1 SASL-IR UIDPLUS LITERAL+ X-UNHEARD-OF APPENDLIMIT=10000000"
	shownPlain    = "IMAP4 IMAP4rev1 IMAP4rev2 SASL-IR UIDPLUS APPENDLIMIT=1 LITERAL+ X-UNHEARD-OF"
	shownAllowed  = "IMAP4 IMAP4rev1 SASL-IR UIDPLUS LITERAL+ APPENDLIMIT=10000000"
	shownObserve  = "IMAP4 IMAP4rev1 SASL-IR UIDPLUS APPENDLIMIT=1 LITERAL+ X-UNHEARD-OF"
)

func TestCapabilitiesInEveryPlace(t *testing.T) {
	observe := func(o *Options, _ *limits) { o.Observe = true }
	allowed := exchangeProfile
	allowed.Replies.Refusals = true
	for name, tt := range map[string]struct {
		setups []func(*Options, *limits)
		shown  string
	}{
		"exchange": {[]func(*Options, *limits){withProfile(exchangeProfile)}, shownExchange},
		"allowed":  {[]func(*Options, *limits){withProfile(allowed)}, shownAllowed},
		"plain":    {nil, shownPlain},
		"observe":  {[]func(*Options, *limits){withProfile(exchangeProfile), observe}, shownObserve},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, tt.setups...)
			c := g.dial()
			c.S("* OK [CAPABILITY IMAP4rev1 LITERAL+ SASL-IR ID AUTH=PLAIN AUTH=LOGIN] exgate ready, session …")
			c.C("a1 CAPABILITY")
			c.S("* CAPABILITY IMAP4rev1 LITERAL+ SASL-IR ID AUTH=PLAIN AUTH=LOGIN")
			c.S("a1 OK …")
			c.C("a2 LOGIN alice secret")
			u := g.accept()
			u.S("* OK [CAPABILITY " + announced + "] ready")
			u.C("xg1 LOGIN …")
			u.S("xg1 OK [CAPABILITY " + announced + "] done")
			if name != "plain" {
				u.C("xg2 STATUS INBOX (UIDNEXT UIDVALIDITY)")
				u.S("* STATUS INBOX (UIDNEXT 1)")
				u.S("xg2 OK done")
			}
			c.S("a2 OK [CAPABILITY " + tt.shown + "] …")
			for _, line := range []string{
				"* CAPABILITY %", "* capability %", "* OK [CAPABILITY %] changed", "* NO [capability %]", "a3 OK [CAPABILITY %] done {5}",
			} {
				if strings.HasPrefix(line, "a3") {
					c.C("a3 CAPABILITY")
					u.C("a3 CAPABILITY")
				}
				u.S(strings.ReplaceAll(line, "%", announced))
				c.S(strings.ReplaceAll(line, "%", tt.shown))
			}
			// These lines only look like a list of capabilities.
			for _, line := range []string{
				"* LIST () \"/\" \"CAPABILITY COMPRESS=DEFLATE\"", "* OK see CAPABILITY COMPRESS=DEFLATE", "* XCAPABILITY COMPRESS=DEFLATE",
			} {
				u.S(line)
				c.S(line)
			}
		})
	}
}

// A command whose capability is hidden is not relayed either.
func TestCommandsThatNoModeRelays(t *testing.T) {
	verbs := []string{
		"COMPRESS DEFLATE", "REPLACE 1 INBOX {3+}\r\nabc", "UID REPLACE 1 INBOX {3+}\r\nabc", "UNAUTHENTICATE", "GENURLAUTH x", "RESETKEY",
		"URLFETCH x", "XPROXY x", "XPROXY3 x", "BACKENDAUTHENTICATE x", "CLIENTACCESSRULES x", "CLIENTNETWORKPRESENCELOCATION x",
		"compress deflate", "LOGIN a b", "AUTHENTICATE PLAIN", "STARTTLS",
	}
	for _, prof := range []profile.Profile{plainProfile, exchangeProfile} {
		t.Run(prof.Name, func(t *testing.T) {
			c, u := newGateway(t, withProfile(prof)).login()
			for _, verb := range verbs {
				c.C("a1 " + verb)
				c.S("a1 BAD …")
			}
			c.C("a2 XUNHEARD of")
			if prof.IsExchange() {
				c.S("a2 BAD Exchange does not know this command, and would count it as an error")
			} else {
				u.C("a2 XUNHEARD of")
				u.S("a2 OK fine")
				c.S("a2 OK fine")
			}
			noop(c, u)
		})
	}
}

// Who connects after a login is told of its capabilities before the login, if there is only one upstream.
func TestCapabilitiesOfTheLastLogin(t *testing.T) {
	own := "IMAP4rev1 LITERAL+ SASL-IR ID AUTH=PLAIN AUTH=LOGIN"
	for name, tt := range map[string]struct {
		setups []func(*Options, *limits)
		then   string
	}{
		"one upstream": {[]func(*Options, *limits){withProfile(exchangeProfile)},
			own + " IMAP4 UIDPLUS X-UNHEARD-OF APPENDLIMIT=10000000"},
		"two upstreams": {[]func(*Options, *limits){withProfile(exchangeProfile), func(o *Options, _ *limits) {
			other := o.Upstreams[0]
			other.Name = "other"
			o.Upstreams = append(o.Upstreams, other)
		}}, own},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, tt.setups...)
			c := g.dial()
			c.S("* OK [CAPABILITY " + own + "] …")
			c.C("a1 LOGIN alice secret")
			u := g.accept()
			u.S("* OK [CAPABILITY " + announced + "] ready")
			u.C("xg1 LOGIN …")
			u.S("xg1 OK [CAPABILITY " + announced + "] done")
			u.C("xg2 STATUS INBOX (UIDNEXT UIDVALIDITY)")
			u.S("* STATUS INBOX (UIDNEXT 1)")
			u.S("xg2 OK done")
			c.S("a1 OK [CAPABILITY " + shownExchange + "] …")
			next := g.dial()
			next.S("* OK [CAPABILITY " + tt.then + "] …")
			next.C("b1 CAPABILITY")
			next.S("* CAPABILITY " + tt.then)
			next.S("b1 OK …")
		})
	}
}
