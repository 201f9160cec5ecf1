package knowledge

import (
	"slices"
	"strings"
	"testing"
)

// TestQuestions has what users paste or ask, the entry that answers it, and
// words that the answer must have. A row begins with its source: a question of
// imapsync's FAQ.Exchange 1.79, FAQ.Office365 1.38 as "Office 365", a place in
// docs/exchange.md, or exgate's own words.
func TestQuestions(t *testing.T) {
	tests := []struct {
		source, text, id string
		says             []string
	}{
		// Can imapsync be used, how to sync.
		{"How to sync", "How to sync from XXX to Exchange 2010/2013/2016/2019", "sync-exchange", []string{"upstream.profile", "exchange2016"}},
		{"How to sync", "Can I use imapsync to transfer from or to Exchange accounts?", "sync-exchange", []string{"IMAP must be on"}},
		{"How to sync", "what does --exchange2 do?", "sync-exchange", []string{"--maxsize 10_000_000 --maxmessagespersecond 4 --maxlinelength 10239", "1.970"}},
		{"How to sync", "dial tcp 192.0.2.1:993: connect: connection refused", "unreachable", []string{"MSExchangeImap4", "MSExchangeIMAP4BE", "off after an installation"}},
		{"How to sync", "* BYE Connection is closed. 13", "closed-at-once", []string{"MSExchangeIMAP4BE"}},
		{"How to sync", "NO LOGIN failed.", "login-failed", []string{"Set-CASMailbox -Identity 'bob' -ImapEnabled $true"}},
		{"How to sync", "How do I enable IMAP on Exchange?", "imap-off", []string{"MSExchangeImap4", "MSExchangeIMAP4BE", "Set-CASMailbox"}},
		{"How to sync", "IMAP is not enabled by default on Exchange, see how to enable it", "imap-off", []string{"its IMAP services do not run", "switched off for a single mailbox"}},
		{"How to sync", "SSL connect attempt failed error:1416F086:SSL routines:tls_process_server_certificate:certificate verify failed", "certificate",
			[]string{"Set-ImapSettings -Server 'EX1' -X509CertificateName", "Enable-ExchangeCertificate", "Restart-Service"}},
		{"How to sync", "binding certificate breaks imap or pop", "certificate", []string{"Enable-ExchangeCertificate -Server 'EX1'"}},
		{"How to sync", "imapsync --disarmreadreceipts", "read-receipts", []string{"fixes.read-receipt: all"}},
		{"How to sync", "what does the option --regexmess do for Exchange", "long-lines", []string{`--regexmess 's,(.{9900}),$1\r\n,g'`}},
		{"How to sync", "do I need reformime?", "long-lines", []string{`reformime -r7`, "package maildrop"}},

		// LOGIN failed.
		{"LOGIN failed", "For Exchange I have double and triple checked the username and password spelling but I still get a \"LOGIN failed\". Any clue?", "login-failed", nil},
		{"LOGIN failed", "2 NO LOGIN failed.", "login-failed", []string{"Two-factor login"}},
		{"LOGIN failed", "LOGIN failed", "login-failed", []string{"security defaults", "Without further licences", "OAuth2"}},
		{"LOGIN failed", "LOGIN failed", "login-failed", []string{"no mailbox of its own", "Enable-Mailbox -Identity 'admin'", "2019"}},
		{"LOGIN failed", "how do I migrate with an admin account", "admin-login", []string{addFullAccessFilled}},
		{"LOGIN failed", "authuser2 does not work on 2019", "admin-login", []string{"2019, 2007 and others: send one name with backslashes"}},
		{"LOGIN failed", "admin login forms", "admin-login", []string{`EXAMPLE\admin\bob`, "DNS name"}},
		{"LOGIN failed", "admin login forms", "admin-login", []string{`admin@EXAMPLE\bob`, "suffix of the admin's UPN"}},
		{"LOGIN failed", "x509: certificate is valid for mail.example.com, not 192.168.1.2", "certificate", []string{"upstream.server_name", "upstream.ca_file", "upstream.pin"}},
		{"LOGIN failed", "are special characters in the password a problem?", "password-characters", []string{"single quotes", "batch files"}},
		{"LOGIN failed", "password special characters on Windows", "password-characters",
			[]string{"FAQ.Authentication_failure.txt", "FAQ.Passwords_on_Windows.txt", "FAQ.Passwords_on_Unix.txt", "FAQ.Passwords_on_Mac.txt"}},

		{"exchange.md", "2 NO INBOX doesn't exist.", "no-mailbox", []string{"a second folder Inbox"}},
		{"exchange.md", "why is my xoauth2 token refused", "token-not-taken", []string{"IMAP.AccessAsApp", "jwt.ms"}},
		{"exchange.md", "A1 NO Ambiguous Alias", "login-failed", []string{"fits several users"}},
		{"exchange.md", `BAD Protocol Error: "Provided username is not valid".`, "login-failed", []string{"NetBIOS"}},
		{"exchange.md", `BAD Protocol Error: "Expected SPACE not found".`, "login-failed", []string{"quoted"}},
		{"exchange.md", "NO Basic authentication is disabled.", "online-login", []string{"OAuth2"}},

		// What users of exgate asked, or pasted from elsewhere.
		{"issue", "Invalid flag list", "keywords", []string{"PERMANENTFLAGS"}},
		{"issue", "error:0A00018A:SSL routines::dh key too small", "tls-alert", []string{"OpenSSL", "ServerMinKeyBitLength"}},
		{"issue", "remote error: tls: handshake failure", "tls-alert", []string{"ECDHE"}},
		{"issue", "ERR_APPEND_SIZE", "too-big", nil},
		{"issue", "AADSTS65001: The user or administrator has not consented to use the application", "token-refused", []string{"admin consent"}},
		{"issue", "AADSTS50076: Due to a configuration change made by your administrator, you must use multi-factor authentication", "token-refused", []string{"second factor"}},
		{"issue", "duplicates at each run", "duplicates", []string{"--useheader Message-Id"}},
		{"issue", "Not read: notices are sent to old senders", "read-receipts", []string{"RFC 8098"}},
		{"issue", "how do I reach the archive mailbox", "archive-mailbox", []string{"Outlook on the web"}},
		{"issue", "all unread after the sync", "all-unread", []string{"PerUserReadStateEnabled"}},
		{"issue", "can I migrate calendars and contacts", "calendars", []string{"names.hide"}},
		{"issue", "DONE without IDLE", "done", nil},
		{"issue", "does exgate repair header lines", "content-refused", []string{"after Exchange has refused the message"}},
		{"issue", "what does exgate do about folder names", "names", []string{"names.case"}},
		{"issue", "fixes.escalate", "argument-error", []string{"envelope"}},
		{"issue", "the client has begun no TLS handshake, or not ended it", "tls-mismatch", []string{"listen.implicit"}},

		// User is authenticated but not connected.
		{"not connected", "a1 BAD User is authenticated but not connected.", "not-connected", nil},
		{"not connected", "User is authenticated but not connected", "not-connected", []string{"password is wrong"}},
		{"not connected", "user is authenticated but not connected", "not-connected", []string{addFullAccessFilled}},
		{"not connected", "where is full access in the GoDaddy Exchange admin center?", "not-connected", []string{"GoDaddy", "Recipients", "Mailbox delegation", "Full Access"}},

		// Maximum size.
		{"Maximum size", "I see \"NO Maximum size of appendable message has been exceeded\" What can I do with that?", "too-big", nil},
		{"Maximum size", "NO Maximum size of appendable message has been exceeded", "too-big", []string{"Set-Mailbox -Identity 'bob' -MaxReceiveSize 100mb -MaxSendSize 100mb", "2019"}},
		{"Maximum size", "Maximum size of appendable message has been exceeded.", "too-big", []string{"Set-TransportConfig", "Set-ReceiveConnector", "Set-SendConnector", "Set-Mailbox", "three levels"}},
		{"Maximum size", "how to make Exchange 2016 accept big emails", "too-big", []string{`<add key="MaxReceiveSize" value="1024000000" />`}},
		{"Maximum size", "MaxReceiveSize", "too-big", []string{`V15\ClientAccess\PopImap\Microsoft.Exchange.Imap4.exe.config`, `V14\ClientAccess\PopImap\Microsoft.Exchange.Imap4.exe.config`}},
		{"Maximum size", "MaxReceiveSize", "too-big", []string{"Each cumulative update removes the line"}},
		{"Maximum size", "MaxReceiveSize", "too-big", []string{"restart transport, information store and the IMAP services", "MSExchangeTransport, MSExchangeIS, MSExchangeIMAP4BE"}},
		{"Maximum size", "MaxReceiveSize", "too-big", []string{"Microsoft's pages about sizes do not mention"}},

		// Throttled.
		{"throttles the sync", "Request is throttled. Suggested Backoff Time: 299961 milliseconds", "throttled", nil},
		{"throttles the sync", "17 BAD Request is throttled. Suggested Backoff Time: 89117 milliseconds", "throttled", []string{"before it closes the connection"}},
		{"throttles the sync", "Exchange throttles the sync: throttled", "throttled", []string{"--maxbytespersecond 100_000"}},
		{"throttles the sync", "throttle", "throttled", []string{"--maxmessagespersecond 2", "upstream.pace.messages_per_second"}},
		{"throttles the sync", "throttling", "throttled", []string{"--exitwhenover 1_000_000_000"}},
		{"throttles the sync", "throttled", "throttled", []string{"Nobody knows the exact limits, and they change"}},
		{"throttles the sync", "change the throttling policy of a user", "throttled", []string{"New-ThrottlingPolicy", "Set-ThrottlingPolicyAssociation -Identity 'bob'"}},
		{"throttles the sync", "throttled", "throttled", []string{"only after a restart"}},

		// Invalid state.
		{"Invalid state", "Exchange fails with \"BAD Command received in Invalid state\".", "invalid-state", []string{"after the second"}},
		{"Invalid state", "2 BAD Command received in Invalid state.", "invalid-state", []string{"upstream.tls", "--ssl2", "--tls2"}},
		{"Invalid state", "BAD Command received in Invalid state", "invalid-state", []string{"TLS twice"}},
		{"Invalid state", "tls: first record does not look like a TLS handshake", "tls-mismatch", []string{"listen.implicit", "listen.starttls"}},
		{"Invalid state", `msg="TLS on a port that begins in plain text" remedy="set the client to STARTTLS, or to the SSL/TLS port"`, "tls-mismatch", nil},

		// Server Unavailable. 15.
		{"Server Unavailable. 15", "NO Server Unavailable. 15", "server-unavailable", nil},
		{"Server Unavailable. 15", "NO Server Unavailable. 15", "server-unavailable", []string{"may be full", "Microsoft.Exchange.Data.Storage.QuotaExceededException"}},
		{"Server Unavailable. 15", "raise the quota of a mailbox", "server-unavailable", []string{"Recipients > Mailboxes > Edit", "Prohibit send and receive at (GB)"}},
		{"Server Unavailable. 15", "mailbox full", "server-unavailable",
			[]string{"Set-Mailbox -Identity 'bob' -IssueWarningQuota 499gb -ProhibitSendQuota 500gb -ProhibitSendReceiveQuota 500gb -UseDatabaseQuotaDefaults $false", "from smallest to largest"}},
		{"Server Unavailable. 15", "Server Unavailable. 15", "server-unavailable", []string{"Set-ImapSettings -Server 'EX1' -ProtocolLogEnabled $true", "crazy"}},
		{"Server Unavailable. 15", "how do I get the IMAP log of Exchange", "imap-log", []string{"Set-ImapSettings -Server 'EX1' -ProtocolLogEnabled $true", "LogFileLocation"}},
		{"Server Unavailable. 15", "- could not append ( Subject:[x], Date:[24-Nov-2026], Size:[1234], Flags:[\\Seen] ) to folder INBOX: Error: 12 NO Server Unavailable. 15", "server-unavailable", nil},

		// Read receipts.
		{"read receipts", "From XXX to Exchange 2013, read receipts are all resent again after a sync. Even for old messages. How can I fix that?", "read-receipts", nil},
		{"read receipts", "read receipts", "read-receipts", []string{"puts X- before these names"}},
		{"read receipts", "read receipts", "read-receipts", []string{`--search1 "SEEN" --disarmreadreceipts`, `--search1 "UNSEEN"`, "fixes.read-receipt: seen"}},
		{"read receipts", "Disposition-Notification-To", "read-receipts", []string{"Return-Receipt-To", "X-Confirm-Reading-To"}},
		{"read receipts", "SuppressReadReceipt", "read-receipts", []string{"Set-ImapSettings -Server 'EX1' -SuppressReadReceipt $true", "The server can suppress receipts"}},

		// SSL read error.
		{"SSL read error", "DEBUG: IO/Socket/SSL.pm:1043: local error: SSL read error\nDEBUG: IO/Socket/SSL.pm:1043: local error: SSL read error", "ssl-read-error", nil},
		{"SSL read error", "SSL read error", "ssl-read-error", []string{"Run the sync again"}},
		{"SSL read error", "SSL read or write error", "ssl-read-error", []string{"upstream.tls: insecure-none"}},
		{"SSL read error", "SSL read error", "ssl-read-error", []string{"https://imapsync.lamiral.info/FAQ.d/FAQ.SSL_errors.txt"}},

		// Command Argument Error 11.
		{"Command Argument Error 11", "From XXX to Exchange 2010/2013 I get this error message sometimes: \"BAD Command Argument Error 11\". What does it mean?", "argument-error", nil},
		{"Command Argument Error 11", "1482 BAD Command Argument Error. 11", "argument-error", nil},
		{"Command Argument Error 11", "BAD Command Argument Error. 11", "argument-error", []string{"everything that it does not accept", "for an unknown reason"}},
		{"Command Argument Error 11", "BAD Command Argument Error. 11", "argument-error", []string{"10 MB by default", "sometimes needs a reboot"}},
		{"Command Argument Error 11", "BAD Command Argument Error. 11", "argument-error", []string{"--maxsize 10000000"}},
		{"Command Argument Error 11", "BAD Command Argument Error. 11", "argument-error", []string{"the mailbox is full"}},
		{"Command Argument Error 11", "how long may lines be in a message: long lines", "long-lines", []string{"998", "9,900"}},
		{"Command Argument Error 11", "line length", "long-lines", []string{"9,900"}},
		{"Command Argument Error 11", "--maxlinelength 9900", "long-lines", []string{"--maxlinelength 9900", `--regexmess 's,(.{9900}),$1\r\n,g'`, `--regexmess "s,(.{9900}),$1\r\n,g"`}},
		{"Command Argument Error 11", "BAD Command Argument Error. 11", "argument-error", []string{"After ten errors it closes the connection"}},
		{"Command Argument Error 11", "* BYE Connection closed. 14", "closed", []string{"tenth BAD", "start the sync again"}},
		{"Command Argument Error 11", "BAD Command Argument Error. 11", "argument-error", []string{"--pipemess W/tools/fix_email_for_exchange.py", "miracles"}},

		// Flagged.
		{"Flagged", "From XXX to Exchange 2010 or 2013, the flag Flagged does not seem to be well synced. What can I do?", "flagged", []string{"STORE", "APPEND"}},
		{"Flagged", "flagged", "flagged", []string{"--debugflags"}},
		{"Flagged", "flag not shown in Outlook", "flagged", []string{"Outlook on the web"}},

		// Admin logins.
		{"2007/2010/2013 with an admin", "How to migrate from or to Exchange 2007/2010/2013 with an admin/authuser account?", "admin-login", []string{"--user2 'bob' --authuser2 'admin'"}},
		{"2007/2010/2013 with an admin", "admin login", "admin-login", []string{`--user2 'EXAMPLE\admin\bob'`}},
		{"2007/2010/2013 with an admin", "admin login", "admin-login", []string{`--user2 'admin@EXAMPLE\bob'`}},
		{"2007/2010/2013 with an admin", "login strings", "admin-login", []string{"NetBIOS", "DNS name", "to try"}},
		{"2007/2010/2013 with an admin", "authuser", "admin-login", []string{"always uses PLAIN", "do not add --authmech"}},
		{"2007/2010/2013 with an admin", "mailNickname", "admin-login", []string{"the alias (mailNickname)", "Format-List Alias"}},
		{"2007/2010/2013 with an admin", "understanding login strings with POP3/IMAP", "admin-login", []string{"https://techcommunity.microsoft.com/t5/exchange-team-blog/understanding-login-strings-with-pop3-imap/ba-p/610683", "https://web.archive.org/"}},
		{"2007/2010/2013 with an admin", "admin rights", "admin-login", []string{"do not have this right automatically"}},
		{"2007/2010/2013 with an admin", "* CAPABILITY IMAP4 IMAP4rev1 AUTH=NTLM AUTH=GSSAPI LOGINDISABLED STARTTLS IDLE NAMESPACE LITERAL+", "plain-text-login", []string{"Set-ImapSettings -Server 'EX1' -LoginType PlainTextLogin", "last resort"}},
		{"2016 with an admin", "does the built-in Administrator work?", "administrator", []string{"never accepts the built-in Administrator", "lock-out"}},
		{"2016 with an admin", "How to migrate from or to Exchange 2016 with an admin/authuser account?", "admin-login", []string{"Full addresses work for both names"}},
		{"2016 with an admin", "NO AUTHENTICATE failed.", "login-failed", []string{"Mailbox delegation", addFullAccessFilled}},
		{"2016 with an admin", "NO AUTHENTICATE failed.", "login-failed", []string{"Add-MailboxPermission -Identity 'bob' -User 'admin' -AccessRights FullAccess -InheritanceType All -AutoMapping $false"}},
		{"2016 with an admin", "Host2 failure: Error login on [my.exchange.com] with user [mydomainuser] auth [PLAIN]: 2 NO AUTHENTICATE failed.", "login-failed", nil},
		{"2003 with an admin", "imapsync --proxyauth1 with Exchange 2003", "proxyauth", []string{"--user1 'bob' --authuser1 'admin' --proxyauth1"}},
		{"2003 with an admin", "a dollar sign in the password", "password-characters", []string{"$ ! ` \\ have no special meaning", "In exgate's configuration, $ and \\ have no special meaning"}},
		{"2003 with an admin", "How to migrate from Exchange 2003 with an admin/authuser account?", "proxyauth", []string{"You can omit the domain of the address"}},
		{"2003 with an admin", "How to migrate from or to Exchange 2003 with an admin/authuser account?", "proxyauth", []string{"off for the admin or for the user"}},

		// Mailbox already exists.
		{"Mailbox already exists", "Couldn't create folder [trash] \"Mailbox already exists\".", "mailbox-exists", []string{`"trash" and "Trash" are one folder`}},
		{"Mailbox already exists", "NO Mailbox already exists.", "mailbox-exists", []string{"two folders of the source become one"}},
		{"Mailbox already exists", "NO Mailbox already exists.", "mailbox-exists", []string{`--regextrans2 's/^trash$/Trash/'`}},
		{"Mailbox already exists", "NO Mailbox already exists.", "mailbox-exists", []string{"--delete2 is then dangerous", "when it syncs the second"}},
		{"Mailbox already exists", "NO Mailbox already exists.", "mailbox-exists", []string{"--nomixfolders"}},
		{"Mailbox already exists", "NO Mailbox already exists.", "mailbox-exists", []string{"The messages arrive anyway"}},

		// Dates.
		{"date of the transfer", "Migrating to Exchange 2010, messages get date of the transfer, this is bad for sorting and listing. What can I do?", "dates", nil},
		{"date of the transfer", "wrong dates", "dates", []string{"SP2 Rollup 5", "14.2.328.5", "ExSetup.exe"}},
		{"date of the transfer", "wrong dates", "dates", []string{"https://www.howto-outlook.com/faq/archivenotworking.htm"}},

		// 2007 and 2000.
		{"any to Exchange 2007", "How to sync from any to Exchange 2007?", "exchange2007", []string{"40 MB", "Set-ReceiveConnector -MaxMessageSize 40MB", "Set-SendConnector -MaxMessageSize 40MB"}},
		{"any to Exchange 2007", "How to sync from any to Exchange 2007?", "exchange2007", []string{`--skipheader 'Received'`, "$1Date:$2\\nReceived: From; $2"}},
		{"any to Exchange 2007", "How to sync from any to Exchange 2007?", "exchange2007", []string{"succeeds only partly"}},
		{"folders ending with a space", "Exchange 2007 folders ending with a space cause an imapsync crash. \"Could not select: socket closed while reading data from server\"", "trailing-blank", nil},
		{"folders ending with a space", "folder names ending with a space", "trailing-blank", nil},
		{"folders ending with a space", "folder with a trailing space", "trailing-blank", []string{"Thunderbird or Outlook"}},
		{"folders ending with a space", "folder with a trailing space", "trailing-blank", []string{"imapsync#154"}},
		{"Exchange 2000", "How to sync from Microsoft Exchange 2000 IMAP4rev1 server?", "inbox-prefix", []string{`--prefix1 "INBOX."`}},

		// Office 365.
		{"Office 365", "a1 NO Folder name is reserved", "reserved-name", []string{"Files_renamed_by_imapsync"}},
		{"Office 365", "How to sync from XXX to Office365", "sync-online", []string{"--maxsize 45000000", "Files=Files_renamed_by_imapsync", "outlook.office365.com"}},
		{"Office 365", "How to sync from Office365 to XXX?", "sync-online", []string{`--host1 outlook.office365.com --ssl1 --exclude "^Files$"`}},
		{"Office 365", "Can I use imapsync to transfer from or to Office365 accounts?", "sync-online", []string{"exgate explain online-login"}},
		{"Office 365", "How to see or migrate public folders on Office365?", "public-folders", []string{"https://docs.microsoft.com/en-us/exchange/collaboration/public-folders/"}},
		{"Office 365", "Does imapsync support OAUTH2 authentication for Office365 accounts?", "online-login", []string{"--oauthaccesstoken2 tokenfile"}},
		{"Office 365", "Office365 users complain that a folder named \"Files\" contains messages with no sender.", "files-folder", []string{`--exclude "^Files$"`}},
		{"Office 365", "Every single mail synced to exchange online owns the category $MDNSent after migration. How can I avoid this?", "mdnsent", []string{`s/\$MDNSent//g`}},
		{"Office 365", "NO Maximum size of appendable message has been exceeded", "too-big", []string{"the admin's limit, not the user's", "Set-Mailbox -Identity 'admin' -MaxReceiveSize 150mb -MaxSendSize 150mb"}},
		{"Office 365", "What are the receive and sending limits of Office365?", "limits", []string{"3600 messages per hour", "1200", "0.33", "300 MB", "83,333 bytes"}},
		{"Office 365", "Request is throttled.", "throttled", []string{"for 90 days"}},
		{"Office 365", "Trying command when NOT connected! at /usr/share/perl5/Mail/IMAPClient.pm line 1204.", "lost", []string{"the client does not show it", "--debugimap2"}},
		{"Office 365", "How can I access an Office365 shared mailbox?", "shared-mailbox", []string{`'admin\bob'`}},
		{"Office 365", "How can I use a shared account as a backup account for several mailboxes", "shared-mailbox", []string{"--subfolder2 backup_foo", "--subfolder1 backup_foo"}},
		{"Office 365", "does Office 365 take basic auth logins? licence, app password", "online-login",
			[]string{"app password", "no licence", "October 2021", "AllowBasicAuthImap", "outlook.office365.com", "imap-mail.outlook.com", "imap.outlook.com", "administrator of the domain"}},
		{"Office 365", "Can imapsync work for users that are administrators for an Office 365 domain? (quick answer: no)", "online-login", []string{"imapsync#310"}},
		{"Office 365", "authuser office 365 admin login", "admin-login", []string{"user's name without its domain"}},
		{"Office 365", "17 BAD Command Argument Error. 11", "argument-error", []string{"--synclabels or --resynclabels", "X-GM-LABELS"}},
		{"Office 365", "line length limits", "limits", []string{"10,500", "45,000,000"}},
		{"Office 365", "--maxlinelength 10500", "long-lines", []string{"10500"}},
		{"Office 365", "The imap connection to Office365 is not working very efficiently, is there a solution to fix that?", "slow", []string{"DavMail"}},

		// Replies of docs/exchange.md that the FAQs do not have.
		{"docs/exchange.md#oauth2", "* BYE Session invalidated - AccessTokenExpired", "token-expired", nil},
		{"docs/exchange.md#error-code", `A1 OK [Error="Microsoft.Exchange.Data.Storage.WrongServerException:Cross Server access is not allowed for mailbox 7d0c" AuthResultFromPopImapEnd=0 Proxy=EX1:1993:SSL] AUTHENTICATE completed.`, "wrong-server", nil},
		{"docs/exchange.md#error-12", "5 BAD Command Argument Error. 12", "argument-error-12", []string{"4,096"}},
		{"docs/exchange.md#error-12", "DONE BAD Command Error. 12", "done", []string{"one of ten errors"}},
		{"docs/exchange.md#ex-70", "5 BAD Command Argument Error. 12", "argument-error-12", []string{"quotation mark"}},
		{"docs/exchange.md#long-commands", "A9 BAD Command Error. 10", "command-error", []string{"Set-ImapSettings -Server 'EX1' -MaxCommandSize 16384"}},
		{"docs/exchange.md#long-lines", "<body BAD Command Error. 10", "out-of-step", []string{"fixes.long-lines"}},
		{"docs/exchange.md#long-lines", "</td BAD Command Error. 10", "out-of-step", nil},
		{"docs/exchange.md#message-numbers", "7 BAD The specified message set is invalid.", "message-set", nil},
		{"docs/exchange.md#search", "7 NO [BADCHARSET (US-ASCII)] The specified charset is not supported.", "bad-charset", nil},
		{"docs/exchange.md#ex-18", "7 NO Command received in Invalid state.", "read-only", []string{"EXAMINE"}},
		{"docs/exchange.md#other-servers", "* BAD command line limit exceeded", "command-line-limit", []string{"probably not from Exchange"}},
		{"docs/exchange.md#other-servers", "7 NO Message contains NUL characters", "content-refused", []string{"Cyrus"}},
		{"own words", "A5 NO [UNAVAILABLE] exgate: the connection to Exchange was lost; try again; it is not known whether the message was stored", "outcome-unknown", []string{"do not send a message again that has arrived"}},
		{"own words", "A5 NO [UNAVAILABLE] EXPUNGE: exgate: the connection to Exchange was lost; try again; it is not known whether it was done", "outcome-unknown", nil},
		{"docs/exchange.md#connections", "too many connections per user", "too-many-connections", []string{"MaxConnectionsPerUser"}},
		{"docs/exchange.md#slash", "folder with a slash in its name is not listed", "no-mailbox", []string{"hides such a folder"}},
		{"not connected", "a1 NO [AUTHENTICATIONFAILED] wrong name or password (exgate: exgate itself refused this login and did not ask Exchange)", "refused-here", []string{"exgate user add"}},
		{"own words", "a1 NO [AUTHORIZATIONFAILED] bob may not open the mailbox alice: the users file does not say so", "not-allowed", []string{"exgate user list"}},
		{"own words", "a1 NO [AUTHORIZATIONFAILED] bob may not open the mailbox alice: users_file does not list it for this caller", "not-allowed", nil},
		{"docs/exchange.md#oauth2", `err="get an access token: invalid_client: AADSTS7000215: Invalid client secret provided."`, "token-refused", []string{"Certificates & secrets"}},
		{"docs/exchange.md#oauth2", "no access token is available for this mailbox now; try again later", "token-unavailable", []string{"HTTPS_PROXY"}},
		{"docs/exchange.md#unconvertible", "Subject: Retrieval using the IMAP4 protocol failed for the following message: 20004", "retrieval-failed", nil},
		{"docs/exchange.md#ex-73", "Exchange sent a line that is no IMAP response; the client does not get it", "stray-lines", []string{"log.trace"}},
		{"docs/exchange.md#ex-73", "the server refused something without a tag", "stray-lines", []string{"server-unavailable"}},
		{"docs/exchange.md#ex-78", "the import is incomplete, some messages are missing", "missing-messages", []string{"[CANNOT]"}},
		{"docs/exchange.md#ex-78", "a1 NO [CANNOT] Exchange returns no data for 2 of the messages", "missing-messages", []string{"one by one"}},
		{"docs/exchange.md#ex-74", "MailKit.Net.Imap.ImapProtocolException: Syntax error in BODYSTRUCTURE. Unexpected token: NIL", "odd-structure", []string{"repairs these structures"}},
	}
	names := Names{User: "bob", Admin: "admin", Server: "EX1", Domain: "EXAMPLE"}
	answered := map[string]bool{}
	for _, tt := range tests {
		t.Run(tt.source+" "+tt.id, func(t *testing.T) {
			entries := find(t, tt.text)
			i := slices.IndexFunc(entries, func(e Entry) bool { return e.ID == tt.id })
			if i < 0 {
				t.Fatalf("%q finds %v", tt.text, idsOf(entries))
			}
			answered[tt.id] = true
			answer := strings.Join(entries[i].With(names).texts(), "\n")
			for _, words := range tt.says {
				if !strings.Contains(answer, words) {
					t.Errorf("%q is not in the answer", words)
				}
			}
		})
	}
	for _, e := range Entries() {
		// These have replies, which package backend's tests look for, or answer
		// what is asked below.
		if !answered[e.ID] && len(e.Replies) == 0 && !slices.Contains([]string{Unknown, "keywords", "try-create", "protocol"}, e.ID) {
			t.Errorf("%s: answers no question", e.ID)
		}
	}
}

const addFullAccessFilled = "Add-MailboxPermission -Identity 'bob' -User 'admin' -AccessRights FullAccess"

// find is what a user finds: by the phrases of a text, else as a question.
func find(t *testing.T, text string) []Entry {
	t.Helper()
	report, err := Scan(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var entries []Entry
	for _, f := range report.Found {
		entries = append(entries, f.Entry)
	}
	if entries == nil {
		entries = Ask(text)
	}
	return entries
}

func idsOf(entries []Entry) (ids []string) {
	for _, e := range entries {
		ids = append(ids, e.ID)
	}
	return ids
}
