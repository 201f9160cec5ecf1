package knowledge

var syncEntries = []Entry{
	{
		ID: "sync-exchange", Title: "Syncing from or to Exchange 2000 to 2019, and imapsync's --exchange2",
		Keywords: []string{"sync exchange", "transfer exchange", "exchange account", "preset", "exchange2",
			"migrate exchange"},
		Meaning: "Point the client at exgate, and exgate at Exchange. exgate's profile replaces imapsync's preset " +
			"--exchange2, but does not skip or cut messages.",
		Causes: []Cause{
			{
				Title:  "First, IMAP must be on. By default it is off.",
				Do:     "Run: exgate explain imap-off.",
				Source: "FAQ.Exchange, \"How to sync from XXX to Exchange\" R0",
			},
			{
				Title: "With exgate, the preset is not needed. It does no harm.",
				Do: "Set upstream.profile: auto, or the profile of the version, such as exchange2016. As with the " +
					"preset, the profile allows 4 messages per second, disarms read-receipt requests, and does not send " +
					"\\Flagged with the message. exgate sets \\Flagged afterwards. A message may have 10 MiB, as " +
					"Exchange has it by default; the preset skips what has more than 10,000,000 bytes.",
				Lines: []string{
					`imapsync --host1 old.example.com --user1 '{user}' --passfile1 p1 --host2 127.0.0.1 --port2 1993 --ssl2 --user2 '{domain}\{admin}\{user}' --passfile2 p2`,
				},
				Source: "FAQ.Exchange, \"How to sync from XXX to Exchange\" R1",
			},
			{
				Title: "Without exgate, use the preset. The second line shows its options in imapsync 1.970 (on " +
					"Windows: \" instead of ', and no --maxlinelength).",
				Lines: []string{
					"imapsync ... --exchange2",
					`imapsync ... --maxsize 10_000_000 --maxmessagespersecond 4 --maxlinelength 10239 --regexflag 's/\\Flagged//g' --disarmreadreceipts --regexmess 's,(.{10239}),$1\r\n,g'`,
				},
				Source: "FAQ.Exchange, \"How to sync from XXX to Exchange\" R1",
			},
		},
		See:    []string{"imap-off", "admin-login", "long-lines", "throttled", "exchange2007", "inbox-prefix"},
		Source: "FAQ.Exchange, \"Can I use imapsync\", \"How to sync from XXX to Exchange\"",
	},
	{
		ID: "sync-online", Title: "Syncing from or to Office 365 (Exchange Online), and imapsync's --office1, " +
			"--office2",
		Keywords: []string{"sync office365", "sync office", "transfer office365", "transfer office",
			"office365 account", "migrate office365", "sync online", "office1", "office2"},
		Meaning: "The host is outlook.office365.com, port 993 with TLS. IMAP is not always on, and most tenants no " +
			"longer accept passwords.",
		Causes: []Cause{
			{
				Title:  "First, IMAP must be on, and the login must work.",
				Do:     "Run: exgate explain online-login.",
				Source: "FAQ.Office365, \"Can I use imapsync\"",
			},
			{
				Title: "With exgate, set upstream.profile: exchange-online.",
				Do: "As with --office2, the profile allows 45,000,000 bytes for a message and 4 messages per second, " +
					"and disarms read-receipt requests. It re-encodes long lines, and also removes $MDNSent.",
				Lines: []string{
					"exgate serve --set upstream.profile=exchange-online --set upstream.address=outlook.office365.com:993",
				},
				Source: "FAQ.Office365, \"How to sync from XXX to Office365\"",
			},
			{
				Title: "Without exgate, into Office 365: use the preset. The second line shows its options in " +
					"imapsync 1.870.",
				Lines: []string{
					"imapsync ... --office2",
					`imapsync ... --host2 outlook.office365.com --ssl2 --maxsize 45000000 --maxmessagespersecond 4 --disarmreadreceipts --regexmess "s,(.{10239}),$1\r\n,g" --f1f2 "Files=Files_renamed_by_imapsync"`,
				},
				Source: "FAQ.Office365, \"How to sync from XXX to Office365\"",
			},
			{
				Title: "Without exgate, out of Office 365: use the preset. The second line shows its options in " +
					"imapsync 1.970.",
				Lines: []string{
					"imapsync ... --office1",
					`imapsync ... --host1 outlook.office365.com --ssl1 --exclude "^Files$"`,
				},
				Source: "FAQ.Office365, \"How to sync from Office365 to XXX\"",
			},
		},
		See:    []string{"online-login", "limits", "files-folder", "reserved-name", "slow"},
		Source: "FAQ.Office365, \"How to sync from Office365 to XXX\", \"How to sync from XXX to Office365\"",
	},
	{
		ID: "public-folders", Title: "Public folders of Office 365",
		Keywords: []string{"public folder"},
		Meaning:  "IMAP cannot migrate public folders.",
		Causes: []Cause{{
			Title: "Microsoft describes another way. The second link is another description of it.",
			Lines: []string{
				"https://docs.microsoft.com/en-us/exchange/collaboration/public-folders/migrate-to-exchange-online?view=exchserver-2019",
				"https://www.exchangesavvy.com/moving-your-public-folders-to-office-365-what-you-need-to-know/",
			},
			Source: "FAQ.Office365, \"public folders\"",
		}},
		Source: "FAQ.Office365, \"public folders\"",
	},
}
