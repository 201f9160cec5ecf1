package proxy

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"exgate/proxy/testkit"
	"exgate/rewrite"
)

// corpusDir is a folder to which TestCorpus writes its messages. testdata/e2e/engine runs exgate fix on them.
var corpusDir = flag.String("corpus", "", "write the messages of the corpus to this folder")

// shape is a kind of message that mailboxes hold, made in several variants.
type shape struct {
	name     string
	variants int
	message  func(r *rand.Rand, i int) string
}

// with returns a message of some fields and a body, both written with LF.
func with(i int, fields, body string) string {
	head := fmt.Sprintf("From: a%d@example.com\nTo: b@example.com\nDate: Tue, 3 Mar 2026 10:00:00 +0000\nMessage-ID: <corpus-%d@example.com>\n", i, i)
	return strings.ReplaceAll(head+fields+"\n"+body, "\n", "\r\n")
}

// parts returns a multipart body. Each part begins with its header.
func parts(i int, subtype string, all ...string) string {
	return with(i, "MIME-Version: 1.0\nContent-Type: multipart/"+subtype+"; boundary=\"=_b\"\n",
		"preamble\n--=_b\n"+strings.Join(all, "\n--=_b\n")+"\n--=_b--\n")
}

// wrapped returns b in base64, in lines of the usual length.
func wrapped(b []byte) string {
	s := base64.StdEncoding.EncodeToString(b)
	var lines strings.Builder
	for len(s) > 76 {
		lines.WriteString(s[:76] + "\n")
		s = s[76:]
	}
	return lines.String() + s + "\n"
}

func pick(i int, all ...string) string { return all[i%len(all)] }

func random(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.IntN(256))
	}
	return b
}

var words = strings.Fields("the quick brown fox jumps over a lazy dog while seven wizards mix strong potions in quiet vaults")

func prose(r *rand.Rand, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(words[r.IntN(len(words))] + pick(i, " ", " ", " ", " ", " ", " ", " ", "\n"))
	}
	return b.String() + "\n"
}

