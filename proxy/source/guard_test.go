package source

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"exgate/backend"
)

// readConn is a connection from which data is read, and nothing after it.
type readConn struct {
	net.Conn
	io.Reader
}

func (c readConn) Read(p []byte) (int, error)      { return c.Reader.Read(p) }
func (c readConn) Close() error                    { return nil }
func (c readConn) SetReadDeadline(time.Time) error { return nil }

// guarded returns what the client reads of data after the greeting.
func guarded(data io.Reader, wants string) (string, *guard) {
	g := newGuard(&backend.Dialed{Conn: readConn{Reader: data}}, time.Minute)
	g.begin(wants)
	text, _ := io.ReadAll(g)
	_, rest, _ := strings.Cut(string(text), "\r\n")
	return rest, g
}

func TestGuard(t *testing.T) {
	for _, tt := range []struct{ name, wants, in, out string }{
		{"status", "", "* OK [UIDVALIDITY 3] x\r\n* OK [UIDNEXT x] y\r\nT1 NO [limit] z\r\n* OK [BROKEN x\r\nT2 OK\r\n",
			"* OK [UIDVALIDITY 3] x\r\n* OK y\r\nT1 NO [LIMIT] z\r\n* OK - [BROKEN x\r\nT2 OK - \r\n"},
		{"of no use", "", "* SEARCH 1 2\r\n* ENABLED X\r\n* 3 RECENT\r\n* 4 VANISHED\r\nrubbish\r\n* ID NIL\r\n", ""},
		{"numbers", "", "* 3 EXISTS\r\n* 2 expunge\r\n", "* 3 EXISTS\r\n* 2 expunge\r\n"},
		{"flags", "", "* FLAGS (\\Seen a]b Stra\xc3\x9fe)\r\n* OK [PERMANENTFLAGS (\\Seen \\* a%b)] x\r\n",
			"* FLAGS (\\Seen a?b Stra?e)\r\n* OK [PERMANENTFLAGS (\\Seen \\* a?b)] x\r\n"},
		{"list", "", "* LIST (\\HasChildren x\"y) \"\\\\\" \"a\\\"b\"\r\n* LIST () NIL INBOX\r\n* LIST oops\r\n",
			"* LIST (\\HasChildren) \"\\\\\" \"exgate:612262\"\r\n* LIST () NIL \"exgate:494e424f58\"\r\n"},
		{"fetch", wantsSize, "* 1 FETCH (UID 2 RFC822.SIZE 3 FLAGS (a]b) internaldate NIL)\r\n* 1 FETCH (FLAGS ())\r\n" +
			"* 2 FETCH (INTERNALDATE \" 7-Nov-2016 10:00:00 +0100\" RFC822.SIZE 4)\r\n",
			"* 1 FETCH (UID 2 RFC822.SIZE 3 FLAGS (a?b) INTERNALDATE \"" + noDate + "\")\r\n" +
				"* 2 FETCH (INTERNALDATE \" 7-Nov-2016 10:00:00 +0100\" RFC822.SIZE 4)\r\n"},
		{"text", wantsText, "* 1 FETCH (BODY[] {5}\r\n\x00\x1b\r\n\xff UID 1)\r\n", "* 1 FETCH (BODY[] {5}\r\n\x00\x1b\r\n\xff UID 1)\r\n"},
		{"text that is not wanted", wantsSize, "* 1 FETCH (BODY[] {5}\r\nabcde UID 1)\r\n* 1 EXISTS\r\n", "* 1 EXISTS\r\n"},
		{"literal that is no text", wantsText, "* 1 FETCH (ENVELOPE ({3}\r\nabc) UID 1)\r\n* 1 EXISTS\r\n", "* 1 EXISTS\r\n"},
		{"two texts", wantsText, "* 1 FETCH (BODY[] {1}\r\na BODY[1] {1}\r\nb)\r\n* 1 EXISTS\r\n", "* 1 FETCH (BODY[] {1}\r\na"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, _ := guarded(strings.NewReader(tt.in), tt.wants); got != tt.out {
				t.Errorf("got  %q\nwant %q", got, tt.out)
			}
		})
	}
}

// Whatever a server sends, the client reads lines that it can show, and no more than came.
func FuzzGuard(f *testing.F) {
	for _, seed := range []string{
		"* 1 FETCH (BODY[] {5}\r\nabcde UID 1)\r\n", "* LIST () \"/\" {3}\r\na\r\n\r\n", "* OK [PERMANENTFLAGS (\\*)] x\r\n",
		"* 1 FETCH (INTERNALDATE \"\" FLAGS ((\\Seen) RFC822.SIZE 1)\r\n", "T1 NO [LIMIT x] {9}\r\n",
	} {
		f.Add([]byte(seed), wantsText)
		f.Add([]byte(seed), wantsSize)
	}
	f.Fuzz(func(t *testing.T, data []byte, wants string) {
		if wants != wantsText {
			wants = wantsSize
		}
		out, g := guarded(bytes.NewReader(data), wants)
		if g.reason(nil) == nil {
			t.Fatal("the end has no reason")
		}
		if len(out) > 4*len(data)+1000 {
			t.Fatalf("%d bytes of %d", len(out), len(data))
		}
		if wants == wantsSize && strings.ContainsFunc(out, func(r rune) bool { return r < ' ' && r != '\r' && r != '\n' }) {
			t.Fatalf("%q gives %q", data, out)
		}
	})
}
