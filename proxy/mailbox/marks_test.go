package mailbox

import "testing"

func TestClientMark(t *testing.T) {
	for _, tt := range []struct{ header, want string }{
		{"Subject: x\r\nX-TUID: AbCdEfGhIjKl\r\nDate: y\r\n\r\nbody\r\n", "X-TUID: AbCdEfGhIjKl\r\n"},
		{"x-tuid: AbCdEfGhIjKl\r\n\r\n", "x-tuid: AbCdEfGhIjKl\r\n"},
		{"X-OfflineIMAP: 123-456\r\nSubject: x\r\n\r\n", "X-OfflineIMAP: 123-456\r\n"},
		{"Subject: x\r\n\r\nX-TUID: AbCdEfGhIjKl\r\n", ""}, // of the body
		{"Subject: x\r\nX-TUIDS: a\r\n\r\n", ""},
		{"Subject: x\r\n\tX-TUID: a\r\n\r\n", ""}, // of the subject
		{"X-TUID: cut", ""},
		{"", ""},
	} {
		from, to := ClientMark([]byte(tt.header))
		if got := tt.header[from:to]; got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.header, got, tt.want)
		}
	}
}