var shapes = []shape{
	{"plain text", 10, func(r *rand.Rand, i int) string { return with(i, "Subject: plain\n", prose(r, 20+i*40)) }},
	{"empty message", 1, func(*rand.Rand, int) string { return "\r\n" }},
	{"empty body", 3, func(_ *rand.Rand, i int) string { return with(i, "Subject: nothing\n", pick(i, "", "\n", "\n\n\n")) }},
	{"header only", 3, func(_ *rand.Rand, i int) string {
		return strings.TrimSuffix(with(i, "Subject: x\n", ""), pick(i, "\r\n", "\r\n\r\n", ""))
	}},
	{"no header", 3, func(r *rand.Rand, i int) string {
		return pick(i, "\r\nbody\r\n", "just text, no header\r\nat all\r\n", strings.ReplaceAll("\n"+prose(r, 40), "\n", "\r\n"))
	}},
	{"alternative", 8, func(r *rand.Rand, i int) string {
		return parts(i, "alternative", "Content-Type: text/plain\n\n"+prose(r, 30), "Content-Type: text/html\n\n<p>"+prose(r, 30*(i+1))+"</p>")
	}},
	{"attachments", 10, func(r *rand.Rand, i int) string {
		return parts(i, "mixed", "\n"+prose(r, 10), "Content-Type: application/pdf; name=\"a.pdf\"\nContent-Transfer-Encoding: base64\n\n"+wrapped(random(r, 1000*(i+1))))
	}},
	{"long lines of text", 12, func(r *rand.Rand, i int) string {
		return with(i, "MIME-Version: 1.0\nContent-Type: text/"+pick(i, "plain", "html")+"; charset="+pick(i, "us-ascii", "utf-8", "iso-8859-1")+"\n",
			strings.Repeat(words[i%len(words)]+" ", 3000+i*500)+"\n"+prose(r, 10))
	}},
	{"lines about the limit", 8, func(_ *rand.Rand, i int) string {
		return with(i, "", strings.Repeat("x", 9896+i)+"\n"+strings.Repeat("y", 10_235+i)+"\n")
	}},
	{"long lines of base64", 6, func(r *rand.Rand, i int) string {
		return parts(i, "mixed", "\ntext", "Content-Type: image/png\nContent-Transfer-Encoding: base64\n\n"+base64.StdEncoding.EncodeToString(random(r, 20_000+i)))
	}},
	{"long lines of quoted-printable", 6, func(_ *rand.Rand, i int) string {
		return with(i, "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n",
			strings.Repeat("=C3=BCber=20", 2000+i)+pick(i, "", "=\n", " \nend")+"\n")
	}},
	{"a line of 3 MB", 2, func(_ *rand.Rand, i int) string {
		return with(i, "", strings.Repeat(pick(i, "x", "word "), 3_000_000)[:3_000_000]+"\n")
	}},
	{"a line of 30 MB", 1, func(_ *rand.Rand, i int) string { return with(i, "", strings.Repeat("x", 30_000_000)+"\n") }},
	{"long header lines", 12, func(_ *rand.Rand, i int) string {
		return with(i, pick(i,
			"Subject: "+strings.Repeat("word ", 3000),
			"X-Token: "+strings.Repeat("t", 12_000),
			"References:"+strings.Repeat(" <id@example.com>", 700),
			"X-To: "+strings.Repeat("someone@example.com,", 700),
			"To: "+strings.Repeat("someone@example.com,", 700)+"last@example.com",
			"DKIM-Signature: v=1; b="+strings.Repeat("Qm", 6000),
			"List-Unsubscribe: <https://example.com/"+strings.Repeat("u", 12_000)+">",
			"Content-Type: text/plain; name=\""+strings.Repeat("n", 12_000)+".txt\"",
			"X-Blank:"+strings.Repeat(" ", 12_000)+"end",
			"Comments: "+strings.Repeat("(", 11_000),
			"X-Encoded: =?utf-8?B?"+strings.Repeat("QUJD", 3000)+"?=",
			strings.Repeat("n", 11_000)+": value")+"\n", "body\n")
	}},
	{"long Message-ID or Received", 3, func(_ *rand.Rand, i int) string {
		return "Subject: x\r\n" + pick(i, "Message-ID: <"+strings.Repeat("m", 12_000)+">", "Received: from "+strings.Repeat("r ", 6000), "Date: "+strings.Repeat("d", 12_000)) + "\r\n\r\nbody\r\n"
	}},
	{"a header field of 2 MB", 2, func(_ *rand.Rand, i int) string {
		return with(i, "X-Huge:"+strings.Repeat(pick(i, " word", "word"), 450_000)+"\n", "body\n")
	}},
	{"100,000 header fields", 1, func(_ *rand.Rand, i int) string {
		return with(i, strings.Repeat("X-Field: value\n", 100_000), "body\n")
	}},
	{"raw 8-bit headers", 14, func(_ *rand.Rand, i int) string {
		return with(i, pick(i,
			"Subject: Gr\xc3\xbc\xc3\x9fe", "Subject: Gr\xfc\xdfe", "Subject: \xcf\xf0\xe8\xe2\xe5\xf2", "X-Name: J\xc3\xb6rg", "Cc: J\xc3\xb6rg <j@example.com>",
			"Cc: \"J\xf6rg, X\" <j@example.com>", "Cc: b\xc3\xb6b@example.com", "Cc: x@example.com (B\xc3\xb6b)", "Content-Type: text/plain; name=\"\xc3\xbc.txt\"",
			"Content-Disposition: attachment; filename=\xfc.txt", "Subject: =?utf-8?Q?=C3=BC?= \xc3\xbc", "In-Reply-To: <\xc3\xbc@example.com>",
			"Organization: \xb6\xb7\xb8", "no colon but \xc3\xbc")+"\n", "body\n")
	}},
	{"raw 8-bit bodies", 10, func(_ *rand.Rand, i int) string {
		return with(i, "MIME-Version: 1.0\nContent-Type: text/plain; charset="+pick(i, "utf-8", "iso-8859-1", "koi8-r", "windows-1252", "gb2312")+
			pick(i, "", "; format=flowed")+"\nContent-Transfer-Encoding: "+pick(i, "8bit", "7bit", "binary")+"\n",
			strings.Repeat("Gr\xc3\xbc\xc3\x9fe \xe4\xf6\xfc \n", 10+i))
	}},
	{"undecodable encoded words", 12, func(_ *rand.Rand, i int) string {
		word := pick(i, "=?TELETEX?Q?caf=E9?=", "=?utf-8?B?!!?=", "=?x-none?Q?a?=", "=?unknown-8bit?B?w6Q=?=", "=?utf-8?B?w6?=", "=?utf-8?X?abc?=")
		return pick(i/6, with(i, "Subject: "+word+" and more\n", "body\n"),
			with(i, "Content-Type: message/rfc822\n", "Subject: "+word+"\nFrom: "+word+" <a@example.com>\n\ninner\n"))
	}},
	{"charsets that do not exist", 8, func(_ *rand.Rand, i int) string {
		return with(i, "MIME-Version: 1.0\nContent-Type: text/"+pick(i, "plain", "html")+"; charset="+pick(i, "x-none", "TELETEX", "\"iso 8859\"", "utf-9")+"\n",
			pick(i/4, "ascii", "Gr\xc3\xbc\xc3\x9fe", "\xfc")+"\n")
	}},
	{"UTF-16", 6, func(_ *rand.Rand, i int) string {
		var body []byte
		for _, c := range strings.Repeat("Hi, caf\u00e9!\r\n", 5+i) {
			body = binary.LittleEndian.AppendUint16(body, uint16(c))
		}
		return with(i, "MIME-Version: 1.0\nContent-Type: text/plain; charset="+pick(i, "utf-16le", "utf-16", "us-ascii")+"\n", "") + string(body)
	}},
	{"NUL", 8, func(r *rand.Rand, i int) string {
		return pick(i, with(i, "Subject: a\x00b\n", "te\x00xt\n"), with(i, "", "\x00"), parts(i, "mixed", "\ntext\x00", "Content-Type: application/octet-stream\n\n"+string(random(r, 500))),
			with(i, "MIME-Version: 1.0\nContent-Type: image/png\nContent-Transfer-Encoding: binary\n", string(random(r, 3000))))
	}},
	{"bare CR and LF", 10, func(r *rand.Rand, i int) string {
		m := with(i, "Subject: x\n", prose(r, 30))
		return pick(i, strings.ReplaceAll(m, "\r\n", "\n"), strings.ReplaceAll(m, "\r\n", "\r"), strings.ReplaceAll(m, "\r\n", "\r\r\n"), m+"a\rb\nc\r\n",
			strings.ReplaceAll(parts(i, "mixed", "\ntext", "Content-Type: image/png\n\n"+string(random(r, 300))), "\r\n", "\n"))
	}},
	{"mbox lines", 4, func(r *rand.Rand, i int) string {
		return pick(i, "From a@example.com Tue Mar  3 10:00:00 2026\r\n", ">From a@example.com Tue Mar  3 10:00:00 2026\r\n", "", "") + with(i, "", ">From here\nFrom there\n"+prose(r, 9))
	}},
	{"boundaries that are missing, reused or nearly match", 14, func(_ *rand.Rand, i int) string {
		long := strings.Repeat("x", 11_000)
		return pick(i,
			with(i, "Content-Type: multipart/mixed\n", "no boundary\n--b\n\n"+long+"\n"),
			with(i, "Content-Type: multipart/mixed; boundary=b\n", "never comes "+long+"\n"),
			with(i, "Content-Type: multipart/mixed; boundary=b\n", "--b\n\nno end "+long+"\n"),
			with(i, "Content-Type: multipart/mixed; boundary=\"\"\n", "--\n\n"+long+"\n----\n"),
			with(i, "Content-Type: multipart/mixed; boundary=b\n", "--b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n"+long+"\n--b--\n--b--\n"),
			with(i, "Content-Type: multipart/mixed; boundary=b\n", "--b\n\n--bb\n--b x\n -b\n"+long+"\n--b--\nepilogue "+long+"\n"),
			with(i, "Content-Type: multipart/mixed; boundary=b=c\n", "--b=c\n\n"+long+"\n--b=c--\n"),
			with(i, "Content-Type: multipart/mixed; boundary=\"b\"; boundary=c\n", "--b\n\n"+long+"\n--b--\n--c\n\nx\n--c--\n"),
			with(i, "Content-Type: multipart/mixed; boundary="+strings.Repeat("b", 1200)+"\n", "--"+strings.Repeat("b", 1200)+"\n\n"+long+"\n"),
			with(i, "Content-Type: multipart/mixed; boundary=b\n", "--b\n--b\n--b--\n--b--\n"+long+"\n"),
			with(i, "Content-Type: multipart/mixed; boundary=b\nContent-Type: text/plain\n", "--b\n\n"+long+"\n--b--\n"),
			with(i, "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n", "--b\n\n"+long+"\n--b--\n"),
			with(i, "Content-Type: multipart/mixed; boundary=(comment)b\n", "--b\n\n"+long+"\n--b--\n"),
			with(i, "Content-Type: multipart/mixed; boundary=b\n", "--b"+strings.Repeat(" ", 11_000)+"\n\nx\n--b--\n"))
	}},
	{"nested messages", 8, func(r *rand.Rand, i int) string {
		m := with(i, "Subject: innermost\n", pick(i, "short\n", strings.Repeat("x", 11_000)+"\n", "Gr\xc3\xbc\xc3\x9fe\n"))
		for range []int{1, 3, 20, 29, 30, 31, 60, 120}[i] {
			m = "Subject: outer\r\nMIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n\r\n" + m
		}
		return m
	}},
	{"nested multiparts", 5, func(_ *rand.Rand, i int) string {
		m := "Content-Type: text/plain\n\n" + pick(i, "x", strings.Repeat("x", 11_000))
		for depth := range []int{3, 20, 50, 99, 300}[i] {
			m = fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n%s\n--b%d--", depth, depth, m, depth)
		}
		return strings.ReplaceAll("Subject: x\n"+m+"\n", "\n", "\r\n")
	}},
	{"many parts", 6, func(_ *rand.Rand, i int) string {
		all := make([]string, []int{100, 249, 250, 251, 1000, 12_000}[i])
		for j := range all {
			all[j] = "Content-Type: text/plain; name=\"p.txt\"\n\npart"
		}
		return parts(i, "mixed", all...)
	}},
	{"uuencode", 5, func(r *rand.Rand, i int) string {
		return with(i, pick(i, "", "Content-Transfer-Encoding: x-uuencode\n", "Content-Transfer-Encoding: uuencode\nMIME-Version: 1.0\n"),
			"begin 644 a.bin\n"+strings.Repeat("M"+strings.Repeat("AB\"#", 15)+"\n", 20+i)+"`\nend\n")
	}},
	{"yEnc", 4, func(r *rand.Rand, i int) string {
		coded := strings.NewReplacer("\x00", "=@", "\n", "=J", "\r", "=M", "=", "=}").Replace(string(random(r, 4000)))
		return with(i, pick(i, "", "Content-Type: text/plain; charset=x-yenc\n"), "=ybegin line=128 size=4000 name=a.bin\n"+coded+"\n=yend size=4000\n")
	}},
	{"TNEF", 4, func(r *rand.Rand, i int) string {
		return parts(i, "mixed", "\ntext", "Content-Type: application/ms-tnef; name=\"winmail.dat\"\nContent-Transfer-Encoding: "+
			pick(i, "base64\n\n"+wrapped(random(r, 3000)), "binary\n\n"+string(random(r, 3000))))
	}},
	{"PGP", 6, func(r *rand.Rand, i int) string {
		signature := "Content-Type: application/pgp-signature\n\n-----BEGIN PGP SIGNATURE-----\n" + wrapped(random(r, 200)) + "-----END PGP SIGNATURE-----"
		return pick(i,
			parts(i, "signed; protocol=\"application/pgp-signature\"; micalg=pgp-sha256", "Content-Type: text/plain\n\n"+prose(r, 20), signature),
			parts(i, "signed; protocol=\"application/pgp-signature\"; micalg=pgp-sha256", "Content-Type: text/plain\n\n"+strings.Repeat("x", 11_000), signature),
			parts(i, "signed; protocol=\"application/pgp-signature\"; micalg=pgp-sha256", "Content-Type: text/plain; charset=utf-8\n\nGr\xc3\xbc\xc3\x9fe", signature),
			parts(i, "encrypted; protocol=\"application/pgp-encrypted\"", "Content-Type: application/pgp-encrypted\n\nVersion: 1", "Content-Type: application/octet-stream\n\n"+wrapped(random(r, 900))),
			with(i, "", "-----BEGIN PGP MESSAGE-----\n"+wrapped(random(r, 900))+"-----END PGP MESSAGE-----\n"))
	}},
	{"S/MIME", 5, func(r *rand.Rand, i int) string {
		return pick(i, with(i, "MIME-Version: 1.0\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\nContent-Transfer-Encoding: base64\n", wrapped(random(r, 3000))),
			with(i, "MIME-Version: 1.0\nContent-Type: application/x-pkcs7-mime\nContent-Transfer-Encoding: base64\n", base64.StdEncoding.EncodeToString(random(r, 12_000))+"\n"),
			parts(i, "signed; protocol=\"application/pkcs7-signature\"", "Content-Type: text/plain\n\n"+prose(r, 5), "Content-Type: application/pkcs7-signature; name=smime.p7s\nContent-Transfer-Encoding: base64\n\n"+wrapped(random(r, 900))))
	}},
	{"broken base64", 8, func(r *rand.Rand, i int) string {
		return with(i, "MIME-Version: 1.0\nContent-Type: "+pick(i, "image/png", "text/plain")+"\nContent-Transfer-Encoding: base64\n",
			pick(i, "QUJ!D\n", "QUJDR\n", "QUJDRA\n", "=QUJD\n", wrapped(random(r, 500))+"\n-- \nA list's footer.\n", "QUJD QUJD\n", "\n\n", "QUJ=\nQUJD\n"))
	}},
	{"broken quoted-printable", 6, func(_ *rand.Rand, i int) string {
		return with(i, "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: Quoted-Printable\n",
			pick(i, "50 = 100\n", "=ZZ\n", "raw Gr\xc3\xbc\xc3\x9fe\n", "end =", "=c3=bc lower\n", "a=\n\nb =20 \n"))
	}},
	{"odd encodings", 6, func(_ *rand.Rand, i int) string {
		return with(i, "MIME-Version: 1.0\nContent-Transfer-Encoding: "+pick(i, "8-bit", "x-unknown", "7bit; charset=us-ascii", "(comment) base64", "base64\nContent-Transfer-Encoding: 7bit", "")+"\n", "QUJD\n")
	}},
	{"partial", 4, func(r *rand.Rand, i int) string {
		return pick(i, with(i, "MIME-Version: 1.0\nContent-Type: message/partial; id=\"x@y\"; number=1; total=2\n", prose(r, 90)),
			parts(i, "mixed", "\ntext", "Content-Type: message/partial; number=2; id=a\n\n"+prose(r, 9)),
			with(i, "MIME-Version: 1.0\nContent-Type: message/partial; id=\"x@y\"; number=1; total=2\n", strings.Repeat("x", 11_000)+"\n"))
	}},
	{"delivery reports and receipts", 6, func(r *rand.Rand, i int) string {
		return parts(i, "report; report-type="+pick(i, "delivery-status", "disposition-notification"), "\n"+prose(r, 9),
			"Content-Type: message/"+pick(i, "delivery-status", "disposition-notification")+"\n\nReporting-MTA: dns; mx.example.com\n\nAction: "+pick(i/2, "failed", strings.Repeat("x", 11_000), "failed")+"\n",
			"Content-Type: text/rfc822-headers\n\nSubject: x\n")
	}},
	{"AppleDouble", 3, func(r *rand.Rand, i int) string {
		return parts(i, "mixed", "\ntext", "Content-Type: multipart/appledouble; boundary=c\n\n--c\nContent-Type: application/applefile\nContent-Transfer-Encoding: base64\n\n"+
			wrapped(random(r, 90))+"--c\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\n"+wrapped(random(r, 900))+"--c--")
	}},
	{"long subjects", 6, func(_ *rand.Rand, i int) string {
		return with(i, "Subject: "+pick(i, strings.Repeat("word ", 60), strings.Repeat("=?utf-8?Q?=C3=A4=C3=A4=C3=A4=C3=A4?=\n ", 70)+"x", strings.Repeat("\xc3\xa4", 300))+"\n", "body\n")
	}},
	{"long references", 4, func(_ *rand.Rand, i int) string {
		return with(i, "References:"+strings.Repeat(pick(i, "\n <a@example.com>", "\n <"+strings.Repeat("i", 90)+"@example.com>"), 500+i)+"\n", "body\n")
	}},
	{"long addresses", 6, func(_ *rand.Rand, i int) string {
		long := strings.Repeat("name ", 400)
		return with(i, pick(i, "Cc: \""+long+"\" <a@example.com>", "Cc: "+strings.Repeat("x", 2000)+"@example.com", "Cc: a@example.com, ("+long+") b@example.com",
			"Reply-To: "+strings.Repeat("x", 3000), "Cc: undisclosed recipients:"+long+";", "Bcc: "+strings.Repeat("a@example.com, ", 300)+"z@example.com")+"\n", "body\n")
	}},
	{"long file names", 6, func(_ *rand.Rand, i int) string {
		return parts(i, "mixed", "\ntext", pick(i, "Content-Type: application/pdf; name=\""+strings.Repeat("f", 300)+".pdf\"",
			"Content-Disposition: attachment; filename*=utf-8''"+strings.Repeat("%C3%BC", 300)+".pdf", "Content-Type: application/pdf; name=\""+strings.Repeat("\xc3\xbc", 300)+"\"")+
			"\nContent-Transfer-Encoding: base64\n\nQUJD")
	}},
	{"calendars, cards and links", 6, func(r *rand.Rand, i int) string {
		return parts(i, "mixed", pick(i, "Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\nEND:VCALENDAR", "Content-Type: text/x-vcard\n\nBEGIN:VCARD\nEND:VCARD",
			"Content-Type: message/external-body; access-type=URL; URL=\"https://example.com/\"\n\nContent-Type: text/plain\n\n", "Content-Type: text/enriched\n\n<bold>x</bold>"), "\n"+prose(r, 9))
	}},
	{"several faults at once", 20, func(r *rand.Rand, i int) string {
		return parts(i, "mixed", "Content-Type: text/plain; charset="+pick(i, "TELETEX", "utf-8")+"\n\n"+strings.Repeat("Gr\xc3\xbc\xc3\x9fe ", 50*(i+1)*(i%3)),
			"Content-Type: message/rfc822\n\nSubject: =?x-none?Q?a?=\nX-Long: "+strings.Repeat("w ", 6000*(i%2))+"\n\ninner\x00\rtext\n",
			"Content-Type: application/pdf; name=\""+strings.Repeat("\xc3\xbc", 100*(i%4))+"\"\nContent-Transfer-Encoding: base64\n\nQUJ!D",
			"Content-Type: multipart/appledouble; boundary=c\n\n--c\n\nhalf\n--c--", "Content-Type: message/partial; number=1\n\n"+prose(r, 9))
	}},
}

