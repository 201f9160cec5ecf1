package backend

import (
	"io"
	"strings"
	"testing"

	"exgate/backend/testkit"
)

// TestAheadReads: what line has read too much of comes first.
func TestAheadReads(t *testing.T) {
	for _, rest := range []string{"", "x", "* OK more\r\n", strings.Repeat("* OK more\r\n", 100)} {
		testkit.Reader(t, "* OK first\r\n"+rest, rest, func(sent io.Reader) io.Reader {
			a := &ahead{Conn: testkit.ReaderConn{Reader: sent}}
			if line, err := a.line(); err != nil || string(line) != "* OK first\r\n" {
				t.Errorf("%q, %v", line, err)
			}
			return a
		})
	}
}
