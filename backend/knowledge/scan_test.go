package knowledge

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"
)

func scan(t testing.TB, text string) Report {
	t.Helper()
	report, err := Scan(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// found writes a report shortly: "id" for an entry on one line, "id*3@2" for
// one on three lines of which the second is the first.
func found(r Report) string {
	var all []string
	for _, f := range r.Found {
		s := f.Entry.ID
		if f.Lines != 1 || f.First != 1 {
			s += fmt.Sprintf("*%d@%d", f.Lines, f.First)
		}
		all = append(all, s)
	}
	return strings.Join(all, " ")
}

// TestWrapping has the ways in which clients and libraries wrap one reply.
func TestWrapping(t *testing.T) {
	tests := []struct{ client, text, want string }{
		{"wire", "17 BAD Command Argument Error. 11\r\n", "argument-error"},
		{"FAQ", "BAD Command Argument Error 11", "argument-error"},
		{"sentence", "it says bad command argument error 11.", "argument-error"},
		{"upper case", "BAD COMMAND ARGUMENT ERROR. 11", "argument-error"},
		{"imapsync, today", "- msg INBOX/45 {1234} could not append ( Subject:[Hello], Date:[\"24-Nov-2026 07:00:00 +0000\"], Size:[1234], Flags:[\\Seen] ) to folder INBOX: Error: 585 BAD Command Argument Error. 11", "argument-error"},
		{"imapsync, 2018", "Err 29/50: - msg Drafts/3633881 {12704} couldn't append  (Subject:[RE: xxxxx Ltd. - accounts]) to folder Drafts: 585 BAD Command Argument Error. 11", "argument-error"},
		{"imapsync, 2013", "- msg INBOX/MA/361 {11760721} couldn't append  (Subject:[AW: Vortrag]) to folder INBOX/MA: Error sending 'APPEND \"INBOX/MA\" (\\Seen) \"17-Oct-2011 20:38:01 +0100\" {11760721}': * BYE Connection closed. 14; 1482 BAD Command Argument Error. 11", "argument-error closed"},
		{"imapsync, login", "Host2 failure: Error login on [my.exchange.com] with user [u] auth [PLAIN]: 2 NO AUTHENTICATE failed.", "login-failed"},
		{"imapsync, select", "Err 2/10 Host2 Folder Foo : Could not select: socket closed while reading data from server", "trailing-blank"},
		{"Mail::IMAPClient", "ERROR: 520 BAD Command Argument Error. 11 at /usr/share/perl5/vendor_perl/Mail/IMAPClient.pm line 1364.", "argument-error"},
		{"Mail::IMAPClient, stack", `	Mail::IMAPClient::__ANON__('520 BAD Command Argument Error. 11\x{d}\x{a}') called at IMAPClient.pm line 1400`, "argument-error"},
		{"Mail::IMAPClient, not connected", "Trying command when NOT connected! at /usr/share/perl5/Mail/IMAPClient.pm line 1204.", "lost"},
		{"Perl's SSL", "DEBUG: .../IO/Socket/SSL.pm:1043: local error: SSL read error", "ssl-read-error"},
		{"OpenSSL", "error:0A000126:SSL routines::unexpected eof while reading", "ssl-read-error"},
		{"OpenSSL, certificate", "error:1416F086:SSL routines:tls_process_server_certificate:certificate verify failed", "certificate"},
		{"OpenSSL, plain port", "error:1408F10B:SSL routines:ssl3_get_record:wrong version number", "tls-mismatch"},
		{"Thunderbird", "The current operation on 'Inbox' did not succeed. The mail server for account bob@example.com responded: Command Argument Error. 11.", "argument-error"},
		{"Thunderbird, not connected", "The mail server for account bob responded: User is authenticated but not connected. ", "not-connected"},
		{"Thunderbird, login", "Login to server mail.example.com with username bob failed.", "login-failed"},
		{"mbsync", "IMAP command 'APPEND \"Archive\" (\\Seen) {11760721+}' returned an error: BAD Command Argument Error. 11", "argument-error"},
		{"mbsync, login", "IMAP command 'LOGIN <user> <pass>' returned an error: NO LOGIN failed.", "login-failed"},
		{"mbsync, end", "Socket error on mail.example.com (192.0.2.1:993): unexpected EOF", "lost"},
		{"offlineimap", "ERROR: Exceptions occurred during the run! Server responded: ('BAD', [b'Command Argument Error. 11'])", "argument-error"},
		{"offlineimap, append", "ERROR: Saving msg (HeaderList) in folder 'INBOX', repository 'R' failed (error). Server responded: APPEND command error: BAD ['Command Argument Error. 11']. Data: b'NHPM9 APPEND INBOX {5}'", "argument-error"},
		{"offlineimap, login", "LOGIN authentication failed: LOGIN command error: NO [b'LOGIN failed.']. Data: b'CBKP2 LOGIN bob \"***\"'", "login-failed"},
		{"Outlook", "Your server reported the following error: 'User is authenticated but not connected.'", "not-connected"},
		{"Outlook, number", "Outlook cannot synchronize subscribed folders. Error: Command Argument Error. 11 (0x800CCC0E)", "argument-error"},
		{"Outlook, end", "Your server has unexpectedly terminated the connection. Possible causes for this include server problems", "lost"},
		{"MailKit", "S: A00000013 BAD User is authenticated but not connected.\r\nS: * BYE Connection closed. 14", "not-connected closed*1@2"},
		{"PHP", `IMAP command "TAG5 UID FETCH 2 ()" failed. Response: "TAG5 BAD Command Argument Error. 11"`, "argument-error"},
		{"Java", "javax.mail.AuthenticationFailedException: AUTHENTICATE failed.", "login-failed"},
		{"Go", "dial tcp [::1]:993: connect: connection refused", "unreachable"},
		{"curl", "curl: (67) Login denied: < A002 NO LOGIN failed.", "login-failed"},
		{"exgate, to the client", "A5 NO [UNAVAILABLE] Server Unavailable. 15 (exgate: the mailbox may be full (QuotaExceededException in Exchange's log; raise it with Set-Mailbox -ProhibitSendReceiveQuota), or Exchange cannot open this folder or reach the mailbox server now)", "server-unavailable"},
		{"exgate, the line alone", "A5 NO [UNAVAILABLE] exgate: the connection to Exchange was lost; try again", "lost"},
		{"exgate's log", `{"level":"WARN","msg":"message refused","kind":"argument-error","err":"..."}`, "argument-error"},
		{"exgate's log, text", `level=WARN msg="login failed" claim="\"bob\" ***" kind=credentials-refused err="login: NO LOGIN failed."`, "login-failed"},
		{"non-breaking blanks", "User\u00a0is authenticated\u00a0but not\u00a0connected", "not-connected"},
		{"typographic quotes", "says “User is authenticated but not connected”.", "not-connected"},
		{"wrapped by a mailer", "> 17 BAD Request is throttled. Suggested\r\n> Backoff Time: 178755 milliseconds\r\n", "throttled"},
		{"wrapped in a phrase", "User is authenticated\n  but not\n  connected.", "not-connected"},
		{"bogus tag", "<body BAD Command Error. 10", "out-of-step"},
		{"two errors", "a BAD Command Error. 10, and the day before: <meta BAD Command Error. 10", "command-error out-of-step"},
		{"a subject is no error", "msg 5 could not append ( Subject:[Re: NO LOGIN failed. Why?], Date:[] ): Error: 7 NO Server Unavailable. 15", "server-unavailable"},
		{"a number that only begins so", "Connection closed. 145, Command Error. 100", ""},
		{"a word that only ends so", "RELOGIN failed", ""},
		{"nothing", "", ""},
		{"imapsync, all is well", "./imapsync --exchange2 --host2 h --user2 bob --disarmreadreceipts --maxlinelength 10239 --office1\n" +
			"Host2: SSL default mode is like --sslargs2 \"SSL_verify_mode=0\", meaning for host2 SSL_VERIFY_NONE, ie, do not check the certificate server.\n" +
			"Host1 capability before authentication: IMAP4rev1 LITERAL+ SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LOGINDISABLED STARTTLS\n" +
			"Host2: success login on [h] with user [bob] auth [PLAIN]\n" +
			"Info: will add header lines; turned ON noerrors\n" +
			"msg INBOX/1 {1234} copied to INBOX/1 2.35 msgs/s\nDetected 0 errors\nExiting with return value 0 (EX_OK: successful termination) 0/50 nb_errors/max_errors\n", ""},
		{"exgate's log, all is well", `level=INFO msg="a self-signed certificate was made" file=tls.crt
level=INFO msg="message stored" mailbox=Archive size=48211 sent=66310 fixes="[long-lines read-receipt]"
level=INFO msg="session ended" user=bob reason="logged out"`, ""},
		{"all is well", "A1 OK LOGIN completed.\r\n* BYE Microsoft Exchange Server 2016 IMAP4 server signing off.\r\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.client, func(t *testing.T) {
			if got := found(scan(t, tt.text)); got != tt.want {
				t.Errorf("%q: found %q, want %q", tt.text, got, tt.want)
			}
		})
	}
}

func TestScanCountsLines(t *testing.T) {
	text := "one\r\n" +
		"2 NO Request is throttled. Suggested Backoff Time: 1 milliseconds\r\n" +
		"3 NO LOGIN failed.\n" +
		"4 NO Request is throttled. Request is throttled.\n" +
		"five"
	report := scan(t, text)
	if got, want := found(report), "throttled*2@2 login-failed*1@3"; got != want || report.Lines != 5 {
		t.Errorf("got %q in %d lines, want %q in 5", got, report.Lines, want)
	}
	for text, lines := range map[string]int{"": 0, "a": 1, "a\n": 1, "a\n\n": 2, "a\r\nb": 2} {
		if got := scan(t, text).Lines; got != lines {
			t.Errorf("%q: %d lines, want %d", text, got, lines)
		}
	}
}

// What PowerShell 5 writes with > is UTF-16.
func TestScanUTF16(t *testing.T) {
	text := "\ufeffeins\r\n2 NO LOGIN failed.\r\n"
	var little, big []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		little = append(little, byte(unit), byte(unit>>8))
		big = append(big, byte(unit>>8), byte(unit))
	}
	for name, encoded := range map[string]string{"UTF-8 with a mark": text, "UTF-16LE": string(little), "UTF-16BE": string(big)} {
		if got := found(scan(t, encoded)); got != "login-failed*1@2" {
			t.Errorf("%s: found %q", name, got)
		}
	}
}