// corpusLimit is how long one message may take. Some are large, and the race detector makes all slow.
const corpusLimit = 10 * testkit.WaitLimit

// outcomes counts what became of the messages of one shape.
type outcomes struct {
	asIs, repaired, refused int
	fixes, rules            map[string]int // messages by fix, and by the rule that refused them
}

func (o *outcomes) add(other outcomes) {
	o.asIs, o.repaired, o.refused = o.asIs+other.asIs, o.repaired+other.repaired, o.refused+other.refused
}

// TestCorpus sends messages of all shapes to a simulated Exchange of each version, with all its refusals on. Each
// message arrives, or the reply names the rule that refuses it.
func TestCorpus(t *testing.T) {
	count := 0
	for _, s := range shapes {
		count += s.variants
	}
	if count < 300 {
		t.Fatalf("%d messages, want 300", count)
	}
	if *corpusDir != "" {
		writeCorpus(t, *corpusDir)
		return
	}
	for _, name := range []string{"exchange2010", "exchange2016", "exchange-online"} {
		t.Run(name, func(t *testing.T) {
			p := strictProfile(rewrite.StageEnvelope)
			p.Name = name
			if name == "exchange-online" {
				p.MessageLimit, p.Flagged, p.MDNSent = 35_000_000, false, true
			}
			p.Message.SizeLimit = p.MessageLimit
			_, quarantine := withQuarantine(t)
			g, c, sim := newStrict(t, p, quarantine)
			var all outcomes
			for n, s := range shapes {
				c.close()
				c = g.loggedIn()
				c.limit = corpusLimit
				mailbox := fmt.Sprintf("Shape%d", n)
				c.C("a2 CREATE " + mailbox)
				c.until("a2 OK …")
				if testing.Short() && strings.HasSuffix(s.name, "MB") {
					continue
				}
				r := rand.New(rand.NewPCG(1, uint64(len(s.name))))
				sum := outcomes{fixes: map[string]int{}, rules: map[string]int{}}
				before := 0
				for i := range s.variants {
					message := s.message(r, i)
					reply := c.offer(mailbox, message)
					list := sim.Messages("alice", mailbox)
					switch {
					case strings.HasPrefix(reply, "a1 OK") && len(list) == before+1:
						sum.arrived(t, s.name, message, list[before].Received, g.lastFixes())
					case strings.HasPrefix(reply, "a1 NO") && len(list) == before:
						rule := ruleIn(reply)
						if rule == "" {
							t.Errorf("%s %d: no rule is named: %s", s.name, i, reply)
						}
						sum.refused++
						sum.rules[rule]++
					default:
						t.Errorf("%s %d: %s, and %d messages became %d", s.name, i, reply, before, len(list))
					}
					before = len(list)
				}
				all.add(sum)
				t.Logf("%-52s %3d: %3d as they were, %3d repaired %v, %3d refused %v", s.name, s.variants, sum.asIs, sum.repaired, sum.fixes, sum.refused, sum.rules)
			}
			t.Logf("%-52s %3d: %3d as they were, %3d repaired, %3d refused", "all", all.asIs+all.repaired+all.refused, all.asIs, all.repaired, all.refused)
		})
	}
}

