package knowledge

import "exgate/backend"

var limitEntries = []Entry{
	{
		ID: "throttled", Title: "Request is throttled. Suggested Backoff Time: N milliseconds", Kinds: []backend.Kind{backend.KindThrottled},
		Replies: []string{
			"NO Request is throttled. Suggested Backoff Time: 299961 milliseconds",
			"BAD Request is throttled. Suggested Backoff Time: 178755 milliseconds",
			"BYE Request is throttled. Suggested Backoff Time: 92415 milliseconds",
		},
		Phrases:  []string{"Request is throttled", "Suggested Backoff Time", "Exchange throttles the account"},
		Keywords: []string{"throttle", "throttled", "throttling", "throttling policy", "backoff", "90 days"},
		Meaning: "Exchange asks this account to pause for N milliseconds, often 300,000 (five minutes), in answer to an APPEND or FETCH, or before it closes the connection. " +
			"How much it takes before it does so is not known, and changes.",
		Causes: []Cause{
			{
				Title: "The client is faster than Exchange's budget for the account.",
				Do:    "Slow down: upstream.pace.messages_per_second, fractions allowed, or upstream.pace.bytes_per_second. Without exgate, as in the FAQ (bytes a second, messages a second, an end after so many bytes):",
				Lines: []string{
					"imapsync ... --maxbytespersecond 100_000",
					"imapsync ... --maxmessagespersecond 2",
					"imapsync ... --exitwhenover 1_000_000_000",
				},
				Source: "FAQ.Exchange, \"throttles the sync\" R1",
			},
			{
				Title: "Exchange's own servers: the throttling policy can be lifted for the account, or for the admin's that logs in.",
				Do:    "Sometimes Exchange takes it only after a restart.",
				PowerShell: []string{
					"New-ThrottlingPolicy -Name ImapMigration -ThrottlingPolicyScope Regular -ImapMaxConcurrency Unlimited -ImapMaxBurst Unlimited -ImapRechargeRate Unlimited -ImapCutoffBalance Unlimited",
					"Set-ThrottlingPolicyAssociation -Identity {user} -ThrottlingPolicy ImapMigration",
					"Set-ThrottlingPolicyAssociation -Identity {admin} -ThrottlingPolicy ImapMigration",
					"Restart-Service MSExchangeThrottling, MSExchangeImap4, MSExchangeIMAP4BE",
					"# Exchange 2010, in place of the first line:",
					"New-ThrottlingPolicy -Name ImapMigration -ImapMaxConcurrency $null -ImapPercentTimeInAD $null -ImapPercentTimeInCAS $null -ImapPercentTimeInMailboxRPC $null",
				},
				Source: "FAQ.Exchange, \"throttles the sync\" R2; docs/exchange.md#throttling (New-ThrottlingPolicy)",
			},
			{
				Title:  "Exchange Online: Microsoft lifts the limits of the mailboxes on request, usually for 90 days; it may take a second technician.",
				Click:  "Microsoft 365 admin center: Support > Help & support: ask for the IMAP throttling limits of these mailboxes to be lifted for a migration",
				Source: "FAQ.Office365, \"throttles the sync\" R1",
			},
		},
		Exgate: "exgate waits the time, up to upstream.pace.max_backoff, for all sessions of the mailbox, keeps the client alive meanwhile, and sends the command again.",
		See:    []string{"limits", "lost", "closed"},
		Source: "FAQ.Exchange, FAQ.Office365, \"throttles the sync\"; docs/exchange.md#throttling",
	},
	{
		ID: "too-big", Title: "Maximum size of appendable message has been exceeded", Kinds: []backend.Kind{backend.KindTooBig},
		Replies:  []string{"NO Maximum size of appendable message has been exceeded"},
		Phrases:  []string{"Maximum size of appendable message", "NO [TOOBIG]"},
		Keywords: []string{"message size", "big message", "too big", "too large", "maxreceivesize", "maxsendsize", "maxsize", "size limit", "appendable", "large message", "big email"},
		Meaning: "The message is over Exchange's limit for IMAP: 10 MB by default on Exchange's own servers, 35 MB in a new tenant of Exchange Online and up to 150 MB if raised. " +
			"The limit of the account that logs in counts: in a migration that is the admin's, not the target's.",
		Causes: []Cause{
			{
				Title: "The limit of the mailbox (2019: this alone was enough), and of the account that logs in.",
				Click: "Exchange admin center: Recipients > Mailboxes > edit > Mailbox features > Message Size Restrictions > View details",
				PowerShell: []string{
					"Set-Mailbox -Identity {user} -MaxReceiveSize 100mb -MaxSendSize 100mb",
					"Set-Mailbox -Identity {admin} -MaxReceiveSize 100mb -MaxSendSize 100mb",
				},
				Source: "FAQ.Exchange, \"Maximum size\" R1",
			},
			{
				Title: "Exchange Online: up to 150 MB, on the migrating account.",
				PowerShell: []string{
					"Set-Mailbox -Identity {admin} -MaxReceiveSize 150mb -MaxSendSize 150mb",
				},
				Source: "FAQ.Office365, \"Maximum size\"",
			},
			{
				Title: "2013, 2016: three levels, all of which must allow it: the organization, each connector, each mailbox.",
				Click: "Exchange admin center: Mail flow > Receive connectors > ... > Organization transport settings > Limits; " +
					"Mail flow > Receive connectors, Send connectors > edit > General > Maximum message size; " +
					"Recipients > Mailboxes > edit > Mailbox features > Message Size Restrictions",
				PowerShell: []string{
					"Set-TransportConfig -MaxReceiveSize 100mb -MaxSendSize 100mb",
					"Get-ReceiveConnector | Set-ReceiveConnector -MaxMessageSize 100mb",
					"Get-SendConnector | Set-SendConnector -MaxMessageSize 100mb",
					"Set-Mailbox -Identity {user} -MaxReceiveSize 100mb -MaxSendSize 100mb",
				},
				Source: "FAQ.Exchange, \"Maximum size\" R2 (learn.microsoft.com/exchange/mail-flow/message-size-limits)",
			},
			{
				Title: "2010, 2013, 2016: the limit of the IMAP service itself, of which Microsoft's pages on sizes say nothing.",
				Do: "Put the line into the section appSettings of the file, on 2010 below V14, and restart transport, information store and the IMAP back end. " +
					"It is lost with each cumulative update.",
				Lines: []string{
					`C:\Program Files\Microsoft\Exchange Server\V15\ClientAccess\PopImap\Microsoft.Exchange.Imap4.exe.config`,
					`C:\Program Files\Microsoft\Exchange Server\V14\ClientAccess\PopImap\Microsoft.Exchange.Imap4.exe.config   (2010)`,
					`<add key="MaxReceiveSize" value="1024000000" />`,
				},
				PowerShell: []string{"Restart-Service MSExchangeTransport, MSExchangeIS, MSExchangeIMAP4BE, MSExchangeImap4"},
				Source:     "FAQ.Exchange, \"Maximum size\" R2 (Torsten Bergemann)",
			},
			{
				Title:  "The message shall stay behind.",
				Do:     "imapsync skips what is larger, and leaves it where it is:",
				Lines:  []string{"imapsync ... --maxsize 10000000      (Exchange)", "imapsync ... --maxsize 45000000      (Exchange Online)"},
				Source: "FAQ.Exchange, FAQ.Office365, \"Command Argument Error 11\"",
			},
		},
		Exgate: "exgate tells clients the limit beforehand (APPENDLIMIT) and refuses larger messages with [TOOBIG] before they are sent. Where you have raised Exchange's limit, raise limits.message_size too.",
		See:    []string{"limits", "argument-error", "exchange2007"},
		Source: "FAQ.Exchange, FAQ.Office365, \"Maximum size\"; docs/exchange.md#append-size",
	},
	{
		ID: "server-unavailable", Title: "Server Unavailable. 15", Kinds: []backend.Kind{backend.KindUnavailable},
		Replies:  []string{"NO Server Unavailable. 15"},
		Phrases:  []string{"Server Unavailable. 15", "QuotaExceededException"},
		Keywords: []string{"server unavailable", "unavailable 15", "quota", "mailbox full", "prohibitsendquota", "prohibitsendreceivequota", "quota exceeded", "account full"},
		Meaning:  "Exchange cannot do it now and gives no reason. In reply to an APPEND it could be that the mailbox is full; the number of the reply does not prove that.",
		Causes: []Cause{
			{
				Title: "APPEND: the mailbox is full.",
				Tell:  "Exchange's application or IMAP log has Microsoft.Exchange.Data.Storage.QuotaExceededException, many times; the second line shows the sizes.",
				Do:    "Raise the quotas. Each must be less than, or the same as, the next: warning, send, send and receive; UseDatabaseQuotaDefaults must be false, or the database's count.",
				Click: "Exchange admin center: Recipients > Mailboxes > Edit > Mailbox usage > More options > Customize the quota settings > Prohibit send and receive at (GB)",
				PowerShell: []string{
					"Set-Mailbox -Identity {user} -IssueWarningQuota 499gb -ProhibitSendQuota 500gb -ProhibitSendReceiveQuota 500gb -UseDatabaseQuotaDefaults $false",
					"Get-MailboxStatistics -Identity {user} | Format-List TotalItemSize, StorageLimitStatus, DatabaseProhibitSendReceiveQuota",
				},
				Source: "FAQ.Exchange, \"Server Unavailable. 15\" R1 (learn.microsoft.com/exchange/recipients/user-mailboxes/storage-quotas)",
			},
			{
				Title:      "SELECT or STATUS: one folder is broken.",
				Tell:       "The other folders can be opened.",
				Do:         "Look for the folder in Outlook; repair the mailbox.",
				PowerShell: []string{"New-MailboxRepairRequest -Mailbox {user} -CorruptionType SearchFolder,AggregateCounts,ProvisionedFolder,FolderView"},
				Source:     "docs/exchange.md#error-15 (offlineimap#291, YetiForceCRM#1038); the repair is ours",
			},
			{
				Title:  "Login with NTLM: the mailbox server cannot be reached that way.",
				Do:     "Log in with PLAIN or LOGIN.",
				Source: "docs/exchange.md#login-failures (MailKit#532)",
			},
			{
				Title:      "Unknown: a user reports that it went away once Exchange's IMAP log was switched on.",
				Do:         "\"Quite crazy as a solution\", says the FAQ; but the log may show the reason. Run: exgate explain imap-log.",
				PowerShell: []string{"Set-ImapSettings -Server {server} -ProtocolLogEnabled $true"},
				Source:     "FAQ.Exchange, \"Server Unavailable. 15\" R2 (TerranceM, mantisbt.org)",
			},
		},
		Exgate: "exgate answers NO [UNAVAILABLE] with this explanation, and does not repeat the command blindly.",
		See:    []string{"imap-log", "argument-error"},
		Source: "FAQ.Exchange, \"Server Unavailable. 15\"; docs/exchange.md#error-15",
	},
	{
		ID: "limits", Title: "The limits of Exchange and Exchange Online, and where the numbers are from",
		Keywords: []string{"limits", "limit number", "receive sending limit", "sending limit", "3600", "1200", "300mb", "300 mb", "messages per hour", "message per second", "maxbytespersecond", "maxmessagespersecond", "exitwhenover", "line length"},
		Meaning:  "Size and quota limits cannot be asked for over IMAP. These are the numbers known.",
		Causes: []Cause{
			{
				Title:  "Exchange Online, mail a mailbox receives: 3600 messages an hour (22 July 2021), 1 a second; perhaps 1200, 0.33 a second, since a sync can be taken for a single sender. It is a limit of mail flow, not of IMAP.",
				Lines:  []string{"upstream.pace.messages_per_second: 1       (or 0.33)", "imapsync ... --maxmessagespersecond 1     (or 0.33)"},
				Source: "FAQ.Office365, \"receive and sending limits\" R1",
			},
			{
				Title:  "Exchange Online, data: about 300 MB for each user and hour in theory, which is 83,333 bytes a second.",
				Lines:  []string{"upstream.pace.bytes_per_second: 83333", "imapsync ... --maxbytespersecond 83333"},
				Source: "FAQ.Office365, \"receive and sending limits\" R2 (systools.in)",
			},
			{
				Title:  "Message: 10 MB on Exchange's own servers; Exchange Online 35 MB in a new tenant, up to 150 MB; imapsync's --office2 takes 45,000,000 bytes.",
				Source: "FAQ.Exchange, FAQ.Office365, \"Maximum size\", \"Command Argument Error 11\"; docs/exchange.md#append-size",
			},
			{
				Title:  "Line of a message: 9,900 bytes (Exchange), 10,500 (Exchange Online) in the FAQ; imapsync cuts at 10,239 for both. RFC 5322 allows 998 and the CRLF.",
				Source: "FAQ.Exchange, FAQ.Office365, \"Command Argument Error 11\"; docs/exchange.md#long-lines",
			},
			{
				Title:      "Command line: MaxCommandSize, 10,240 bytes, 1,024 to 16,384.",
				PowerShell: []string{"Set-ImapSettings -Server {server} -MaxCommandSize 16384"},
				Source:     "docs/exchange.md#settings (Set-ImapSettings)",
			},
			{
				Title:  "Connections: 16 for each user (MaxConnectionsPerUser). Errors: the tenth BAD closes a connection, the second for \"not connected\" and \"Invalid state\".",
				Source: "docs/exchange.md#ten-errors, docs/exchange.md#long-commands; FAQ.Exchange, \"Command Argument Error 11\"",
			},
			{
				Title:  "One message on Exchange Online: 250 attachments, 250 parts, 30 levels of attached messages, a subject of 255 characters.",
				Source: "docs/exchange.md#refused-content (copies of Microsoft's limits)",
			},
			{
				Title:  "Folders: 1,000,000 messages in one, 10,000 subfolders, 300 levels.",
				Source: "docs/exchange.md#folder-limits (copies of Microsoft's limits)",
			},
		},
		See:    []string{"throttled", "too-big", "long-lines", "too-many-connections"},
		Source: "FAQ.Office365, \"receive and sending limits\"; docs/exchange.md#append-size, docs/exchange.md#refused-content, docs/exchange.md#settings",
	},
}
