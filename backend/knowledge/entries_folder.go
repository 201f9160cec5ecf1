package knowledge

import "exgate/backend"

var folderEntries = []Entry{
	{
		ID: "mailbox-exists", Title: "Mailbox already exists", Kinds: []backend.Kind{backend.KindMailboxExists},
		Replies: []string{"NO Mailbox already exists."},
		Phrases: []string{"Mailbox already exists"},
		Keywords: []string{"mailbox exist", "folder exist", "case sensitive", "case folder", "trash", "nomixfolders",
			"merge folder"},
		Meaning: "For Exchange, names that differ only in case are the same: \"trash\" and \"Trash\" are one folder. " +
			"It also creates the parents of a folder together with it. The messages arrive anyway. Find the cause " +
			"once; usually it is harmless.",
		Causes: []Cause{
			{
				Title: "The folder exists with another case. imapsync --delete2 is then dangerous.",
				Tell:  "The source has \"trash\" and \"Trash\", or Exchange has its own \"Trash\".",
				Do: "Without exgate, two folders of the source become one. With --delete2, imapsync deletes the " +
					"messages of the first folder when it syncs the second. Give the folders different names. If the " +
					"source has only one of them, map its name:",
				Lines: []string{`imapsync ... --regextrans2 's/^trash$/Trash/'`,
					"imapsync ... --nomixfolders       (keeps such folders apart)"},
				Source: "FAQ.Exchange, FAQ.Office365, \"Mailbox already exists\"",
			},
			{
				Title:  "Exchange created the folder together with a folder below it.",
				Do:     "You need to do nothing: the folder exists.",
				Source: "docs/exchange.md#names (offlineimap#212, #645)",
			},
		},
		See:    []string{"reserved-name"},
		Source: "FAQ.Exchange, FAQ.Office365, \"Mailbox already exists\"; docs/exchange.md#case",
	},
	{
		ID: "reserved-name", Title: "Folder name is reserved", Kinds: []backend.Kind{backend.KindReservedName},
		Replies:  []string{"NO Folder name is reserved"},
		Phrases:  []string{"Folder name is reserved"},
		Keywords: []string{"reserved", "folder reserved", "create file folder", "refuse folder"},
		Meaning:  "Exchange Online reserves the name Files.",
		Causes: []Cause{{
			Title: "The source has a folder called Files.",
			Do: "Give the folder another name. exgate does so by itself (names.reserved), and imapsync's --office2 " +
				"too:",
			Lines:  []string{`imapsync ... --f1f2 "Files=Files_renamed_by_imapsync"`},
			Source: "FAQ.Office365, \"folder named Files\", \"How to sync from XXX to Office365\"",
		}},
		See:    []string{"files-folder"},
		Source: "FAQ.Office365, \"folder named Files\"",
	},
	{
		ID: "files-folder", Title: "A folder Files contains messages without a sender",
		Keywords: []string{"folder file", "file sender", "no sender", "files_renamed_by_imapsync",
			"message without sender"},
		Meaning: "Exchange Online keeps the attachments of all messages in a folder Files, without headers. The " +
			"folder is usually hidden, but not always. A sync copies its contents as messages without a sender.",
		Causes: []Cause{{
			Title:  "The sync copied Files like a mail folder.",
			Do:     "Exclude it at the source, as imapsync's --office1 does, and delete the copies:",
			Lines:  []string{`imapsync ... --exclude "^Files$"`},
			Source: "FAQ.Office365, \"contains messages with no sender\" (Perttu Aaltonen)",
		}},
		See:    []string{"reserved-name"},
		Source: "FAQ.Office365, \"contains messages with no sender\"",
	},
	{
		ID: "try-create", Title: "[TRYCREATE] The folder does not exist yet",
		Kinds:    []backend.Kind{backend.KindTryCreate},
		Phrases:  []string{"TRYCREATE"},
		Keywords: []string{"try create"},
		Meaning:  "The destination folder of a message does not exist. Most clients create it and try again.",
		Causes: []Cause{{
			Title:  "The client does not create folders, or creates one under another name.",
			Do:     "Create the folder. In Exchange, / separates the levels of a name.",
			Source: "RFC 9051 section 7.1",
		}},
		See:    []string{"no-mailbox", "mailbox-exists"},
		Source: "RFC 9051 section 7.1",
	},
	{
		ID: "no-mailbox", Title: "The folder does not exist", Kinds: []backend.Kind{backend.KindNoMailbox},
		Replies: []string{"NO INBOX doesn't exist."},
		Phrases: []string{"NO [NONEXISTENT]", "INBOX doesn't exist", "mailbox doesn't exist", "mailbox does not exist"},
		Keywords: []string{"folder missing", "folder not exist", "nonexistent", "slash name", "slash folder",
			"folder not listed", "folder hidden"},
		Meaning: "The server does not know the folder.",
		Causes: []Cause{
			{
				Title: "Somebody renamed or deleted the folder, or the client uses another separator. Exchange's " +
					"separator is /.",
				Do:     "Let the client read the list of folders again.",
				Source: "RFC 5530 section 3; docs/exchange.md#names",
			},
			{
				Title:  "INBOX: the mailbox has a second folder Inbox at its root.",
				Tell:   "The other folders open.",
				Do:     "Delete this folder, which is mostly empty, or give it another name.",
				Source: "docs/exchange.md#ex-81 (imapsync#459)",
			},
			{
				Title:  "The name of the folder contains a /. Exchange hides such a folder from IMAP.",
				Do:     "Rename the folder in Outlook.",
				Source: "docs/exchange.md#slash (MailKit#1858; KB Q234395)",
			},
			{
				Title:  "Exchange 2000 needs a prefix.",
				Do:     "Run: exgate explain inbox-prefix.",
				Source: "FAQ.Exchange, \"Exchange 2000\"",
			},
		},
		Exgate: "A missing INBOX does not refuse the login: the other folders can be used.",
		See:    []string{"try-create", "inbox-prefix", "trailing-blank"},
		Source: "RFC 5530 section 3",
	},
	{
		ID: "trailing-blank", Title: "Exchange 2007: a folder name with a blank at its end closes the connection",
		Phrases: []string{"Could not select: socket closed while reading data from server"},
		Keywords: []string{"trailing space", "trailing blank", "ending space", "folder space", "end space",
			"folder blank", "ending blank"},
		Meaning: "Exchange 2007 lists such a folder. When a client opens this folder or the next one, Exchange " +
			"closes the connection: \"socket closed while reading data from server\".",
		Causes: []Cause{{
			Title:  "The name of a folder ends in a blank.",
			Tell:   "It is the last folder in the client's log before the connection ends.",
			Do:     "Rename the folder in Thunderbird or Outlook, or exclude it:",
			Lines:  []string{`imapsync ... --exclude ' $'`},
			Source: "FAQ.Exchange, \"2007 folders ending with a space\" (imapsync#154)",
		}},
		See:    []string{"lost", "exchange2007"},
		Source: "FAQ.Exchange, \"2007 folders ending with a space\"; docs/exchange.md#blank-end (imapsync#154)",
	},
	{
		ID: "inbox-prefix", Title: "Exchange 2000: folders below INBOX.",
		Phrases:  []string{"clients do not see some mailboxes"},
		Keywords: []string{"sync 2000", "prefix", "2000 prefix", "prefix1", "inbox prefix"},
		Meaning: "In Exchange 2000, all folders are below INBOX. Their names begin with the prefix \"INBOX.\", with " +
			"the dot.",
		Causes: []Cause{{
			Title:  "The client does not find the prefix by itself.",
			Lines:  []string{`imapsync ... --prefix1 "INBOX."`},
			Source: "FAQ.Exchange, \"Exchange 2000\"",
		}},
		Exgate: "Profile exchange2000 has names.prefix: INBOX. Clients then do not see what is outside INBOX: exgate " +
			"check --login and the log say so: \"clients do not see some mailboxes\". names.prefix: off shows all.",
		See:    []string{"no-mailbox"},
		Source: "FAQ.Exchange, \"Exchange 2000\"",
	},
	{
		ID: "imap-log", Title: "Exchange's own IMAP log, and other logs of the conversation",
		Keywords: []string{"imap log", "protocol log", "protocollogenabled", "debug", "debugimap", "log exchange",
			"trace"},
		Meaning: "Exchange's replies say little. Its log says more.",
		Causes:  logCauses,
		See:     []string{"server-unavailable"},
		Source:  "FAQ.Exchange, \"Server Unavailable. 15\" R2",
	},
	{
		ID: Unknown, Title: "Not known", Kinds: []backend.Kind{backend.KindOther},
		Meaning: "exgate has no entry for this text. The replies before it, and Exchange's own log, tell more.",
		Causes:  logCauses,
		Source:  "FAQ.Exchange, \"Server Unavailable. 15\" R2",
	},
}

