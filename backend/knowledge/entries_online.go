package knowledge

import "exgate/backend"

var onlineEntries = []Entry{
	{
		ID: "online-login", Title: "Exchange Online (Office 365) refuses logins with a password",
		Kinds:   []backend.Kind{backend.KindPasswordsOff},
		Phrases: []string{"BasicAuthBlocked", "Basic authentication is disabled"},
		Keywords: []string{"office365 login", "office 365 login", "online login", "basic auth", "basic authentication",
			"allowbasicauthimap", "app password", "oauth", "oauth2", "xoauth2", "modern authentication",
			"security default", "two factor", "2 factor", "two step", "mfa", "licence", "license",
			"office365 administrator", "office administrator domain", "user administrator domain", "office365 host",
			"outlook.office365.com", "limited opt out"},
		Meaning: "These are the reasons why Exchange Online refuses a password, most likely first. It answers LOGIN " +
			"failed or AUTHENTICATE failed for all of them; personal accounts of outlook.com get Basic authentication " +
			"is disabled.",
		Causes: []Cause{
			{
				Title: "Basic authentication is off for the tenant. From October 2021 on, Microsoft switched it off, " +
					"first for tenants that did not use it, whatever the admin centers show.",
				Tell: "CAPABILITY has no AUTH=PLAIN, or has LOGINDISABLED. Exchange Online then accepts only OAuth2.",
				Do: "Use OAuth2. If you have a token: imapsync --oauthaccesstoken2 tokenfile. The link describes the " +
					"diagnostic \"Limited Opt Out\", which switched basic authentication on again.",
				Lines: []string{
					"https://techcommunity.microsoft.com/t5/exchange-team-blog/basic-authentication-and-exchange-online-september-2021-update/bc-p/2782230",
				},
				Source: "FAQ.Office365, \"Can I use imapsync\" R1, R4 (imapsync#317); docs/exchange.md#capabilities " +
					"(MailKit#2016)",
			},
			{
				Title:  "Security defaults are on, as in all new tenants. One of their rules blocks IMAP.",
				Do:     "Switch off security defaults as a whole. Single rules need further licences.",
				Click:  "Microsoft Entra admin center: Identity > Overview > Properties > Manage security defaults",
				Source: "FAQ.Office365, \"Can I use imapsync\" R5, \"admin/authuser account\" (Guido)",
			},
			{
				Title: "Two-factor login is on for the account.",
				Do:    "Create an app password, and use it instead of the password. Delete it afterwards.",
				Click: "https://account.microsoft.com/security > Advanced Security Options > Two-step verification: " +
					"on > App passwords > Create a new app password",
				Source: "FAQ.Office365, \"Can I use imapsync\" R2",
			},
			{
				Title: "The authentication policy does not allow IMAP with a password.",
				PowerShell: []string{
					"New-AuthenticationPolicy -Name 'Allow Basic IMAP' -AllowBasicAuthImap",
					"Set-User -Identity {admin} -AuthenticationPolicy 'Allow Basic IMAP'",
				},
				Do: "The account that logs in needs the policy. If an admin account logs in for the users, this is " +
					"the admin account.",
				Source: "FAQ.Office365, \"admin/authuser account\" (Betsy Lawlor: AllowBasicAuthImap)",
			},
			{
				Title:      "IMAP is off for the mailbox.",
				Click:      clickImap,
				PowerShell: []string{enableImap},
				Source:     "FAQ.Office365, \"How to sync from XXX to Office365\" R0",
			},
			{
				Title:  "The account has no licence for Exchange Online.",
				Click:  "Microsoft 365 admin center: Users > Active users > the user > Licenses and apps",
				Source: "FAQ.Office365, \"Can I use imapsync\" R3",
			},
			{
				Title: "The mailbox belongs to an administrator of the domain. IMAP does not open it.",
				Do: "One user solved this with DavMail (http://davmail.sourceforge.net/) as a proxy, or another " +
					"account with full access.",
				Source: "FAQ.Office365, \"users that are administrators\" (imapsync#310)",
			},
			{
				Title:  "The host name is wrong for this account. Try all three.",
				Lines:  []string{"outlook.office365.com", "imap-mail.outlook.com", "imap.outlook.com"},
				Source: "FAQ.Office365, \"Can I use imapsync\" R7",
			},
			{
				Title:  "The password contains special characters.",
				Do:     "Run: exgate explain password-characters.",
				Source: "FAQ.Office365, \"Can I use imapsync\" R6",
			},
		},
		See:    []string{"login-failed", "not-connected", "token-expired", "shared-mailbox"},
		Source: "FAQ.Office365, \"Can I use imapsync\"",
	},
	{
		ID: "mdnsent", Title: "Exchange Online: every message has the category $MDNSent",
		Keywords: []string{"mdnsent", "category", "categories"},
		Meaning: "$MDNSent means that a read receipt was sent. Exchange Online accepts it with a message, and shows " +
			"it as a category.",
		Causes: []Cause{{
			Title:  "The client sends the keyword with the message.",
			Do:     "exgate removes it (fixes.keywords: drop, profile exchange-online). Without exgate:",
			Lines:  []string{`imapsync ... --regexflag 's/\$MDNSent//g'`},
			Source: "FAQ.Office365, \"category $MDNSent\"",
		}},
		Exgate: "In profile exchange-online, fixes.keywords: drop also removes $MDNSent.",
		See:    []string{"keywords"},
		Source: "FAQ.Office365, \"category $MDNSent\"; docs/exchange.md#keywords",
	},
	{
		ID: "slow", Title: "The connection to Office 365 is slow",
		Keywords: []string{"slow", "efficient", "efficiently", "speed", "davmail", "faster"},
		Meaning:  "Exchange slows down clients before it refuses their commands, and every command needs a round trip.",
		Causes: []Cause{
			{
				Title:  "Exchange throttles the account, at first by short delays.",
				Do:     "Run: exgate explain throttled.",
				Source: "docs/exchange.md#throttling",
			},
			{
				Title: "exgate limits the pace: the Exchange profiles have 4 messages per second and mailbox, like " +
					"imapsync's --exchange2 and --office2.",
				Do:     "If Exchange does not throttle, set upstream.pace.messages_per_second: 0.",
				Source: "FAQ.Exchange, \"How to sync from XXX to Exchange\" R1",
			},
			{
				Title: "IMAP is slow for this mailbox.",
				Do: "One user had great results with DavMail (http://davmail.sourceforge.net/), which uses the " +
					"interfaces of Outlook on the web.",
				Source: "FAQ.Office365, \"not working very efficiently\" (Yannick Palanque)",
			},
		},
		See:    []string{"throttled", "limits"},
		Source: "FAQ.Office365, \"not working very efficiently\"",
	},
}
