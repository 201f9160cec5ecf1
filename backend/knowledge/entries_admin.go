package knowledge

var adminEntries = []Entry{
	{
		ID: "admin-login", Title: "Logging in as an admin for a user",
		Keywords: []string{"admin login", "authuser", "authuser1", "authuser2", "admin account", "admin migrate", "administrator account migrate",
			"master user", "impersonate", "mailnickname", "alias login", "login form", "login string", "admin credential", "admin right"},
		Meaning: "One account with full access opens the mailboxes of others with its own password. What the login looks like differs between versions and installations: the FAQ's advice is to try.",
		Causes: []Cause{
			{
				Title:      "First the right: full access of the admin to each mailbox.",
				Do:         "An administrator does not have it by being one. The admin needs a mailbox of its own, and IMAP on for both accounts. The second line does it for all mailboxes.",
				Click:      clickAccess,
				PowerShell: []string{addFullAccess, "Get-Mailbox -ResultSize Unlimited | Add-MailboxPermission -User {admin} -AccessRights FullAccess -InheritanceType All -AutoMapping $false"},
				Source:     "FAQ.Exchange, \"Exchange 2016 with an admin\", \"2007/2010/2013 with an admin\"; FAQ.Office365, \"admin/authuser account\"",
			},
			{
				Title: "2010, 2013, 2016: two names by PLAIN. The user is the alias (mailNickname), which can differ from the logon name; full addresses on both sides work as well.",
				Tell:  "PLAIN is the only mechanism with --authuser: do not add --authmech.",
				Lines: []string{
					`imapsync ... --user2 '{user}' --authuser2 '{admin}'`,
				},
				PowerShell: []string{"Get-Mailbox -Identity {user} | Format-List Alias, UserPrincipalName, SamAccountName"},
				Source:     "FAQ.Exchange, \"2007/2010/2013 with an admin\", \"2016 with an admin\" (imapsync#136)",
			},
			{
				Title: "2019, 2007 and others: one name with backslashes. The domain is the NetBIOS name, the DNS name of the domain, or with @ the suffix of the admin's UPN, which can differ from both.",
				Lines: []string{
					`imapsync ... --user2 '{domain}\{admin}\{user}'        (NetBIOS name, or DNS name as example.local)`,
					`imapsync ... --user2 '{admin}@{domain}\{user}'        (UPN suffix)`,
				},
				Source: "FAQ.Exchange, \"LOGIN failed\" R3, \"2007/2010/2013 with an admin\"",
			},
			{
				Title:  "2000, 2003: the same with slashes, and the alias of the user.",
				Lines:  []string{`{domain}/{admin}/{user}`},
				Source: "docs/exchange.md#login-forms ([MS-OXIMAP4] section 2.2.2; techcommunity.microsoft.com ba-p/610683)",
			},
			{
				Title: "More on the forms, from Microsoft; the second link is a copy.",
				Lines: []string{
					"https://techcommunity.microsoft.com/t5/exchange-team-blog/understanding-login-strings-with-pop3-imap/ba-p/610683",
					"https://web.archive.org/web/20191014050543/https://techcommunity.microsoft.com/t5/Exchange-Team-Blog/Understanding-login-strings-with-POP3-IMAP/ba-p/610683",
				},
				Source: "FAQ.Exchange, \"2007/2010/2013 with an admin\" (Michael Scherer)",
			},
			{
				Title:  "Exchange Online: the user without its domain, the admin with it, was reported to work; where passwords are still taken at all.",
				Lines:  []string{`imapsync ... --user2 '{user}' --authuser2 '{admin}'`},
				Source: "FAQ.Office365, \"admin/authuser account\" (Martin Paulucci; Yago Torres Fernandez)",
			},
		},
		Exgate: "exgate reads all of these from the client and tries the forms of its profile (upstream.login.forms) with the configured spellings (upstream.login.domains, upstream.login.upn), at most upstream.login.max_failures; the form that worked is kept.",
		See:    []string{"administrator", "login-failed", "not-connected", "proxyauth", "shared-mailbox"},
		Source: "FAQ.Exchange, three questions on admin/authuser; docs/exchange.md#login-forms",
	},
	{
		ID: "administrator", Title: "The built-in Administrator cannot log in",
		Phrases:  []string{"Exchange never lets the built-in Administrator in"},
		Keywords: []string{"administrator", "built in administrator"},
		Meaning:  "Exchange never lets the built-in Administrator in over IMAP, whatever it is granted; each try counts toward a lock-out of the account.",
		Causes: []Cause{{
			Title: "The account is Administrator, Administrator@... or DOMAIN\\Administrator.",
			Do:    "Make another account, with a mailbox of its own, and give that full access.",
			PowerShell: []string{
				"New-Mailbox -Name {admin} -UserPrincipalName '<name>@<domain>' -Password (Read-Host -AsSecureString)",
				addFullAccess,
			},
			Source: "FAQ.Exchange, \"Exchange 2016 with an admin\" (imapsync#136)",
		}},
		Exgate: "exgate refuses such a login itself, and spares the account the lock-out.",
		See:    []string{"admin-login", "online-login"},
		Source: "FAQ.Exchange, \"Exchange 2016 with an admin\"",
	},
	{
		ID: "proxyauth", Title: "Exchange 2003: --proxyauth1, LOGIN as admin and then PROXYAUTH",
		Keywords: []string{"proxyauth", "proxyauth1", "2003 admin", "2003 authuser", "migrate 2003", "2003 account"},
		Meaning:  "imapsync was used with Exchange 2003 as the source by logging in as the admin and naming the user with PROXYAUTH.",
		Causes: []Cause{
			{
				Title:  "IMAP is off for the admin, or for the user: it must be on in both profiles.",
				Click:  "Active Directory Users and Computers: the account > Properties > Exchange Features > IMAP4 > Enable, for both accounts",
				Source: "FAQ.Exchange, \"Exchange 2003 with an admin\"",
			},
			{
				Title:  "The line that worked; the domain part of the address may be left out.",
				Lines:  []string{`imapsync --host1 ... --user1 '{user}' --authuser1 '{admin}' --proxyauth1 --passfile1 secret.txt ...`},
				Source: "FAQ.Exchange, \"Exchange 2003 with an admin\" (Thomas Edgar)",
			},
			{
				Title:  "Without PROXYAUTH: one name with slashes.",
				Lines:  []string{`{domain}/{admin}/{user}`},
				Source: "docs/exchange.md#login-forms (techcommunity.microsoft.com ba-p/610683)",
			},
		},
		See:    []string{"admin-login", "inbox-prefix"},
		Source: "FAQ.Exchange, \"Exchange 2003 with an admin\"",
	},
	{
		ID: "shared-mailbox", Title: "Opening a shared mailbox, and using one for many backups",
		Keywords: []string{"shared mailbox", "shared account", "subfolder2", "backup account", "backup several mailbox"},
		Meaning:  "A shared mailbox has no password of its own: somebody with full access opens it.",
		Causes: []Cause{
			{
				Title:      "Log in as the licensed user, for the shared mailbox, with the user's password.",
				Do:         "The first name is the licensed user's, the second the shared mailbox. Quote them: the backslash means something to shells. With OAuth2 the token is the user's, and user= is the shared mailbox.",
				PowerShell: []string{addFullAccess},
				Lines:      []string{`imapsync ... --user1 '{admin}\{user}'`},
				Source:     "FAQ.Office365, \"shared mailbox\"; docs/exchange.md#login-forms, docs/exchange.md#oauth2",
			},
			{
				Title:  "One shared mailbox as the backup of several: each below a folder of its own, and back the same way.",
				Lines:  []string{`imapsync ... --user2 '{admin}\{user}' --subfolder2 backup_foo`, `imapsync ... --user1 '{admin}\{user}' --subfolder1 backup_foo`},
				Source: "FAQ.Office365, \"shared account as a backup account\"",
			},
		},
		Exgate: "exgate reads licensed@example.com\\shared@example.com as an admin's login.",
		See:    []string{"admin-login", "not-connected"},
		Source: "FAQ.Office365, \"shared mailbox\"",
	},
}
