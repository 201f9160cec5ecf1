package proxy

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"

	"exgate/proxy/testkit"
)

// publicReports are lines of servers that broke a client, as public reports have them; docs/exchange.md#reports is the
// table of them. The names of people and hosts are others.
var publicReports = []struct {
	source  string
	command string // "": NOOP
	said    string // by the server, without the reply to the command
	reply   string // to the command; "": "a1 OK done"
	heard   string // by the client
	replied string // "": the reply as it came
	strict  bool   // go-imap reads what the server said
}{
	{source: "emersion/go-imap#571, modern-email/defects#21", command: "CAPABILITY",
		said: "* CAPABILITY IMAP4rev1 \r\n", heard: "* CAPABILITY IMAP4rev1\r\n", strict: true},
	{source: "emersion/go-imap#571, modern-email/defects#26", command: "SEARCH ALL",
		said: "* SEARCH 1 2 \r\n", heard: "* SEARCH 1 2\r\n", strict: true},
	{source: "modern-email/defects#24",
		said: "* ID (\"name\" \"x\" )\r\n", heard: "* ID (\"name\" \"x\")\r\n"},
	{source: "modern-email/defects#48, djc/imap-proto#178", command: "NOOP",
		said:  "* OK [PERMANENTFLAGS (\\Answered $Forwarded )] Limited\r\n",
		heard: "* OK [PERMANENTFLAGS (\\Answered $Forwarded)] Limited\r\n"},
	{source: "emersion/go-imap#633",
		said: "* OK [PERMANENTFLAGS ( \\*)]\r\n", heard: "* OK [PERMANENTFLAGS (\\*)] done\r\n", strict: true},
	{source: "emersion/go-imap#544",
		said: "* FLAGS (\\Seen  $Label1)\r\n", heard: "* FLAGS (\\Seen $Label1)\r\n", strict: true},
	{source: "jakartaee/mail-api#209", command: "UID FETCH 7 UID",
		said: "* 1 FETCH (UID 7 )\r\n", heard: "* 1 FETCH (UID 7)\r\n"},
	{source: "apple/swift-nio-imap#480", command: "FETCH 1 FLAGS",
		said: "* 1 FETCH (FLAGS (\\Seen $NotJunk ) UID 1)\r\n", heard: "* 1 FETCH (FLAGS (\\Seen $NotJunk) UID 1)\r\n"},
	{source: "mguessan/davmail#454", command: "UID FETCH 7 (FLAGS BODY.PEEK[HEADER])",
		said:  "* 1 FETCH (UID 7 FLAGS (\\Seen)  BODY[HEADER] {4}\r\na  b)\r\n",
		heard: "* 1 FETCH (UID 7 FLAGS (\\Seen) BODY[HEADER] {4}\r\na  b)\r\n"},
	{source: "jazzband/imaplib2#59",
		said: "*  3   EXISTS\r\n", heard: "* 3 EXISTS\r\n"},
	{source: "OfflineIMAP/offlineimap#623", reply: "a1 OK\r\n", replied: "a1 OK done\r\n", strict: true},
	{source: "modern-email/defects#28",
		said: "* OK [HIGHESTMODSEQ 5]\r\n", heard: "* OK [HIGHESTMODSEQ 5] done\r\n", strict: true},
	{source: "jstedfast/MailKit#555", command: "UID COPY 3210 x",
		said: "* OK [COPYUID 14  ]\r\n", heard: "* OK completed\r\n"},
	{source: "jstedfast/MailKit#1393", command: "FETCH 1 BODYSTRUCTURE",
		said: `* 1 FETCH (BODYSTRUCTURE ("message" "rfc822" NIL NIL NIL "7bit" 903 ` + testkit.Envelope +
			` (NIL "alternative" ("boundary" "b") NIL NIL NIL) 17 NIL NIL NIL NIL))` + "\r\n",
		heard: `* 1 FETCH (BODYSTRUCTURE ("message" "rfc822" NIL NIL NIL "7bit" 903 ` + testkit.Envelope +
			` ("text" "plain" NIL NIL NIL "7bit" 0 0) 17 NIL NIL NIL NIL))` + "\r\n"},
	{source: "kisli/vmime#159, modern-email/defects#50, jstedfast/MailKit#124", command: "FETCH 1 BODYSTRUCTURE",
		said:  `* 1 FETCH (BODYSTRUCTURE (("text" "html" ("charset" "utf-8") NIL NIL "8bit" 7 0 NIL NIL NIL NIL) "alternative" ("boundary" NIL)))` + "\r\n",
		heard: `* 1 FETCH (BODYSTRUCTURE (("text" "html" ("charset" "utf-8") NIL NIL "8bit" 7 0 NIL NIL NIL NIL) "alternative" ("boundary" "")))` + "\r\n"},
	{source: "jstedfast/MailKit#486", command: "FETCH 1 BODYSTRUCTURE",
		said:   `* 1 FETCH (BODYSTRUCTURE ("IMAGE" "GIF" NIL NIL NIL "base64" 6 NIL ("" NIL)))` + "\r\n",
		heard:  `* 1 FETCH (BODYSTRUCTURE ("IMAGE" "GIF" NIL NIL NIL "base64" 6 NIL NIL))` + "\r\n",
		strict: true},
	{source: "jstedfast/MailKit#669", command: "FETCH 1 ENVELOPE",
		said:  `* 1 FETCH (ENVELOPE (NIL "x" NIL NIL NIL NIL NIL NIL NIL))` + "\r\n",
		heard: `* 1 FETCH (ENVELOPE (NIL "x" NIL NIL NIL NIL NIL NIL NIL NIL))` + "\r\n"},
	{source: "jonhoo/rust-imap#166", command: "FETCH 1 ENVELOPE",
		said:   `* 1 FETCH (ENVELOPE (NIL "x" (("A" NIL "a" "x")) () () (("B" NIL "b" "x")) () () "" "c2@x"))` + "\r\n",
		heard:  `* 1 FETCH (ENVELOPE (NIL "x" (("A" NIL "a" "x")) NIL NIL (("B" NIL "b" "x")) NIL NIL "" "c2@x"))` + "\r\n",
		strict: true},
	{source: "jstedfast/MailKit#991", command: "FETCH 1 ENVELOPE",
		said:  `* 1 FETCH (ENVELOPE (NIL "x" (NIL ("n" NIL "a" "x")) NIL NIL NIL NIL NIL NIL NIL))` + "\r\n",
		heard: `* 1 FETCH (ENVELOPE (NIL "x" (("n" NIL "a" "x")) NIL NIL NIL NIL NIL NIL NIL))` + "\r\n"},
	{source: "emersion/go-imap#659", command: "FETCH 1 BODY",
		said:  `* 1 FETCH (BODY ("application" "octet-stream" ("name" "2.pdf") NIL """" "base64" 65322))` + "\r\n",
		heard: `* 1 FETCH (BODY ("application" "octet-stream" ("name" "2.pdf") NIL "\"\"" "base64" 65322))` + "\r\n"},
	{source: "djc/imap-proto#171", command: "FETCH 1 ENVELOPE",
		said:  `* 1 FETCH (ENVELOPE (NIL "x" (("n"e(h)"" NIL "w" "x")) NIL NIL NIL NIL NIL NIL NIL))` + "\r\n",
		heard: `* 1 FETCH (ENVELOPE (NIL "x" (("n\"e(h)\"" NIL "w" "x")) NIL NIL NIL NIL NIL NIL NIL))` + "\r\n"},
	{source: "greenmail-mail-test/greenmail#993", command: `LIST "" "*"`,
		said: "* LIST () \".\" \"ab\"cd\"\r\n", heard: "* LIST () \".\" \"ab\\\"cd\"\r\n"},
	{source: "neomutt/neomutt#3458",
		said: "* 1 EXISTS\r\n* 471 FETCH (UID 7029 FLAGS ())\r\n", heard: "* 1 EXISTS\r\n", strict: true},
	{source: "dbmail/dbmail#46, jonhoo/rust-imap#210, jstedfast/MailKit#1536", command: "LOGOUT",
		reply: "a1 BYE IMAP4rev1 Server logging out\r\n",
		heard: "* BYE IMAP4rev1 Server logging out\r\n", replied: "a1 OK LOGOUT completed.\r\n"},
}

