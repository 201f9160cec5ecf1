package ledger

import (
	"encoding/binary"
	"path/filepath"
	"sync/atomic"
	"testing"
)

// BenchmarkMessage is what the rows of one message cost that goes up, is stored, and whose answer the client's next
// message proves, with as many clients as GOMAXPROCS times 4.
func BenchmarkMessage(b *testing.B) {
	l := Open(Options{File: filepath.Join(b.TempDir(), "ledger.db")})
	defer l.Close()
	var n atomic.Uint64
	b.SetParallelism(4)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		j := l.Session(Session{ID: "s", Upstream: "default", Account: "bob"})
		for pb.Next() {
			m := &Message{Mailbox: "Archive", Exchange: "Archive", MessageID: "<20261129.123456.789@mail.example.com>",
				Date: "29-Nov-2026 10:00:00 +0000", DateFrom: "client", Size: 4096, Sent: 4096, Flags: []string{`\Seen`},
				Mark: Mark{1, 7}}
			binary.BigEndian.PutUint64(m.Sum[:], n.Add(1)*0x9E3779B97F4A7C15)
			j.Begin(m)
			j.Proven()
			j.Intend(m)()
			m.Outcome, m.UIDValidity, m.UID = Stored, 1, uint32(n.Load())
			j.Done(m)
			j.Told()
		}
		j.End(Totals{})
	})
	l.Flush()
}
