package knowledge

import "exgate/backend"

// These lines are used in several entries.
const (
	addFullAccess = "Add-MailboxPermission -Identity {user} -User {admin} -AccessRights FullAccess -InheritanceType " +
		"All -AutoMapping $false"
	clickAccess = "Exchange admin center: Recipients > Mailboxes > double-click the mailbox > Mailbox delegation > " +
		"Full Access (at the bottom) > add the admin"
	enableImap = "Set-CASMailbox -Identity {user} -ImapEnabled $true"
	clickImap  = "Exchange admin center: Recipients > Mailboxes > edit the mailbox > Mailbox features > Email " +
		"connectivity > IMAP: Enable; Exchange Online: Microsoft 365 admin center > Users > Active users > the user " +
		"> Mail > Manage email apps > IMAP"
)

// startServices starts IMAP on 2013 and later; before that there is no back end.
var startServices = []string{
	"Set-Service MSExchangeImap4 -StartupType Automatic; Start-Service MSExchangeImap4",
	"Set-Service MSExchangeIMAP4BE -StartupType Automatic; Start-Service MSExchangeIMAP4BE",
}

var loginEntries = []Entry{
	{
		ID: "login-failed", Title: "LOGIN failed, although name and password are right",
		Kinds: []backend.Kind{
			backend.KindCredentials, backend.KindNameRefused, backend.KindLoginNotRead,
		},
		Replies: []string{"NO LOGIN failed.", "NO AUTHENTICATE failed."},
		Phrases: []string{"LOGIN failed", "AUTHENTICATE failed", "Login to server", "Logon failure",
			"Ambiguous Alias", "Provided username is not valid", "Expected SPACE not found"},
		Keywords: []string{"login fail", "login failed", "login failure", "authentication failed", "password right",
			"password spelling", "login refused"},
		Meaning: "Exchange refuses the login and never says why. It uses the same two texts for a wrong password, " +
			"for IMAP that is switched off, for a policy that forbids passwords, and for an admin account that lacks " +
			"something. Check these causes in order.",
		Causes: []Cause{
			{
				Title: "The name or the password is wrong after all, or the client changes it.",
				Tell: "If the same name and password work in Outlook on the web, the client changes them. Shells and " +
					"clients often change characters such as \\ \" $ % & and letters of other languages.",
				Do:     "Run: exgate explain password-characters.",
				Source: "FAQ.Exchange, \"LOGIN failed\" R4",
			},
			{
				Title: "IMAP is off for this mailbox.",
				Tell: "Get-CASMailbox shows ImapEnabled False. With an admin's login, IMAP must be on for both the " +
					"admin and the user.",
				Click: clickImap,
				PowerShell: []string{
					"Get-CASMailbox -Identity {user} | Format-List ImapEnabled",
					enableImap,
				},
				Source: "FAQ.Exchange, \"Can I use imapsync\" and \"Exchange 2003\"; docs/exchange.md#login-failures",
			},
			{
				Title: "Two-factor login, or the tenant's \"security defaults\", forbid passwords (Exchange Online, " +
					"hybrid).",
				Tell: "Without further licences, you can only switch off security defaults as a whole, not single " +
					"rules.",
				Do: "Switch off two-factor login for this account, switch off security defaults, or log in with " +
					"OAuth2. Run: exgate explain online-login.",
				Click: "Microsoft Entra admin center: Identity > Overview > Properties > Manage security defaults",
				Source: "FAQ.Exchange, \"LOGIN failed\" R1, R2; " +
					"learn.microsoft.com/azure/active-directory/fundamentals/concept-fundamentals-security-defaults",
			},
			{
				Title: "The admin has no full access to the user's mailbox.",
				Tell: "imapsync prints \"auth [PLAIN]: 2 NO AUTHENTICATE failed.\", but the admin's own " +
					"mailbox opens.",
				Click:      clickAccess,
				PowerShell: []string{addFullAccess},
				Source:     "FAQ.Exchange, \"Exchange 2016 with an admin\"; imapsync#136",
			},
			{
				Title:      "The admin account has no mailbox of its own.",
				Tell:       "The account was created only for administration. Users reported this for Exchange 2019.",
				Do:         "Give the account a mailbox, or use another account.",
				Click:      "Exchange admin center: Recipients > Mailboxes > + > User mailbox > Existing user",
				PowerShell: []string{"Enable-Mailbox -Identity {admin}"},
				Source:     "FAQ.Exchange, \"LOGIN failed\" R3",
			},
			{
				Title: "This Exchange does not accept the form of the admin's login.",
				Tell: "On 2019, PLAIN with two names (imapsync's --authuser2) failed, while the forms with " +
					"backslashes worked.",
				Do:     "exgate tries the forms of its profile. Run: exgate explain admin-login.",
				Source: "FAQ.Exchange, \"LOGIN failed\" R3",
			},
			{
				Title:  "The account is the built-in Administrator.",
				Do:     "Exchange never accepts it over IMAP. Run: exgate explain administrator.",
				Source: "FAQ.Exchange, \"Exchange 2016 with an admin\"; imapsync#136",
			},
			{
				Title: "Exchange 2000 and 2003, Ambiguous Alias: the alias in the login fits several users.",
				Signs: []string{"Ambiguous Alias"},
				Do: "Log in as domain\\user, or as domain\\user\\alias, or give the mailbox an alias that no other " +
					"has.",
				Source: "docs/exchange.md#login-failures",
			},
			{
				Title: "Exchange 2000, Provided username is not valid: it does not know the name, such as one with " +
					"the DNS name of the domain.",
				Signs:  []string{"Provided username is not valid"},
				Do:     "Use the NetBIOS name of the domain, EXAMPLE\\bob in place of example.local\\bob.",
				Source: "docs/exchange.md#login-failures",
			},
			{
				Title: "Exchange 2003, Expected SPACE not found: it cannot read the command. The name or the " +
					"password has a character for which the client has to send a quoted string.",
				Signs:  []string{"Expected SPACE not found"},
				Tell:   "An account whose name and password have only letters and digits can log in.",
				Do:     "Run: exgate explain password-characters.",
				Source: "docs/exchange.md#login-failures",
			},
		},
		Exgate: "exgate sends names and passwords in the way that their characters need (quoted, literal or PLAIN). " +
			"It stops after upstream.login.max_failures refused forms, because each failure counts towards a " +
			"lock-out, and answers NO [AUTHENTICATIONFAILED].",
		See:    []string{"admin-login", "not-connected", "online-login", "imap-off"},
		Source: "docs/exchange.md#login-failures (MailKit#460, #849)",
	},
	{
		ID: "not-connected", Title: "User is authenticated but not connected",
		Kinds:    []backend.Kind{backend.KindNotConnected, backend.KindAdminNotAllowed},
		Replies:  []string{"BAD User is authenticated but not connected."},
		Phrases:  []string{"authenticated but not connected"},
		Keywords: []string{"authenticated connected", "godaddy", "full access", "mailbox delegation"},
		Meaning: "Exchange said OK to the login, but could not open the mailbox. Every command fails, and after the " +
			"second such BAD Exchange closes the connection. According to the FAQ, a wrong password can cause this " +
			"too; in all logs that we know, the password was right and the mailbox could not be opened.",
		Causes: []Cause{
			{
				Title: "The admin, or the account that opens another user's or a shared mailbox, has no full access " +
					"to it.",
				Tell:       "The user's own login works.",
				Click:      clickAccess + ". GoDaddy's Exchange admin center has the same path",
				PowerShell: []string{addFullAccess, "Get-MailboxPermission -Identity {user} -User {admin}"},
				Source:     "FAQ.Exchange, \"not connected\" R2, R3",
			},
			{
				Title:  "The password is wrong, or was changed recently.",
				Tell:   "The name is right, but Outlook on the web refuses the login.",
				Source: "FAQ.Exchange, \"not connected\" R1 (unix.stackexchange.com 164823)",
			},
			{
				Title:      "IMAP is off for this mailbox.",
				Click:      clickImap,
				PowerShell: []string{"Get-CASMailbox -Identity {user} | Format-List ImapEnabled", enableImap},
				Source:     "docs/exchange.md#not-connected (MailKit#1496)",
			},
			{
				Title: "Exchange Online: the account has no licence, or user= in the token login names the wrong " +
					"mailbox.",
				Do: "With OAuth2, user= must name the mailbox to open. An application needs its service principal " +
					"and FullAccess.",
				PowerShell: []string{
					"New-ServicePrincipal -AppId '<application id>' -ObjectId '<object id of the enterprise application>'",
					"Add-MailboxPermission -Identity {user} -User '<object id of the enterprise application>' -AccessRights FullAccess",
				},
				Source: "docs/exchange.md#oauth2, docs/exchange.md#not-connected (Microsoft's OAuth document; " +
					"oauth2-proxy#74, #275)",
			},
			{
				Title: "There are too many connections to this mailbox. Exchange has no text of its own for this.",
				Tell: "It works again a few minutes after you close the clients. MaxConnectionsPerUser is 16 by " +
					"default.",
				Do:         "Run: exgate explain too-many-connections.",
				PowerShell: []string{"Set-ImapSettings -Server {server} -MaxConnectionsPerUser 64"},
				Source:     "docs/exchange.md#connections (node-imap#523; Set-ImapSettings)",
			},
			{
				Title: "The mailbox server is down, or the mailbox is being moved. For Microsoft's consumer " +
					"accounts, the service is down.",
				Do:     "Try again later. Check whether the mailbox opens in Outlook on the web.",
				Source: "docs/exchange.md#not-connected (imapsync#495)",
			},
		},
		Exgate: "exgate opens the INBOX before it answers OK to a login. If the INBOX does not open, exgate refuses " +
			"the login and gives the reason. This counts as a failed login.",
		See:    []string{"login-failed", "admin-login", "too-many-connections"},
		Source: "docs/exchange.md#not-connected; FAQ.Exchange, \"not connected\"",
	},
	{
		ID: "invalid-state", Title: "Command received in Invalid state",
		Kinds:    []backend.Kind{backend.KindInvalidState},
		Replies:  []string{"BAD Command received in Invalid state."},
		Phrases:  []string{"Command received in Invalid state"},
		Keywords: []string{"invalid state", "double encryption"},
		Meaning: "Exchange does not accept this command now. It closes the connection after the second such error, " +
			"not after the tenth.",
		Causes: []Cause{
			{
				Title: "The login has no TLS. Exchange requires TLS by default (LoginType is SecureLogin).",
				Tell:  "The connection goes to port 143, and CAPABILITY has LOGINDISABLED or no AUTH=PLAIN.",
				Do: "Use TLS. In exgate, set upstream.tls to implicit (port 993) or starttls (port 143). In " +
					"imapsync, use --ssl2 or --tls2 (--ssl1 or --tls1 for host1).",
				Source: "FAQ.Exchange, \"Invalid state\" R1; Set-ImapSettings LoginType",
			},
			{
				Title: "The client uses TLS twice: both --ssl and --tls for the same side.",
				Do: "Use only one of them. In exgate this mistake is not possible, because upstream.tls is one " +
					"key.",
				Source: "FAQ.Exchange, \"Invalid state\" R2",
			},
			{
				Title:  "The command came at the wrong time: before the login, or during IDLE.",
				Tell:   "A protocol log shows the commands before it. Run: exgate explain imap-log.",
				Source: "docs/exchange.md#invalid-state (Webklex/php-imap#258)",
			},
		},
		Exgate: "exgate uses TLS to Exchange as upstream.tls says, and sends no command at the wrong time. It " +
			"recognises a client that uses TLS on the STARTTLS port, or plain text on the TLS port.",
		See:    []string{"plain-text-login", "tls-mismatch", "read-only"},
		Source: "docs/exchange.md#invalid-state (MailKit#1496, oauth2-proxy#74)",
	},
	{
		ID: "plain-text-login", Title: "LOGINDISABLED: Exchange requires TLS before the password",
		Phrases: []string{"Plaintext authentication disallowed", "no password is taken in plain text here"},
		Keywords: []string{"logindisabled", "logintype", "login type", "plaintextlogin", "plain text login",
			"plaintext login", "type 1"},
		Meaning: "By default, Exchange accepts passwords only over TLS (LoginType is SecureLogin). Exchange Online " +
			"announces LOGINDISABLED even under TLS if it accepts only tokens.",
		Causes: []Cause{
			{
				Title:  "The connection has no TLS.",
				Do:     "Switch TLS on: upstream.tls: implicit (port 993) or starttls (port 143).",
				Source: "Set-ImapSettings LoginType; docs/exchange.md#capabilities",
			},
			{
				Title: "TLS is not possible in this network.",
				Do: "As a last resort, let Exchange accept passwords in plain text, and set upstream.tls: " +
					"insecure-none. Everybody on the network can then read the passwords.",
				PowerShell: []string{
					"Set-ImapSettings -Server {server} -LoginType PlainTextLogin",
					"Restart-Service MSExchangeImap4, MSExchangeIMAP4BE",
				},
				Source: "FAQ.Exchange, \"2007/2010/2013 with an admin\" (note of John Becker)",
			},
			{
				Title:  "Exchange Online accepts no passwords at all.",
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
		Keywords: []string{"special character", "password character", "password quote", "password dollar",
			"password backslash", "backslash name", "password umlaut"},
		Meaning: "Shells, Windows batch files and clients change some characters before they send the password to " +
			"the server.",
		Causes: []Cause{
			{
				Title: "The shell changes the password.",
				Do: "Put the password into a file (--passfile1, --passfile2), or quote it. On Unix, use single " +
					"quotes, in which $ ! ` \\ have no special meaning. On Windows, use double quotes, and write " +
					"each % twice in batch files.",
				Lines: []string{
					`imapsync ... --user2 '{domain}\{admin}\{user}' --passfile2 secret.txt      (Unix)`,
					`imapsync.exe ... --user2 "{domain}\{admin}\{user}" --passfile2 secret.txt  (Windows)`,
				},
				Source: "FAQ.Exchange, \"LOGIN failed\" R4, \"Exchange 2003\"",
			},
			{
				Title: "The client sends the password in a form that Exchange misreads.",
				Do: "With exgate, nothing is needed. Without exgate, try PLAIN instead of LOGIN (--authmech2 " +
					"PLAIN).",
				Source: "FAQ.Exchange, \"LOGIN failed\" R4",
			},
			{
				Title: "More about this, for each operating system:",
				Lines: []string{
					"https://imapsync.lamiral.info/FAQ.d/FAQ.Authentication_failure.txt",
					"https://imapsync.lamiral.info/FAQ.d/FAQ.Passwords_on_Windows.txt",
					"https://imapsync.lamiral.info/FAQ.d/FAQ.Passwords_on_Unix.txt",
					"https://imapsync.lamiral.info/FAQ.d/FAQ.Passwords_on_Mac.txt",
				},
				Source: "FAQ.Exchange, \"LOGIN failed\" R4",
			},
		},
		Exgate: "exgate accepts a login as an atom, quoted, as a literal or by PLAIN. It accepts a single backslash " +
			"in a name. To Exchange, it sends \\ and \" with a backslash before them, and 8-bit characters as a " +
			"literal or by PLAIN. In exgate's configuration, $ and \\ have no special meaning.",
		See:    []string{"login-failed"},
		Source: "FAQ.Exchange, \"LOGIN failed\" R4",
	},
	{
		ID: "token-not-taken", Title: "Exchange refuses an access token (XOAUTH2)",
		Kinds: []backend.Kind{backend.KindTokenNotTaken},
		Keywords: []string{"token refused", "token invalid", "invalid token", "token scope", "token audience",
			"xoauth2 fail", "xoauth2 refused", "service principal"},
		Meaning: "Exchange answers NO AUTHENTICATE failed. to a token that it does not take, and gives no reason. " +
			"A decoded token (jwt.ms) shows aud, scp or roles, and exp.",
		Causes: []Cause{
			{
				Title: "The token is for something else: its audience (aud) is Microsoft Graph, say.",
				Do: "Ask for the scope https://outlook.office.com/IMAP.AccessAsUser.All; for an application, for " +
					"https://outlook.office365.com/.default.",
				Source: "docs/exchange.md#oauth2",
			},
			{
				Title:  "It has expired (exp).",
				Do:     "Get a new one. A refresh token needs the scope offline_access.",
				Source: "docs/exchange.md#oauth2",
			},
			{
				Title: "An application's token: the application has no service principal in Exchange, or no right to " +
					"this mailbox.",
				Tell: "The permission is IMAP.AccessAsApp, with an admin's consent (roles). The object id is that of " +
					"the enterprise application, and not of the app registration.",
				PowerShell: []string{
					"New-ServicePrincipal -AppId <client id> -ObjectId <object id>",
					"Add-MailboxPermission -Identity {user} -User <object id> -AccessRights FullAccess",
				},
				Source: "docs/exchange.md#oauth2",
			},
			{
				Title:  "user= names another mailbox than the token's, and its user has no FullAccess there.",
				Do:     "For a shared mailbox, the token is the user's and user= is the shared mailbox.",
				Source: "docs/exchange.md#oauth2",
			},
			{
				Title: "IMAP is off for the mailbox.", Do: "Run: exgate explain imap-off.",
				Source: "docs/exchange.md#login-failures",
			},
		},
		Exgate: "exgate sends a client's token as it is, and ends a refused login in a tagged NO, whatever the " +
			"client answers to the challenge, so that the connection can be used further.",
		See:    []string{"token-expired", "online-login", "shared-mailbox"},
		Source: "docs/exchange.md#oauth2",
	},
	{
		ID: "token-expired", Title: "Session invalidated - AccessTokenExpired",
		Kinds:    []backend.Kind{backend.KindTokenExpired},
		Replies:  []string{"BYE Session invalidated - AccessTokenExpired"},
		Phrases:  []string{"AccessTokenExpired"},
		Keywords: []string{"token expired", "token expire", "session invalidated"},
		Meaning: "The access token of the session has expired, and Exchange Online ended the session instead of " +
			"answering a command.",
		Causes: []Cause{{
			Title: "The session lasted longer than its token.",
			Do: "Get a new token and log in again. If the client cannot renew its token (imapsync with " +
				"--oauthaccesstoken2), start it again, with less work in each run.",
			Source: "docs/exchange.md#oauth2 (imap-backup#198, aioimaplib#83)",
		}},
		See:    []string{"online-login"},
		Source: "docs/exchange.md#oauth2",
	},
	{
		ID: "imap-off", Title: "IMAP is off by default on Exchange",
		Keywords: []string{"imap enable", "imap enabled", "imap off", "imap default", "imap allowed", "imap disabled",
			"start imap", "imap service", "turn imap"},
		Meaning: "After the installation of an Exchange server, its IMAP services do not run. In addition, IMAP can " +
			"be switched off for a single mailbox. A server without IMAP refuses the connection, or closes it at " +
			"once (BYE ... 13). For a mailbox without IMAP, Exchange refuses the login, or answers \"authenticated " +
			"but not connected\".",
		Causes: []Cause{
			{
				Title: "The server's IMAP services do not run.",
				Tell: "Nothing listens on ports 143 and 993, or the connection ends at once. 2013 and later have two " +
					"services, front end and back end. 2010 and earlier have only the first.",
				PowerShell: append([]string{"Get-Service MSExchangeImap4, MSExchangeIMAP4BE"}, startServices...),
				Click: "services.msc: Microsoft Exchange IMAP4, Microsoft Exchange IMAP4 Backend: startup type " +
					"Automatic, Start",
				Source: "FAQ.Exchange, \"How to sync from XXX to Exchange\" R0 " +
					"(learn.microsoft.com/exchange/enable-imap4-in-exchange-2013-exchange-2013-help)",
			},
			{
				Title:      "IMAP is off for the mailbox.",
				Tell:       "Other mailboxes of the server open.",
				Click:      clickImap,
				PowerShell: []string{"Get-CASMailbox -Identity {user} | Format-List ImapEnabled", enableImap},
				Source:     "FAQ.Office365, \"Can I use imapsync\" R0; FAQ.Exchange, \"Exchange 2003\"",
			},
			{
				Title:  "IMAP has not worked since a certificate was bound.",
				Do:     "Run: exgate explain certificate.",
				Source: "FAQ.Exchange, \"How to sync from XXX to Exchange\" R0 (clintboessen.blogspot.com 2018/03)",
			},
		},
		See:    []string{"unreachable", "closed-at-once", "login-failed", "certificate"},
		Source: "FAQ.Exchange, \"Can I use imapsync\", \"How to sync from XXX to Exchange\" R0",
	},
}
