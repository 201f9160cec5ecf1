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

func TestLegalDate(t *testing.T) {
	for text, want := range map[string]string{ // "": no date
		"22-Nov-2026 10:00:00 +0100":        "22-Nov-2026 10:00:00 +0100",
		" 7-Nov-2016 18:49:23 +0200":        " 7-Nov-2016 18:49:23 +0200",
		"7-Nov-2016 18:49:23 +0200":         "07-Nov-2016 18:49:23 +0200",
		"07-Nov-2016 18:49:23 +0200":        "07-Nov-2016 18:49:23 +0200",
		"  7-nov-2016  18:49:23  -0000":     "07-Nov-2016 18:49:23 +0000",
		"29-Feb-2024 00:00:00 +0000":        "29-Feb-2024 00:00:00 +0000",
		"00-Jan-0000 00:00:00 +0000":        "",
		"31-Feb-2020 00:00:00 +0000":        "",
		"29-Feb-2023 00:00:00 +0000":        "",
		"22-Nov-2026 10:00:00 --700":        "",
		"22-Nov-2026 10:00:00 GMT":          "",
		"22-Nov-2026 10:00:00":              "",
		"22-Nov-2026 24:00:00 +0000":        "",
		"22-Nov-2026 10:60:00 +0000":        "",
		"22-Nov-26 10:00:00 +0000":          "",
		"22-M\xc3\xa4r-2026 10:00:00 +0000": "",
		"22-Okt-2026 10:00:00 +0000":        "",
		"30-Dec-1899 00:00:00 +0000":        "",
		"01-Jan-1970 00:00:00 +0000":        "",
		"01-Jan-0001 00:00:00 +0000":        "",
		"2026-11-22 10:00:00 +0000":         "",
		"Sun, 22 Nov 2026 10:00:00 +0100":   "",
		"22-Nov-2026 10:00:00 +9900":        "",
		"-1-Nov-2026 10:00:00 +0000":        "",
		"":                                  "",
		"NIL":                               "",
	} {
		if got, ok := LegalDate(text); got != want || ok != (want != "") {
			t.Errorf("%q: %q %v, want %q", text, got, ok, want)
		}
	}
}
