package knowledge

var messageEntries = []Entry{
	{
		ID: "long-lines", Title: "Lines that are too long for Exchange",
		Phrases: []string{"Exchange would take the message for commands"},
		Keywords: []string{"long line", "line long", "line too long", "line length", "maxlinelength", "9900", "10500",
			"10239", "reformime", "regexmess", "wrap line"},
		Meaning: "Exchange accepts message lines of about 9,900 bytes (10,500 on Exchange Online, according to the " +
			"FAQ). RFC 5322 allows 998. For a longer line, Exchange refuses the message (Error 11 or 10), or " +
			"executes the rest of the message as commands and closes the connection.",
		Causes: []Cause{
			{
				Title: "With exgate, you need to do nothing.",
				Do: "fixes.long-lines: recode re-encodes without loss, wrap cuts lines as imapsync does. " +
					"fixes.line-limit is the limit. See docs/fixes.md.",
				Source: "FAQ.Exchange, \"Command Argument Error 11\"",
			},
			{
				Title: "imapsync can cut the lines. Its presets --exchange2 and --office2 cut at 10,239 bytes. It " +
					"also cuts headers, base64 and characters of several bytes.",
				Lines: []string{
					`imapsync ... --regexmess 's,(.{9900}),$1\r\n,g'          (Unix)`,
					`imapsync ... --regexmess "s,(.{9900}),$1\r\n,g"          (Windows)`,
				},
				Source: "FAQ.Exchange, \"Command Argument Error 11\", \"How to sync from XXX to Exchange\" R1",
			},
			{
				Title: "imapsync can skip such messages, which then stay at the source.",
				Lines: []string{
					"imapsync ... --maxlinelength 9900        (Exchange)",
					"imapsync ... --maxlinelength 10500       (Exchange Online)",
				},
				Source: "FAQ.Exchange, FAQ.Office365, \"Command Argument Error 11\"",
			},
			{
				Title: "On Linux, imapsync can repair them with reformime (package maildrop) or with its own script.",
				Lines: []string{
					`imapsync ... --maxlinelengthcmd "reformime -r7"`,
					"imapsync ... --pipemess W/tools/fix_email_for_exchange.py",
				},
				Source: "FAQ.Exchange, \"How to sync from XXX to Exchange\" R1",
			},
		},
		Exgate: "exgate also folds header lines over the limit (fixes.long-headers). It refuses a message with the " +
			"rule header-line only if the long line is one that no fix may change, such as Message-ID, Date or " +
			"Received.",
		See:    []string{"out-of-step", "argument-error", "limits"},
		Source: "FAQ.Exchange, FAQ.Office365, \"Command Argument Error 11\"; docs/exchange.md#long-lines",
	},
	{
		ID: "read-receipts", Title: "Exchange sends read receipts again for old messages",
		Phrases: []string{"Not read:"},
		Keywords: []string{"read receipt", "receipt", "not read", "read " +
			"notice", "disarmreadreceipts", "disposition notification",
			"suppressreadreceipt", "return receipt"},
		Meaning: "If a message asks for a read receipt, Exchange 2013 and later and Exchange Online send one when " +
			"somebody opens the copy, even if the original was acknowledged years ago.",
		Causes: []Cause{
			{
				Title: "The message asks for a receipt in Disposition-Notification-To, Return-Receipt-To or " +
					"X-Confirm-Reading-To.",
				Do: "exgate puts X- before these names (fixes.read-receipt: all). With fixes.read-receipt: seen, it " +
					"does so only in messages that arrive as read, so that unread messages still get their receipts. " +
					"Without exgate, use the first line for all messages, or the other two lines in two runs:",
				Lines: []string{
					"imapsync ... --disarmreadreceipts",
					`imapsync ... --search1 "SEEN" --disarmreadreceipts`,
					`imapsync ... --search1 "UNSEEN"`,
				},
				Source: "FAQ.Exchange, \"read receipts\"; RFC 8098 section 2.1",
			},
			{
				Title: "\"Not read:\": an unread message that asks for a receipt was deleted, for example by a " +
					"sync that " +
					"moves or cleans up.",
				Do: "fixes.read-receipt: all prevents it for messages that go through exgate. Mark the others " +
					"read first.",
				Source: "RFC 8098 section 3.2.6 (the disposition \"deleted\")",
			},
			{
				Title: "The server can suppress receipts for messages that IMAP clients open, for all mailboxes or " +
					"for one (last command).",
				PowerShell: []string{
					"Set-ImapSettings -Server {server} -SuppressReadReceipt $true",
					"Restart-Service MSExchangeImap4, MSExchangeIMAP4BE",
					"Set-CASMailbox -Identity {user} -ImapUseProtocolDefaults $false -ImapSuppressReadReceipt $true",
				},
				Source: "docs/exchange.md#settings, docs/exchange.md#read-receipts (Set-ImapSettings, Set-CASMailbox)",
			},
		},
		Exgate: "The Exchange profiles have fixes.read-receipt: all. The value of the field is unchanged, so you can " +
			"undo the fix.",
		See:    []string{"flagged"},
		Source: "FAQ.Exchange, FAQ.Office365, \"read receipts\"",
	},
	{
		ID: "flagged", Title: "Flagged messages show no flag in Outlook",
		Phrases:  []string{`\Flagged was not set`},
		Keywords: []string{"flagged", "flag flagged", "flag outlook", "flag synced", "starred"},
		Meaning: "Exchange 2010 and 2013 show a \\Flagged that arrives with a message (APPEND) only to IMAP clients. " +
			"If the flag is set afterwards (STORE), Outlook and Outlook on the web show it too.",
		Causes: []Cause{{
			Title: "The client sent the flag with APPEND.",
			Do: "exgate removes the flag and sets it by STORE (fixes.flagged: replay). Without exgate, run imapsync " +
				"twice. --debugflags shows the flags:",
			Lines: []string{
				`imapsync ... --regexflag 's/\\Flagged//g'      (Unix; "s/\\Flagged//g" on Windows)`,
				"imapsync ...",
			},
			Source: "FAQ.Exchange, FAQ.Office365, \"Flagged\" (Dave Murray, Simon Savva)",
		}},
		Exgate: "With fixes.flagged: replay, exgate repeats the STORE if it fails. If the flag finally cannot be " +
			"set, exgate tells the client. Exchange Online does not need this fix.",
		See:    []string{"keywords"},
		Source: "FAQ.Exchange, \"Flagged\"; docs/exchange.md#flagged",
	},
	{
		ID: "dates", Title: "Messages have the date of the transfer",
		Phrases: []string{"Exchange does not keep the dates of messages", "the client's date is invalid"},
		Keywords: []string{"date", "date transfer", "date sort", "date migration", "internaldate", "wrong date",
			"rollup 5", "archive date"},
		Meaning: "Exchange 2010 before Service Pack 2 Update Rollup 5 drops the date that arrives with a message " +
			"(INTERNALDATE). Outlook then sorts all messages under the day of the migration.",
		Causes: []Cause{
			{
				Title: "Exchange 2010 is older than SP2 Rollup 5 (build 14.2.328.5; version 2 of it is 14.2.328.10).",
				Do:    "Install this update, or a later one, before the migration.",
				PowerShell: []string{
					"Get-Command ExSetup.exe | ForEach-Object { $_.FileVersionInfo.ProductVersion }",
				},
				Lines:  []string{"https://tribalchicken.net/imap-sync-issues-with-exchange-2010/"},
				Source: "FAQ.Exchange, \"date of the transfer\" R1; Microsoft's list of Exchange build numbers",
			},
			{
				Title: "Outlook's AutoArchive uses the date of the last change. Configure it to use the date sent or " +
					"received.",
				Lines: []string{
					"https://www.howto-outlook.com/faq/archivenotworking.htm",
					"https://web.archive.org/web/20190914063435/http://www.howto-outlook.com/faq/archivenotworking.htm",
				},
				Source: "FAQ.Exchange, \"date of the transfer\" R2 (Martin Hochreiter)",
			},
			{
				Title: "The source gives out an invalid date, such as 00-Jan-0000, and the message has neither a " +
					"Received nor a Date.",
				Tell:   "exgate's log says: the client's date is invalid.",
				Source: "docs/exchange.md#ex-83 (MailKit#1236)",
			},
			{
				Title:  "Exchange 2007 uses the date of a Received header, and the message has none.",
				Do:     "Run: exgate explain exchange2007.",
				Source: "FAQ.Exchange, \"any to Exchange 2007\" R1",
			},
		},
		Exgate: "Once for each upstream, exgate compares the stored date of a message with the date sent. If " +
			"they differ, the client and the log get a warning. An invalid date is replaced with that of Received or Date. " +
			"fixes.internal-date: leave switches this off.",
		See:    []string{"exchange2007"},
		Source: "FAQ.Exchange, \"date of the transfer\"; docs/exchange.md#date",
	},
	{
		ID: "exchange2007", Title: "Exchange 2007: large messages, and dates",
		Keywords: []string{"sync 2007", "2007 message", "2007 big", "2007 connector", "connector", "connector 40",
			"receive connector", "send connector", "transporter suite"},
		Meaning: "According to the FAQ, a sync to Exchange 2007 succeeds only partly.",
		Causes: []Cause{
			{
				Title: "Large messages fail: raise the limits of the receive and send connectors to 40 MB.",
				Click: "Exchange Management Console: Server Configuration > Hub Transport > Receive Connectors > " +
					"Properties > General > Maximum message size (KB); Organization Configuration > Hub Transport > " +
					"Send Connectors > the same",
				PowerShell: []string{
					"Get-ReceiveConnector | Set-ReceiveConnector -MaxMessageSize 40MB",
					"Get-SendConnector | Set-SendConnector -MaxMessageSize 40MB",
				},
				Source: "FAQ.Exchange, \"any to Exchange 2007\"",
			},
			{
				Title: "Dates are wrong: add a Received header made from Date. imapsync must then ignore Received " +
					"when it recognises messages. exgate does the same with fixes.received-date.",
				Lines: []string{
					`imapsync ... --skipheader 'Received' --regexmess 's{\A(.*?(?!^$))^Date:(.*?)$}{$1Date:$2\nReceived: From; $2}gxms'`,
				},
				Source: "FAQ.Exchange, \"any to Exchange 2007\" R1 (\"only partial success\")",
			},
			{
				Title:  "Two users succeeded with another tool, Microsoft Transporter Suite.",
				Source: "FAQ.Exchange, \"any to Exchange 2007\" R2",
			},
			{
				Title:  "The names of some folders end in a blank.",
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
		Meaning: "Exchange cannot convert an item to a message. Most such items are appointments, contacts and " +
			"tasks, in folders that are not mail folders. Exchange answers the FETCH with OK and no data, or sends " +
			"this message instead.",
		Causes: []Cause{
			{
				Title: "The folder is Calendar, Contacts, Tasks, Notes or Journal, which contain no mail.",
				Do:    "Exclude these folders. Their names are in the language of the mailbox.",
				Lines: []string{`imapsync ... --exclude '^(Calendar|Contacts|Tasks|Notes|Journal)$'`},
				Source: "docs/exchange.md#unconvertible, docs/exchange.md#folders-without-mail (offlineimap#62; " +
					"imapsync#154)",
			},
			{
				Title: "The item is broken.",
				Do:    "Find the item in Outlook by date and subject, and repair the mailbox.",
				PowerShell: []string{
					"New-MailboxRepairRequest -Mailbox {user} -CorruptionType SearchFolder,AggregateCounts,ProvisionedFolder,FolderView",
				},
				Source: "docs/exchange.md#unconvertible (MailKit#53, #152); the repair is ours",
			},
		},
		See:    []string{"files-folder", "missing-messages"},
		Source: "docs/exchange.md#unconvertible",
	},
	{
		ID: "missing-messages", Title: "Exchange leaves messages out of a FETCH",
		Phrases: []string{"Exchange returns no data for", "Exchange left messages out of a FETCH"},
		Keywords: []string{"messages missing", "missing messages", "messages skipped", "left out fetch",
			"import incomplete", "not all messages"},
		Meaning: "Exchange answers a FETCH of several messages with OK, and leaves some of them out. A client that " +
			"believes the OK loses them without a word.",
		Causes: []Cause{
			{
				Title: "Exchange cannot convert these items to messages.",
				Tell: "They do not come one by one either: exgate answers NO [CANNOT] with their numbers, and logs " +
					"them.",
				Do: "Find the items in Outlook by date and subject. Run: exgate explain retrieval-failed.",
				Source: "docs/exchange.md#ex-78 (neomutt#597, MailKit#1615, #908); docs/exchange.md#unconvertible " +
					"(offlineimap#62)",
			},
			{
				Title:  "Exchange Online shows a new message up to a minute after it has counted it.",
				Tell:   "The messages are new, and come later.",
				Do:     "Wait, and fetch again.",
				Source: "docs/exchange.md#ex-47 (imapclient#441, emailengine#53)",
			},
		},
		Exgate: "exgate fetches each message that exists and was left out, before the client gets the OK " +
			"(fixes.replies-off: missing-data).",
		See:    []string{"retrieval-failed", "outcome-unknown"},
		Source: "docs/exchange.md#ex-78",
	},
	{
		ID: "odd-structure", Title: "Syntax error in BODYSTRUCTURE, in ENVELOPE or in a list of numbers",
		Phrases: []string{"Syntax error in BODYSTRUCTURE", "Syntax error in ENVELOPE", "in body-fld-dsp",
			"in body-type", "imapwire: expected", "BODYSTRUCTURE parse error"},
		Keywords: []string{"bodystructure", "attachment name missing", "unexpected token nil", "strict parser"},
		Meaning: "Exchange writes some structures of messages in a form that IMAP does not have: sizes of -1, " +
			"dispositions that are no lists, the file name beside the disposition, NIL for a string. Strict clients " +
			"close the connection.",
		Causes: []Cause{{
			Title: "The client is connected to Exchange directly, or the repair is switched off.",
			Do: "Connect it through exgate, and leave structure out of fixes.replies-off. A structure that exgate " +
				"does not repair is worth a report with the line: log.trace has it.",
			Source: "docs/exchange.md#bodystructure (MailKit#919, #1446, emersion/go-imap#534)",
		}},
		Exgate: "exgate repairs these structures (docs/fixes.md#replies), takes out blanks that do not belong there, " +
			"and message numbers that do not exist.",
		See:    []string{"missing-messages"},
		Source: "docs/exchange.md#bodystructure",
	},
}
