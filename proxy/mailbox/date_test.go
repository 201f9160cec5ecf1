package mailbox

import (
	"testing"
)

func TestDerivedDate(t *testing.T) {
	const date = "Date: Tue, 3 Mar 2026 10:00:00 +0100\r\n"
	for message, want := range map[string]string{
		"":                              "",
		"Subject: none\r\n\r\nbody\r\n": "",
		date + "\r\nbody\r\n":           " 3-Mar-2026 10:00:00 +0100",
		"Received: from a; by b;\r\n Wed, 4 Mar 2026 11:00:00 -0500 (EST)\r\nReceived: x; Mon, 2 Mar 2026 09:00:00 +0000\r\n" + date + "\r\n": " 4-Mar-2026 11:00:00 -0500",
		"Received: no date\r\n" + date + "\r\n":        " 3-Mar-2026 10:00:00 +0100",
		"Date: Thu, 1 Jan 1970 00:00:00 +0000\r\n\r\n": "",
		"Date: Thu, 1 Jan 2200 00:00:00 +0000\r\n\r\n": "",
		"Date: yesterday\r\n\r\n":                      "",
	} {
		if got := DerivedDate([]byte(message)); got != want {
			t.Errorf("%q: %q, want %q", message, got, want)
		}
	}
}