// Each line of a public report reaches the client in a form that go-imap reads.
func TestPublicReports(t *testing.T) {
	for _, tt := range publicReports {
		t.Run(tt.source, func(t *testing.T) {
			c, u := strays(t).login()
			if strings.Contains(tt.said, "* 471 ") {
				c.C("s1 SELECT INBOX")
				u.C("s1 SELECT INBOX")
				u.S("s1 OK done")
				c.S("s1 OK done")
			}
			command, reply, replied := tt.command, tt.reply, tt.replied
			if command == "" {
				command = "NOOP"
			}
			if reply == "" {
				reply = "a1 OK done\r\n"
			}
			if replied == "" {
				replied = reply
			}
			c.C("a1 " + command)
			u.C("a1 " + command)
			u.raw(tt.said + reply)
			c.expectRaw(tt.heard + replied)
			if err := readStrictly(t, tt.heard+replied); err != nil {
				t.Errorf("go-imap cannot read what the client gets: %v", err)
			}
			if err := readStrictly(t, tt.said+reply); (err == nil) != tt.strict {
				t.Errorf("go-imap reads what the server said: %v", err)
			}
		})
	}
}

// readStrictly gives lines of a server to go-imap's client, as the reply to a command.
func readStrictly(t *testing.T, lines string) error {
	t.Helper()
	near, far := net.Pipe()
	client := imapclient.New(near, nil)
	far.SetDeadline(time.Now().Add(testkit.WaitLimit))
	if _, err := io.WriteString(far, "* PREAUTH [CAPABILITY IMAP4rev1] ready\r\n"); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- client.Noop().Wait() }()
	command := make([]byte, 64)
	n, err := far.Read(command)
	if err != nil {
		t.Fatal(err)
	}
	tag, _, _ := strings.Cut(string(command[:n]), " ")
	io.WriteString(far, strings.ReplaceAll(lines, "a1 ", tag+" ")) // fails where the client gives up
	err = <-done
	far.Close()
	client.Close()
	return err
}
