package backend

import (
	"slices"
	"strings"
	"testing"
)

func TestDetect(t *testing.T) {
	const (
		banner       = "The Microsoft Exchange IMAP4 service is ready."
		onlineBanner = banner + " [UwBOADEAUABSADAAMgBDAEEAMAAwADEANQAuAG4AYQBtAHAAcgBkADAAMgAuAHAAcgBvAGQALgBvAHUAdABsAG8AbwBrAC4AYwBvAG0A]"
		proxyBanner  = "Microsoft Exchange IMAP4 service ready. 7f1c (tcpproxy/15.21.0406.000 BACKENDAUTHENTICATE) " +
			"[UwBOADEAUABSADAAMgBDAEEAMAAwADEANQAuAG4AYQBtAHAAcgBkADAAMgAuAHAAcgBvAGQALgBvAHUAdABsAG8AbwBrAC4AYwBvAG0A]"

		// The lines of docs/exchange.md#capabilities.
		caps2003         = "IMAP4 IMAP4rev1 IDLE LOGIN-REFERRALS MAILBOX-REFERRALS NAMESPACE LITERAL+ UIDPLUS CHILDREN"
		caps2007         = "IMAP4 IMAP4rev1 AUTH=NTLM AUTH=GSSAPI AUTH=PLAIN IDLE NAMESPACE LITERAL+"
		caps2010         = "IMAP4 IMAP4rev1 AUTH=NTLM AUTH=GSSAPI AUTH=PLAIN  STARTTLS UIDPLUS CHILDREN IDLE NAMESPACE LITERAL+"
		caps2013         = "IMAP4 IMAP4rev1 AUTH=PLAIN UIDPLUS MOVE ID CHILDREN IDLE NAMESPACE LITERAL+"
		caps2016         = "IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=NTLM AUTH=GSSAPI SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+"
		caps2016Proxied  = "IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=NTLM AUTH=GSSAPI SASL-IR UIDPLUS MOVE ID UNSELECT XPROXY3 CLIENTNETWORKPRESENCELOCATION CHILDREN IDLE NAMESPACE LITERAL+"
		capsOnlineBefore = "IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+"
		capsOnline       = "IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT CLIENTACCESSRULES CLIENTNETWORKPRESENCELOCATION BACKENDAUTHENTICATE CHILDREN IDLE NAMESPACE LITERAL+"
		capsDovecot      = "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE SORT THREAD=REFERENCES CONDSTORE QRESYNC ESEARCH SPECIAL-USE LITERAL+"
	)
	id := func(version string) map[string]string {
		return map[string]string{"name": "Microsoft.Exchange.Imap4.Imap4Server", "version": version}
	}
	online, forms := []Form{FormAdminUPNUser}, []Form{FormPlainAuthzid, FormDomainAdminUser, FormAdminUPNUser}
	for greeting, want := range map[string][]Form{
		banner: forms, "": forms, "Welcome to mail.example.com": forms,
		onlineBanner: {FormAdminUPNUser, FormPlainAuthzid, FormDomainAdminUser},
		proxyBanner:  {FormAdminUPNUser, FormPlainAuthzid, FormDomainAdminUser},
	} {
		if got := FormsFor(Evidence{Greeting: greeting}, forms, online); !slices.Equal(got, want) {
			t.Errorf("%s: %q", greeting, got)
		}
	}
	tests := []struct {
		name     string
		greeting string
		caps     string
		id       map[string]string
		want     string
		reason   string // a part of it
	}{
		{"nothing", "", "", nil, profile2016, "nothing is known yet"},
		{"2000", "Microsoft Exchange 2000 IMAP4rev1 server version 6.0.4417.0 (host) ready", "", nil, profile2000, "hint"},
		{"2003", "Microsoft Exchange Server 2003 IMAP4rev1 server version 6.5.7217.0 (host) ready.", caps2003, nil, profile2003, "hint"},
		{"2003, localised", "Microsoft Exchange \xb7\xfe\xce\xf1 server version 6.5.7638.1 (host)", caps2003, nil, profile2003, "hint"},
		{"2003, capabilities alone", "ready", caps2003, nil, profile2003, "hint"},
		{"2007", "Microsoft Exchange Server 2007 IMAP4 service is ready", caps2007, nil, profile2007, "hint"},
		{"2007, greeting changed", "Welcome", caps2007, nil, profile2007, "hint"},
		{"2010 has no ID", banner, caps2010, nil, profile2010, "hint"},
		{"2013 before the login", banner, caps2013, nil, profile2013, "hint"},
		{"2013", banner, caps2013, id("15.0"), profile2013, "15.0"},
		{"2016 before the login", banner, caps2016, nil, profile2016, "hint"},
		{"2016, internals shown", banner, caps2016Proxied, nil, profile2016, "hint"},
		{"2016", banner, caps2016, id("15.1"), profile2016, "15.1"},
		{"2019", banner, caps2016, id("15.2"), profile2019, "15.2"},
		{"2019, longer version", banner, caps2016, id("15.2.1544.4"), profile2019, "15.2.1544.4"},
		{"2010 by ID", banner, caps2010, id("14.3"), profile2010, "14.3"},
		{"online before the login: the numbers stay strict", onlineBanner, capsOnlineBefore, nil, profile2016, "SN1PR02CA0015.namprd02.prod.outlook.com"},
		{"online by its new front end, before the login", proxyBanner, capsOnlineBefore, nil, profile2016, "outlook.com"},
		{"online after the login", onlineBanner, capsOnline, nil, ProfileOnline, "CLIENTACCESSRULES"},
		{"online by ID", "Welcome", capsOnlineBefore, id("15.20"), ProfileOnline, "15.20"},
		{"online, next version", onlineBanner, capsOnline, id("15.21"), ProfileOnline, "15.21"},
		{"an Exchange to come", banner, caps2016, id("16.0"), profile2019, "unknown"},
		{"a version that is none", banner, caps2016, id("x.y"), profile2019, "unknown"},
		{"no version", banner, caps2016, id(""), profile2019, "unknown"},
		{"no version at all older than these", banner, caps2016, id("5.5"), profile2019, "unknown"},
		{"a bracket that is no host", banner + " [not base64!] [AAA=]", caps2013, nil, profile2013, "hint"},
		{"Dovecot before the login", "Dovecot ready.", "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ STARTTLS AUTH=PLAIN", nil, profile2016, "nothing is known yet"},
		{"Dovecot after it", "Dovecot ready.", capsDovecot, nil, profilePlain, "no Exchange has capability"},
		{"Dovecot by ID", "Dovecot ready.", capsDovecot, map[string]string{"name": "Dovecot"}, profilePlain, "Dovecot"},
		{"Exchange behind a proxy that adds to its capabilities", banner, capsDovecot, nil, profile2016, "nothing is known yet"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, reason := Detect(Evidence{Greeting: tt.greeting, Capabilities: strings.Fields(tt.caps), ID: tt.id})
			if got != tt.want || !strings.Contains(reason, tt.reason) {
				t.Errorf("got %s (%s), want %s (…%s…)", got, reason, tt.want, tt.reason)
			}
		})
	}
}

func FuzzDetect(f *testing.F) {
	f.Add("ready [UwBOADEA]", "IMAP4 IMAP4rev1", "Microsoft.Exchange.Imap4.Imap4Server", "15.20")
	f.Add("[=]", "", "Dovecot", "")
	f.Add("", "", "microsoft exchange", "99999999999999999999.1")
	f.Fuzz(func(t *testing.T, greeting, caps, name, version string) {
		profile, reason := Detect(Evidence{greeting, strings.Fields(caps), map[string]string{"name": name, "version": version}})
		if profile == "" || reason == "" || len(reason) > 1000 {
			t.Errorf("%q because %q", profile, reason)
		}
	})
}
