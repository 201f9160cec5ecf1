package source

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"exgate/backend"
	"exgate/backend/testkit"
)

func TestGuardReads(t *testing.T) {
	text := strings.Repeat("a line of a message\r\n", 10_000)
	for _, tt := range []struct{ wants, sent, want string }{
		{"", "", ""},
		{"", "rubbish\r\n* SEARCH 1 2\r\n", ""},
		{"", "* 3 EXISTS\r\n* SEARCH 1\r\nT1 OK done\r\n", "* 3 EXISTS\r\nT1 OK done\r\n"},
		{wantsText, "* 1 FETCH (BODY[] {210000}\r\n" + text + " UID 1)\r\nT1 OK done\r\n",
			"* 1 FETCH (BODY[] {210000}\r\n" + text + " UID 1)\r\nT1 OK done\r\n"},
		{wantsText, "* 1 FETCH (BODY[] {0}\r\n UID 1)\r\n", "* 1 FETCH (BODY[] {0}\r\n UID 1)\r\n"},
		{wantsSize, "* 1 FETCH (BODY[] {210000}\r\n" + text + " UID 1)\r\n", ""},
	} {
		testkit.Reader(t, tt.sent, "* OK - \r\n"+tt.want, func(sent io.Reader) io.Reader {
			g := newGuard(&backend.Dialed{Conn: testkit.ReaderConn{Reader: sent}}, time.Minute)
			g.begin(tt.wants)
			return g
		})
	}
}

func TestTextReaderReads(t *testing.T) {
	for _, text := range []string{"", "x", strings.Repeat("text\r\n", 5000)} {
		testkit.Reader(t, text, text, func(r io.Reader) io.Reader { return &textReader{r: r, left: int64(len(text))} })
		testkit.Reader(t, text, text, func(r io.Reader) io.Reader { return &countReader{Reader: r} })
		short := &textReader{r: strings.NewReader(text), left: int64(len(text)) + 1}
		if got, err := io.ReadAll(short); !errors.Is(err, io.ErrUnexpectedEOF) || string(got) != text {
			t.Errorf("a text that is cut short: %d bytes of %d, %v", len(got), len(text), err)
		}
	}
}
