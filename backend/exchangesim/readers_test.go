package exchangesim

import (
	"bufio"
	"io"
	"strings"
	"testing"

	"exgate/backend/testkit"
)

func TestClientBytesRead(t *testing.T) {
	for _, sent := range []string{"", "a1 NOOP\r\n", strings.Repeat("a1 NOOP\r\n", 5000)} {
		testkit.Reader(t, sent, sent, func(r io.Reader) io.Reader { return clientBytes{new(conn), bufio.NewReader(r)} })
	}
}
