package delivery

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"exgate/proxy/mailbox"
	"exgate/proxy/spool"
)

// A message is summed as it comes as if it came at once: without the client's marks, whether it is in memory or in a
// file, and wherever its pieces end.
func TestSum(t *testing.T) {
	long := strings.Repeat("X-Long: "+strings.Repeat("l", 90)+"\r\n", mailbox.MaxDatedHeader/100+1)
	for _, tt := range []struct{ message, without string }{
		{"", ""},
		{"Subject: a\r\n\r\nbody\r\n", ""},
		{"Subject: a\r\nX-TUID: AbCdEfGhIjKl\r\nDate: b\r\n\r\nX-TUID: body\r\n", "X-TUID: AbCdEfGhIjKl\r\n"},
		{"X-OfflineIMAP: 1-2\r\nX-OfflineIMAP: 1-2\r\n\r\n", "X-OfflineIMAP: 1-2\r\n"},
		{"Subject: a\r\nX-TUID: AbCdEfGhIjKl\r\n", "X-TUID: AbCdEfGhIjKl\r\n"}, // a header alone
		{"X-TUID: cut", ""},
		{"X-TUID: AbCdEfGhIjKl\r\n" + long + "X-TUID: far\r\n\r\nbody\r\n", "X-TUID: AbCdEfGhIjKl\r\n"},
		{"X-TUID: AbCdEfGhIjKl\n\nbody\n", "X-TUID: AbCdEfGhIjKl\n"},
	} {
		want := tt.message
		if tt.without != "" {
			want = strings.ReplaceAll(tt.message, tt.without, "")
		}
		for _, memory := range []int64{0, 1} {
			for _, piece := range []int{1, 7, 4096, 1 << 20} {
				if len(tt.message)/piece > 1000 {
					continue // it is the same again, and takes long
				}
				name := fmt.Sprintf("%.40q, %d in memory, pieces of %d", tt.message, memory, piece)
				s := &sum{message: spool.New(spool.Options{Dir: t.TempDir(), Memory: memory}, int64(len(tt.message)), nil)}
				for rest := tt.message; rest != ""; {
					n := min(piece, len(rest))
					if _, err := s.Write([]byte(rest[:n])); err != nil {
						t.Fatal(err)
					}
					rest = rest[n:]
				}
				if got, err := s.value(); err != nil || got != sha256.Sum256([]byte(want)) {
					t.Errorf("%s: another sum, %v", name, err)
				}
				if err := s.message.Close(); err != nil {
					t.Error(err)
				}
			}
		}
	}
}
