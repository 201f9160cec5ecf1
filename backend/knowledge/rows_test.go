package knowledge

import (
	"slices"
	"strings"
	"testing"
)

// TestRequirements has every row of the requirements that asks for a text,
// with what a user would paste or ask, the entry that answers it, and words
// that the answer must have. The rows are those of the questions of imapsync's
// FAQ.Exchange 1.79 (S) and FAQ.Office365 1.38 (O).
func TestRequirements(t *testing.T) {
	tests := []struct {
		row, text, id string
		says          []string
	}{
		// Can imapsync be used, how to sync.
		{"S01", "How to sync from XXX to Exchange 2010/2013/2016/2019", "sync-exchange", []string{"upstream.profile", "exchange2016"}},
		{"S04", "Can I use imapsync to transfer from or to Exchange accounts?", "sync-exchange", []string{"IMAP must be on"}},
		{"S08", "what does --exchange2 do?", "sync-exchange", []string{"--maxsize 10_000_000 --maxmessagespersecond 4 --maxlinelength 10239", "1.970"}},
		{"S05", "dial tcp 192.0.2.1:993: connect: connection refused", "unreachable", []string{"MSExchangeImap4", "MSExchangeIMAP4BE", "off after an installation"}},
		{"S05", "* BYE Connection is closed. 13", "closed-at-once", []string{"MSExchangeIMAP4BE"}},
		{"S05", "NO LOGIN failed.", "login-failed", []string{"Set-CASMailbox -Identity 'bob' -ImapEnabled $true"}},
		{"S05", "How do I enable IMAP on Exchange?", "imap-off", []string{"MSExchangeImap4", "MSExchangeIMAP4BE", "Set-CASMailbox"}},
		{"S06", "IMAP is not enabled by default on Exchange, see how to enable it", "imap-off", []string{"its IMAP services do not run", "switched off for a single mailbox"}},
		{"S07", "SSL connect attempt failed error:1416F086:SSL routines:tls_process_server_certificate:certificate verify failed", "certificate",
			[]string{"Set-ImapSettings -Server 'EX1' -X509CertificateName", "Enable-ExchangeCertificate", "Restart-Service"}},
		{"S07", "binding certificate breaks imap or pop", "certificate", []string{"Enable-ExchangeCertificate -Server 'EX1'"}},
		{"S12", "imapsync --disarmreadreceipts", "read-receipts", []string{"fixes.read-receipt: all"}},
		{"S14", "what does the option --regexmess do for Exchange", "long-lines", []string{`--regexmess 's,(.{9900}),$1\r\n,g'`}},
		{"S17", "do I need reformime?", "long-lines", []string{`reformime -r7`, "package maildrop"}},

		// LOGIN failed.
		{"S20", "For Exchange I have double and triple checked the username and password spelling but I still get a \"LOGIN failed\". Any clue?", "login-failed", nil},
		{"S21", "2 NO LOGIN failed.", "login-failed", []string{"Two-factor login"}},
		{"S22", "LOGIN failed", "login-failed", []string{"security defaults", "Without further licences", "OAuth2"}},
		{"S23", "LOGIN failed", "login-failed", []string{"no mailbox of its own", "Enable-Mailbox -Identity 'admin'", "2019"}},
		{"S24", "how do I migrate with an admin account", "admin-login", []string{addFullAccessFilled}},
		{"S25", "authuser2 does not work on 2019", "admin-login", []string{"2019, 2007 and others: send one name with backslashes"}},
		{"S26", "admin login forms", "admin-login", []string{`EXAMPLE\admin\bob`, "DNS name"}},
		{"S27", "admin login forms", "admin-login", []string{`admin@EXAMPLE\bob`, "suffix of the admin's UPN"}},
		{"S28", "x509: certificate is valid for mail.example.com, not 192.168.1.2", "certificate", []string{"upstream.server_name", "upstream.ca_file", "upstream.pin"}},
		{"S29", "are special characters in the password a problem?", "password-characters", []string{"single quotes", "batch files"}},
		{"S30", "password special characters on Windows", "password-characters",
			[]string{"FAQ.Authentication_failure.txt", "FAQ.Passwords_on_Windows.txt", "FAQ.Passwords_on_Unix.txt", "FAQ.Passwords_on_Mac.txt"}},

		// User is authenticated but not connected.
		{"S31", "a1 BAD User is authenticated but not connected.", "not-connected", nil},
		{"S32", "User is authenticated but not connected", "not-connected", []string{"password is wrong"}},
		{"S33", "user is authenticated but not connected", "not-connected", []string{addFullAccessFilled}},
		{"S34", "where is full access in the GoDaddy Exchange admin center?", "not-connected", []string{"GoDaddy", "Recipients", "Mailbox delegation", "Full Access"}},

		// Maximum size.
		{"S35", "I see \"NO Maximum size of appendable message has been exceeded\" What can I do with that?", "too-big", nil},
		{"S36", "NO Maximum size of appendable message has been exceeded", "too-big", []string{"Set-Mailbox -Identity 'bob' -MaxReceiveSize 100mb -MaxSendSize 100mb", "2019"}},
		{"S37", "Maximum size of appendable message has been exceeded.", "too-big", []string{"Set-TransportConfig", "Set-ReceiveConnector", "Set-SendConnector", "Set-Mailbox", "three levels"}},
		{"S38", "how to make Exchange 2016 accept big emails", "too-big", []string{`<add key="MaxReceiveSize" value="1024000000" />`}},
		{"S39", "MaxReceiveSize", "too-big", []string{`V15\ClientAccess\PopImap\Microsoft.Exchange.Imap4.exe.config`, `V14\ClientAccess\PopImap\Microsoft.Exchange.Imap4.exe.config`}},
		{"S40", "MaxReceiveSize", "too-big", []string{"Each cumulative update removes the line"}},
		{"S41", "MaxReceiveSize", "too-big", []string{"restart transport, information store and the IMAP services", "MSExchangeTransport, MSExchangeIS, MSExchangeIMAP4BE"}},
		{"S42", "MaxReceiveSize", "too-big", []string{"Microsoft's pages about sizes do not mention"}},

		// Throttled.
		{"S43", "Request is throttled. Suggested Backoff Time: 299961 milliseconds", "throttled", nil},
		{"S44", "17 BAD Request is throttled. Suggested Backoff Time: 89117 milliseconds", "throttled", []string{"before it closes the connection"}},
		{"S45", "Exchange throttles the sync: throttled", "throttled", []string{"--maxbytespersecond 100_000"}},
		{"S46", "throttle", "throttled", []string{"--maxmessagespersecond 2", "upstream.pace.messages_per_second"}},
		{"S47", "throttling", "throttled", []string{"--exitwhenover 1_000_000_000"}},
		{"S48", "throttled", "throttled", []string{"Nobody knows the exact limits, and they change"}},
		{"S49", "change the throttling policy of a user", "throttled", []string{"New-ThrottlingPolicy", "Set-ThrottlingPolicyAssociation -Identity 'bob'"}},
		{"S50", "throttled", "throttled", []string{"only after a restart"}},

		// Invalid state.
		{"S51", "Exchange fails with \"BAD Command received in Invalid state\".", "invalid-state", []string{"after the second"}},
		{"S52", "2 BAD Command received in Invalid state.", "invalid-state", []string{"upstream.tls", "--ssl2", "--tls2"}},
		{"S53", "BAD Command received in Invalid state", "invalid-state", []string{"TLS twice"}},
		{"S54", "tls: first record does not look like a TLS handshake", "tls-mismatch", []string{"listen.implicit", "listen.starttls"}},
		{"S54", `msg="TLS on a port that begins in plain text" remedy="set the client to STARTTLS, or to the SSL/TLS port"`, "tls-mismatch", nil},

		// Server Unavailable. 15.
		{"S55", "NO Server Unavailable. 15", "server-unavailable", nil},
		{"S56", "NO Server Unavailable. 15", "server-unavailable", []string{"may be full", "Microsoft.Exchange.Data.Storage.QuotaExceededException"}},
		{"S57", "raise the quota of a mailbox", "server-unavailable", []string{"Recipients > Mailboxes > Edit", "Prohibit send and receive at (GB)"}},
		{"S58", "mailbox full", "server-unavailable",
			[]string{"Set-Mailbox -Identity 'bob' -IssueWarningQuota 499gb -ProhibitSendQuota 500gb -ProhibitSendReceiveQuota 500gb -UseDatabaseQuotaDefaults $false", "from smallest to largest"}},
		{"S59", "Server Unavailable. 15", "server-unavailable", []string{"Set-ImapSettings -Server 'EX1' -ProtocolLogEnabled $true", "crazy"}},
		{"S59", "how do I get the IMAP log of Exchange", "imap-log", []string{"Set-ImapSettings -Server 'EX1' -ProtocolLogEnabled $true", "LogFileLocation"}},
		{"S60", "- could not append ( Subject:[x], Date:[24-Nov-2026], Size:[1234], Flags:[\\Seen] ) to folder INBOX: Error: 12 NO Server Unavailable. 15", "server-unavailable", nil},

		// Read receipts.
		{"S61", "From XXX to Exchange 2013, read receipts are all resent again after a sync. Even for old messages. How can I fix that?", "read-receipts", nil},
		{"S62", "read receipts", "read-receipts", []string{"puts X- before these names"}},
		{"S63", "read receipts", "read-receipts", []string{`--search1 "SEEN" --disarmreadreceipts`, `--search1 "UNSEEN"`, "fixes.read-receipt: seen"}},
		{"S65", "Disposition-Notification-To", "read-receipts", []string{"Return-Receipt-To", "X-Confirm-Reading-To"}},
		{"S66", "SuppressReadReceipt", "read-receipts", []string{"Set-ImapSettings -Server 'EX1' -SuppressReadReceipt $true", "The server can suppress receipts"}},

		// SSL read error.
		{"S67", "DEBUG: IO/Socket/SSL.pm:1043: local error: SSL read error\nDEBUG: IO/Socket/SSL.pm:1043: local error: SSL read error", "ssl-read-error", nil},
		{"S68", "SSL read error", "ssl-read-error", []string{"Run the sync again"}},
		{"S69", "SSL read or write error", "ssl-read-error", []string{"upstream.tls: insecure-none"}},
		{"S70", "SSL read error", "ssl-read-error", []string{"https://imapsync.lamiral.info/FAQ.d/FAQ.SSL_errors.txt"}},

		// Command Argument Error 11.
		{"S71", "From XXX to Exchange 2010/2013 I get this error message sometimes: \"BAD Command Argument Error 11\". What does it mean?", "argument-error", nil},
		{"S71", "1482 BAD Command Argument Error. 11", "argument-error", nil},
		{"S72", "BAD Command Argument Error. 11", "argument-error", []string{"everything that it does not accept", "for an unknown reason"}},
		{"S73", "BAD Command Argument Error. 11", "argument-error", []string{"10 MB by default", "sometimes needs a reboot"}},
		{"S74", "BAD Command Argument Error. 11", "argument-error", []string{"--maxsize 10000000"}},
		{"S75", "BAD Command Argument Error. 11", "argument-error", []string{"the mailbox is full"}},
		{"S76", "how long may lines be in a message: long lines", "long-lines", []string{"998", "9,900"}},
		{"S77", "line length", "long-lines", []string{"9,900"}},
		{"S78", "--maxlinelength 9900", "long-lines", []string{"--maxlinelength 9900", `--regexmess 's,(.{9900}),$1\r\n,g'`, `--regexmess "s,(.{9900}),$1\r\n,g"`}},
		{"S79", "BAD Command Argument Error. 11", "argument-error", []string{"After ten errors it closes the connection"}},
		{"S80", "* BYE Connection closed. 14", "closed", []string{"tenth BAD", "start the sync again"}},
		{"S81", "BAD Command Argument Error. 11", "argument-error", []string{"--pipemess W/tools/fix_email_for_exchange.py", "miracles"}},

		// Flagged.
		{"S82", "From XXX to Exchange 2010 or 2013, the flag Flagged does not seem to be well synced. What can I do?", "flagged", []string{"STORE", "APPEND"}},
		{"S84", "flagged", "flagged", []string{"--debugflags"}},
		{"S85", "flag not shown in Outlook", "flagged", []string{"Outlook on the web"}},

		// Admin logins.
		{"S86", "How to migrate from or to Exchange 2007/2010/2013 with an admin/authuser account?", "admin-login", []string{"--user2 'bob' --authuser2 'admin'"}},
		{"S87", "admin login", "admin-login", []string{`--user2 'EXAMPLE\admin\bob'`}},
		{"S88", "admin login", "admin-login", []string{`--user2 'admin@EXAMPLE\bob'`}},
		{"S89", "login strings", "admin-login", []string{"NetBIOS", "DNS name", "to try"}},
		{"S90", "authuser", "admin-login", []string{"always uses PLAIN", "do not add --authmech"}},
		{"S91", "mailNickname", "admin-login", []string{"the alias (mailNickname)", "Format-List Alias"}},
		{"S93", "understanding login strings with POP3/IMAP", "admin-login", []string{"https://techcommunity.microsoft.com/t5/exchange-team-blog/understanding-login-strings-with-pop3-imap/ba-p/610683", "https://web.archive.org/"}},
		{"S94", "admin rights", "admin-login", []string{"do not have this right automatically"}},
		{"S95", "* CAPABILITY IMAP4 IMAP4rev1 AUTH=NTLM AUTH=GSSAPI LOGINDISABLED STARTTLS IDLE NAMESPACE LITERAL+", "plain-text-login", []string{"Set-ImapSettings -Server 'EX1' -LoginType PlainTextLogin", "last resort"}},
		{"S98", "does the built-in Administrator work?", "administrator", []string{"never accepts the built-in Administrator", "lock-out"}},
		{"S99", "How to migrate from or to Exchange 2016 with an admin/authuser account?", "admin-login", []string{"Full addresses work for both names"}},
		{"S100", "NO AUTHENTICATE failed.", "login-failed", []string{"Mailbox delegation", addFullAccessFilled}},
		{"S101", "NO AUTHENTICATE failed.", "login-failed", []string{"Add-MailboxPermission -Identity 'bob' -User 'admin' -AccessRights FullAccess -InheritanceType All -AutoMapping $false"}},
		{"S102", "Host2 failure: Error login on [my.exchange.com] with user [mydomainuser] auth [PLAIN]: 2 NO AUTHENTICATE failed.", "login-failed", nil},
		{"S104", "imapsync --proxyauth1 with Exchange 2003", "proxyauth", []string{"--user1 'bob' --authuser1 'admin' --proxyauth1"}},
		{"S105", "a dollar sign in the password", "password-characters", []string{"$ ! ` \\ have no special meaning", "In exgate's configuration, $ and \\ have no special meaning"}},
		{"S109", "How to migrate from Exchange 2003 with an admin/authuser account?", "proxyauth", []string{"You can omit the domain of the address"}},
		{"S106", "How to migrate from or to Exchange 2003 with an admin/authuser account?", "proxyauth", []string{"off for the admin or for the user"}},

		// Mailbox already exists.
		{"S113", "Couldn't create folder [trash] \"Mailbox already exists\".", "mailbox-exists", []string{`"trash" and "Trash" are one folder`}},
		{"S114", "NO Mailbox already exists.", "mailbox-exists", []string{"two folders of the source become one"}},
		{"S115", "NO Mailbox already exists.", "mailbox-exists", []string{`--regextrans2 's/^trash$/Trash/'`}},
		{"S116", "NO Mailbox already exists.", "mailbox-exists", []string{"--delete2 is then dangerous", "when it syncs the second"}},
		{"S117", "NO Mailbox already exists.", "mailbox-exists", []string{"--nomixfolders"}},
		{"S118", "NO Mailbox already exists.", "mailbox-exists", []string{"The messages arrive anyway"}},

		// Dates.
		{"S119", "Migrating to Exchange 2010, messages get date of the transfer, this is bad for sorting and listing. What can I do?", "dates", nil},
		{"S120", "wrong dates", "dates", []string{"SP2 Rollup 5", "14.2.328.5", "ExSetup.exe"}},
		{"S121", "wrong dates", "dates", []string{"https://www.howto-outlook.com/faq/archivenotworking.htm"}},

		// 2007 and 2000.
		{"S123", "How to sync from any to Exchange 2007?", "exchange2007", []string{"40 MB", "Set-ReceiveConnector -MaxMessageSize 40MB", "Set-SendConnector -MaxMessageSize 40MB"}},
		{"S124", "How to sync from any to Exchange 2007?", "exchange2007", []string{`--skipheader 'Received'`, "$1Date:$2\\nReceived: From; $2"}},
		{"S126", "How to sync from any to Exchange 2007?", "exchange2007", []string{"succeeds only partly"}},
		{"S128", "Exchange 2007 folders ending with a space cause an imapsync crash. \"Could not select: socket closed while reading data from server\"", "trailing-blank", nil},
		{"S128", "folder names ending with a space", "trailing-blank", nil},
		{"S129", "folder with a trailing space", "trailing-blank", []string{"Thunderbird or Outlook"}},
		{"S130", "folder with a trailing space", "trailing-blank", []string{"imapsync#154"}},
		{"S131", "How to sync from Microsoft Exchange 2000 IMAP4rev1 server?", "inbox-prefix", []string{`--prefix1 "INBOX."`}},

		// Office 365.
		{"O01", "a1 NO Folder name is reserved", "reserved-name", []string{"Files_renamed_by_imapsync"}},
		{"O01", "How to sync from XXX to Office365", "sync-online", []string{"--maxsize 45000000", "Files=Files_renamed_by_imapsync", "outlook.office365.com"}},
		{"O02", "How to sync from Office365 to XXX?", "sync-online", []string{`--host1 outlook.office365.com --ssl1 --exclude "^Files$"`}},
		{"O-", "Can I use imapsync to transfer from or to Office365 accounts?", "sync-online", []string{"exgate explain online-login"}},
		{"O-", "How to see or migrate public folders on Office365?", "public-folders", []string{"https://docs.microsoft.com/en-us/exchange/collaboration/public-folders/"}},
		{"O-", "Does imapsync support OAUTH2 authentication for Office365 accounts?", "online-login", []string{"--oauthaccesstoken2 tokenfile"}},
		{"O02", "Office365 users complain that a folder named \"Files\" contains messages with no sender.", "files-folder", []string{`--exclude "^Files$"`}},
		{"O03", "Every single mail synced to exchange online owns the category $MDNSent after migration. How can I avoid this?", "mdnsent", []string{`s/\$MDNSent//g`}},
		{"O04", "NO Maximum size of appendable message has been exceeded", "too-big", []string{"the admin's limit, not the user's", "Set-Mailbox -Identity 'admin' -MaxReceiveSize 150mb -MaxSendSize 150mb"}},
		{"O05", "What are the receive and sending limits of Office365?", "limits", []string{"3600 messages per hour", "1200", "0.33", "300 MB", "83,333 bytes"}},
		{"O06", "Request is throttled.", "throttled", []string{"for 90 days"}},
		{"O07", "Trying command when NOT connected! at /usr/share/perl5/Mail/IMAPClient.pm line 1204.", "lost", []string{"the client does not show it", "--debugimap2"}},
		{"O08", "How can I access an Office365 shared mailbox?", "shared-mailbox", []string{`'admin\bob'`}},
		{"O09", "How can I use a shared account as a backup account for several mailboxes", "shared-mailbox", []string{"--subfolder2 backup_foo", "--subfolder1 backup_foo"}},
		{"O10", "does Office 365 take basic auth logins? licence, app password", "online-login",
			[]string{"app password", "no licence", "October 2021", "AllowBasicAuthImap", "outlook.office365.com", "imap-mail.outlook.com", "imap.outlook.com", "administrator of the domain"}},
		{"O10", "Can imapsync work for users that are administrators for an Office 365 domain? (quick answer: no)", "online-login", []string{"imapsync#310"}},
		{"O11", "authuser office 365 admin login", "admin-login", []string{"user's name without its domain"}},
		{"O12", "17 BAD Command Argument Error. 11", "argument-error", []string{"--synclabels or --resynclabels", "X-GM-LABELS"}},
		{"O13", "line length limits", "limits", []string{"10,500", "45,000,000"}},
		{"O13", "--maxlinelength 10500", "long-lines", []string{"10500"}},
		{"O-", "The imap connection to Office365 is not working very efficiently, is there a solution to fix that?", "slow", []string{"DavMail"}},

		// The replies of the behaviour notes that the FAQs do not have.
		{"§2.2", "* BYE Session invalidated - AccessTokenExpired", "token-expired", nil},
		{"§2.2", `A1 OK [Error="Microsoft.Exchange.Data.Storage.WrongServerException:Cross Server access is not allowed for mailbox 7d0c" AuthResultFromPopImapEnd=0 Proxy=EX1:1993:SSL] AUTHENTICATE completed.`, "wrong-server", nil},
		{"§3", "5 BAD Command Argument Error. 12", "argument-error-12", []string{"4,096"}},
		{"§3", "A9 BAD Command Error. 10", "command-error", []string{"Set-ImapSettings -Server 'EX1' -MaxCommandSize 16384"}},
		{"§3", "<body BAD Command Error. 10", "out-of-step", []string{"fixes.long-lines"}},
		{"§3", "</td BAD Command Error. 10", "out-of-step", nil},
		{"§3", "7 BAD The specified message set is invalid.", "message-set", nil},
		{"§3", "7 NO [BADCHARSET (US-ASCII)] The specified charset is not supported.", "bad-charset", nil},
		{"§3", "7 NO Command received in Invalid state.", "read-only", []string{"EXAMINE"}},
		{"§3", "* BAD command line limit exceeded", "command-line-limit", []string{"probably not from Exchange"}},
		{"§3", "7 NO Message contains NUL characters", "content-refused", []string{"Cyrus"}},
		{"own words", "A5 NO [UNAVAILABLE] exgate: the connection to Exchange was lost; try again; it is not known whether the message was stored", "outcome-unknown", []string{"do not send a message again that has arrived"}},
		{"own words", "A5 NO [UNAVAILABLE] EXPUNGE: exgate: the connection to Exchange was lost; try again; it is not known whether it was done", "outcome-unknown", nil},
		{"§4.1", "too many connections per user", "too-many-connections", []string{"MaxConnectionsPerUser"}},
		{"§4.5", "folder with a slash in its name is not listed", "no-mailbox", []string{"hides such a folder"}},
		{"S32", "a1 NO [AUTHENTICATIONFAILED] wrong name or password (exgate: exgate itself refused this login and did not ask Exchange)", "refused-here", []string{"exgate user add"}},
		{"§7", "a1 NO [AUTHORIZATIONFAILED] bob may not open the mailbox alice: the users file does not say so", "not-allowed", []string{"exgate user list"}},
		{"§2.1", `err="get an access token: invalid_client: AADSTS7000215: Invalid client secret provided."`, "token-refused", []string{"Certificates & secrets"}},
		{"§2.1", "no access token is available for this mailbox now; try again later", "token-unavailable", []string{"HTTPS_PROXY"}},
		{"§5", "Subject: Retrieval using the IMAP4 protocol failed for the following message: 20004", "retrieval-failed", nil},
	}
	names := Names{User: "bob", Admin: "admin", Server: "EX1", Domain: "EXAMPLE"}
	answered := map[string]bool{}
	for _, tt := range tests {
		t.Run(tt.row+" "+tt.id, func(t *testing.T) {
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
			t.Errorf("%s: answers no row", e.ID)
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
