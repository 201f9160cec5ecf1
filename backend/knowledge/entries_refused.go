package knowledge

import "exgate/backend"

var refusedEntries = []Entry{
	{
		ID: "argument-error", Title: "Command Argument Error. 11",
		Kinds:   []backend.Kind{backend.KindArgument, backend.KindLoginNotRead},
		Replies: []string{"BAD Command Argument Error. 11"},
		Phrases: []string{"Command Argument Error"}, // whatever the number
		Keywords: []string{"command argument error", "argument error", "argument error 11", "error 11", "argument 11",
			"message refused", "escalate", "fixes.escalate", "envelope", "shed"},
		Meaning: "Exchange answers this to everything that it does not accept: the size, the lines or the content of " +
			"a message, a flag, a command. After ten errors it closes the connection.",
		Causes: []Cause{
			{
				Title: "APPEND: the message is over the size limit, 10 MB by default (Exchange Online: 45 MB " +
					"according to the FAQ, 35 MB in a new tenant).",
				Tell: "imapsync prints the size in braces. On 2010, Exchange closes the connection with 14 at once.",
				Do: "Raise the limit (exgate explain too-big), which sometimes needs a reboot. Or skip such " +
					"messages:",
				Lines: []string{"imapsync ... --maxsize 10000000      (Exchange)",
					"imapsync ... --maxsize 45000000      (Exchange Online)"},
				Source: "FAQ.Exchange, FAQ.Office365, \"Command Argument Error 11\"; docs/exchange.md#append-size " +
					"(imapsync#5)",
			},
			{
				Title: "APPEND: the mailbox is full.",
				Tell:  "Exchange refuses small messages too.",
				Do:    "Raise the quota. Run: exgate explain server-unavailable.",
				PowerShell: []string{
					"Set-Mailbox -Identity {user} -IssueWarningQuota 499gb -ProhibitSendQuota 500gb -ProhibitSendReceiveQuota 500gb -UseDatabaseQuotaDefaults $false",
				},
				Source: "FAQ.Exchange, FAQ.Office365, \"Command Argument Error 11\"",
			},
			{
				Title: "APPEND: a line has more than 9,900 bytes (Exchange Online: 10,500).",
				Do: "exgate re-encodes it (fixes.long-lines). To sync without exgate, run: exgate explain " +
					"long-lines.",
				Source: "FAQ.Exchange, FAQ.Office365, \"Command Argument Error 11\"",
			},
			{
				Title: "APPEND: Exchange does not understand the content: a header that it cannot decode (also in an " +
					"attached message), charset TELETEX, or message/partial. Users reported read receipts (\"Read: " +
					"...\"), bounces, and drafts without the usual fields.",
				Do: "exgate repairs many of these (docs/fixes.md). imapsync comes with a script that repairs much of " +
					"this, and \"often does some miracles\":",
				Lines: []string{"imapsync ... --pipemess W/tools/fix_email_for_exchange.py"},
				Source: "FAQ.Exchange, \"Command Argument Error 11\"; docs/exchange.md#refused-content (freron.com; " +
					"imapsync#389, #285, #161)",
			},
			{
				Title:  "APPEND, STORE: Exchange does not support a keyword, such as $Forwarded.",
				Do:     "exgate removes it from messages (fixes.keywords). Run: exgate explain keywords.",
				Source: "docs/exchange.md#keywords (djcb/mu#1384, node-imap#602)",
			},
			{
				Title: "FETCH: the client asks for an item of another server, such as X-GM-LABELS, because " +
					"--synclabels or --resynclabels is left over from a sync with Gmail.",
				Do:     "Remove these options.",
				Source: "FAQ.Office365, \"Command Argument Error 11\"; docs/exchange.md#error-11 (imapsync#239)",
			},
			{
				Title:  "STORE, FETCH: Exchange 2010 refuses some messages for an unknown reason.",
				Do:     "Try the sequence number instead of the UID.",
				Source: "docs/exchange.md#error-11 (MailKit#1139)",
			},
		},
		Exgate: "exgate repairs or refuses in advance what it knows (long lines, size, keywords). If Exchange still " +
			"refuses a message, exgate repairs more and sends it again. fixes.escalate says how far: repair loses " +
			"nothing; shed leaves out what Exchange refuses; envelope sends a small message that carries the original " +
			"as a file, which saves what is refused otherwise. mode: observe with log.trace shows the conversation " +
			"without changes.",
		See:    []string{"too-big", "long-lines", "server-unavailable", "keywords", "closed", "argument-error-12"},
		Source: "FAQ.Exchange, FAQ.Office365, \"Command Argument Error 11\"; docs/exchange.md#error-11",
	},
	{
		ID: "argument-error-12", Title: "Command Argument Error. 12",
		Kinds:    []backend.Kind{backend.KindArgument, backend.KindLoginNotRead},
		Replies:  []string{"BAD Command Argument Error. 12"},
		Phrases:  []string{"Command Argument Error. 12"},
		Keywords: []string{"argument error 12", "error 12", "argument 12"},
		Meaning:  "This error is similar to 11. Nobody knows what the number 12 means.",
		Causes: []Cause{
			{
				Title: "The name of a folder has a quotation mark or a backslash, and the client sends it as a " +
					"quoted string, with \\\" or \\\\ in it.",
				Tell:   "Folders without these characters open.",
				Do:     "Rename the folder in Outlook, or let the client go through exgate.",
				Source: "docs/exchange.md#ex-70 (mail-api#152)",
			},
			{
				Title: "A login: Exchange cannot read the name or the password.",
				Do:    "Run: exgate explain login-failed.", Source: "docs/exchange.md#login-failures",
			},
			{
				Title: "The command is long. One user saw the error above 4,096 bytes.",
				Do: "Ask for fewer messages at a time. Otherwise the causes are the same as for 11: exgate explain " +
					"argument-error.",
				Source: "docs/exchange.md#error-12 (Mailspring-Sync#5)",
			},
		},
		Exgate: "exgate sends such names as literals, which Exchange takes.",
		See:    []string{"argument-error", "command-error"},
		Source: "docs/exchange.md#error-12",
	},
	{
		ID: "command-error", Title: "Command Error. 10",
		Kinds:    []backend.Kind{backend.KindCommand, backend.KindLoginNotRead},
		Replies:  []string{"BAD Command Error. 10"},
		Phrases:  []string{"Command Error. 10"},
		Keywords: []string{"command error", "command error 10", "error 10", "maxcommandsize"},
		Meaning: "Exchange does not know the command, or its line is too long. If the word before BAD is not one of " +
			"the client's tags but a word of a message, the failure is another one: exgate explain out-of-step.",
		Causes: []Cause{
			{
				Title: "The command line is over MaxCommandSize, 10,240 bytes by default: a long list of UIDs in a " +
					"SEARCH, FETCH or STORE.",
				Do: "Ask for fewer messages at a time. You can raise the limit a little:",
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
				Title:  "The command belongs to an extension that Exchange does not have, such as ENABLE.",
				Source: "docs/exchange.md#long-commands (MailKit#834)",
			},
		},
		Exgate: "exgate itself answers unknown commands, and those of extensions that this server has not announced " +
			"(SORT, GETACL, GETQUOTAROOT and others), so they cause no error at Exchange. It leaves out single items " +
			"that Exchange does not know, such as STATUS HIGHESTMODSEQ or SELECT (CONDSTORE).",
		See:    []string{"out-of-step", "long-lines", "command-line-limit"},
		Source: "docs/exchange.md#long-commands",
	},
	{
		ID: "command-line-limit", Title: "command line limit exceeded",
		Kinds:    []backend.Kind{backend.KindCommand, backend.KindLoginNotRead},
		Replies:  []string{"BAD command line limit exceeded"},
		Phrases:  []string{"command line limit exceeded"},
		Keywords: []string{"line limit", "command line limit"},
		Meaning:  "The command line is too long. This text is probably not from Exchange: other servers send it.",
		Causes: []Cause{{
			Title:  "The client sends a long list of UIDs, or another long command.",
			Do:     "Ask for fewer messages at a time. The greeting shows which server it is.",
			Source: "docs/exchange.md#other-servers (MailKit#1493, thunderbird-android#5558)",
		}},
		See:    []string{"command-error"},
		Source: "docs/exchange.md#other-servers",
	},
	{
		ID: "content-refused", Title: "Message contains NUL characters, or an invalid header",
		Kinds:    []backend.Kind{backend.KindContent},
		Replies:  []string{"NO Message contains NUL characters", "NO Message contains invalid header"},
		Phrases:  []string{"Message contains NUL characters", "Message contains invalid header"},
		Keywords: []string{"nul character", "nul byte", "invalid header", "header line", "repair header"},
		Meaning: "The server refuses the content of the message. This text is from Cyrus. Exchange answers Command " +
			"Argument Error. 11 instead.",
		Causes: []Cause{{
			Title: "The message has NUL bytes, or header lines without a colon.",
			Do:    "imapsync can repair the message during the sync:",
			Lines: []string{`imapsync ... --regexmess 's/\x00//g'`,
				"imapsync ... --pipemess W/tools/fix_email_for_exchange.py"},
			Source: "docs/exchange.md#other-servers (FAQ.APPEND_errors; cyrus-imapd#721)",
		}},
		Exgate: "exgate repairs both: NUL bytes always (fixes.nul-bytes), and lines of a header that are no fields " +
			"after Exchange has refused the message (fixes.long-headers).",
		See:    []string{"argument-error"},
		Source: "docs/exchange.md#other-servers, docs/exchange.md#refused-content",
	},
	{
		ID: "keywords", Title: "Flags that Exchange does not support ($Forwarded, NonJunk, labels)",
		Phrases: []string{"Invalid flag list", "Invalid system flag"},
		Keywords: []string{"keyword", "flag refused", "forwarded flag", "nonjunk", "label", "tags", "permanentflags",
			"unknown flag"},
		Meaning: "Exchange keeps the five system flags and $MDNSent, and announces them in PERMANENTFLAGS. It " +
			"refuses other flags with Command Argument Error. 11. Over IMAP, it does not show Outlook's categories.",
		Causes: []Cause{{
			Title: "The client sends its own keywords, or those of another server.",
			Do: "exgate removes them from messages (fixes.keywords: drop). Without exgate, use this option for each " +
				"keyword:",
			Lines:  []string{`imapsync ... --regexflag 's/\$Forwarded//g' --debugflags`},
			Source: "docs/exchange.md#keywords; FAQ.Exchange, \"Flagged\" (--debugflags)",
		}},
		Exgate: "With fixes.keywords: drop, exgate does not send keywords that the mailbox does not keep. It removes " +
			"them from a STORE too, and sends the other flags.",
		See:    []string{"argument-error", "flagged", "mdnsent"},
		Source: "docs/exchange.md#keywords",
	},
	{
		ID: "message-set", Title: "The specified message set is invalid", Kinds: []backend.Kind{backend.KindMessageSet},
		Replies:  []string{"BAD The specified message set is invalid.", "NO The specified message set is invalid."},
		Phrases:  []string{"specified message set is invalid"},
		Keywords: []string{"message set", "empty mailbox", "fetch star"},
		Meaning:  "The mailbox does not have the messages that the command names.",
		Causes: []Cause{
			{
				Title: "The mailbox is empty and the client asks for * or 1:*, or the client uses numbers after the " +
					"last message.",
				Do:     "Let the client check EXISTS first.",
				Source: "docs/exchange.md#message-numbers (node-imap#615, #709, #762)",
			},
			{
				Title:  "A SEARCH uses a key that Exchange does not know, such as KEYWORDS.",
				Source: "docs/exchange.md#message-numbers (node-imap#214)",
			},
		},
		Exgate: "exgate itself answers a SEARCH with a key of an extension that the server has not announced, such " +
			"as OLDER or X-GM-RAW.",
		Source: "docs/exchange.md#message-numbers",
	},
	{
		ID: "bad-charset", Title: "The specified charset is not supported",
		Kinds:    []backend.Kind{backend.KindBadCharset},
		Replies:  []string{"NO [BADCHARSET (US-ASCII)] The specified charset is not supported."},
		Phrases:  []string{"BADCHARSET", "specified charset is not supported"},
		Keywords: []string{"search charset", "search umlaut", "search utf"},
		Meaning:  "Exchange can search only for US-ASCII text, not for other characters.",
		Causes: []Cause{{
			Title:  "The client sends SEARCH CHARSET UTF-8. Go libraries do so even for ASCII text.",
			Do:     "Search for ASCII words, or let the client search in its own copy of the messages.",
			Source: "docs/exchange.md#search (mattermail#7; [MS-STANXIMAP] section 2.2.24)",
		}},
		Source: "docs/exchange.md#search",
	},
	{
		ID: "read-only", Title: "NO Command received in Invalid state: the mailbox is open read-only",
		Kinds:    []backend.Kind{backend.KindReadOnly},
		Replies:  []string{"NO Command received in Invalid state."},
		Phrases:  []string{"NO Command received in Invalid state"},
		Keywords: []string{"read only mailbox", "examine"},
		Meaning: "This text comes with NO, not with BAD. The client has opened the mailbox with EXAMINE, which is " +
			"read-only, and tries to change something.",
		Causes: []Cause{{
			Title:  "The client used EXAMINE instead of SELECT.",
			Do:     "Open the mailbox with SELECT.",
			Source: "docs/exchange.md#ex-18 (mxk/go-imap#11)",
		}},
		See:    []string{"invalid-state"},
		Source: "docs/exchange.md#ex-18",
	},
}
