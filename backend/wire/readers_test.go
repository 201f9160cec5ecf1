package wire

import (
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"exgate/backend/testkit"
)

// record is a record of TLS with so many bytes, as far as its length goes.
func record(n int) string {
	return string([]byte{23, 3, 3, byte(n >> 8), byte(n)}) + strings.Repeat("r", n)
}

func TestRecordsRead(t *testing.T) {
	for _, sent := range []string{
		"", "\x17\x03", record(0), record(1), record(0) + record(0) + record(3), record(507) + record(508) + record(600),
		record(maxRecord), record(maxRecord) + record(maxRecord) + record(1), record(maxRecord)[:9000],
	} {
		testkit.Reader(t, sent, sent, func(r io.Reader) io.Reader {
			return &records{Conn: testkit.ReaderConn{Reader: r}}
		})
	}
}

func TestCountReaderReads(t *testing.T) {
	const sent = "* OK what is counted\r\n"
	testkit.Reader(t, sent, sent, func(r io.Reader) io.Reader { return CountReader{r, new(atomic.Int64)} })
	var n atomic.Int64
	if _, err := io.Copy(io.Discard, CountReader{strings.NewReader(sent), &n}); err != nil || n.Load() != int64(len(sent)) {
		t.Errorf("%d bytes, %v", n.Load(), err)
	}
}
