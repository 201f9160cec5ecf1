package main

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

// demoMessage is a message of the demo's mailbox.
type demoMessage struct {
	name  string // says what is special about the message
	flags []string
	date  time.Time // INTERNALDATE
	raw   []byte
	// tooBig says that the message is over the limit of every profile. Nobody can
	// deliver it; the client can only expect a clear answer.
	tooBig bool
}

// demoMailbox returns a small mailbox with the kinds of messages that Exchange
// refuses or changes (docs/exchange.md#append).
func demoMailbox() []demoMessage {
	const (
		text = "Content-Type: text/plain; charset=us-ascii\r\n"
		html = "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
		data = "Content-Type: application/pdf; name=offer.pdf\r\nContent-Transfer-Encoding: base64\r\n"
	)
	longLine := "The whole report came without a line break: " + repeat("and so it went on, ", 15_000-44)
	page := `<html lang="fr"><body>` + repeat("<p>Où l’été s’achève à Genève.</p>", 20_000) + "</body></html>"
	scan := base64.StdEncoding.EncodeToString([]byte(repeat("%PDF-1.7 a scanned page ", 12_000)))

	return mailbox([]draft{
		{name: "plain text", header: text, body: "Lunch at noon, the usual place.\r\n"},
		{name: "line of 15,000 bytes", header: text, body: longLine + "\r\n\r\nRegards\r\n"},
		{name: "HTML in one line, UTF-8", header: html, body: page + "\r\n"},
		{
			name:   "attachment in one line",
			header: "Content-Type: multipart/mixed; boundary=outer\r\n",
			body: "--outer\r\n" + text +
				"\r\nThe offer, as a PDF.\r\n\r\n--outer\r\n" + data + "\r\n" + scan + "\r\n--outer--\r\n",
		},
		{
			name:   "forwarded, with a long line",
			header: "Content-Type: multipart/mixed; boundary=outer\r\n",
			body: "--outer\r\n" + text +
				"\r\nSee below.\r\n\r\n--outer\r\nContent-Type: message/rfc822\r\n\r\nFrom: Dan " +
				"<dan@example.net>\r\nSubject: Report\r\n" + text +
				"\r\n" + longLine + "\r\n--outer--\r\n",
		},
		{
			name:   "long line after the last part",
			header: "Content-Type: multipart/alternative; boundary=outer\r\n",
			body: "--outer\r\n" + text +
				"\r\nHello\r\n\r\n--outer\r\nContent-Type: text/html; " +
				"charset=us-ascii\r\n\r\n<p>Hello</p>\r\n\r\n--outer--\r\n" +
				"Scanned for viruses. " + repeat("Nothing was found. ", 11_000) + "\r\n",
		},
		{name: "flagged", flags: []string{`\Flagged`}, header: text, body: "Please call the notary.\r\n"},
		{
			name:   "flagged and read",
			flags:  []string{`\Seen`, `\Flagged`},
			header: text,
			body:   "The budget, as discussed.\r\n",
		},
		{name: "keyword $Forwarded", flags: []string{`\Seen`, "$Forwarded"}, header: text, body: "For your files.\r\n"},
		{name: "read, asked for a receipt", flags: []string{`\Seen`},
			header: "Disposition-Notification-To: <carol@example.org>\r\n" + text, body: "The contract was signed " +
				"in 2019.\r\n"},
		{
			name:   "50 MB",
			header: text,
			body:   strings.Repeat("Not for mail. Put it on a server.\r\n", 1_500_000),
			tooBig: true,
		},
	})
}

// draft is a demoMessage without the parts that all of them share.
type draft struct {
	name         string
	flags        []string
	header, body string
	tooBig       bool
}

func mailbox(drafts []draft) []demoMessage {
	day := time.Date(2019, 3, 4, 9, 30, 0, 0, time.UTC)
	var messages []demoMessage
	for i, d := range drafts {
		date := day.AddDate(0, i, i)
		sent := date.Format(time.RFC1123Z)
		header := "Received: from mail.example.org by old.example.com; " + sent + "\r\n" +
			"Date: " + sent + "\r\n" +
			"From: Carol <carol@example.org>\r\n" +
			"To: <you@example.com>\r\n" +
			"Subject: " + d.name + "\r\n" +
			fmt.Sprintf("Message-ID: <demo.%d@example.org>\r\n", i+1) +
			"MIME-Version: 1.0\r\n"
		messages = append(messages, demoMessage{
			name: d.name, flags: d.flags, date: date, tooBig: d.tooBig,
			raw: []byte(header + d.header + "\r\n" + d.body),
		})
	}
	return messages
}

// repeat repeats s until there are at least n bytes.
func repeat(s string, n int) string { return strings.Repeat(s, (n+len(s)-1)/len(s)) }
