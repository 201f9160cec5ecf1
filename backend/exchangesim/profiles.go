package exchangesim

import (
	"fmt"
	"strings"
)

// maxCommandSize is the default of Set-ImapSettings -MaxCommandSize, in bytes,
// for 2010 to 2019 (docs/exchange.md#settings), here without the line end.
const maxCommandSize = 10240

// maxMessageLine is the longest line of an APPEND's message, in bytes and
// without the line end. imapsync cuts lines to this length for Exchange and
// Office 365 (docs/exchange.md#long-lines), so Exchange must accept it. Whether
// Exchange accepts 10240 bytes is not known. The simulator does not.
const maxMessageLine = 10239

const (
	mebibyte = 1 << 20
	// standardGreeting is the default Banner of Set-ImapSettings.
	standardGreeting = "The Microsoft Exchange IMAP4 service is ready."
	// onlineGreeting ends in the front end's host name, base64 of UTF-16LE
	// (MailKit#460): here "SIM1PR00CA0001.simprd00.prod.outlook.com".
	onlineGreeting = standardGreeting +
		" [UwBJAE0AMQBQAFIAMAAwAEMAQQAwADAAMAAxAC4AcwBpAG0AcAByAGQAMAAwAC4AcAByAG8AZAAuAG8AdQB0AGwAbwBvAGsALgBjAG8AbQA=]"
)

// profile holds what differs between the versions of Exchange.
type profile struct {
	name     string
	greeting string
	// Capabilities before TLS with LoginType SecureLogin, on TLS before
	// login, and after login (docs/exchange.md#capabilities).
	beforeTLS, onTLS, afterLogin string
	bye                          string
	id                           string // reply to ID; "": the command is unknown
	maxMessage                   int64  // bytes that APPEND takes
	forms                        loginForms
	quirks                       []string // on by default
}

// loginForms are the spellings of a user's name that a version takes
// (docs/exchange.md#login-forms).
type loginForms uint16

const (
	formUser            loginForms = 1 << iota // user
	formDomainUser                             // DOMAIN\user, dns.domain\user
	formUPN                                    // user@upn
	formDomainAdminUser                        // DOMAIN\admin\user
	formAdminUPNUser                           // admin@upn\user
	formPlainAuthzid                           // SASL PLAIN with authzid ≠ authcid
	formSlashUser                              // DOMAIN/user
	formSlashAlias                             // DOMAIN/admin/alias, DOMAIN/user/alias
	formSlashUPN                               // admin@upn/alias
)

const (
	// backslashForms are those of 2007 and later (FAQ.Exchange).
	backslashForms = formUser | formDomainUser | formUPN | formDomainAdminUser | formAdminUPNUser
	// slashForms are the formal ones of [MS-OXIMAP4] section 2.2.2, which lists
	// every version.
	slashForms      = formSlashUser | formSlashAlias | formSlashUPN
	onPremisesForms = backslashForms | slashForms | formPlainAuthzid
)

// commonQuirks are on in every profile.
var commonQuirks = [...]string{
	quirkSecureLogin, quirkTenBads, quirkNotConnected, quirkCommandSize, quirkLiteralRun,
	quirkKeywordRefused, quirkContentRefused, quirkReceipts, quirkRegenerated,
	quirkSizeEstimate, quirkCaseFolding, quirkMessageSet, quirkCharset,
	quirkBlankEndDropped, quirkNameLength, quirkSlashHidden, quirkEscapedNames,
}