// A text without line ends, as a dump of a message is, is searched to its end.
func TestScanLongLine(t *testing.T) {
	filler := strings.Repeat("0123456789abcdef", 1<<16)
	text := filler + " 2 NO LOGIN failed. " + filler + filler + " Command Error. 10"
	report := scan(t, text)
	if got := found(report); got != "command-error login-failed" || report.Lines != 1 {
		t.Errorf("got %q in %d lines", got, report.Lines)
	}
	if !report.Long || len(report.Head) != maxHead {
		t.Errorf("the head has %d bytes, long: %v", len(report.Head), report.Long)
	}
}

// Pieces of phrases over and over cost no memory.
func TestScanHoldsLittle(t *testing.T) {
	text := strings.Repeat("the connection to Exchange was ", 1<<12) + "authenticated but not connected"
	if got := found(scan(t, text)); got != "not-connected" {
		t.Errorf("found %q", got)
	}
	s := scanner{tree: phraseTree(), line: 1, found: map[int]*tally{}}
	for range 1 << 12 {
		for _, word := range wordsOf("<body the connection to exchange bad user is authenticated but not connected bad command ") {
			s.word([]byte(word), true)
			if len(s.begun) > 64 || len(s.whole) > 64 {
				t.Fatalf("%d begun, %d whole", len(s.begun), len(s.whole))
			}
		}
	}
}