// logCauses are the ways to see more, the easiest first.
var logCauses = []Cause{
	{
		Title:  "The wire trace shows the conversation as exgate sees it, without passwords.",
		Lines:  []string{"exgate serve --set log.trace=FILE"},
		Source: "docs/config.md",
	},
	{
		Title:  "Mode observe shows what exgate would change, and how Exchange answers without any change.",
		Do:     "In this mode, exgate does not repair or refuse. For each message it logs what it would have done.",
		Lines:  []string{"exgate serve --set mode=observe --set log.trace=FILE"},
		Source: "docs/config.md",
	},
	{
		Title: "Exchange's own IMAP log has the reasons that its replies do not show.",
		Do:    "Switch the log off again afterwards, because it grows.",
		PowerShell: []string{
			"Set-ImapSettings -Server {server} -ProtocolLogEnabled $true",
			"Restart-Service MSExchangeImap4, MSExchangeIMAP4BE",
			"Get-ImapSettings -Server {server} | Format-List ProtocolLogEnabled, LogFileLocation",
		},
		Source: "FAQ.Exchange, \"Server Unavailable. 15\" R2; docs/exchange.md#settings (Set-ImapSettings)",
	},
	{
		Title:  "imapsync can print the conversation as it sees it.",
		Lines:  []string{"imapsync ... --debugimap2 --debugflags"},
		Source: "FAQ.Office365, \"Trying command when NOT connected\"; FAQ.Exchange, \"Exchange 2003\", \"Flagged\"",
	},
}