// profiles is the table; docs/exchange.md#connecting and docs/exchange.md#append-size
// are its source.
// "Inferred" marks lines put together from the neighbouring ones.
func profiles() []profile {
	return []profile{
		{
			name: "exchange2000",
			// Seen in part only (sjd.se); the end is that of 2003.
			greeting: "Microsoft Exchange 2000 IMAP4rev1 server version 6.0.4417.0 (exchangesim.example.com) ready.",
			// Inferred from the 2003 line, without UIDPLUS (docs/exchange.md#capabilities).
			beforeTLS: "IMAP4 IMAP4rev1 LOGINDISABLED STARTTLS IDLE LOGIN-REFERRALS MAILBOX-REFERRALS NAMESPACE " +
				"LITERAL+ CHILDREN",
			onTLS:      "IMAP4 IMAP4rev1 IDLE LOGIN-REFERRALS MAILBOX-REFERRALS NAMESPACE LITERAL+ CHILDREN",
			afterLogin: "IMAP4 IMAP4rev1 IDLE LOGIN-REFERRALS MAILBOX-REFERRALS NAMESPACE LITERAL+ CHILDREN",
			bye:        "Microsoft Exchange 2000 IMAP4rev1 server version 6.0.4417.0 signing off", // inferred
			maxMessage: 10 * mebibyte,
			// damienmckenna.com writes the old form with backslashes.
			forms:  formUser | formUPN | formDomainUser | formDomainAdminUser | slashForms,
			quirks: []string{quirkOversizeCloses, quirkFlaggedHidden, quirkReadOnlyStore, quirkUIDNextMissing},
		},
		{
			name: "exchange2003",
			greeting: "Microsoft Exchange Server 2003 IMAP4rev1 server version 6.5.7638.1 (exchangesim.example.com) " +
				"ready.", // libetpan#45
			// Inferred from the next.
			beforeTLS: "IMAP4 IMAP4rev1 LOGINDISABLED STARTTLS IDLE LOGIN-REFERRALS MAILBOX-REFERRALS NAMESPACE " +
				"LITERAL+ UIDPLUS CHILDREN",
			// libetpan#45; without AUTH=PLAIN.
			onTLS:      "IMAP4 IMAP4rev1 IDLE LOGIN-REFERRALS MAILBOX-REFERRALS NAMESPACE LITERAL+ UIDPLUS CHILDREN",
			afterLogin: "IMAP4 IMAP4rev1 IDLE LOGIN-REFERRALS MAILBOX-REFERRALS NAMESPACE LITERAL+ UIDPLUS CHILDREN",
			bye:        "Microsoft Exchange Server 2003 IMAP4rev1 server version 6.5.7638.1 signing off", // inferred
			maxMessage: 10 * mebibyte,
			forms:      formUser | formUPN | slashForms, // techcommunity ba-p/610683
			quirks:     []string{quirkOversizeCloses, quirkFlaggedHidden, quirkReadOnlyStore, quirkUIDNextMissing},
		},
		{
			name:     "exchange2007",
			greeting: "Microsoft Exchange Server 2007 IMAP4 service is ready", // MailKit fixture greeting-2007.txt
			// cweiske.de.
			beforeTLS:  "IMAP4 IMAP4rev1 AUTH=NTLM AUTH=GSSAPI LOGINDISABLED STARTTLS IDLE NAMESPACE LITERAL+",
			onTLS:      "IMAP4 IMAP4rev1 AUTH=NTLM AUTH=GSSAPI AUTH=PLAIN IDLE NAMESPACE LITERAL+",
			afterLogin: "IMAP4 IMAP4rev1 AUTH=NTLM AUTH=GSSAPI AUTH=PLAIN IDLE NAMESPACE LITERAL+",
			bye:        "Microsoft Exchange Server 2007 IMAP4 server signing off.", // inferred
			maxMessage: 10 * mebibyte,
			forms:      onPremisesForms,
			quirks:     []string{quirkOversizeCloses, quirkFlaggedHidden, quirkReadOnlyStore, quirkNTLM},
		},
		{
			name:     "exchange2010",
			greeting: standardGreeting,
			// Inferred from the 2007 line of cweiske.de and MailKit#1139.
			beforeTLS: "IMAP4 IMAP4rev1 AUTH=NTLM AUTH=GSSAPI LOGINDISABLED STARTTLS UIDPLUS CHILDREN IDLE NAMESPACE " +
				"LITERAL+",
			// MailKit#1139 less STARTTLS.
			onTLS:      "IMAP4 IMAP4rev1 AUTH=NTLM AUTH=GSSAPI AUTH=PLAIN UIDPLUS CHILDREN IDLE NAMESPACE LITERAL+",
			afterLogin: "IMAP4 IMAP4rev1 AUTH=NTLM AUTH=GSSAPI AUTH=PLAIN UIDPLUS CHILDREN IDLE NAMESPACE LITERAL+",
			bye:        "Microsoft Exchange Server 2010 IMAP4 server signing off.", // mxk/go-imap#11
			maxMessage: 10 * mebibyte,
			forms:      onPremisesForms,
			quirks: []string{
				quirkOversizeCloses,
				quirkFlaggedHidden,
				quirkReadOnlyStore,
				quirkNTLM,
				quirkSubstitute,
			},
		},
		{
			name:     "exchange2013",
			greeting: standardGreeting,
			// MailKit#269, #532.
			beforeTLS: "IMAP4 IMAP4rev1 LOGINDISABLED STARTTLS UIDPLUS MOVE ID CHILDREN IDLE NAMESPACE LITERAL+",
			onTLS: "IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=NTLM AUTH=GSSAPI UIDPLUS MOVE ID CHILDREN IDLE NAMESPACE " +
				"LITERAL+",
			// parsedmarc#70.
			afterLogin: "IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=NTLM AUTH=GSSAPI UIDPLUS MOVE ID XPROXY3 CHILDREN IDLE " +
				"NAMESPACE LITERAL+",
			bye:        "Microsoft Exchange Server 2013 IMAP4 server signing off.", // inferred
			id:         `("name" "Microsoft.Exchange.Imap4.Imap4Server" "version" "15.0")`,
			maxMessage: 10 * mebibyte,
			forms:      onPremisesForms,
			quirks:     []string{quirkOversizeRefused, quirkFlaggedHidden, quirkTabNames, quirkNTLM},
		},
		{
			name:     "exchange2016",
			greeting: standardGreeting,
			// Inferred from the 2013 line of MailKit#269 and the next.
			beforeTLS: "IMAP4 IMAP4rev1 LOGINDISABLED STARTTLS SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE " +
				"NAMESPACE LITERAL+",
			// node-imap#602.
			onTLS: "IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=NTLM AUTH=GSSAPI SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN " +
				"IDLE NAMESPACE LITERAL+",
			afterLogin: "IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=NTLM AUTH=GSSAPI SASL-IR UIDPLUS MOVE ID UNSELECT XPROXY3 " +
				"CLIENTNETWORKPRESENCELOCATION CHILDREN IDLE NAMESPACE LITERAL+",
			bye:        "Microsoft Exchange Server 2016 IMAP4 server signing off.", // MailKit#460
			id:         `("name" "Microsoft.Exchange.Imap4.Imap4Server" "version" "15.1")`,
			maxMessage: 10 * mebibyte,
			forms:      onPremisesForms,
			quirks:     []string{quirkOversizeRefused, quirkFlaggedHidden, quirkTabNames, quirkNTLM, quirkNoData},
		},
		{
			name:     "exchange2019",
			greeting: standardGreeting,
			// The lines of 2016: none of 2019 was found.
			beforeTLS: "IMAP4 IMAP4rev1 LOGINDISABLED STARTTLS SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE " +
				"NAMESPACE LITERAL+",
			onTLS: "IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=NTLM AUTH=GSSAPI SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN " +
				"IDLE NAMESPACE LITERAL+",
			afterLogin: "IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=NTLM AUTH=GSSAPI SASL-IR UIDPLUS MOVE ID UNSELECT XPROXY3 " +
				"CLIENTNETWORKPRESENCELOCATION CHILDREN IDLE NAMESPACE LITERAL+",
			bye:        "Microsoft Exchange Server 2019 IMAP4 server signing off.", // inferred
			id:         `("name" "Microsoft.Exchange.Imap4.Imap4Server" "version" "15.2")`,
			maxMessage: 10 * mebibyte,
			// "doesn't work with --authuser2" (FAQ.Exchange, one report).
			forms:  backslashForms | slashForms,
			quirks: []string{quirkOversizeRefused, quirkFlaggedHidden, quirkTabNames, quirkNTLM},
		},
		{
			name:     "exchange-online",
			greeting: onlineGreeting,
			// Inferred from the next.
			beforeTLS: "IMAP4 IMAP4rev1 LOGINDISABLED STARTTLS SASL-IR UIDPLUS ID UNSELECT CHILDREN IDLE NAMESPACE " +
				"LITERAL+",
			// MailKit#1496; PLAIN was still announced then.
			onTLS: "IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS ID UNSELECT CHILDREN IDLE NAMESPACE " +
				"LITERAL+",
			afterLogin: "IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT CLIENTACCESSRULES " +
				"CLIENTNETWORKPRESENCELOCATION BACKENDAUTHENTICATE CHILDREN IDLE NAMESPACE LITERAL+",
			bye:        "Microsoft Exchange Server IMAP4 server signing off.", // imapsync#239
			id:         `("name" "Microsoft.Exchange.Imap4.Imap4Server" "version" "15.20")`,
			maxMessage: 35 * mebibyte,
			forms:      formUPN | formAdminUPNUser,
			quirks: []string{
				quirkOversizeRefused, quirkReservedFiles, quirkMDNSentCategory, quirkTabNames,
				quirkLongSubject, quirkLongFileName, quirkManyParts, quirkDeepNesting, quirkAppleDouble,
				quirkNoData, quirkIdleOrder, quirkIdleSilent,
			},
		},
	}
}

