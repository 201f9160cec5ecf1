package exchangesim

import (
	"strings"
	"testing"
)

// Names and subjects are counted as they are read, and commas as in RFC 5322 section 3.4.
func TestContentRulesCountWhatIsRead(t *testing.T) {
	srv := &Server{limits: Like{}.limits(profile{}), quirks: quirkSet{quirkLongSubject: true, quirkLongFileName: true, quirkLongAddress: true}}
	const ten = "=?utf-8?B?w6TDpMOkw6TDpMOkw6TDpMOkw6Q=?=\r\n "
	words := func(n int) string { return strings.TrimSpace(strings.Repeat(ten, n)) }
	for _, test := range []struct{ name, message, refused string }{
		{"subject of 250", "Subject: " + words(25) + "\r\n\r\n", ""},
		{"subject of 260", "Subject: " + words(26) + "\r\n\r\n", "a subject of 260 characters"},
		{"file name of 250", "Content-Disposition: attachment; filename=\"" + words(25) + "\"\r\n\r\n", ""},
		{"file name of 260", "Content-Disposition: attachment; filename=\"" + words(26) + "\"\r\n\r\n",
			"a file name of 260 characters"},
		{"file name of 260 letters", "Content-Type: a/b; name=" + strings.Repeat("x", 260) + "\r\n\r\n",
			"a file name of 260 characters"},
		{"many addresses", "To: " + strings.Repeat(`"a \" b" <a@example.org>, `, 100) + "b@example.org\r\n\r\n", ""},
		{"one address", "To: \"" + strings.Repeat("a, ", 1000) + "\" <a@example.org>\r\n\r\n",
			"To has an element that is too long"},
	} {
		got := srv.refuseByRule([]byte(test.message))
		if test.refused == "" && got != "" || !strings.HasSuffix(got, test.refused) {
			t.Errorf("%s: %q, want %q", test.name, got, test.refused)
		}
	}
}
