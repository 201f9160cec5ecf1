package knowledge

import "exgate/backend"

var refusedEntries = []Entry{
	{
		ID: "argument-error", Title: "Command Argument Error. 11", Kinds: []backend.Kind{backend.KindArgument},
		Replies:  []string{"BAD Command Argument Error. 11"},
		Phrases:  []string{"Command Argument Error"}, // whatever the number
		Keywords: []string{"command argument error", "argument error", "argument error 11", "error 11", "argument 11"},
		Meaning:  "Exchange's answer to whatever it cannot take: a message for its size, its lines or its content, a flag, a command. After ten errors it closes the connection.",
		Causes: []Cause{
			{
				Title:  "APPEND: the message is over the size limit, 10 MB by default (Exchange Online: 45 MB in the FAQ, 35 MB in a new tenant).",
				Tell:   "The size that imapsync prints in braces; on 2010 the connection closes with 14 at once.",
				Do:     "Raise the limit (exgate explain too-big), which sometimes takes a reboot, or skip such messages:",
				Lines:  []string{"imapsync ... --maxsize 10000000      (Exchange)", "imapsync ... --maxsize 45000000      (Exchange Online)"},
				Source: "FAQ.Exchange, FAQ.Office365, \"Command Argument Error 11\"; docs/exchange.md#append-size (imapsync#5)",
			},
			{
				Title: "APPEND: the mailbox is full.",
				Tell:  "Small messages are refused too.",
				Do:    "Raise the quota; run: exgate explain server-unavailable.",
				PowerShell: []string{
					"Set-Mailbox -Identity {user} -IssueWarningQuota 499gb -ProhibitSendQuota 500gb -ProhibitSendReceiveQuota 500gb -UseDatabaseQuotaDefaults $false",
				},
				Source: "FAQ.Exchange, FAQ.Office365, \"Command Argument Error 11\"",
			},
			{
				Title:  "APPEND: a line is too long: over 9,900 bytes (Exchange Online: 10,500).",
				Do:     "exgate re-encodes it (fixes.long-lines); without exgate: exgate explain long-lines.",
				Source: "FAQ.Exchange, FAQ.Office365, \"Command Argument Error 11\"",
			},
			{
				Title:  "APPEND: content that Exchange does not understand: a header that cannot be decoded (also that of an attached message), charset TELETEX, message/partial; seen with read receipts (\"Read: ...\"), bounces and drafts without the usual fields.",
				Do:     "imapsync comes with a script that repairs much of this, and \"often does some miracles\":",
				Lines:  []string{"imapsync ... --pipemess W/tools/fix_email_for_exchange.py"},
				Source: "FAQ.Exchange, \"Command Argument Error 11\"; docs/exchange.md#refused-content (freron.com; imapsync#389, #285, #161)",
			},
			{
				Title:  "APPEND, STORE: a keyword that Exchange does not have, such as $Forwarded.",
				Do:     "exgate drops it from messages (fixes.keywords); run: exgate explain keywords.",
				Source: "docs/exchange.md#keywords (djcb/mu#1384, node-imap#602)",
			},
			{
				Title:  "FETCH: an item of another server, such as X-GM-LABELS, because --synclabels or --resynclabels is left over from a sync with Gmail.",
				Do:     "Take those options away.",
				Source: "FAQ.Office365, \"Command Argument Error 11\"; docs/exchange.md#error-11 (imapsync#239)",
			},
			{
				Title:  "STORE, FETCH of some messages of Exchange 2010: no rule is known.",
				Do:     "Try by sequence number instead of UID.",
				Source: "docs/exchange.md#error-11 (MailKit#1139)",
			},
		},
		Exgate: "exgate repairs or refuses beforehand what it knows (long lines, size, keywords), and logs what it sent where Exchange refuses all the same. mode: observe with log.trace shows the conversation without changing it.",
		See:    []string{"too-big", "long-lines", "server-unavailable", "keywords", "closed", "argument-error-12"},
		Source: "FAQ.Exchange, FAQ.Office365, \"Command Argument Error 11\"; docs/exchange.md#error-11",
	},
	{
		ID: "argument-error-12", Title: "Command Argument Error. 12", Kinds: []backend.Kind{backend.KindArgument},
		Replies:  []string{"BAD Command Argument Error. 12"},
		Phrases:  []string{"Command Argument Error. 12"},
		Keywords: []string{"argument error 12", "error 12", "argument 12"},
		Meaning:  "A relative of 11. What the number means is not established.",
		Causes: []Cause{{
			Title:  "The command is long: one user saw it above 4,096 bytes.",
			Do:     "Ask for fewer messages at a time; otherwise as for 11: exgate explain argument-error.",
			Source: "docs/exchange.md#error-12 (Mailspring-Sync#5)",
		}},
		See:    []string{"argument-error", "command-error"},
		Source: "docs/exchange.md#error-12",
	},
	{
		ID: "command-error", Title: "Command Error. 10", Kinds: []backend.Kind{backend.KindCommand},
		Replies:  []string{"BAD Command Error. 10"},
		Phrases:  []string{"Command Error. 10"},
		Keywords: []string{"command error", "command error 10", "error 10", "maxcommandsize"},
		Meaning:  "Exchange does not know the command, or its line is too long. If the word before BAD is none of the client's tags but a word of a message, it is another failure: exgate explain out-of-step.",
		Causes: []Cause{
			{
				Title: "The command line is over MaxCommandSize, 10,240 bytes by default: a long list of UIDs in a SEARCH, FETCH or STORE.",
				Do:    "Ask for fewer messages at a time. It can be raised a little:",
				PowerShell: []string{
					"Set-ImapSettings -Server {server} -MaxCommandSize 16384",
					"Restart-Service MSExchangeImap4, MSExchangeIMAP4BE",
				},
				Source: "docs/exchange.md#long-commands (nextcloud/mail#6038, node-imap#44; Set-ImapSettings)",
			},
			{
				Title:  "APPEND: a line of the message is too long.",
				Do:     "Run: exgate explain long-lines.",
				Source: "docs/exchange.md#long-lines (freron.com)",
			},
			{
				Title:  "A command of an extension that Exchange does not have, such as ENABLE.",
				Source: "docs/exchange.md#long-commands (MailKit#834)",
			},
		},
		Exgate: "Unknown commands are answered by exgate and cost no error at Exchange.",
		See:    []string{"out-of-step", "long-lines", "command-line-limit"},
		Source: "docs/exchange.md#long-commands",
	},
	{
		ID: "command-line-limit", Title: "command line limit exceeded", Kinds: []backend.Kind{backend.KindCommand},
		Replies:  []string{"BAD command line limit exceeded"},
		Phrases:  []string{"command line limit exceeded"},
		Keywords: []string{"line limit", "command line limit"},
		Meaning:  "The command line is too long. Exchange hardly says this: the words were seen from other servers.",
		Causes: []Cause{{
			Title:  "A long list of UIDs, or another long command.",
			Do:     "Ask for fewer messages at a time; look at the greeting to see which server it is.",
			Source: "docs/exchange.md#other-servers (MailKit#1493, thunderbird-android#5558)",
		}},
		See:    []string{"command-error"},
		Source: "docs/exchange.md#other-servers",
	},
	{
		ID: "content-refused", Title: "Message contains NUL characters, or an invalid header", Kinds: []backend.Kind{backend.KindContent},
		Replies:  []string{"NO Message contains NUL characters", "NO Message contains invalid header"},
		Phrases:  []string{"Message contains NUL characters", "Message contains invalid header"},
		Keywords: []string{"nul character", "nul byte", "invalid header"},
		Meaning:  "The server does not take the message for its content. These are the words of Cyrus, not of Exchange, which says Command Argument Error. 11.",
		Causes: []Cause{{
			Title:  "The message has NUL bytes, or header lines without a colon.",
			Do:     "Repair it on the way:",
			Lines:  []string{`imapsync ... --regexmess 's/\x00//g'`, "imapsync ... --pipemess W/tools/fix_email_for_exchange.py"},
			Source: "docs/exchange.md#other-servers (FAQ.APPEND_errors; cyrus-imapd#721)",
		}},
		See:    []string{"argument-error"},
		Source: "docs/exchange.md#other-servers, docs/exchange.md#refused-content",
	},
	{
		ID: "keywords", Title: "Flags that Exchange does not have ($Forwarded, NonJunk, labels)",
		Keywords: []string{"keyword", "flag refused", "forwarded flag", "nonjunk", "label", "tags", "permanentflags", "unknown flag"},
		Meaning:  "Exchange keeps the five system flags and $MDNSent, says so in PERMANENTFLAGS, and refuses others with Command Argument Error. 11. Outlook's categories are not shown over IMAP.",
		Causes: []Cause{{
			Title:  "The client sends its own or another server's keywords.",
			Do:     "exgate drops them from messages (fixes.keywords: drop). Without it, for each of them:",
			Lines:  []string{`imapsync ... --regexflag 's/\$Forwarded//g' --debugflags`},
			Source: "docs/exchange.md#keywords; FAQ.Exchange, \"Flagged\" (--debugflags)",
		}},
		Exgate: "With fixes.keywords: drop what the mailbox does not keep is not sent.",
		See:    []string{"argument-error", "flagged", "mdnsent"},
		Source: "docs/exchange.md#keywords",
	},
	{
		ID: "message-set", Title: "The specified message set is invalid", Kinds: []backend.Kind{backend.KindMessageSet},
		Replies:  []string{"BAD The specified message set is invalid.", "NO The specified message set is invalid."},
		Phrases:  []string{"specified message set is invalid"},
		Keywords: []string{"message set", "empty mailbox", "fetch star"},
		Meaning:  "There are no such messages in this mailbox.",
		Causes: []Cause{
			{Title: "The mailbox is empty, and the client asks for * or 1:*; or for numbers past the end.", Do: "Look at EXISTS first.", Source: "docs/exchange.md#message-numbers (node-imap#615, #709, #762)"},
			{Title: "SEARCH with a key that Exchange does not know, such as KEYWORDS.", Source: "docs/exchange.md#message-numbers (node-imap#214)"},
		},
		Source: "docs/exchange.md#message-numbers",
	},
	{
		ID: "bad-charset", Title: "The specified charset is not supported", Kinds: []backend.Kind{backend.KindBadCharset},
		Replies:  []string{"NO [BADCHARSET (US-ASCII)] The specified charset is not supported."},
		Phrases:  []string{"BADCHARSET", "specified charset is not supported"},
		Keywords: []string{"search charset", "search umlaut", "search utf"},
		Meaning:  "Exchange searches in US-ASCII only: a text with other characters cannot be searched for.",
		Causes: []Cause{{
			Title:  "The client sends SEARCH CHARSET UTF-8, as libraries in Go do whatever the text.",
			Do:     "Search for ASCII words, or let the client search in its own copy.",
			Source: "docs/exchange.md#search (mattermail#7; [MS-STANXIMAP] section 2.2.24)",
		}},
		Source: "docs/exchange.md#search",
	},
	{
		ID: "read-only", Title: "NO Command received in Invalid state: the mailbox is open read-only", Kinds: []backend.Kind{backend.KindReadOnly},
		Replies:  []string{"NO Command received in Invalid state."},
		Phrases:  []string{"NO Command received in Invalid state"},
		Keywords: []string{"read only mailbox", "examine"},
		Meaning:  "With NO before it, not BAD: the client opened the mailbox with EXAMINE, read-only, and wants to change something.",
		Causes: []Cause{{
			Title:  "EXAMINE in place of SELECT.",
			Do:     "Open the mailbox with SELECT.",
			Source: "docs/exchange.md#ex-18 (mxk/go-imap#11)",
		}},
		See:    []string{"invalid-state"},
		Source: "docs/exchange.md#ex-18",
	},
}