// Profiles are the names that Config.Profile takes.
func Profiles() []string {
	var names []string
	for _, p := range profiles() {
		names = append(names, p.name)
	}
	return names
}

// findProfile returns the profile of that name; "" is exchange2016.
func findProfile(name string) (profile, error) {
	if name == "" {
		name = "exchange2016"
	}
	for _, p := range profiles() {
		if p.name == name {
			return p, nil
		}
	}
	return profile{}, fmt.Errorf("profile %q is none of %s", name, strings.Join(Profiles(), ", "))
}

// withoutNTLM is a capability line of a server with EnableGSSAPIAndNTLMAuth
// off (quirk EX-17).
func withoutNTLM(caps string) string {
	return strings.NewReplacer(" AUTH=NTLM", "", " AUTH=GSSAPI", "").Replace(caps)
}

// withStartTLS is the line of a server that takes logins in plain text and
// offers STARTTLS too: it stands after the last AUTH (owncloud-archive/mail#721).
func withStartTLS(caps string) string {
	words := strings.Fields(caps)
	at := 0
	for i, w := range words {
		if strings.HasPrefix(w, "AUTH=") || strings.HasPrefix(w, "IMAP4") {
			at = i + 1
		}
	}
	return strings.Join(append(append(append([]string{}, words[:at]...), "STARTTLS"), words[at:]...), " ")
}
