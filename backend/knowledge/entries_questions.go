package knowledge

// questionEntries answer what users ask about a migration as a whole, without an error.
var questionEntries = []Entry{
	{
		ID: "duplicates", Title: "Messages arrive again at each run of a sync",
		Keywords: []string{"duplicate", "copied again", "again run", "each run", "every run", "twice",
			"double message"},
		Meaning: "A sync recognizes a message by something that the two servers must show alike. Exchange stores " +
			"messages as properties and writes them anew, so that their size and the order of their fields change.",
		Causes: []Cause{
			{
				Title: "imapsync compares fields that Exchange, or a repair, has changed: Message-Id and Received " +
					"by default.",
				Do:     "Compare the Message-Id alone. Messages without one get a key of their own with --addheader.",
				Lines:  []string{"imapsync ... --useheader Message-Id", "imapsync ... --addheader"},
				Source: "imapsync#137, #246, #474; docs/exchange.md#regenerated",
			},
			{
				Title: "Two folders of the source are one folder in Exchange, because their names differ in " +
					"case only.",
				Do:     "Set names.case: apart. Run: exgate explain names.",
				Source: "docs/exchange.md#case",
			},
			{
				Title: "An earlier run lost a reply, and the client did not look before it sent the message again.",
				Do: "Run: exgate explain outcome-unknown. imapsync --delete2duplicates removes what is " +
					"there twice.",
				Source: "docs/design.md#lost-append",
			},
		},
		Exgate: "exgate never changes Message-ID, Date or Received. After a lost reply it looks whether the message " +
			"has arrived before it sends it again.",
		See:    []string{"outcome-unknown", "mailbox-exists"},
		Source: "imapsync#137, #246, #474",
	},
	{
		ID: "archive-mailbox", Title: "The archive mailbox of Exchange is not to be seen over IMAP",
		Keywords: []string{"archive mailbox", "online archive", "place archive", "archive missing"},
		Meaning: "IMAP shows the primary mailbox. The archive mailbox (In-Place Archive, Online Archive) is a second " +
			"one, which only Outlook and Outlook on the web open. A folder called Archive is not it.",
		Causes: []Cause{{
			Title: "Messages are to be copied to or from an archive mailbox.",
			Do: "To it: copy to the primary mailbox, and let a retention policy move the messages. From it: export " +
				"it to a PST (on premises), or search and export it (Exchange Online).",
			PowerShell: []string{
				"Enable-Mailbox -Identity {user} -Archive",
				"New-MailboxExportRequest -Mailbox {user} -IsArchive -FilePath '\\\\<server>\\<share>\\archive.pst'",
			},
			Source: "Microsoft Learn, In-Place Archiving in Exchange 2013",
		}},
		See:    []string{"dates"},
		Source: "Microsoft Learn, In-Place Archiving in Exchange 2013",
	},
	{
		ID: "all-unread", Title: "All messages are unread after the sync",
		Keywords: []string{"all unread", "unread sync", "read unread", "unread transfer", "unread migrate",
			"everything unread"},
		Meaning: "Whether a message is read is its flag \\Seen, which the client sends with APPEND or STORE.",
		Causes: []Cause{
			{
				Title:  "The program stores messages without flags.",
				Tell:   "exgate's trace shows APPEND without a list of flags.",
				Do:     "Use the program's option for flags; imapsync copies them unless --noresyncflags stands there.",
				Source: "tecnologicachile/mail-mcp#8",
			},
			{
				Title: "Public folders keep for each user what is read: the one who copied has read them, others " +
					"have not.",
				PowerShell: []string{"Set-PublicFolder -Identity '\\<folder>' -PerUserReadStateEnabled $false"},
				Source:     "learn.microsoft.com/powershell/module/exchange/set-publicfolder",
			},
		},
		Exgate: "exgate sends \\Seen as it came. fixes.keywords concerns other flags only.",
		See:    []string{"flagged", "keywords", "public-folders"},
		Source: "RFC 9051 section 2.3.2",
	},
	{
		ID: "calendars", Title: "Calendars, contacts and tasks do not come over IMAP",
		Keywords: []string{"calendar", "contact", "task", "address book", "appointment", "note"},
		Meaning: "Exchange lists its folders for calendars, contacts, tasks and notes like folders of mail, but " +
			"their items are no messages. Copied over IMAP they arrive as mail, and not as appointments.",
		Causes: []Cause{{
			Title: "They are to be migrated too.",
			Do: "Use another way for them: export and import a PST, ICS or CSV in Outlook, or a tool that speaks " +
				"EWS, Graph or CalDAV.",
			PowerShell: []string{
				"New-MailboxImportRequest -Mailbox {user} -FilePath '\\\\<server>\\<share>\\{user}.pst'",
			},
			Source: "docs/exchange.md#folders-without-mail (imapsync#154, QuickMail#613)",
		}},
		Exgate: "exgate hides these folders from clients (names.hide), and the log and exgate check --login name " +
			"them. names.hide: [off] shows them.",
		See:    []string{"retrieval-failed", "names"},
		Source: "docs/exchange.md#folders-without-mail",
	},
	{
		ID: "names", Title: "What exgate does about the names of folders",
		Keywords: []string{"folder name", "mailbox name", "rename folder", "names.case", "names.characters",
			"exgate name", "folder character"},
		Meaning: "For Exchange, names that differ only in case are equal. It drops control characters, and blanks at " +
			"the end of a name. It reserves the name Files, and limits the length of each level of a name.",
		Causes: []Cause{{
			Title: "A folder has another name in Exchange than for the client.",
			Do: "You need to do nothing. names.list and names.patterns are for names of your own, and names.hide for " +
				"folders that clients shall not see.",
			Source: "docs/names.md",
		}},
		Exgate: "exgate maps names both ways. trash beside Trash gets a suffix in Exchange (names.case: apart), " +
			"blanks and control characters become visible ones (names.characters), a long level continues below " +
			"(names.longest), Files is Files_renamed_by_imapsync there (names.reserved), and names with a quote " +
			"or a backslash go as literals. exgate check --login shows each name on both sides.",
		See:    []string{"mailbox-exists", "reserved-name", "trailing-blank", "no-mailbox"},
		Source: "docs/names.md; docs/exchange.md#names",
	},
	{
		ID: "done", Title: "DONE without an IDLE",
		Phrases:  []string{"DONE without IDLE", "DONE BAD"},
		Keywords: []string{"done idle", "stray done"},
		Meaning: "DONE ends an IDLE (RFC 2177). If the IDLE is over already, because the server has answered it or " +
			"the connection was renewed, DONE is a command without a tag, and gets BAD.",
		Causes: []Cause{{
			Title:  "The client sent DONE when the reply to its IDLE was on its way.",
			Do:     "It is harmless: the client goes on. Exchange itself would count it as one of ten errors.",
			Source: "RFC 2177 section 3; docs/exchange.md#error-12 (node-imap#300)",
		}},
		Exgate: "exgate answers it, and sends nothing of it to Exchange.",
		See:    []string{"invalid-state"},
		Source: "RFC 2177 section 3",
	},
}
