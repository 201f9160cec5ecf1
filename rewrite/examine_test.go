package rewrite

import (
	"strings"
	"testing"
)

func TestExamine(t *testing.T) {
	const head = "From: a@example.org\r\nDate: Tue, 3 Mar 2026 10:00:00 +0000\r\n"
	for _, test := range []struct {
		message string
		says    []string
	}{
		{head + "\r\nbody\r\n", []string{"no known rule", "67 bytes", "2 fields", "1 parts"}},
		{"", []string{"it has no from", "it has no date", "0 bytes"}},
		{head + "\r\n" + strings.Repeat("x", 10_000), []string{"long-lines: body lines over the limit (1)", "longest line 10000"}},
		{head + "X-A: " + strings.Repeat("x", 10_000) + "\r\n\r\n", []string{"long-headers: header lines over the limit (1)"}},
		{head + "Subject: =?TELETEX?Q?x?=\r\n\r\n", []string{"encoded-words"}},
		{head + "Content-Type: text/plain; charset=x-none\r\n\r\nx", []string{`unknown charsets ["x-none"]`, "encoded-words"}},
		{head + "no field\r\nFrom: b@example.org\r\n\r\na\rb\nc\x00\xe4\r\n",
			[]string{"header-lines: lines of a header that are no fields", "2 fields from",
				"line-endings", "nul-bytes", "eight-bit", "1 bare CR and 1 bare LF", "1 NUL", "1 bytes over 127"}},
		{head + "Message-ID: <\xe4@example.org>\r\nReceived: by \xe4\r\n\r\n",
			[]string{"eight-bit: bytes over 127 in Message-ID, which exgate does not change ("}},
		{head + "Content-Type: message/partial\r\n\r\nx", []string{"partial: message/partial"}},
		{head + "\r\n" + strings.Repeat("x\r\n", 10_000), []string{"oversize: it has 30061 bytes, the limit is 20000"}},
		{head + "Message-ID: " + strings.Repeat("m", 10_000) + "\r\n\r\n", []string{"header-line: 1 over 9900 bytes"}},
	} {
		x, err := Examine(t.Context(), strings.NewReader(test.message), int64(len(test.message)), Options{LineLimit: limit,
			SizeLimit: 20_000})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range test.says {
			if got := x.String(); !strings.Contains(got, want) {
				t.Errorf("%.60q: %q does not say %q", test.message, got, want)
			}
		}
	}
}
