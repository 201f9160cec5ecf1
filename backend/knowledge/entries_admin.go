package knowledge

var adminEntries = []Entry{
	{
		ID: "admin-login", Title: "Logging in as an admin for a user",
		Keywords: []string{"admin login", "authuser", "authuser1", "authuser2", "admin account", "admin migrate",
			"administrator account migrate", "master user", "impersonate", "mailnickname", "alias login", "login form",
			"login string", "admin credential", "admin right"},
		Meaning: "One account with full access opens other users' mailboxes with its own password. The form of the " +
			"login differs between versions and installations. The FAQ advises to try the forms.",
		Causes: []Cause{
			{
				Title: "First, the admin needs full access to each mailbox.",
				Do: "Administrators do not have this right automatically. The admin also needs a mailbox of its own, " +
					"and IMAP must be on for both accounts. The second command gives the right for all mailboxes.",
				Click: clickAccess,
				PowerShell: []string{
					addFullAccess,
					"Get-Mailbox -ResultSize Unlimited | Add-MailboxPermission -User {admin} -AccessRights " +
						"FullAccess -InheritanceType All -AutoMapping $false",
				},
				Source: "FAQ.Exchange, \"Exchange 2016 with an admin\", \"2007/2010/2013 with an admin\"; " +
					"FAQ.Office365, \"admin/authuser account\"",
			},
			{
				Title: "2010, 2013, 2016: send two names by PLAIN. The user's name is the alias (mailNickname), " +
					"which can differ from the logon name. Full addresses work for both names too.",
				Tell: "--authuser always uses PLAIN: do not add --authmech.",
				Lines: []string{
					`imapsync ... --user2 '{user}' --authuser2 '{admin}'`,
				},
				PowerShell: []string{
					"Get-Mailbox -Identity {user} | Format-List Alias, UserPrincipalName, SamAccountName",
				},
				Source: "FAQ.Exchange, \"2007/2010/2013 with an admin\", \"2016 with an admin\" (imapsync#136)",
			},
			{
				Title: "2019, 2007 and others: send one name with backslashes. The domain is the NetBIOS name or the " +
					"DNS name of the domain. After an @ it is the suffix of the admin's UPN, which can differ from " +
					"both.",
				Lines: []string{
					`imapsync ... --user2 '{domain}\{admin}\{user}'        (NetBIOS name, or DNS name as example.local)`,
					`imapsync ... --user2 '{admin}@{domain}\{user}'        (UPN suffix)`,
				},
				Source: "FAQ.Exchange, \"LOGIN failed\" R3, \"2007/2010/2013 with an admin\"",
			},
			{
				Title: "2000, 2003: send one name with slashes, and the alias of the user.",
				Lines: []string{`{domain}/{admin}/{user}`},
				Source: "docs/exchange.md#login-forms ([MS-OXIMAP4] section 2.2.2; techcommunity.microsoft.com " +
					"ba-p/610683)",
			},
			{
				Title: "Microsoft describes the forms here. The second link is a copy.",
				Lines: []string{
					"https://techcommunity.microsoft.com/t5/exchange-team-blog/understanding-login-strings-with-pop3-imap/ba-p/610683",
					"https://web.archive.org/web/20191014050543/https://techcommunity.microsoft.com/t5/Exchange-Team-Blog/Understanding-login-strings-with-POP3-IMAP/ba-p/610683",
				},
				Source: "FAQ.Exchange, \"2007/2010/2013 with an admin\" (Michael Scherer)",
			},
			{
				Title: "Exchange Online, if it still accepts passwords: users report success with the user's name " +
					"without its domain, and the admin's name with its domain.",
				Lines:  []string{`imapsync ... --user2 '{user}' --authuser2 '{admin}'`},
				Source: "FAQ.Office365, \"admin/authuser account\" (Martin Paulucci; Yago Torres Fernandez)",
			},
		},
		Exgate: "exgate accepts all of these forms from the client. It tries the forms of its profile " +
			"(upstream.login.forms) with the configured spellings (upstream.login.domains, upstream.login.upn), " +
			"until upstream.login.max_failures have failed. It remembers the form that worked.",
		See:    []string{"administrator", "login-failed", "not-connected", "proxyauth", "shared-mailbox"},
		Source: "FAQ.Exchange, three questions on admin/authuser; docs/exchange.md#login-forms",
	},
	{
		ID: "administrator", Title: "The built-in Administrator cannot log in",
		Phrases:  []string{"Exchange never accepts the built-in Administrator over IMAP"},
		Keywords: []string{"administrator", "built in administrator"},
		Meaning: "Exchange never accepts the built-in Administrator over IMAP, whatever its rights are. Each attempt " +
			"counts towards a lock-out of the account.",
		Causes: []Cause{{
			Title: "The account is Administrator, Administrator@... or DOMAIN\\Administrator.",
			Do:    "Create another account that has its own mailbox, and give it full access.",
			PowerShell: []string{
				"New-Mailbox -Name {admin} -UserPrincipalName '<name>@<domain>' -Password (Read-Host -AsSecureString)",
				addFullAccess,
			},
			Source: "FAQ.Exchange, \"Exchange 2016 with an admin\" (imapsync#136)",
		}},
		Exgate: "exgate itself refuses such a login, which protects the account from a lock-out.",
		See:    []string{"admin-login", "online-login"},
		Source: "FAQ.Exchange, \"Exchange 2016 with an admin\"",
	},
	{
		ID: "proxyauth", Title: "Exchange 2003: --proxyauth1, LOGIN as admin and then PROXYAUTH",
		Keywords: []string{"proxyauth", "proxyauth1", "2003 admin", "2003 authuser", "migrate 2003", "2003 account"},
		Meaning: "With Exchange 2003 as the source, imapsync can log in as the admin and then name the user with " +
			"PROXYAUTH.",
		Causes: []Cause{
			{
				Title: "IMAP is off for the admin or for the user. It must be on for both accounts.",
				Click: "Active Directory Users and Computers: the account > Properties > Exchange Features > IMAP4 > " +
					"Enable, for both accounts",
				Source: "FAQ.Exchange, \"Exchange 2003 with an admin\"",
			},
			{
				Title: "This command line worked. You can omit the domain of the address.",
				Lines: []string{
					`imapsync --host1 ... --user1 '{user}' --authuser1 '{admin}' --proxyauth1 --passfile1 secret.txt ...`,
				},
				Source: "FAQ.Exchange, \"Exchange 2003 with an admin\" (Thomas Edgar)",
			},
			{
				Title:  "Without PROXYAUTH, send one name with slashes.",
				Lines:  []string{`{domain}/{admin}/{user}`},
				Source: "docs/exchange.md#login-forms (techcommunity.microsoft.com ba-p/610683)",
			},
		},
		See:    []string{"admin-login", "inbox-prefix"},
		Source: "FAQ.Exchange, \"Exchange 2003 with an admin\"",
	},
	{
		ID: "shared-mailbox", Title: "Opening a shared mailbox, and using one for several backups",
		Keywords: []string{"shared mailbox", "shared account", "subfolder2", "backup account",
			"backup several mailbox"},
		Meaning: "A shared mailbox has no password. An account with full access opens it.",
		Causes: []Cause{
			{
				Title: "Log in as the licensed user, with the user's password, and name the shared mailbox.",
				Do: "The first name is the licensed user, the second is the shared mailbox. Quote the names, because " +
					"the backslash is special in shells. With OAuth2, use the user's token, and set user= to the " +
					"shared mailbox.",
				PowerShell: []string{addFullAccess},
				Lines:      []string{`imapsync ... --user1 '{admin}\{user}'`},
				Source:     "FAQ.Office365, \"shared mailbox\"; docs/exchange.md#login-forms, docs/exchange.md#oauth2",
			},
			{
				Title: "Use one shared mailbox as the backup of several mailboxes, each below its own folder. The " +
					"second line restores a backup.",
				Lines: []string{
					`imapsync ... --user2 '{admin}\{user}' --subfolder2 backup_foo`,
					`imapsync ... --user1 '{admin}\{user}' --subfolder1 backup_foo`,
				},
				Source: "FAQ.Office365, \"shared account as a backup account\"",
			},
		},
		Exgate: "exgate treats licensed@example.com\\shared@example.com as an admin's login.",
		See:    []string{"admin-login", "not-connected"},
		Source: "FAQ.Office365, \"shared mailbox\"",
	},
}
