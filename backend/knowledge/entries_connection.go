package knowledge

import "exgate/backend"

var connectionEntries = []Entry{
	{
		ID: "unreachable", Title: "No connection to Exchange", Kinds: []backend.Kind{backend.KindUnreachable},
		Phrases: []string{"connection refused", "connect: connection timed out", "no route to host", "unable to connect to", "can not open imap connection",
			"could not connect to", "i/o timeout", "name or service not known", "no such host", "server did not respond", "actively refused it"},
		Keywords: []string{"connect refused", "connection refused", "cannot connect", "port 993", "port 143"},
		Meaning:  "The connection to the server does not come about.",
		Causes: []Cause{
			{
				Title:      "Exchange's IMAP services do not run: they are off after an installation.",
				Tell:       "The connection is refused at once, on ports 143 and 993 both.",
				PowerShell: append([]string{"Get-Service MSExchangeImap4, MSExchangeIMAP4BE"}, startServices...),
				Click:      "services.msc: Microsoft Exchange IMAP4, Microsoft Exchange IMAP4 Backend: startup type Automatic, Start",
				Source:     "FAQ.Exchange, \"How to sync from XXX to Exchange\" R0",
			},
			{
				Title:  "Name or port of the server are wrong, or a firewall is between.",
				Tell:   "From the machine that exgate runs on, the second line works only where the first does.",
				Lines:  []string{"Test-NetConnection '<server>' -Port 993                (PowerShell)", "openssl s_client -connect <server>:993 -quiet          (Unix)"},
				Do:     "Set upstream.address. Exchange Online: outlook.office365.com:993.",
				Source: "FAQ.Office365, \"Can I use imapsync\" R7",
			},
			{
				Title:  "The certificate is not bound to the IMAP service, or not the right one.",
				Tell:   "The connection opens, and the TLS handshake fails.",
				Do:     "Run: exgate explain certificate.",
				Source: "FAQ.Exchange, \"How to sync from XXX to Exchange\" R0",
			},
			{
				Title:  "Too many connections: beyond its limits Exchange may refuse new ones.",
				Do:     "Run: exgate explain too-many-connections.",
				Source: "docs/exchange.md#connections (node-imap#523)",
			},
		},
		Exgate: "The client is told NO [UNAVAILABLE] without addresses; exgate's log has the error of the system.",
		See:    []string{"imap-off", "certificate", "closed-at-once"},
		Source: "docs/exchange.md#connections; FAQ.Exchange, \"How to sync from XXX to Exchange\" R0",
	},
	{
		ID: "closed-at-once", Title: "Connection is closed. 13: Exchange ends the connection at once", Kinds: []backend.Kind{backend.KindClosedAtOnce},
		Replies:  []string{"BYE Connection is closed. 13"},
		Phrases:  []string{"Connection is closed. 13"},
		Keywords: []string{"connection closed 13", "bye once", "closed once", "error 13"},
		Meaning:  "Exchange says BYE right after the first command. Microsoft gives no reason for it, and none was found.",
		Causes: []Cause{
			{
				Title:      "The front end answers and the IMAP back end does not run or is not healthy (2013 and later).",
				PowerShell: append([]string{"Get-ServerComponentState {server} | Where-Object Component -like 'Imap*'", "Set-ServerComponentState {server} -Component ImapProxy -State Active -Requester HealthAPI"}, startServices...),
				Source:     "FAQ.Exchange, \"How to sync from XXX to Exchange\" R0 (both services); the order is ours",
			},
			{
				Title:  "A refusal whose reason stands in Exchange's own IMAP log only.",
				Do:     "Run: exgate explain imap-log.",
				Source: "docs/exchange.md#greeting (MailKit#209)",
			},
		},
		See:    []string{"imap-off", "imap-log"},
		Source: "docs/exchange.md#greeting (MailKit#209)",
	},
	{
		ID: "closed", Title: "BYE Connection closed. 14: Exchange ends the session", Kinds: []backend.Kind{backend.KindClosed},
		Replies:  []string{"BYE Connection closed. 14", "BYE Connection closed."},
		Phrases:  []string{"Connection closed. 14"},
		Keywords: []string{"connection closed", "connection closed 14", "10 errors", "ten errors", "error 14"},
		Meaning:  "Exchange ended the session. What it said in the lines before is the reason: look at those first.",
		Causes: []Cause{
			{
				Title:  "Ten errors: Exchange closes after the tenth BAD of a connection, after the second \"authenticated but not connected\" or \"Invalid state\".",
				Tell:   "BAD Command Argument Error or BAD Command Error stand before it.",
				Do:     "See to those errors, and start the sync again: it goes on where it ended.",
				Source: "FAQ.Exchange, \"Command Argument Error 11\"; docs/exchange.md#ten-errors, docs/exchange.md#not-connected, docs/exchange.md#invalid-state",
			},
			{
				Title:  "A throttle.",
				Tell:   "\"Request is throttled\" stands before it; imapsync shows that with --debugimap only.",
				Do:     "Run: exgate explain throttled.",
				Source: "docs/exchange.md#throttling (oauth2-proxy#191)",
			},
			{
				Title:  "One message over the size limit (2010).",
				Tell:   "It follows an APPEND of more than 10 MB.",
				Do:     "Run: exgate explain too-big.",
				Source: "docs/exchange.md#ex-06 (imapsync#5)",
			},
			{
				Title:  "The service restarts, or the connection was idle: 30 minutes after login, 1 minute before it.",
				Source: "docs/exchange.md#settings (Set-ImapSettings)",
			},
		},
		Exgate: "exgate repairs or refuses beforehand what is sure to be an error, changes to a new connection before the tenth, and goes on over a new one where the numbers of the messages can be proved unchanged (upstream.resume); else the client is told what Exchange complained of last.",
		See:    []string{"argument-error", "throttled", "not-connected", "lost"},
		Source: "FAQ.Exchange, \"Command Argument Error 11\"; docs/exchange.md#ten-errors (MailKit#849, #1496)",
	},
	{
		ID: "lost", Title: "Trying command when NOT connected! The connection was lost", Kinds: []backend.Kind{backend.KindLost},
		Phrases: []string{"Trying command when NOT connected", "connection reset by peer", "broken pipe", "unexpected EOF", "socket closed while reading data from server",
			"connection was lost", "forcibly closed by the remote host", "server has unexpectedly terminated the connection", "connection to the server was interrupted"},
		Keywords: []string{"not connected", "trying command", "lost connection", "connection lost", "disconnect", "disconnected"},
		Meaning:  "The connection ended, and the client went on sending. These words hide the reason: it is what the server said last, often a throttle, or ten errors.",
		Causes: []Cause{
			{
				Title:  "A throttle that the client does not show.",
				Tell:   "imapsync --debugimap2 (or --debugimap1) shows \"Request is throttled. Suggested Backoff Time\"; exgate's log and its last reply have it.",
				Do:     "Run: exgate explain throttled.",
				Source: "FAQ.Office365, \"Trying command when NOT connected\"; imapsync#272",
			},
			{
				Title:  "Ten errors before it.",
				Do:     "Run: exgate explain closed.",
				Source: "FAQ.Exchange, \"Command Argument Error 11\"",
			},
			{
				Title:  "A line of a message that was too long: Exchange leaves the message and closes.",
				Do:     "Run: exgate explain out-of-step.",
				Source: "docs/exchange.md#long-lines (node-imap#868)",
			},
			{
				Title:  "A folder whose name ends in a blank (2007).",
				Do:     "Run: exgate explain trailing-blank.",
				Source: "FAQ.Exchange, \"2007 folders ending with a space\"",
			},
			{
				Title:  "The network, a load balancer's idle limit, or a restart.",
				Do:     "Start the sync again: it goes on where it ended.",
				Source: "FAQ.Exchange, \"SSL read error\" R1",
			},
		},
		Exgate: "exgate waits out throttles, and goes on over a new connection where the numbers of the messages can be proved unchanged (upstream.resume); else the client is told what Exchange complained of last.",
		See:    []string{"throttled", "closed", "ssl-read-error"},
		Source: "FAQ.Office365, \"Trying command when NOT connected\"",
	},
	{
		ID: "outcome-unknown", Title: "It is not known whether the message was stored, or the command done",
		Phrases:  []string{"it is not known whether the message was stored", "it is not known whether it was done", "message without a reply", "a command without a reply"},
		Keywords: []string{"not known stored", "may have been stored", "without reply", "duplicate message", "append reply lost"},
		Meaning: "These are exgate's words: the connection to Exchange was lost between the command and its reply. For a message exgate looks into the mailbox before it says so; " +
			"it says so only where the message could not be looked for, or could not be told from others.",
		Causes: []Cause{{
			Title:  "Exchange, or the network, dropped the connection just then.",
			Do:     "Run the sync again: imapsync and mbsync look at what is there first, and a message that did arrive is not sent twice. Look for the reason in exgate's log, under the session's id.",
			Source: "RFC 9051 section 6.3.12; FAQ.Exchange, \"SSL read error\" R1",
		}},
		Exgate: "A message that is found is answered OK with its UID; one that is certainly absent is sent again.",
		See:    []string{"lost", "closed"},
		Source: "RFC 9051 section 6.3.12",
	},
	{
		ID: "too-many-connections", Title: "Too many connections",
		Phrases:  []string{"too many simultaneous connections", "too many connections", "Maximum number of connections"},
		Keywords: []string{"many connection", "connection limit", "maxconnectionsperuser", "connections per user"},
		Meaning:  "Exchange has no text of its own for this: beyond the limit a login ends in \"User is authenticated but not connected\" or the connection is refused. Other servers say it in words.",
		Causes: []Cause{
			{
				Title:      "More connections to one mailbox than MaxConnectionsPerUser, 16 unless it was raised. An admin's connections count together, whatever they open.",
				Do:         "Run fewer clients at a time, or raise it (on Exchange Online, with 16 or 20 by report, it cannot be).",
				PowerShell: []string{"Get-ImapSettings -Server {server} | Format-List MaxConnection*", "Set-ImapSettings -Server {server} -MaxConnectionsPerUser 64", "Restart-Service MSExchangeImap4, MSExchangeIMAP4BE"},
				Source:     "docs/exchange.md#connections (Set-ImapSettings; node-imap#523; j-lawyer-org#2235)",
			},
			{
				Title:  "The throttling policy: ImapMaxConcurrency counts requests that run at the same time.",
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
		Meaning:  "Exchange's front end took the login and reached the wrong mailbox server; its diagnostics leak into the OK. Many clients choke on the reply.",
		Causes: []Cause{{
			Title:  "The mailbox was moved, or the front end's idea of where it is is old.",
			Do:     "Try again later; if it stays, restart the IMAP services of the front end, and look into Exchange's own IMAP log (exgate explain imap-log).",
			Source: "docs/exchange.md#error-code (ruby/net-imap#597); the remedy is ours",
		}},
		Exgate: "exgate reads the reply as the OK that it is, and opens the INBOX before it believes it.",
		See:    []string{"not-connected", "imap-log"},
		Source: "docs/exchange.md#error-code (ruby/net-imap#597)",
	},
	{
		ID: "out-of-step", Title: "<body BAD Command Error. 10: Exchange takes a message for commands", Kinds: []backend.Kind{backend.KindOutOfStep},
		Phrases:  []string{"<* BAD Command Error. 10", "<* BAD Command Argument Error", "unexpected tag", "unknown tag", "bogus tag"},
		Keywords: []string{"bogus tag", "unexpected tag", "unknown tag", "body bad"},
		Meaning: "Exchange leaves a message in the middle and runs the rest of it as commands; what stands before BAD is the first word of a line of the message (<body, <meta, </td, or any other word). " +
			"The APPEND itself is never answered, and the connection is closed.",
		Causes: []Cause{{
			Title:  "A line of the message is too long for Exchange: its limit for commands, 10,240 bytes, counts there.",
			Tell:   "The message has HTML or text without line ends.",
			Do:     "exgate re-encodes such lines (fixes.long-lines: recode, over fixes.line-limit). Without it: exgate explain long-lines.",
			Source: "docs/exchange.md#long-lines (node-imap#868, MailKit#542, freron.com)",
		}},
		Exgate: "exgate repairs the lines beforehand. A reply with a tag that it did not send makes it close the connection and refuse the message, so that nothing of it is run.",
		See:    []string{"long-lines", "command-error"},
		Source: "docs/exchange.md#long-lines",
	},
	{
		ID: "protocol", Title: "The server does not speak IMAP as it should", Kinds: []backend.Kind{backend.KindProtocol},
		Phrases:  []string{"is not an IMAP4 server", "is the port right?"},
		Keywords: []string{"not imap server", "wrong port"},
		Meaning:  "What the server says is no IMAP, or not in this place.",
		Causes: []Cause{
			{Title: "The port is that of another service (25, 110, 443), or TLS and plain text do not suit each other.", Do: "Set upstream.address and upstream.tls; port 993 goes with implicit, 143 with starttls.", Source: "RFC 9051 section 2"},
			{Title: "A device between, such as a virus scanner or a load balancer, answers in the server's place.", Do: "exgate's log has the words that came.", Source: "RFC 9051 section 2"},
		},
		See:    []string{"tls-mismatch", "unreachable"},
		Source: "RFC 9051 section 2",
	},
}