// writeCorpus writes the messages, each under its shape and number.
func writeCorpus(t *testing.T, dir string) {
	for _, s := range shapes {
		r := rand.New(rand.NewPCG(1, uint64(len(s.name))))
		for i := range s.variants {
			name := fmt.Sprintf("%s-%02d.eml", strings.NewReplacer(" ", "_", "/", "-").Replace(s.name), i)
			if err := os.WriteFile(filepath.Join(dir, name), []byte(s.message(r, i)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// offer appends a message and returns the reply. It sends the message only after a continuation request.
func (c *client) offer(mailbox, message string) string {
	c.t.Helper()
	c.C(fmt.Sprintf("a1 APPEND %s {%d}", mailbox, len(message)))
	if line := c.S("…"); !strings.HasPrefix(line, "+") {
		return line
	}
	c.raw(message + "\r\n")
	return c.tagged("a1")
}

// arrived checks the message that Exchange got.
func (o *outcomes) arrived(t *testing.T, name, sent string, got []byte, fixes string) {
	if string(got) == sent {
		o.asIs++
		return
	}
	o.repaired++
	for _, f := range strings.Fields(strings.Trim(fixes, "[]")) {
		o.fixes[f]++
	}
	for line := range bytes.Lines(got) {
		if len(line) > 9902 || !bytes.HasSuffix(line, []byte("\r\n")) && bytes.ContainsAny(line, "\r\n") {
			t.Errorf("%s: a line of %d bytes, %.40q", name, len(line), line)
		}
	}
	m, err := mail.ReadMessage(strings.NewReader(sent))
	// One that no line can hold is in encoded words in an envelope.
	if err == nil && m.Header.Get("Message-ID") != "" && len(m.Header.Get("Message-ID")) < 9900 {
		after, err := mail.ReadMessage(bytes.NewReader(got))
		if err != nil || after.Header.Get("Message-ID") != m.Header.Get("Message-ID") || after.Header.Get("Date") != m.Header.Get("Date") {
			t.Errorf("%s: Message-ID or Date has changed: %v", name, err)
		} else if _, err := io.Copy(io.Discard, after.Body); err != nil {
			t.Error(err)
		}
	}
}

// ruleIn returns the rule that a reply names.
func ruleIn(reply string) string {
	if strings.Contains(reply, "[TOOBIG]") {
		return "oversize"
	}
	for _, rule := range append(rewrite.FixNames(), "header-line", "body-line", "header") {
		if strings.Contains(reply, "rule "+rule+":") || strings.Contains(reply, " "+rule+": ") {
			return rule
		}
	}
	return ""
}
