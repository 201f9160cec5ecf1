package exchangesim

import (
	"bytes"
	"net/mail"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
)

func crlf(s string) []byte { return []byte(strings.ReplaceAll(s, "\n", "\r\n")) }

// oddMessages are seeds for the fuzz targets too.
var oddMessages = []string{
	"",
	"\n",
	"no header at all\nsecond line\n",
	"Subject: header only",
	"Subject: folded\n\tvalue\n \nTo: a@b\n\nbody without end",
	"From mbox line\nSubject: x\n\nb\n",
	"Content-Type: multipart/mixed\n\nno boundary\n",
	"Content-Type: multipart/mixed; boundary=b\n\nno part\n",
	"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\nSubject: x\n\ntwo",
	"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\nt\n--c\nContent-Type: text/html\n\n<b>\n--c--\n--b--\n",
	"Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: in\n\nbody\n--b--\n",
	"Content-Type: multipart/signed; boundary=b\n\n--b\n\nkeep = me\n--b\nContent-Type: application/pgp-signature\n\nsig\n--b--\n",
	"Content-Type: message/rfc822\n\nSubject: inner\nContent-Transfer-Encoding: base64\n\naGVsbG8=\n",
	"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeA0KDQo=\n",
	"Content-Transfer-Encoding: base64\n\n!!! not base64\n",
	"Content-Transfer-Encoding: quoted-printable\n\ncaf=E9 =\n=3D\n",
	"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\ncafé \n.\n",
	"Content-Type: text/plain\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n",
	"Content-Type: multipart/mixed; boundary=b; charset*=utf-8''%c3%a9\n\n--b\n\nx\n--b--\n",
	"Content-Type: application/octet-stream\nContent-Transfer-Encoding: binary\n\n\x00\x01\n\xff",
}

// What the parts say stays, whatever else changes.
func checkRegenerated(t *testing.T, msg []byte) {
	t.Helper()
	stored := regenerate(msg)
	before, after := parseEntity(msg), parseEntity(stored)
	if !slices.EqualFunc(before.leaves(), after.leaves(), bytes.Equal) {
		t.Errorf("decoded parts of %q changed:\n%q\n%q\nstored as %q", msg, before.leaves(), after.leaves(), stored)
	}
	for _, name := range []string{"Message-ID", "Date", "Received", "Subject", "From", "To"} {
		values := func(h header) (list []string) {
			for _, f := range h {
				if f.is(name) {
					list = append(list, f.value())
				}
			}
			return list
		}
		if b, a := values(before.header), values(after.header); !slices.Equal(b, a) {
			t.Errorf("%s of %q: %q became %q", name, msg, b, a)
		}
	}
	if again := regenerate(msg); !bytes.Equal(again, stored) {
		t.Errorf("%q: not the same text twice", msg)
	}
}

func TestRegenerateKeepsContent(t *testing.T) {
	for _, msg := range oddMessages {
		checkRegenerated(t, crlf(msg))
		checkRegenerated(t, []byte(msg)) // bare LF
	}
}

func TestRegenerate(t *testing.T) {
	msg := crlf("X-Mailer: x\nSubject: s\nReceived: from b\nReceived: from a\nFrom: f@example.com\n" +
		"Content-Type: text/plain\nMIME-Version: 1.0\n\na = b\n")
	want := crlf("Received: from b\nReceived: from a\nFrom: f@example.com\nSubject: s\nX-Mailer: x\n" +
		"Content-Type: text/plain\nMIME-Version: 1.0\nContent-Transfer-Encoding: quoted-printable\n\na =3D b\n")
	if got := regenerate(msg); !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	signed := crlf(oddMessages[11])
	_, body, _ := bytes.Cut(signed, []byte("\r\n\r\n"))
	if !bytes.HasSuffix(regenerate(signed), body) {
		t.Error("a signed part has changed")
	}
}

func TestRegeneratedMultipartIsRead(t *testing.T) {
	stored := regenerate(crlf(oddMessages[9]))
	if _, err := mail.ReadMessage(bytes.NewReader(stored)); err != nil {
		t.Fatal(err)
	}
	got := section(stored, &imap.FetchItemBodySection{Part: []int{1, 2}})
	if want := "<b>"; string(got) != want {
		t.Errorf("part 1.2 is %q, want %q in\n%s", got, want, stored)
	}
}

func FuzzRegenerate(f *testing.F) {
	for _, msg := range oddMessages {
		f.Add(crlf(msg))
	}
	s := Server{quirks: quirkSet{}}
	c := conn{srv: &s}
	f.Fuzz(func(t *testing.T, msg []byte) {
		checkRegenerated(t, msg)
		refuseContent(msg)
		m := &message{stored: regenerate(msg)}
		for _, item := range []string{"ENVELOPE", "BODY", "BODYSTRUCTURE"} {
			if v := c.attribute(m, item); strings.ContainsAny(v, "\r\n\x00") || strings.Count(v, "(") < strings.Count(v, ")") && !strings.Contains(v, `"`) {
				t.Errorf("%s of %q: %q", item, msg, v)
			}
		}
	})
}
