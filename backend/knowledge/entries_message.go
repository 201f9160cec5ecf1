package knowledge

var messageEntries = []Entry{
	{
		ID: "long-lines", Title: "Lines that are too long for Exchange",
		Phrases:  []string{"Exchange would take the message for commands"},
		Keywords: []string{"long line", "line long", "line too long", "line length", "maxlinelength", "9900", "10500", "10239", "reformime", "regexmess", "wrap line"},
		Meaning: "Exchange takes lines of about 9,900 bytes in a message (10,500 at Exchange Online, in the FAQ); RFC 5322 allows 998. A longer line makes it refuse the message (11, 10), " +
			"or take the rest of the message for commands and close the connection.",
		Causes: []Cause{
			{
				Title:  "With exgate: nothing to do.",
				Do:     "fixes.long-lines: recode loses nothing; wrap cuts as imapsync does; fixes.line-limit is the limit. See docs/fixes.md.",
				Source: "FAQ.Exchange, \"Command Argument Error 11\"",
			},
			{
				Title: "imapsync, cutting the lines: its presets --exchange2 and --office2 cut at 10,239 bytes. It cuts headers, base64 and characters as well.",
				Lines: []string{
					`imapsync ... --regexmess 's,(.{9900}),$1\r\n,g'          (Unix)`,
					`imapsync ... --regexmess "s,(.{9900}),$1\r\n,g"          (Windows)`,
				},
				Source: "FAQ.Exchange, \"Command Argument Error 11\", \"How to sync from XXX to Exchange\" R1",
			},
			{
				Title:  "imapsync, skipping the messages: they stay behind.",
				Lines:  []string{"imapsync ... --maxlinelength 9900        (Exchange)", "imapsync ... --maxlinelength 10500       (Exchange Online)"},
				Source: "FAQ.Exchange, FAQ.Office365, \"Command Argument Error 11\"",
			},
			{
				Title:  "imapsync on Linux with reformime, from the package maildrop, or with its own script.",
				Lines:  []string{`imapsync ... --maxlinelengthcmd "reformime -r7"`, "imapsync ... --pipemess W/tools/fix_email_for_exchange.py"},
				Source: "FAQ.Exchange, \"How to sync from XXX to Exchange\" R1",
			},
		},
		Exgate: "A header line over the limit is refused with the rule header-line: it is not repaired yet.",
		See:    []string{"out-of-step", "argument-error", "limits"},
		Source: "FAQ.Exchange, FAQ.Office365, \"Command Argument Error 11\"; docs/exchange.md#long-lines",
	},
	{
		ID: "read-receipts", Title: "Read receipts are sent again for old messages",
		Keywords: []string{"read receipt", "receipt", "disarmreadreceipts", "disposition notification", "suppressreadreceipt", "return receipt"},
		Meaning:  "Exchange 2013 and later, and Exchange Online, send a receipt when a message that asks for one is opened, though the original was answered years ago.",
		Causes: []Cause{
			{
				Title: "The message asks for it, in Disposition-Notification-To, Return-Receipt-To or X-Confirm-Reading-To.",
				Do: "exgate puts X- before those names (fixes.read-receipt: all); with seen only in messages that arrive as read, so that receipts for unread ones are still sent: what takes two runs of imapsync. " +
					"Without exgate, for all, or in two runs:",
				Lines: []string{
					"imapsync ... --disarmreadreceipts",
					`imapsync ... --search1 "SEEN" --disarmreadreceipts`,
					`imapsync ... --search1 "UNSEEN"`,
				},
				Source: "FAQ.Exchange, \"read receipts\"; RFC 8098 section 2.1",
			},
			{
				Title: "Second remedy, at the server: no receipts for messages that IMAP clients open; for all, or for one mailbox.",
				PowerShell: []string{
					"Set-ImapSettings -Server {server} -SuppressReadReceipt $true",
					"Restart-Service MSExchangeImap4, MSExchangeIMAP4BE",
					"Set-CASMailbox -Identity {user} -ImapUseProtocolDefaults $false -ImapSuppressReadReceipt $true",
				},
				Source: "docs/exchange.md#settings, docs/exchange.md#read-receipts (Set-ImapSettings, Set-CASMailbox)",
			},
		},
		Exgate: "fixes.read-receipt: all is the default of the Exchange profiles; the value stays, so it can be undone.",
		See:    []string{"flagged"},
		Source: "FAQ.Exchange, FAQ.Office365, \"read receipts\"",
	},
	{
		ID: "flagged", Title: "Flagged messages show no flag in Outlook",
		Phrases:  []string{`\Flagged was not set`},
		Keywords: []string{"flagged", "flag flagged", "flag outlook", "flag synced", "starred"},
		Meaning:  "Exchange 2010 and 2013 keep a \\Flagged that comes with a message (APPEND) for IMAP only; set afterwards (STORE) it shows in Outlook and Outlook on the web as well.",
		Causes: []Cause{{
			Title: "The flag came with APPEND.",
			Do:    "exgate takes it out and sets it by STORE (fixes.flagged: replay). Without exgate, run imapsync twice; --debugflags shows what it does:",
			Lines: []string{
				`imapsync ... --regexflag 's/\\Flagged//g'      (Unix; "s/\\Flagged//g" on Windows)`,
				"imapsync ...",
			},
			Source: "FAQ.Exchange, FAQ.Office365, \"Flagged\" (Dave Murray, Simon Savva)",
		}},
		Exgate: "fixes.flagged: replay tries again where the flag cannot be set at once, and says so where it finally cannot. Exchange Online does not need it.",
		See:    []string{"keywords"},
		Source: "FAQ.Exchange, \"Flagged\"; docs/exchange.md#flagged",
	},
	{
		ID: "dates", Title: "Messages have the date of the transfer",
		Phrases:  []string{"Exchange does not keep the dates of messages"},
		Keywords: []string{"date", "date transfer", "date sort", "date migration", "internaldate", "wrong date", "rollup 5", "archive date"},
		Meaning:  "Exchange 2010 before Service Pack 2 Update Rollup 5 drops the date that comes with a message (INTERNALDATE), and Outlook sorts by the day of the migration.",
		Causes: []Cause{
			{
				Title: "Exchange 2010 is older than SP2 Rollup 5: build 14.2.328.5, and 14.2.328.10 for version 2 of it.",
				Do:    "Install it, or a later one, before the migration: one server is easier to change than thousands of clients.",
				PowerShell: []string{
					"Get-Command ExSetup.exe | ForEach-Object { $_.FileVersionInfo.ProductVersion }",
				},
				Lines:  []string{"https://tribalchicken.net/imap-sync-issues-with-exchange-2010/"},
				Source: "FAQ.Exchange, \"date of the transfer\" R1; Microsoft's list of Exchange build numbers",
			},
			{
				Title:  "Outlook's AutoArchive goes by the day of the last change: let it go by the date sent or received.",
				Lines:  []string{"https://www.howto-outlook.com/faq/archivenotworking.htm", "https://web.archive.org/web/20190914063435/http://www.howto-outlook.com/faq/archivenotworking.htm"},
				Source: "FAQ.Exchange, \"date of the transfer\" R2 (Martin Hochreiter)",
			},
			{
				Title:  "Exchange 2007: the date of a Received header counts, and the message has none.",
				Do:     "Run: exgate explain exchange2007.",
				Source: "FAQ.Exchange, \"any to Exchange 2007\" R1",
			},
		},
		Exgate: "Once in a session exgate compares the date that Exchange has kept with the one that was sent, and tells the client and the log of a difference; fixes.internal-date: leave switches that off.",
		See:    []string{"exchange2007"},
		Source: "FAQ.Exchange, \"date of the transfer\"; docs/exchange.md#date",
	},
	{
		ID: "exchange2007", Title: "Exchange 2007: large messages, and dates",
		Keywords: []string{"sync 2007", "2007 message", "2007 big", "2007 connector", "connector", "connector 40", "receive connector", "send connector", "transporter suite"},
		Meaning:  "Syncing to Exchange 2007 is said to succeed in part only; whoever debugs it is welcome.",
		Causes: []Cause{
			{
				Title: "Large messages: raise the receive and the send connectors to 40 MB.",
				Click: "Exchange Management Console: Server Configuration > Hub Transport > Receive Connectors > Properties > General > Maximum message size (KB); Organization Configuration > Hub Transport > Send Connectors > the same",
				PowerShell: []string{
					"Get-ReceiveConnector | Set-ReceiveConnector -MaxMessageSize 40MB",
					"Get-SendConnector | Set-SendConnector -MaxMessageSize 40MB",
				},
				Source: "FAQ.Exchange, \"any to Exchange 2007\"",
			},
			{
				Title:  "Dates: give messages a Received header made of their Date; imapsync must then not recognise messages by Received.",
				Lines:  []string{`imapsync ... --skipheader 'Received' --regexmess 's{\A(.*?(?!^$))^Date:(.*?)$}{$1Date:$2\nReceived: From; $2}gxms'`},
				Source: "FAQ.Exchange, \"any to Exchange 2007\" R1 (\"only partial success\")",
			},
			{
				Title:  "Another tool: two users succeeded with Microsoft Transporter Suite.",
				Source: "FAQ.Exchange, \"any to Exchange 2007\" R2",
			},
			{
				Title:  "Folders whose names end in a blank.",
				Do:     "Run: exgate explain trailing-blank.",
				Source: "FAQ.Exchange, \"2007 folders ending with a space\"",
			},
		},
		See:    []string{"too-big", "dates", "trailing-blank"},
		Source: "FAQ.Exchange, \"any to Exchange 2007\"",
	},
	{
		ID: "retrieval-failed", Title: "Retrieval using the IMAP4 protocol failed for the following message",
		Phrases:  []string{"Retrieval using the IMAP4 protocol failed", "couldn't retrieve the following message"},
		Keywords: []string{"retrieval failed", "20004", "message content missing", "fetch nothing"},
		Meaning:  "Exchange cannot turn an item into a message: mostly appointments, contacts and tasks in folders that are no mail folders. It answers FETCH with OK and nothing, or with this message in its place.",
		Causes: []Cause{
			{
				Title:  "The folder is Calendar, Contacts, Tasks, Notes or Journal: IMAP is for mail.",
				Do:     "Leave such folders out; their names are in the language of the mailbox.",
				Lines:  []string{`imapsync ... --exclude '^(Calendar|Contacts|Tasks|Notes|Journal)$'`},
				Source: "docs/exchange.md#unconvertible, docs/exchange.md#folders-without-mail (offlineimap#62; imapsync#154)",
			},
			{
				Title:      "The item is broken.",
				Do:         "Look for it in Outlook by date and subject; repair the mailbox.",
				PowerShell: []string{"New-MailboxRepairRequest -Mailbox {user} -CorruptionType SearchFolder,AggregateCounts,ProvisionedFolder,FolderView"},
				Source:     "docs/exchange.md#unconvertible (MailKit#53, #152); the repair is ours",
			},
		},
		See:    []string{"files-folder"},
		Source: "docs/exchange.md#unconvertible",
	},
}
