package knowledge

import "exgate/backend"

// Lines that several entries have.
const (
	addFullAccess = "Add-MailboxPermission -Identity {user} -User {admin} -AccessRights FullAccess -InheritanceType All -AutoMapping $false"
	clickAccess   = "Exchange admin center: Recipients > Mailboxes > double-click the mailbox > Mailbox delegation > Full Access (at the bottom) > add the admin"
	enableImap    = "Set-CASMailbox -Identity {user} -ImapEnabled $true"
	clickImap     = "Exchange admin center: Recipients > Mailboxes > edit the mailbox > Mailbox features > Email connectivity > IMAP: Enable; " +
		"Exchange Online: Microsoft 365 admin center > Users > Active users > the user > Mail > Manage email apps > IMAP"
)

// startServices starts IMAP on 2013 and later; before that there is no back end.
var startServices = []string{
	"Set-Service MSExchangeImap4 -StartupType Automatic; Start-Service MSExchangeImap4",
	"Set-Service MSExchangeIMAP4BE -StartupType Automatic; Start-Service MSExchangeIMAP4BE",
}

var loginEntries = []Entry{
	{
		ID: "login-failed", Title: "LOGIN failed, though name and password are right", Kinds: []backend.Kind{backend.KindCredentials},
		Replies:  []string{"NO LOGIN failed.", "NO AUTHENTICATE failed."},
		Phrases:  []string{"LOGIN failed", "AUTHENTICATE failed", "Login to server"},
		Keywords: []string{"login fail", "login failed", "login failure", "authentication failed", "password right", "password spelling", "login refused"},
		Meaning: "Exchange refuses the login and never says why: the same two texts stand for a wrong password, for IMAP switched off, " +
			"for password logins barred by policy, and for an admin account that lacks something. Work down the list.",
		Causes: []Cause{
			{
				Title:  "Name or password are wrong after all, or the client changes them on the way.",
				Tell:   "The same name and password work in Outlook on the web. Characters such as \\ \" $ % & and those of other languages are what shells and clients spoil.",
				Do:     "Run: exgate explain password-characters.",
				Source: "FAQ.Exchange, \"LOGIN failed\" R4",
			},
			{
				Title: "IMAP is off for this mailbox.",
				Tell:  "Get-CASMailbox shows ImapEnabled False. With an admin's login it must be on for the admin and for the user.",
				Click: clickImap,
				PowerShell: []string{
					"Get-CASMailbox -Identity {user} | Format-List ImapEnabled",
					enableImap,
				},
				Source: "FAQ.Exchange, \"Can I use imapsync\" and \"Exchange 2003\"; docs/exchange.md#login-failures",
			},
			{
				Title:  "Two-factor login, or \"security defaults\" of the tenant, bar password logins (Exchange Online, hybrid).",
				Tell:   "Single rules of security defaults cannot be switched off without further licences, only the whole.",
				Do:     "Switch two-factor login off for this account, switch security defaults off, or log in with OAuth2; run: exgate explain online-login.",
				Click:  "Microsoft Entra admin center: Identity > Overview > Properties > Manage security defaults",
				Source: "FAQ.Exchange, \"LOGIN failed\" R1, R2; learn.microsoft.com/azure/active-directory/fundamentals/concept-fundamentals-security-defaults",
			},
			{
				Title:      "The admin has no full access to the user's mailbox.",
				Tell:       "imapsync: \"auth [PLAIN]: 2 NO AUTHENTICATE failed.\", while the admin's own mailbox opens.",
				Click:      clickAccess,
				PowerShell: []string{addFullAccess},
				Source:     "FAQ.Exchange, \"Exchange 2016 with an admin\"; imapsync#136",
			},
			{
				Title:      "The admin account has no mailbox of its own.",
				Tell:       "It was made for administration only; reported for Exchange 2019.",
				Do:         "Give it a mailbox, or use another account.",
				Click:      "Exchange admin center: Recipients > Mailboxes > + > User mailbox > Existing user",
				PowerShell: []string{"Enable-Mailbox -Identity {admin}"},
				Source:     "FAQ.Exchange, \"LOGIN failed\" R3",
			},
			{
				Title:  "The admin's login is in a form that this Exchange does not take.",
				Tell:   "On 2019 PLAIN with two names (imapsync's --authuser2) was seen to fail where the forms with backslashes work.",
				Do:     "exgate tries the forms of its profile; run: exgate explain admin-login.",
				Source: "FAQ.Exchange, \"LOGIN failed\" R3",
			},
			{
				Title:  "The account is the built-in Administrator.",
				Do:     "Exchange never lets it in over IMAP; run: exgate explain administrator.",
				Source: "FAQ.Exchange, \"Exchange 2016 with an admin\"; imapsync#136",
			},
		},
		Exgate: "exgate sends names and passwords as their bytes need (quoted, literal or PLAIN), tries at most upstream.login.max_failures forms, since each failure counts toward a lock-out, and answers NO [AUTHENTICATIONFAILED].",
		See:    []string{"admin-login", "not-connected", "online-login", "imap-off"},
		Source: "docs/exchange.md#login-failures (MailKit#460, #849)",
	},
	{
		ID: "not-connected", Title: "User is authenticated but not connected", Kinds: []backend.Kind{backend.KindNotConnected, backend.KindAdminNotAllowed},
		Replies:  []string{"BAD User is authenticated but not connected."},
		Phrases:  []string{"authenticated but not connected"},
		Keywords: []string{"authenticated connected", "godaddy", "full access", "mailbox delegation"},
		Meaning: "Exchange said OK to the login and then could not open the mailbox; every command fails, and after the second such BAD Exchange closes the connection. " +
			"The FAQ has it that a wrong password does this as well; the logs that were seen have right passwords and a mailbox that cannot be opened.",
		Causes: []Cause{
			{
				Title:      "The admin, or whoever opens somebody else's or a shared mailbox, has no full access to it.",
				Tell:       "The user's own login works.",
				Click:      clickAccess + ". GoDaddy's Exchange admin center has the same path",
				PowerShell: []string{addFullAccess, "Get-MailboxPermission -Identity {user} -User {admin}"},
				Source:     "FAQ.Exchange, \"not connected\" R2, R3",
			},
			{
				Title:  "The password is wrong, or was changed lately.",
				Tell:   "The name alone is right; Outlook on the web refuses the login.",
				Source: "FAQ.Exchange, \"not connected\" R1 (unix.stackexchange.com 164823)",
			},
			{
				Title:      "IMAP is off for this mailbox.",
				Click:      clickImap,
				PowerShell: []string{"Get-CASMailbox -Identity {user} | Format-List ImapEnabled", enableImap},
				Source:     "docs/exchange.md#not-connected (MailKit#1496)",
			},
			{
				Title: "Exchange Online: the account has no licence, or the token's user= is not the mailbox that it is for.",
				Do:    "With OAuth2 user= is the mailbox to be opened; an application needs its service principal and FullAccess.",
				PowerShell: []string{
					"New-ServicePrincipal -AppId '<application id>' -ObjectId '<object id of the enterprise application>'",
					"Add-MailboxPermission -Identity {user} -User '<object id of the enterprise application>' -AccessRights FullAccess",
				},
				Source: "docs/exchange.md#oauth2, docs/exchange.md#not-connected (Microsoft's OAuth document; oauth2-proxy#74, #275)",
			},
			{
				Title:      "Too many connections to this mailbox at a time: Exchange has no text of its own for that.",
				Tell:       "It works again some minutes after the clients have been closed. MaxConnectionsPerUser is 16 unless it was raised.",
				Do:         "Run: exgate explain too-many-connections.",
				PowerShell: []string{"Set-ImapSettings -Server {server} -MaxConnectionsPerUser 64"},
				Source:     "docs/exchange.md#connections (node-imap#523; Set-ImapSettings)",
			},
			{
				Title:  "The mailbox server is down, or moves the mailbox; for Microsoft's consumer accounts, an outage.",
				Do:     "Try again later; see whether the mailbox opens in Outlook on the web.",
				Source: "docs/exchange.md#not-connected (imapsync#495)",
			},
		},
		Exgate: "exgate opens the INBOX before it tells a client that the login went well, so this comes as a refused login with the reason, and counts as a failed one.",
		See:    []string{"login-failed", "admin-login", "too-many-connections"},
		Source: "docs/exchange.md#not-connected; FAQ.Exchange, \"not connected\"",
	},
	{
		ID: "invalid-state", Title: "Command received in Invalid state", Kinds: []backend.Kind{backend.KindInvalidState},
		Replies:  []string{"BAD Command received in Invalid state."},
		Phrases:  []string{"Command received in Invalid state"},
		Keywords: []string{"invalid state", "double encryption"},
		Meaning:  "Exchange does not take this command now. It closes the connection after the second of these, not after the tenth.",
		Causes: []Cause{
			{
				Title:  "A login without TLS: Exchange's LoginType is SecureLogin unless it was changed.",
				Tell:   "The connection goes to port 143, and CAPABILITY has LOGINDISABLED or no AUTH=PLAIN.",
				Do:     "Use TLS. In exgate set upstream.tls to implicit (port 993) or starttls (port 143); in imapsync --ssl2 or --tls2 (--ssl1, --tls1 for host1).",
				Source: "FAQ.Exchange, \"Invalid state\" R1; Set-ImapSettings LoginType",
			},
			{
				Title:  "TLS twice: both --ssl and --tls for the same side.",
				Do:     "Use one of them. exgate has one key for both, upstream.tls, so that it cannot be set.",
				Source: "FAQ.Exchange, \"Invalid state\" R2",
			},
			{
				Title:  "The command came out of turn: before the login, or during IDLE.",
				Tell:   "A protocol log shows what was sent before; run: exgate explain imap-log.",
				Source: "docs/exchange.md#invalid-state (Webklex/php-imap#258)",
			},
		},
		Exgate: "exgate talks TLS to Exchange as upstream.tls says, sends no command out of turn, and recognises TLS on its plain port and plain text on its TLS port.",
		See:    []string{"plain-text-login", "tls-mismatch", "read-only"},
		Source: "docs/exchange.md#invalid-state (MailKit#1496, oauth2-proxy#74)",
	},
	{
		ID: "plain-text-login", Title: "LOGINDISABLED: Exchange wants TLS before the password",
		Phrases:  []string{"Plaintext authentication disallowed", "no password is taken in plain text here"},
		Keywords: []string{"logindisabled", "logintype", "login type", "plaintextlogin", "plain text login", "plaintext login", "type 1"},
		Meaning:  "Exchange takes passwords over TLS only: LoginType is SecureLogin unless it was changed. Exchange Online announces LOGINDISABLED even under TLS where it takes tokens only.",
		Causes: []Cause{
			{
				Title:  "The connection has no TLS.",
				Do:     "Switch it on: upstream.tls: implicit (port 993) or starttls (port 143).",
				Source: "Set-ImapSettings LoginType; docs/exchange.md#capabilities",
			},
			{
				Title: "TLS is impossible in this network.",
				Do:    "The second choice: let Exchange take passwords in plain text, which everybody on the way can read, and set upstream.tls: insecure-none.",
				PowerShell: []string{
					"Set-ImapSettings -Server {server} -LoginType PlainTextLogin",
					"Restart-Service MSExchangeImap4, MSExchangeIMAP4BE",
				},
				Source: "FAQ.Exchange, \"2007/2010/2013 with an admin\" (note of John Becker)",
			},
			{
				Title:  "Exchange Online takes no password at all.",
				Tell:   "CAPABILITY under TLS has AUTH=XOAUTH2 LOGINDISABLED and no AUTH=PLAIN.",
				Do:     "Run: exgate explain online-login.",
				Source: "docs/exchange.md#capabilities (MailKit#2016)",
			},
		},
		See:    []string{"invalid-state", "online-login"},
		Source: "docs/exchange.md#capabilities, docs/exchange.md#login-forms",
	},
	{
		ID: "password-characters", Title: "Special characters in a password or a name",
		Keywords: []string{"special character", "password character", "password quote", "password dollar", "password backslash", "backslash name", "password umlaut"},
		Meaning:  "Shells, Windows batch files and clients change some characters before they reach the server.",
		Causes: []Cause{
			{
				Title: "The shell changed it.",
				Do:    "Put the password into a file (--passfile1, --passfile2), or quote it: single quotes on Unix, where $ ! ` \\ stand for themselves in them; double quotes on Windows, with % doubled in batch files.",
				Lines: []string{
					`imapsync ... --user2 '{domain}\{admin}\{user}' --passfile2 secret.txt      (Unix)`,
					`imapsync.exe ... --user2 "{domain}\{admin}\{user}" --passfile2 secret.txt  (Windows)`,
				},
				Source: "FAQ.Exchange, \"LOGIN failed\" R4, \"Exchange 2003\"",
			},
			{
				Title:  "The client sends it in a way that Exchange misreads.",
				Do:     "Through exgate nothing is needed; without it, try PLAIN in place of LOGIN (--authmech2 PLAIN).",
				Source: "FAQ.Exchange, \"LOGIN failed\" R4",
			},
			{
				Title: "More of the same, by system.",
				Lines: []string{
					"https://imapsync.lamiral.info/FAQ.d/FAQ.Authentication_failure.txt",
					"https://imapsync.lamiral.info/FAQ.d/FAQ.Passwords_on_Windows.txt",
					"https://imapsync.lamiral.info/FAQ.d/FAQ.Passwords_on_Unix.txt",
					"https://imapsync.lamiral.info/FAQ.d/FAQ.Passwords_on_Mac.txt",
				},
				Source: "FAQ.Exchange, \"LOGIN failed\" R4",
			},
		},
		Exgate: "exgate takes a login as an atom, quoted, as a literal or by PLAIN, reads a single backslash in a name as what it is, and sends \\ and \" doubled and 8-bit characters as a literal or by PLAIN. In its configuration $ and \\ stand for themselves.",
		See:    []string{"login-failed"},
		Source: "FAQ.Exchange, \"LOGIN failed\" R4",
	},
	{
		ID: "token-expired", Title: "Session invalidated - AccessTokenExpired", Kinds: []backend.Kind{backend.KindTokenExpired},
		Replies:  []string{"BYE Session invalidated - AccessTokenExpired"},
		Phrases:  []string{"AccessTokenExpired"},
		Keywords: []string{"token expired", "token expire", "session invalidated"},
		Meaning:  "The access token that the session was opened with ran out, and Exchange Online ended the session in the middle, in place of a reply.",
		Causes: []Cause{{
			Title:  "The session lasted longer than its token.",
			Do:     "Get a new token and log in again; start a client that cannot renew its token (imapsync with --oauthaccesstoken2) again, with less to do in one run.",
			Source: "docs/exchange.md#oauth2 (imap-backup#198, aioimaplib#83)",
		}},
		See:    []string{"online-login"},
		Source: "docs/exchange.md#oauth2",
	},
	{
		ID: "imap-off", Title: "IMAP is off by default on Exchange",
		Keywords: []string{"imap enable", "imap enabled", "imap off", "imap default", "imap allowed", "imap disabled", "start imap", "imap service", "turn imap"},
		Meaning: "After the installation of an Exchange server its IMAP services do not run; that is a matter of the server. Apart from it, IMAP can be switched off for a mailbox. " +
			"A server without IMAP refuses the connection or ends it at once (BYE ... 13); a mailbox without IMAP refuses the login, or says \"authenticated but not connected\".",
		Causes: []Cause{
			{
				Title:      "The server's IMAP services do not run.",
				Tell:       "Nothing listens on ports 143 and 993, or the connection ends at once. 2013 and later have two services, front end and back end; 2010 and before have the first only.",
				PowerShell: append([]string{"Get-Service MSExchangeImap4, MSExchangeIMAP4BE"}, startServices...),
				Click:      "services.msc: Microsoft Exchange IMAP4, Microsoft Exchange IMAP4 Backend: startup type Automatic, Start",
				Source:     "FAQ.Exchange, \"How to sync from XXX to Exchange\" R0 (learn.microsoft.com/exchange/enable-imap4-in-exchange-2013-exchange-2013-help)",
			},
			{
				Title:      "IMAP is off for the mailbox.",
				Tell:       "Other mailboxes of the server can be opened.",
				Click:      clickImap,
				PowerShell: []string{"Get-CASMailbox -Identity {user} | Format-List ImapEnabled", enableImap},
				Source:     "FAQ.Office365, \"Can I use imapsync\" R0; FAQ.Exchange, \"Exchange 2003\"",
			},
			{
				Title:  "A certificate was bound, and IMAP has not worked since.",
				Do:     "Run: exgate explain certificate.",
				Source: "FAQ.Exchange, \"How to sync from XXX to Exchange\" R0 (clintboessen.blogspot.com 2018/03)",
			},
		},
		See:    []string{"unreachable", "closed-at-once", "login-failed", "certificate"},
		Source: "FAQ.Exchange, \"Can I use imapsync\", \"How to sync from XXX to Exchange\" R0",
	},
}
