package knowledge

var onlineEntries = []Entry{
	{
		ID: "online-login", Title: "Exchange Online (Office 365) does not let anybody log in with a password",
		Phrases: []string{"BasicAuthBlocked", "Basic authentication is disabled"},
		Keywords: []string{"office365 login", "office 365 login", "online login", "basic auth", "basic authentication", "allowbasicauthimap", "app password", "oauth", "oauth2",
			"xoauth2", "modern authentication", "security default", "two factor", "2 factor", "two step", "mfa", "licence", "license", "office365 administrator", "office administrator domain", "user administrator domain",
			"office365 host", "outlook.office365.com", "limited opt out"},
		Meaning: "What stands in the way of a password at Exchange Online, most likely first. Its replies do not tell these apart: it says LOGIN failed or AUTHENTICATE failed for all of them.",
		Causes: []Cause{
			{
				Title:  "Basic authentication is off for the tenant. Microsoft switched it off from October 2021 on, whatever the admin centers show, first where it had not been used.",
				Tell:   "CAPABILITY has no AUTH=PLAIN, or LOGINDISABLED: no password will do, only OAuth2.",
				Do:     "Use OAuth2. With a token of yours: imapsync --oauthaccesstoken2 tokenfile. The diagnosis \"Limited Opt Out\" that switched it back on is described under the link.",
				Lines:  []string{"https://techcommunity.microsoft.com/t5/exchange-team-blog/basic-authentication-and-exchange-online-september-2021-update/bc-p/2782230"},
				Source: "FAQ.Office365, \"Can I use imapsync\" R1, R4 (imapsync#317); docs/exchange.md#capabilities (MailKit#2016)",
			},
			{
				Title:  "Security defaults are on: new tenants have them, and one of their rules blocks IMAP.",
				Do:     "Switch them off as a whole; single rules need further licences.",
				Click:  "Microsoft Entra admin center: Identity > Overview > Properties > Manage security defaults",
				Source: "FAQ.Office365, \"Can I use imapsync\" R5, \"admin/authuser account\" (Guido)",
			},
			{
				Title:  "Two-factor login is on for the account.",
				Do:     "Make an app password and use it in place of the password; delete it afterwards.",
				Click:  "https://account.microsoft.com/security > Advanced Security Options > Two-step verification: on > App passwords > Create a new app password",
				Source: "FAQ.Office365, \"Can I use imapsync\" R2",
			},
			{
				Title: "The authentication policy does not allow IMAP with a password.",
				PowerShell: []string{
					"New-AuthenticationPolicy -Name 'Allow Basic IMAP' -AllowBasicAuthImap",
					"Set-User -Identity {admin} -AuthenticationPolicy 'Allow Basic IMAP'",
				},
				Do:     "It is needed on the account that logs in: the admin's, in a migration with one.",
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
				Title:  "The mailbox is that of an administrator of the domain: IMAP does not open it.",
				Do:     "The report's way out is DavMail (http://davmail.sourceforge.net/) as a proxy, or another account with full access.",
				Source: "FAQ.Office365, \"users that are administrators\" (imapsync#310)",
			},
			{
				Title:  "The host name is not the one for this account. Try all three.",
				Lines:  []string{"outlook.office365.com", "imap-mail.outlook.com", "imap.outlook.com"},
				Source: "FAQ.Office365, \"Can I use imapsync\" R7",
			},
			{
				Title:  "Special characters in the password.",
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
		Meaning:  "$MDNSent says that a read receipt was sent. Exchange Online takes it with a message and shows it as a category.",
		Causes: []Cause{{
			Title:  "The client sends the keyword along.",
			Do:     "exgate drops it (fixes.keywords: drop, profile exchange-online). Without exgate:",
			Lines:  []string{`imapsync ... --regexflag 's/\$MDNSent//g'`},
			Source: "FAQ.Office365, \"category $MDNSent\"",
		}},
		Exgate: "In profile exchange-online fixes.keywords drops $MDNSent.",
		See:    []string{"keywords"},
		Source: "FAQ.Office365, \"category $MDNSent\"; docs/exchange.md#keywords",
	},
	{
		ID: "slow", Title: "The connection to Office 365 is slow",
		Keywords: []string{"slow", "efficient", "efficiently", "speed", "davmail", "faster"},
		Meaning:  "Exchange slows clients down before it refuses them, and every command costs a round trip.",
		Causes: []Cause{
			{Title: "Exchange throttles, first by short delays.", Do: "Run: exgate explain throttled.", Source: "docs/exchange.md#throttling"},
			{
				Title:  "exgate paces: 4 messages a second per mailbox in the Exchange profiles, as imapsync's --exchange2 and --office2.",
				Do:     "Where Exchange does not throttle, set upstream.pace.messages_per_second: 0.",
				Source: "FAQ.Exchange, \"How to sync from XXX to Exchange\" R1",
			},
			{
				Title:  "IMAP does not suit this mailbox.",
				Do:     "A user had great results with DavMail (http://davmail.sourceforge.net/), which goes through Outlook on the web's interfaces.",
				Source: "FAQ.Office365, \"not working very efficiently\" (Yannick Palanque)",
			},
		},
		See:    []string{"throttled", "limits"},
		Source: "FAQ.Office365, \"not working very efficiently\"",
	},
}
