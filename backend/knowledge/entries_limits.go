package knowledge

import "exgate/backend"

var limitEntries = []Entry{
	{
		ID: "throttled", Title: "Request is throttled. Suggested Backoff Time: N milliseconds",
		Kinds: []backend.Kind{backend.KindThrottled},
		Replies: []string{
			"NO Request is throttled. Suggested Backoff Time: 299961 milliseconds",
			"BAD Request is throttled. Suggested Backoff Time: 178755 milliseconds",
			"BYE Request is throttled. Suggested Backoff Time: 92415 milliseconds",
		},
		Phrases:  []string{"Request is throttled", "Suggested Backoff Time", "Exchange throttles the account"},
		Keywords: []string{"throttle", "throttled", "throttling", "throttling policy", "backoff", "90 days"},
		Meaning: "Exchange asks this account to pause for N milliseconds, often 300,000 (five minutes). It sends " +
			"this in reply to an APPEND or FETCH, or before it closes the connection. Nobody knows the exact limits, " +
			"and they change.",
		Causes: []Cause{
			{
				Title: "The client is faster than Exchange allows for the account.",
				Do: "Slow down: set upstream.pace.messages_per_second (fractions are allowed) or " +
					"upstream.pace.bytes_per_second. Without exgate, use imapsync's options. They limit the bytes " +
					"per second, limit the messages per second, or end the run after a number of bytes:",
				Lines: []string{
					"imapsync ... --maxbytespersecond 100_000",
					"imapsync ... --maxmessagespersecond 2",
					"imapsync ... --exitwhenover 1_000_000_000",
				},
				Source: "FAQ.Exchange, \"throttles the sync\" R1",
			},
			{
				Title: "Exchange on premises: you can lift the throttling policy for the account, or for the admin " +
					"account that logs in.",
				Do: "Sometimes the change takes effect only after a restart.",
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
				Title: "Exchange Online: Microsoft lifts the limits of the mailboxes on request, usually for 90 " +
					"days. You may have to ask a second technician.",
				Click: "Microsoft 365 admin center: Support > Help & support: ask Microsoft to lift the IMAP " +
					"throttling limits of these mailboxes for a migration",
				Source: "FAQ.Office365, \"throttles the sync\" R1",
			},
		},
		Exgate: "exgate holds back all sessions of the mailbox for this time, but no longer than " +
			"upstream.pace.max_backoff. It keeps the clients' connections alive meanwhile, and then sends the " +
			"command again.",
		See:    []string{"limits", "lost", "closed"},
		Source: "FAQ.Exchange, FAQ.Office365, \"throttles the sync\"; docs/exchange.md#throttling",
	},
	{
		ID: "budget", Title: "NO [LIMIT]: exgate's budget of a day is used up",
		Replies: []string{
			"NO [LIMIT] nothing was stored: bob@example.com has used 999812345 of 1000000000 bytes in 24 hours; by " +
				"upstream.pace.bytes_per_day it goes on at 2026-11-30 14:15 UTC",
		},
		Phrases: []string{"upstream.pace.messages_per_day", "upstream.pace.bytes_per_day",
			"upstream.pace.all.messages_per_day", "upstream.pace.all.bytes_per_day"},
		Keywords: []string{"budget", "messages_per_day", "bytes_per_day", "exitwhenover", "per day"},
		Meaning: "exgate's own configuration limits how much is stored in any 24 hours, and that much has been " +
			"stored. The message stays where it is. The reply names the key, and the time from which it fits.",
		Causes: []Cause{
			{
				Title: "The budget is as it should be: the migration goes on tomorrow.",
				Do: "Run the client again after the time in the reply. mbsync needs " +
					"upstream.pace.over_budget: disconnect, since it does not try a refused message again.",
				Source: "docs/clients.md#mbsync",
			},
			{
				Title: "The budget is too small.",
				Tell:  "The status page shows what each account and upstream has used.",
				Do: "Raise the key that the reply names, and reload exgate: the new value holds at once, for open " +
					"sessions too.",
				Source: "docs/connections.md#a-budget-for-each-day",
			},
			{
				Title:  "NO [TOOBIG] with this key: the message alone is larger than the whole budget.",
				Do:     "Raise bytes_per_day above the size of the largest message.",
				Source: "docs/connections.md#a-budget-for-each-day",
			},
		},
		See:    []string{"throttled", "too-big"},
		Source: "docs/connections.md#a-budget-for-each-day",
	},
	{
		ID: "too-big", Title: "Maximum size of appendable message has been exceeded",
		Kinds:   []backend.Kind{backend.KindTooBig},
		Replies: []string{"NO Maximum size of appendable message has been exceeded"},
		Phrases: []string{"Maximum size of appendable message", "NO [TOOBIG]", "ERR_APPEND_SIZE"},
		Keywords: []string{"message size", "big message", "too big", "too large", "maxreceivesize", "maxsendsize",
			"maxsize", "size limit", "appendable", "large message", "big email"},
		Meaning: "The message is over Exchange's limit for IMAP. The default is 10 MB on premises, and 35 MB in a " +
			"new tenant of Exchange Online, which can be raised to 150 MB. The limit of the account that logs in " +
			"applies: in a migration, this is the admin's limit, not the user's.",
		Causes: []Cause{
			{
				Title: "The limit of the mailbox is too low (on 2019, raising this one was enough), or the limit of " +
					"the account that logs in.",
				Click: "Exchange admin center: Recipients > Mailboxes > edit > Mailbox features > Message Size " +
					"Restrictions > View details",
				PowerShell: []string{
					"Set-Mailbox -Identity {user} -MaxReceiveSize 100mb -MaxSendSize 100mb",
					"Set-Mailbox -Identity {admin} -MaxReceiveSize 100mb -MaxSendSize 100mb",
				},
				Source: "FAQ.Exchange, \"Maximum size\" R1",
			},
			{
				Title: "Exchange Online: raise the limit of the account that logs in, to at most 150 MB.",
				PowerShell: []string{
					"Set-Mailbox -Identity {admin} -MaxReceiveSize 150mb -MaxSendSize 150mb",
				},
				Source: "FAQ.Office365, \"Maximum size\"",
			},
			{
				Title: "2013, 2016: three levels must allow the size: the organization, each connector and each " +
					"mailbox.",
				Click: "Exchange admin center: Mail flow > Receive connectors > ... > Organization transport " +
					"settings > Limits; Mail flow > Receive connectors, Send connectors > edit > General > Maximum " +
					"message size; Recipients > Mailboxes > edit > Mailbox features > Message Size Restrictions",
				PowerShell: []string{
					"Set-TransportConfig -MaxReceiveSize 100mb -MaxSendSize 100mb",
					"Get-ReceiveConnector | Set-ReceiveConnector -MaxMessageSize 100mb",
					"Get-SendConnector | Set-SendConnector -MaxMessageSize 100mb",
					"Set-Mailbox -Identity {user} -MaxReceiveSize 100mb -MaxSendSize 100mb",
				},
				Source: "FAQ.Exchange, \"Maximum size\" R2 " +
					"(learn.microsoft.com/exchange/mail-flow/message-size-limits)",
			},
			{
				Title: "2010, 2013, 2016: the IMAP service itself has a limit, which Microsoft's pages about sizes " +
					"do not mention.",
				Do: "Add the last line to the section appSettings of the file (on 2010 the path has V14). Then " +
					"restart transport, information store and the IMAP services. Each cumulative update removes the " +
					"line.",
				Lines: []string{
					`C:\Program Files\Microsoft\Exchange Server\V15\ClientAccess\PopImap\Microsoft.Exchange.Imap4.exe.config`,
					`C:\Program Files\Microsoft\Exchange Server\V14\ClientAccess\PopImap\Microsoft.Exchange.Imap4.exe.config   (2010)`,
					`<add key="MaxReceiveSize" value="1024000000" />`,
				},
				PowerShell: []string{
					"Restart-Service MSExchangeTransport, MSExchangeIS, MSExchangeIMAP4BE, MSExchangeImap4",
				},
				Source: "FAQ.Exchange, \"Maximum size\" R2 (Torsten Bergemann)",
			},
			{
				Title: "You can leave such messages at the source.",
				Do:    "imapsync skips larger messages with this option:",
				Lines: []string{"imapsync ... --maxsize 10000000      (Exchange)",
					"imapsync ... --maxsize 45000000      (Exchange Online)"},
				Source: "FAQ.Exchange, FAQ.Office365, \"Command Argument Error 11\"",
			},
		},
		Exgate: "exgate announces the limit to clients (APPENDLIMIT), and refuses larger messages with [TOOBIG]. If " +
			"you have raised Exchange's limit, raise limits.message_size too.",
		See:    []string{"limits", "argument-error", "exchange2007"},
		Source: "FAQ.Exchange, FAQ.Office365, \"Maximum size\"; docs/exchange.md#append-size",
	},
	{
		ID: "server-unavailable", Title: "Server Unavailable. 15",
		Kinds:   []backend.Kind{backend.KindUnavailable, backend.KindLoginUnavailable},
		Replies: []string{"NO Server Unavailable. 15"},
		Phrases: []string{"Server Unavailable. 15", "QuotaExceededException"},
		Keywords: []string{"server unavailable", "unavailable 15", "quota", "mailbox full", "prohibitsendquota",
			"prohibitsendreceivequota", "quota exceeded", "account full"},
		Meaning: "Exchange cannot execute the command now, and gives no reason. In reply to an APPEND, the mailbox " +
			"may be full; the number 15 does not prove it.",
		Causes: []Cause{
			{
				Title: "APPEND: the mailbox is full.",
				Tell: "Exchange's application log or IMAP log has " +
					"Microsoft.Exchange.Data.Storage.QuotaExceededException many times. The second command shows the " +
					"sizes.",
				Do: "Raise the quotas, in this order from smallest to largest: warning, send, send and receive. " +
					"UseDatabaseQuotaDefaults must be false; otherwise the quotas of the database apply.",
				Click: "Exchange admin center: Recipients > Mailboxes > Edit > Mailbox usage > More options > " +
					"Customize the quota settings > Prohibit send and receive at (GB)",
				PowerShell: []string{
					"Set-Mailbox -Identity {user} -IssueWarningQuota 499gb -ProhibitSendQuota 500gb -ProhibitSendReceiveQuota 500gb -UseDatabaseQuotaDefaults $false",
					"Get-MailboxStatistics -Identity {user} | Format-List TotalItemSize, StorageLimitStatus, DatabaseProhibitSendReceiveQuota",
				},
				Source: "FAQ.Exchange, \"Server Unavailable. 15\" R1 " +
					"(learn.microsoft.com/exchange/recipients/user-mailboxes/storage-quotas)",
			},
			{
				Title: "SELECT or STATUS: one folder is broken.",
				Tell:  "The other folders open.",
				Do:    "Look at the folder in Outlook, and repair the mailbox.",
				PowerShell: []string{
					"New-MailboxRepairRequest -Mailbox {user} -CorruptionType SearchFolder,AggregateCounts,ProvisionedFolder,FolderView",
				},
				Source: "docs/exchange.md#error-15 (offlineimap#291, YetiForceCRM#1038); the repair is ours",
			},
			{
				Title:  "COPY: the set has very many messages.",
				Tell:   "A COPY of 50 messages works.",
				Do:     "Copy in parts. exgate does it.",
				Source: "docs/exchange.md#ex-80 (imapfilter#132)",
			},
			{
				Title:  "Login with NTLM: Exchange cannot reach the mailbox server with this mechanism.",
				Do:     "Log in with PLAIN or LOGIN.",
				Source: "docs/exchange.md#login-failures (MailKit#532)",
			},
			{
				Title: "The cause is unknown. One user reports that the error disappeared when Exchange's IMAP log " +
					"was switched on.",
				Do: "The FAQ calls this \"quite crazy as a solution\", but the log may show the reason. Run: exgate " +
					"explain imap-log.",
				PowerShell: []string{"Set-ImapSettings -Server {server} -ProtocolLogEnabled $true"},
				Source:     "FAQ.Exchange, \"Server Unavailable. 15\" R2 (TerranceM, mantisbt.org)",
			},
		},
		Exgate: "For APPEND and COPY, exgate tries once more on a new connection. If Exchange refuses again, " +
			"exgate sends a COPY of more than 50 messages in parts of 50; else the client gets NO [OVERQUOTA]. " +
			"Other commands get NO [UNAVAILABLE] with this explanation. Exchange may send the text without a tag, " +
			"so that a client waits for its reply for ever: exgate gives it the client as the reply " +
			"(fixes.replies-off: strays).",
		See:    []string{"imap-log", "argument-error"},
		Source: "FAQ.Exchange, \"Server Unavailable. 15\"; docs/exchange.md#error-15",
	},
	{
		ID: "limits", Title: "The limits of Exchange and Exchange Online, with their sources",
		Keywords: []string{"limits", "limit number", "receive sending limit", "sending limit", "3600", "1200", "300mb",
			"300 mb", "messages per hour", "message per second", "maxbytespersecond", "maxmessagespersecond",
			"exitwhenover", "line length"},
		Meaning: "A client cannot ask for these limits over IMAP. These are the known values.",
		Causes: []Cause{
			{
				Title: "Exchange Online, received mail: 3600 messages per hour for a mailbox (22 July 2021), which " +
					"is 1 per second. It may be 1200 per hour, which is 0.33 per second, because Exchange may treat " +
					"a sync as one sender. This is a limit of mail flow, not of IMAP.",
				Lines: []string{"upstream.pace.messages_per_second: 1       (or 0.33)",
					"imapsync ... --maxmessagespersecond 1     (or 0.33)"},
				Source: "FAQ.Office365, \"receive and sending limits\" R1",
			},
			{
				Title: "Exchange Online, data: in theory about 300 MB per user and hour, which is 83,333 bytes per " +
					"second.",
				Lines:  []string{"upstream.pace.bytes_per_second: 83333", "imapsync ... --maxbytespersecond 83333"},
				Source: "FAQ.Office365, \"receive and sending limits\" R2 (systools.in)",
			},
			{
				Title: "Message size: 10 MB on premises. Exchange Online: 35 MB in a new tenant, at most 150 MB. " +
					"imapsync's --office2 uses 45,000,000 bytes.",
				Source: "FAQ.Exchange, FAQ.Office365, \"Maximum size\", \"Command Argument Error 11\"; " +
					"docs/exchange.md#append-size",
			},
			{
				Title: "Line of a message: according to the FAQ, 9,900 bytes (on premises) and 10,500 (Exchange " +
					"Online). imapsync cuts lines at 10,239 for both. RFC 5322 allows 998 bytes and the CRLF.",
				Source: "FAQ.Exchange, FAQ.Office365, \"Command Argument Error 11\"; docs/exchange.md#long-lines",
			},
			{
				Title:      "Command line: MaxCommandSize, 10,240 bytes by default; 1,024 to 16,384 are possible.",
				PowerShell: []string{"Set-ImapSettings -Server {server} -MaxCommandSize 16384"},
				Source:     "docs/exchange.md#settings (Set-ImapSettings)",
			},
			{
				Title: "Connections: 16 for each user (MaxConnectionsPerUser). Errors: Exchange closes a connection " +
					"after the tenth BAD, and after the second \"not connected\" or \"Invalid state\".",
				Source: "docs/exchange.md#ten-errors, docs/exchange.md#long-commands; FAQ.Exchange, \"Command " +
					"Argument Error 11\"",
			},
			{
				Title: "One message on Exchange Online: 250 attachments, 250 parts, 30 levels of attached messages, " +
					"and a subject of 255 characters.",
				Source: "docs/exchange.md#refused-content (copies of Microsoft's limits)",
			},
			{
				Title:  "Folders: 1,000,000 messages in one folder, 10,000 subfolders, 300 levels.",
				Source: "docs/exchange.md#folder-limits (copies of Microsoft's limits)",
			},
		},
		See: []string{"throttled", "too-big", "long-lines", "too-many-connections"},
		Source: "FAQ.Office365, \"receive and sending limits\"; docs/exchange.md#append-size, " +
			"docs/exchange.md#refused-content, docs/exchange.md#settings",
	},
}
