package knowledge

import "exgate/backend"

var folderEntries = []Entry{
	{
		ID: "mailbox-exists", Title: "Mailbox already exists", Kinds: []backend.Kind{backend.KindMailboxExists},
		Replies:  []string{"NO Mailbox already exists."},
		Phrases:  []string{"Mailbox already exists"},
		Keywords: []string{"mailbox exist", "folder exist", "case sensitive", "case folder", "trash", "nomixfolders", "merge folder"},
		Meaning:  "Exchange does not tell names apart that differ in case only: \"trash\" and \"Trash\" are one folder. It also makes the parents of a folder together with it. The messages arrive all the same; look why, once, and it is fine most of the time.",
		Causes: []Cause{
			{
				Title:  "The folder is there in another case: imapsync --delete2 is dangerous now.",
				Tell:   "The source has \"trash\" beside \"Trash\", or Exchange has \"Trash\" of its own.",
				Do:     "Two folders of the source become one. With --delete2 the messages of the first are deleted when the second is synced. Give them different names, or map one to the other only where the source has one of them:",
				Lines:  []string{`imapsync ... --regextrans2 's/^trash$/Trash/'`, "imapsync ... --nomixfolders       (keeps such folders apart)"},
				Source: "FAQ.Exchange, FAQ.Office365, \"Mailbox already exists\"",
			},
			{
				Title:  "The folder was made together with a folder below it.",
				Do:     "Nothing: it is there.",
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
		Meaning:  "Exchange Online keeps the name Files for itself.",
		Causes: []Cause{{
			Title:  "A folder Files of the source.",
			Do:     "Give it another name; imapsync's --office2 uses this one:",
			Lines:  []string{`imapsync ... --f1f2 "Files=Files_renamed_by_imapsync"`},
			Source: "FAQ.Office365, \"folder named Files\", \"How to sync from XXX to Office365\"",
		}},
		See:    []string{"files-folder"},
		Source: "FAQ.Office365, \"folder named Files\"",
	},
	{
		ID: "files-folder", Title: "A folder Files holds messages without a sender",
		Keywords: []string{"folder file", "file sender", "no sender", "files_renamed_by_imapsync", "message without sender"},
		Meaning:  "Exchange Online keeps the attachments of all messages in a folder Files, without headers. It is usually hidden, and sometimes shows; what is in it is copied elsewhere as messages with no sender.",
		Causes: []Cause{{
			Title:  "Files was synced like a mail folder.",
			Do:     "Leave it out at the source, as imapsync's --office1 does, and delete the copies:",
			Lines:  []string{`imapsync ... --exclude "^Files$"`},
			Source: "FAQ.Office365, \"contains messages with no sender\" (Perttu Aaltonen)",
		}},
		See:    []string{"reserved-name"},
		Source: "FAQ.Office365, \"contains messages with no sender\"",
	},
	{
		ID: "try-create", Title: "[TRYCREATE] There is no such folder yet", Kinds: []backend.Kind{backend.KindTryCreate},
		Phrases:  []string{"TRYCREATE"},
		Keywords: []string{"try create"},
		Meaning:  "The folder that a message is to go to does not exist; most clients create it and try again.",
		Causes: []Cause{{
			Title:  "The client does not create folders, or under another name.",
			Do:     "Create it. Exchange separates levels by /.",
			Source: "RFC 9051 section 7.1",
		}},
		See:    []string{"no-mailbox", "mailbox-exists"},
		Source: "RFC 9051 section 7.1",
	},
	{
		ID: "no-mailbox", Title: "There is no such folder", Kinds: []backend.Kind{backend.KindNoMailbox},
		Phrases:  []string{"NO [NONEXISTENT]", "mailbox doesn't exist", "mailbox does not exist"},
		Keywords: []string{"folder missing", "folder not exist", "nonexistent", "slash name", "slash folder", "folder not listed", "folder hidden"},
		Meaning:  "The server does not know the folder.",
		Causes: []Cause{
			{Title: "It was renamed or deleted meanwhile, or is written with another separator: Exchange's is /.", Do: "Let the client read the list of folders again.", Source: "RFC 5530 section 3; docs/exchange.md#names"},
			{Title: "Its name has a / in it: Exchange hides such a folder from IMAP altogether.", Do: "Rename it in Outlook.", Source: "docs/exchange.md#slash (MailKit#1858; KB Q234395)"},
			{Title: "Exchange 2000 wants a prefix.", Do: "Run: exgate explain inbox-prefix.", Source: "FAQ.Exchange, \"Exchange 2000\""},
		},
		See:    []string{"try-create", "inbox-prefix", "trailing-blank"},
		Source: "RFC 5530 section 3",
	},
	{
		ID: "trailing-blank", Title: "Exchange 2007: a folder whose name ends in a blank ends the connection",
		Phrases:  []string{"Could not select: socket closed while reading data from server"},
		Keywords: []string{"trailing space", "trailing blank", "ending space", "folder space", "end space", "folder blank", "ending blank"},
		Meaning:  "Exchange 2007 lists such a folder; when it is opened, or at the next folder, the connection ends: \"socket closed while reading data from server\".",
		Causes: []Cause{{
			Title:  "A folder's name ends in a blank.",
			Tell:   "The last folder in the client's log before the end.",
			Do:     "Rename it without the blank, in Thunderbird or Outlook; or leave it out:",
			Lines:  []string{`imapsync ... --exclude ' $'`},
			Source: "FAQ.Exchange, \"2007 folders ending with a space\" (imapsync#154)",
		}},
		See:    []string{"lost", "exchange2007"},
		Source: "FAQ.Exchange, \"2007 folders ending with a space\"; docs/exchange.md#blank-end (imapsync#154)",
	},
	{
		ID: "inbox-prefix", Title: "Exchange 2000: folders below INBOX.",
		Keywords: []string{"sync 2000", "prefix", "2000 prefix", "prefix1", "inbox prefix"},
		Meaning:  "From Exchange 2000 folders are read with the prefix INBOX. and a dot.",
		Causes: []Cause{{
			Title:  "The client does not find that by itself.",
			Lines:  []string{`imapsync ... --prefix1 "INBOX."`},
			Source: "FAQ.Exchange, \"Exchange 2000\"",
		}},
		See:    []string{"no-mailbox"},
		Source: "FAQ.Exchange, \"Exchange 2000\"",
	},
	{
		ID: "imap-log", Title: "Exchange's own IMAP log, and what else shows the conversation",
		Keywords: []string{"imap log", "protocol log", "protocollogenabled", "debug", "debugimap", "log exchange", "trace"},
		Meaning:  "Exchange's replies say little; its log says more.",
		Causes:   logCauses,
		See:      []string{"server-unavailable"},
		Source:   "FAQ.Exchange, \"Server Unavailable. 15\" R2",
	},
	{
		ID: Unknown, Title: "Not known", Kinds: []backend.Kind{backend.KindOther},
		Meaning: "Nothing is known of this. What was said before it, and what Exchange itself logs, tells more.",
		Causes:  logCauses,
		Source:  "FAQ.Exchange, \"Server Unavailable. 15\" R2",
	},
}

// logCauses are the ways to see more, the easiest first.
var logCauses = []Cause{
	{
		Title:  "The conversation as exgate sees it: the wire trace, without passwords.",
		Lines:  []string{"exgate serve --set log.trace=FILE"},
		Source: "docs/config.md",
	},
	{
		Title:  "What exgate would change, and what Exchange says when nothing is changed: mode observe.",
		Do:     "It repairs and refuses nothing, and logs for each message what it would have done.",
		Lines:  []string{"exgate serve --set mode=observe --set log.trace=FILE"},
		Source: "docs/config.md",
	},
	{
		Title: "Exchange's own IMAP log, with the reasons that its replies leave out.",
		Do:    "Switch it off again afterwards: it grows.",
		PowerShell: []string{
			"Set-ImapSettings -Server {server} -ProtocolLogEnabled $true",
			"Restart-Service MSExchangeImap4, MSExchangeIMAP4BE",
			"Get-ImapSettings -Server {server} | Format-List ProtocolLogEnabled, LogFileLocation",
		},
		Source: "FAQ.Exchange, \"Server Unavailable. 15\" R2; docs/exchange.md#settings (Set-ImapSettings)",
	},
	{
		Title:  "The conversation as imapsync sees it.",
		Lines:  []string{"imapsync ... --debugimap2 --debugflags"},
		Source: "FAQ.Office365, \"Trying command when NOT connected\"; FAQ.Exchange, \"Exchange 2003\", \"Flagged\"",
	},
}
