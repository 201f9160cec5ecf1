package mailbox

import (
	"strings"
	"testing"
)

func TestClientMarks(t *testing.T) {
	for _, tt := range []struct {
		header, want string
		isWhole      bool
	}{
		{"Subject: x\r\nX-TUID: AbCdEfGhIjKl\r\nDate: y\r\n\r\nbody\r\n", "X-TUID: AbCdEfGhIjKl\r\n", true},
		{"x-tuid: AbCdEfGhIjKl\r\n\r\n", "x-tuid: AbCdEfGhIjKl\r\n", true},
		{"X-OfflineIMAP: 123-456\r\nSubject: x\r\n\r\n", "X-OfflineIMAP: 123-456\r\n", true},
		{
			"X-OfflineIMAP: 123-456\r\nSubject: x\r\nX-OfflineIMAP: 12-3\r\nx-offlineimap: 1-2\r\n\r\n",
			"X-OfflineIMAP: 123-456\r\n|X-OfflineIMAP: 12-3\r\n|x-offlineimap: 1-2\r\n", true,
		},
		{"Subject: x\r\n\r\nX-TUID: AbCdEfGhIjKl\r\n", "", true}, // of the body
		{"Subject: x\r\nX-TUIDS: a\r\n\r\n", "", true},
		{"Subject: x\r\n\tX-TUID: a\r\n\r\n", "", true}, // of the subject
		{"X-TUID: cut", "", false},
		{"", "", false},
	} {
		var got []string
		marks, isWhole := ClientMarks([]byte(tt.header))
		for _, mark := range marks {
			got = append(got, tt.header[mark[0]:mark[1]])
		}
		if got := strings.Join(got, "|"); got != tt.want || isWhole != tt.isWhole {
			t.Errorf("%q: got %q, whole: %t, want %q, %t", tt.header, got, isWhole, tt.want, tt.isWhole)
		}
	}
}

func TestTUID(t *testing.T) {
	for header, want := range map[string]string{
		"Subject: x\r\nX-TUID: AbCdEfGhIjKl\r\nDate: y\r\n\r\nbody\r\n": "AbCdEfGhIjKl",
		"x-tuid:AbCdEfGhIjKl \r\n\r\n":                                  "AbCdEfGhIjKl",
		"Subject: x\r\n\r\nX-TUID: AbCdEfGhIjKl\r\n":                    "", // of the body
		"Subject: x\r\n\tX-TUID: a\r\n\r\n":                             "", // of the subject
		"":                                                              "",
	} {
		if got := TUID([]byte(header)); got != want {
			t.Errorf("%q: got %q, want %q", header, got, want)
		}
	}
}
