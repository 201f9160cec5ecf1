package knowledge

import "exgate/backend"

var connectionEntries = []Entry{
	{
		ID: "unreachable", Title: "No connection to Exchange", Kinds: []backend.Kind{backend.KindUnreachable},
		Phrases: []string{"connection refused", "connect: connection timed out", "no route to host",
			"unable to connect to", "can not open imap connection", "could not connect to", "i/o timeout",
			"name or service not known", "no such host", "server did not respond", "actively refused it"},
		Keywords: []string{"connect refused", "connection refused", "cannot connect", "port 993", "port 143"},
		Meaning:  "exgate, or the client, cannot connect to the server.",
		Causes: []Cause{
			{
				Title:      "Exchange's IMAP services do not run. They are off after an installation.",
				Tell:       "The server refuses the connection at once, on port 143 and on port 993.",
				PowerShell: append([]string{"Get-Service MSExchangeImap4, MSExchangeIMAP4BE"}, startServices...),
				Click: "services.msc: Microsoft Exchange IMAP4, Microsoft Exchange IMAP4 Backend: startup type " +
					"Automatic, Start",
				Source: "FAQ.Exchange, \"How to sync from XXX to Exchange\" R0",
			},
			{
				Title: "The name or the port of the server is wrong, or a firewall blocks the connection.",
				Tell: "Run one of these commands on the machine that runs exgate. If it cannot connect, exgate " +
					"cannot either.",
				Lines: []string{"Test-NetConnection '<server>' -Port 993                (PowerShell)",
					"openssl s_client -connect <server>:993 -quiet          (Unix)"},
				Do:     "Set upstream.address. Exchange Online: outlook.office365.com:993.",
				Source: "FAQ.Office365, \"Can I use imapsync\" R7",
			},
			{
				Title:  "No certificate, or a wrong one, is bound to the IMAP service.",
				Tell:   "The connection opens, but the TLS handshake fails.",
				Do:     "Run: exgate explain certificate.",
				Source: "FAQ.Exchange, \"How to sync from XXX to Exchange\" R0",
			},
			{
				Title:  "There are too many connections. Exchange may refuse new ones beyond its limits.",
				Do:     "Run: exgate explain too-many-connections.",
				Source: "docs/exchange.md#connections (node-imap#523)",
			},
		},
		Exgate: "exgate answers the client with NO [UNAVAILABLE], without addresses. exgate's log has the error of " +
			"the operating system.",
		See:    []string{"imap-off", "certificate", "closed-at-once"},
		Source: "docs/exchange.md#connections; FAQ.Exchange, \"How to sync from XXX to Exchange\" R0",
	},
	{
		ID: "closed-at-once", Title: "Connection is closed. 13: Exchange closes the connection at once",
		Kinds:    []backend.Kind{backend.KindClosedAtOnce},
		Replies:  []string{"BYE Connection is closed. 13"},
		Phrases:  []string{"Connection is closed. 13"},
		Keywords: []string{"connection closed 13", "bye once", "closed once", "error 13"},
		Meaning: "Exchange sends BYE right after the first command. Microsoft documents no reason, and nobody has " +
			"found one.",
		Causes: []Cause{
			{
				Title: "The front end answers, but the IMAP back end does not run or is not healthy (2013 and later).",
				PowerShell: append([]string{
					"Get-ServerComponentState {server} | Where-Object Component -like 'Imap*'",
					"Set-ServerComponentState {server} -Component ImapProxy -State Active -Requester HealthAPI",
				}, startServices...),
				Source: "FAQ.Exchange, \"How to sync from XXX to Exchange\" R0 (both services); the order is ours",
			},
			{
				Title:  "Exchange has another reason, which only its own IMAP log shows.",
				Do:     "Run: exgate explain imap-log.",
				Source: "docs/exchange.md#greeting (MailKit#209)",
			},
		},
		See:    []string{"imap-off", "imap-log"},
		Source: "docs/exchange.md#greeting (MailKit#209)",
	},
	{
		ID: "closed", Title: "BYE Connection closed. 14: Exchange ends the session",
		Kinds:    []backend.Kind{backend.KindClosed},
		Replies:  []string{"BYE Connection closed. 14", "BYE Connection closed."},
		Phrases:  []string{"Connection closed. 14"},
		Keywords: []string{"connection closed", "connection closed 14", "10 errors", "ten errors", "error 14"},
		Meaning:  "Exchange has ended the session. The reason is in the replies before this one: read them first.",
		Causes: []Cause{
			{
				Title: "Ten errors: Exchange closes a connection after its tenth BAD, and after the second " +
					"\"authenticated but not connected\" or \"Invalid state\".",
				Tell: "The log has BAD Command Argument Error or BAD Command Error before it.",
				Do:   "Fix the cause of those errors, and start the sync again. It continues where it stopped.",
				Source: "FAQ.Exchange, \"Command Argument Error 11\"; docs/exchange.md#ten-errors, " +
					"docs/exchange.md#not-connected, docs/exchange.md#invalid-state",
			},
			{
				Title:  "Exchange throttles the account.",
				Tell:   "The log has \"Request is throttled\" before it. imapsync shows this only with --debugimap.",
				Do:     "Run: exgate explain throttled.",
				Source: "docs/exchange.md#throttling (oauth2-proxy#191)",
			},
			{
				Title:  "A message is over the size limit (2010).",
				Tell:   "The connection closes after an APPEND of more than 10 MB.",
				Do:     "Run: exgate explain too-big.",
				Source: "docs/exchange.md#ex-06 (imapsync#5)",
			},
			{
				Title: "The service restarts, or the connection was idle for too long: 30 minutes after login, 1 " +
					"minute before it.",
				Source: "docs/exchange.md#settings (Set-ImapSettings)",
			},
		},
		Exgate: "exgate repairs or refuses commands that are certain to cause an error, and changes to a new " +
			"connection before the tenth error. If Exchange closes the connection, exgate continues on a new one " +
			"(upstream.resume), provided that it can prove that the message numbers are unchanged. Otherwise it " +
			"tells the client Exchange's last error.",
		See:    []string{"argument-error", "throttled", "not-connected", "lost"},
		Source: "FAQ.Exchange, \"Command Argument Error 11\"; docs/exchange.md#ten-errors (MailKit#849, #1496)",
	},
	{
		ID: "lost", Title: "Trying command when NOT connected! The connection was lost",
		Kinds: []backend.Kind{backend.KindLost},
		Phrases: []string{"Trying command when NOT connected", "connection reset by peer", "broken pipe",
			"unexpected EOF", "socket closed while reading data from server", "connection was lost",
			"forcibly closed by the remote host", "server has unexpectedly terminated the connection",
			"connection to the server was interrupted"},
		Keywords: []string{"not connected", "trying command", "lost connection", "connection lost", "disconnect",
			"disconnected"},
		Meaning: "The connection ended, and the client continued to send. This text hides the reason, which is the " +
			"server's last reply: often a throttle, or ten errors.",
		Causes: []Cause{
			{
				Title: "Exchange throttles the account, and the client does not show it.",
				Tell: "imapsync --debugimap2 (or --debugimap1) shows \"Request is throttled. Suggested Backoff " +
					"Time\". exgate shows it in its log and in its last reply.",
				Do:     "Run: exgate explain throttled.",
				Source: "FAQ.Office365, \"Trying command when NOT connected\"; imapsync#272",
			},
			{
				Title:  "The connection has had ten errors.",
				Do:     "Run: exgate explain closed.",
				Source: "FAQ.Exchange, \"Command Argument Error 11\"",
			},
			{
				Title: "A line of a message is too long. Exchange stops reading the message and closes the " +
					"connection.",
				Do:     "Run: exgate explain out-of-step.",
				Source: "docs/exchange.md#long-lines (node-imap#868)",
			},
			{
				Title:  "The name of a folder ends in a blank (2007).",
				Do:     "Run: exgate explain trailing-blank.",
				Source: "FAQ.Exchange, \"2007 folders ending with a space\"",
			},
			{
				Title:  "The network failed, a load balancer closed an idle connection, or a server restarted.",
				Do:     "Start the sync again. It continues where it stopped.",
				Source: "FAQ.Exchange, \"SSL read error\" R1",
			},
		},
		Exgate: "exgate waits out throttles. If the connection is lost, it continues on a new one (upstream.resume), " +
			"provided that it can prove that the message numbers are unchanged. Otherwise it tells the client " +
			"Exchange's last error. A login that is lost is tried once more.",
		See:    []string{"throttled", "closed", "ssl-read-error"},
		Source: "FAQ.Office365, \"Trying command when NOT connected\"",
	},
	{
		ID: "outcome-unknown", Title: "Nobody knows whether Exchange stored the message, or executed the command",
		Phrases: []string{"it is not known whether the message was stored", "it is not known whether it was done",
			"message without a reply", "a command without a reply"},
		Keywords: []string{"not known stored", "may have been stored", "without reply", "duplicate message",
			"append reply lost"},
		Meaning: "This text is from exgate. The connection to Exchange was lost between the command and its reply. " +
			"exgate first looks for a message in the mailbox. It sends this text only if it could not look, or could " +
			"not distinguish the message from others.",
		Causes: []Cause{{
			Title: "Exchange or the network dropped the connection at that moment.",
			Do: "Run the sync again. imapsync and mbsync first look at the existing messages, and do not send a " +
				"message again that has arrived. exgate's log has the reason, under the session's id.",
			Source: "RFC 9051 section 6.3.12; FAQ.Exchange, \"SSL read error\" R1",
		}},
		Exgate: "If exgate finds the message, it answers OK with the message's UID. If the message is certainly " +
			"absent, exgate sends it again. Exchange Online may show a new message only after a minute: exgate waits for " +
			"it, and does not take it for absent.",
		See:    []string{"lost", "closed"},
		Source: "RFC 9051 section 6.3.12",
	},
	{
		ID: "too-many-connections", Title: "Too many connections",
		Phrases: []string{"too many simultaneous connections", "too many connections",
			"Maximum number of connections"},
		Keywords: []string{"many connection", "connection limit", "maxconnectionsperuser", "connections per user"},
		Meaning: "Exchange has no text of its own for this. Beyond the limit, a login fails with \"User is " +
			"authenticated but not connected\", or Exchange refuses the connection. These texts are from other " +
			"servers.",
		Causes: []Cause{
			{
				Title: "One user has more connections than MaxConnectionsPerUser, which is 16 by default. All " +
					"connections of an admin count together, for all mailboxes that they open.",
				Do: "Run fewer clients at a time, or raise the limit. On Exchange Online, where users report 16 or " +
					"20, you cannot raise it.",
				PowerShell: []string{
					"Get-ImapSettings -Server {server} | Format-List MaxConnection*",
					"Set-ImapSettings -Server {server} -MaxConnectionsPerUser 64",
					"Restart-Service MSExchangeImap4, MSExchangeIMAP4BE",
				},
				Source: "docs/exchange.md#connections (Set-ImapSettings; node-imap#523; j-lawyer-org#2235)",
			},
			{
				Title:  "The throttling policy limits simultaneous requests (ImapMaxConcurrency).",
				Do:     "Run: exgate explain throttled.",
				Source: "docs/exchange.md#throttling (New-ThrottlingPolicy)",
			},
		},
		See:    []string{"not-connected", "throttled"},
		Source: "docs/exchange.md#connections",
	},
	{
		ID: "wrong-server", Title: "OK with an error in it: WrongServerException, Cross Server access is not allowed",
		Replies:  []string{`OK [Error="Microsoft.Exchange.Data.Storage.WrongServerException:Cross Server access is not allowed for mailbox <guid>" AuthResultFromPopImapEnd=0 Proxy=<host>:1993:SSL MailboxBE=<host> Service=Imap4] AUTHENTICATE completed.`},
		Phrases:  []string{"WrongServerException", "Cross Server access is not allowed"},
		Keywords: []string{"cross server", "wrong server"},
		Meaning: "Exchange's front end accepted the login but reached the wrong mailbox server, and its diagnostics " +
			"are in the OK reply. Many clients cannot parse this reply.",
		Causes: []Cause{{
			Title: "The mailbox was moved, and the front end does not yet know its new server.",
			Do: "Try again later. If the error stays, restart the IMAP services of the front end, and read " +
				"Exchange's own IMAP log (exgate explain imap-log).",
			Source: "docs/exchange.md#error-code (ruby/net-imap#597); the remedy is ours",
		}},
		Exgate: "exgate accepts the reply as OK, but first checks that the INBOX opens.",
		See:    []string{"not-connected", "imap-log"},
		Source: "docs/exchange.md#error-code (ruby/net-imap#597)",
	},
	{
		ID: "out-of-step", Title: "<body BAD Command Error. 10: Exchange executes a message as commands",
		Kinds: []backend.Kind{backend.KindOutOfStep},
		Phrases: []string{"<* BAD Command Error. 10", "<* BAD Command Argument Error", "unexpected tag", "unknown tag",
			"bogus tag"},
		Keywords: []string{"bogus tag", "unexpected tag", "unknown tag", "body bad"},
		Meaning: "Exchange stops reading a message in the middle, and executes the rest of it as commands. The word " +
			"before BAD is the first word of a line of the message (<body, <meta, </td, or any other word). Exchange " +
			"never answers the APPEND, and closes the connection.",
		Causes: []Cause{{
			Title: "A line of the message is too long. Exchange's limit for commands, 10,240 bytes, applies to it.",
			Tell:  "The message has HTML or text without line ends.",
			Do: "exgate re-encodes lines over fixes.line-limit (fixes.long-lines: recode). To sync without exgate, " +
				"run: exgate explain long-lines.",
			Source: "docs/exchange.md#long-lines (node-imap#868, MailKit#542, freron.com)",
		}},
		Exgate: "exgate repairs such lines before it sends the message. If it gets a reply with an unknown tag, it " +
			"closes the connection and refuses the message, so that Exchange executes no more of it.",
		See:    []string{"long-lines", "command-error"},
		Source: "docs/exchange.md#long-lines",
	},
	{
		ID: "protocol", Title: "The server does not follow the IMAP protocol",
		Kinds:    []backend.Kind{backend.KindProtocol},
		Phrases:  []string{"is not an IMAP4 server", "does not send an IMAP greeting"},
		Keywords: []string{"not imap server", "wrong port"},
		Meaning:  "The server's reply is not IMAP, or comes at the wrong time.",
		Causes: []Cause{
			{
				Title: "The port belongs to another service (25, 110, 443), or one side uses TLS and the other does " +
					"not.",
				Do:     "Set upstream.address and upstream.tls. Port 993 needs implicit, port 143 needs starttls.",
				Source: "RFC 9051 section 2",
			},
			{
				Title: "Another device on the network, such as a virus scanner or a load balancer, answers instead " +
					"of the server.",
				Do:     "exgate's log has the exact reply.",
				Source: "RFC 9051 section 2",
			},
		},
		See:    []string{"tls-mismatch", "unreachable", "stray-lines"},
		Source: "RFC 9051 section 2",
	},
	{
		ID: "stray-lines", Title: "Lines of Exchange that are no IMAP, such as a bare Server Unavailable. 15",
		Phrases: []string{"a line that is no IMAP response", "lines that are no IMAP responses",
			"the server refused something without a tag", "the server answered a command with BYE"},
		Keywords: []string{"no tag", "without a tag", "client hangs", "stray line", "empty line"},
		Meaning: "Exchange sends lines that belong to no command: empty ones, a text, or a refusal without the tag " +
			"of its command. A client that waits for the tag hangs.",
		Causes: []Cause{
			{
				Title:  "Exchange cannot reach the mailbox, and says Server Unavailable. 15 without a tag.",
				Do:     "Run: exgate explain server-unavailable.",
				Source: "docs/exchange.md#ex-73 (postalsys/imapflow commit 3ed4198c)",
			},
			{
				Title: "Other lines mean nothing. If there are many, the server and exgate are out of step.",
				Tell:  "exgate's log tells of the first one in a session; the fix strays counts them.",
				Do: "Look at the conversation with log.trace. After 1,000 such lines exgate gives the connection " +
					"up. Run: exgate explain out-of-step.",
				Source: "docs/exchange.md#ex-72 (libetpan#45)",
			},
		},
		Exgate: "exgate gives the client a refusal without a tag as the reply to its command, if the command may be " +
			"sent again. For others it takes the connection for lost, because it is not certain what the refusal " +
			"means. It drops the other lines, and resumes the session after BYE.",
		See:    []string{"server-unavailable", "closed", "out-of-step"},
		Source: "docs/exchange.md#ex-73",
	},
}
