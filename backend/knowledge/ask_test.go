package knowledge

import (
	"strings"
	"testing"
)

func TestAsk(t *testing.T) {
	tests := []struct{ question, want string }{
		{"read receipt", "read-receipts"},
		{"Read Receipts?", "read-receipts"},
		{"RECEIPTS", "read-receipts"},
		{"my messages show the wrong date", "dates"},
		{"shared mailbox", "shared-mailbox"},
		{"why is Exchange 2007 throttling", "throttled"}, // the version says little
		{"mailbox quota exceeded", "server-unavailable"},
		{"keyword", "keywords"},
		{"try create", "try-create"},
		{"wrong port?", "protocol"},
		{"office365 oauth2 licence", "online-login"},
		{"what is the weather like", ""},
		{"receiptless", ""},
		{"", ""},
		{"s", ""},
	}
	for _, tt := range tests {
		if got := strings.Join(idsOf(Ask(tt.question)), " "); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.question, got, tt.want)
		}
	}
	if n := len(Ask("certificate trash slow prefix connector category")); n != maxAnswers {
		t.Errorf("%d answers to everything", n)
	}
}

// Every question of imapsync's FAQ.Exchange 1.79 and FAQ.Office365 1.38 has one
// answer, asked in the words that it has there.
func TestQuestionsOfTheFAQ(t *testing.T) {
	tests := []struct{ question, want string }{
		{`Can I use imapsync to transfer from or to Exchange accounts?`, "sync-exchange"},
		{`How to sync from XXX to Exchange 2010/2013/2016/2019`, "sync-exchange"},
		{`I see "NO Maximum size of appendable message has been exceeded" What can I do with that?`, "too-big"},
		{`Exchange throttles the sync and says: "Request is throttled. Suggested Backoff Time: 299961 milliseconds". What can I do with that?`, "throttled"},
		{`For Exchange I have double and triple checked the username and password spelling but I still get a "LOGIN failed". Any clue?`, "login-failed"},
		{`Exchange fails with "User is authenticated but not connected".`, "not-connected"},
		{`Exchange fails with "BAD Command received in Invalid state".`, "invalid-state"},
		{`Exchange fails with "NO Server Unavailable. 15" and imapsync says "could not append ... NO Server Unavailable. 15"`, "server-unavailable"},
		{`From XXX to Exchange 2013, read receipts are all resent again after a sync. Even for old messages. How can I fix that?`, "read-receipts"},
		{`DEBUG: IO/Socket/SSL.pm:1043: local error: SSL read error DEBUG: IO/Socket/SSL.pm:1043: local error: SSL read error`, "ssl-read-error"},
		{`From XXX to Exchange 2010/2013 I get this error message sometimes: "BAD Command Argument Error 11". What does it mean?`, "argument-error"},
		{`From XXX to Exchange 2010 or 2013, the flag Flagged does not seem to be well synced. What can I do?`, "flagged"},
		{`How to migrate from or to Exchange 2007/2010/2013 with an admin/authuser account?`, "admin-login"},
		{`How to migrate from or to Exchange 2016 with an admin/authuser account?`, "admin-login"},
		{`How to migrate from or to Exchange 2003 with an admin/authuser account?`, "proxyauth"},
		{`Couldn't create folder [trash] "Mailbox already exists".`, "mailbox-exists"},
		{`Migrating to Exchange 201O, messages get date of the transfer, this is bad for sorting and listing. What can I do?`, "dates"},
		{`How to sync from any to Exchange 2007?`, "exchange2007"},
		{`Exchange 2007 folders ending with a space cause an imapsync crash. "Could not select: socket closed while reading data from server"`, "trailing-blank"},
		{`How to sync from Microsoft Exchange 2000 IMAP4rev1 server?`, "inbox-prefix"},
		{`Can I use imapsync to transfer from or to Office365 accounts?`, "sync-online"},
		{`Can imapsync work for users that are administrators for an Office 365 domain? (quick answer: no)`, "online-login"},
		{`Does imapsync support OAUTH2 authentication for Office365 accounts?`, "online-login"},
		{`How to sync from Office365 to XXX?`, "sync-online"},
		{`How to sync from XXX to Office365`, "sync-online"},
		{`For Office365 I have double and triple-checked the username and password spelling but I still get a "LOGIN failed". Any clue?`, "login-failed"},
		{`How can I access an Office365 shared mailbox?`, "shared-mailbox"},
		{`How can I use a shared account as a backup account for several mailboxes and so avoid spending too many dollars in backup accounts?`, "shared-mailbox"},
		{`Office365 fails with "User is authenticated but not connected".`, "not-connected"},
		{`Every single mail synced to exchange online owns the category $MDNSent after migration. How can I avoid this?`, "mdnsent"},
		{`The imap connection to Office365 is not working very efficiently, is there a solution to fix that?`, "slow"},
		{`Office365 throttles the sync and says: "Request is throttled. Suggested Backoff Time: 299961 milliseconds". What can I do with that?`, "throttled"},
		{`What are the receive and sending limits of Office365?`, "limits"},
		{`The sync fails with many "Trying command when NOT connected!". What can I do?`, "lost"},
		{`How to see or migrate public folders on Office365?`, "public-folders"},
		{`Office365 refuses to create the folder named "Files" with the error "NO Folder name is reserved". What happens?`, "reserved-name"},
		{`Office365 users complain that a folder named "Files" contains messages with no sender.`, "files-folder"},
		{`From XXX to Office365, read receipts are all resent again after sync. Even for old messages. How can I fix that?`, "read-receipts"},
		{`From XXX Office365 I get this error message sometimes: "BAD Command Argument Error 11". What does it mean?`, "argument-error"},
		{`From XXX to Office365 the flag Flagged does not seem to be well synced. What can I do?`, "flagged"},
		{`How to migrate from or to Office 365 with an admin/authuser account?`, "admin-login"},
	}
	for _, tt := range tests {
		if got := strings.Join(idsOf(find(t, tt.question)), " "); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.question, got, tt.want)
		}
	}
}

func TestByID(t *testing.T) {
	for _, id := range []string{"throttled", "Throttled", " throttled "} {
		if e, ok := ByID(id); !ok || e.ID != "throttled" {
			t.Errorf("%q: %q", id, e.ID)
		}
	}
	if _, ok := ByID("nothing"); ok {
		t.Error("an entry that is none")
	}
}