func TestScanError(t *testing.T) {
	broken := errors.New("broken")
	report, err := Scan(io.MultiReader(strings.NewReader("2 NO LOGIN failed."), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) || found(report) != "login-failed" {
		t.Errorf("got %q, %v", found(report), err)
	}
}

// FuzzScan: any text is read to its end; how it comes in pieces, and in which
// case, makes no difference.
func FuzzScan(f *testing.F) {
	for _, e := range Entries() {
		f.Add(strings.Join(e.allPhrases(), "\n"))
	}
	f.Add("Host2 failure: Error login on [h] with user [EXAMPLE\\admin\\o'brien] auth [PLAIN]: 2 NO AUTHENTICATE failed.\r\n")
	f.Add("Host2 info: authmech [PLAIN] user [bob] authuser [admin] IsUnconnected []\nHost2 failure: Error login on [h] with user [bob] auth [PLAIN]: 2 NO LOGIN failed.")
	f.Add("Subject:[half of LOGIN failed")
	f.Add("Subject: [x] LOGIN Subject:[y] failed")
	f.Add("\xff\xfeL\x00O\x00G\x00I\x00N\x00 \x00f\x00a\x00i\x00l\x00e\x00d\x00")
	f.Add("</</<body BAD Command Error. 10 Command\xa0Error. 10")
	f.Fuzz(func(t *testing.T, text string) {
		report := scan(t, text)
		for _, f := range report.Found {
			if f.First < 1 || f.First > report.Lines || f.Lines < 1 || f.Lines > report.Lines {
				t.Errorf("%s: %d lines, first %d, of %d", f.Entry.ID, f.Lines, f.First, report.Lines)
			}
			if f.Entry.ID == Unknown {
				t.Error("found what is not known")
			}
		}
		for _, name := range []string{report.Names.User, report.Names.Admin, report.Names.Domain, report.Names.Server} {
			if name != "" && !IsValidName(name) {
				t.Errorf("name %q", name)
			}
		}
		slow, err := Scan(iotest.OneByteReader(strings.NewReader(text)))
		if err != nil || found(slow) != found(report) || slow.Lines != report.Lines || slow.Names != report.Names {
			t.Errorf("in pieces: %q, at once: %q (%v)", found(slow), found(report), err)
		}
		upper := strings.Map(func(r rune) rune {
			if 'a' <= r && r <= 'z' {
				return r - 'a' + 'A'
			}
			return r
		}, text)
		if isText(text) && found(scan(t, upper)) != found(report) {
			t.Errorf("in upper case: %q, else %q", found(scan(t, upper)), found(report))
		}
		for _, entry := range Ask(report.Head) {
			if entry.ID == Unknown {
				t.Error("an answer that is none")
			}
		}
	})
}

// isText reports whether a text has no byte order mark of UTF-16, after which
// letters are not where they seem to be.
func isText(text string) bool {
	return !slices.ContainsFunc([]string{"\xff\xfe", "\xfe\xff"}, func(mark string) bool { return strings.HasPrefix(text, mark) })
}

func BenchmarkScan(b *testing.B) {
	var log strings.Builder
	for i := range 20000 {
		fmt.Fprintf(&log, "msg INBOX/%d {48211}         copied to INBOX/%d 2.35 msgs/s  153.201 KiB/s 12.4 MiB copied\n", i, i)
		if i%100 == 0 {
			fmt.Fprintf(&log, "- could not append ( Subject:[Re: x], Size:[1234] ) to folder INBOX: Error: %d BAD Command Argument Error. 11\n", i)
		}
	}
	text := log.String()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if report := scan(b, text); len(report.Found) != 1 || report.Found[0].Lines != 200 {
			b.Fatalf("found %q", found(report))
		}
	}
}
