package wire

import "testing"

func TestParseStatus(t *testing.T) {
	for _, tt := range []struct {
		line string
		want Status
	}{
		{"a1 OK LOGIN completed.\r\n", Status{"a1", "OK", "", "LOGIN completed."}},
		{"a1 OK LOGIN completed.\n", Status{"a1", "OK", "", "LOGIN completed."}},
		{"a1 OK LOGIN completed.", Status{"a1", "OK", "", "LOGIN completed."}},
		{"a1 ok done", Status{"a1", "OK", "", "done"}},
		{"a1 Bad Command Argument Error. 11", Status{"a1", "BAD", "", "Command Argument Error. 11"}},
		{"a1 OK\r\n", Status{"a1", "OK", "", ""}},
		{"a1 OK \r\n", Status{"a1", "OK", "", ""}},
		{"* BYE Connection closed. 14\r\n", Status{"*", "BYE", "", "Connection closed. 14"}},
		{"* PREAUTH hi", Status{"*", "PREAUTH", "", "hi"}},
		{"* OK [UIDNEXT 23072] The next unique identifier value", Status{"*", "OK", "UIDNEXT 23072",
			"The next unique identifier value"}},
		{"* OK [UNSEEN 1]\r\n", Status{"*", "OK", "UNSEEN 1", ""}},
		{"* OK [UNSEEN 1]no blank", Status{"*", "OK", "UNSEEN 1", "no blank"}},
		{"a1 OK [] text", Status{"a1", "OK", "", "text"}},
		{"a1 NO [BADCHARSET (US-ASCII)] The specified charset is not supported.",
			Status{"a1", "NO", "BADCHARSET (US-ASCII)", "The specified charset is not supported."}},
		{`* OK [PERMANENTFLAGS (\Seen \*)] Permanent flags`, Status{"*", "OK", `PERMANENTFLAGS (\Seen \*)`,
			"Permanent flags"}},
		// net-imap#597
		{`a1 OK [Error="WrongServerException:Cross Server access [x] to [y]" Proxy=host:1993:SSL] AUTHENTICATE completed.`,
			Status{"a1", "OK", `Error="WrongServerException:Cross Server access [x] to [y]" Proxy=host:1993:SSL`,
				"AUTHENTICATE completed."}},
		{`a1 OK [Error="]"] done`, Status{"a1", "OK", `Error="]"`, "done"}},
		{`a1 OK [Error="no end] done`, Status{"a1", "OK", "", `[Error="no end] done`}},
		{"a1 OK [no end", Status{"a1", "OK", "", "[no end"}},
		{"a1 OK text [NOT A CODE]", Status{"a1", "OK", "", "text [NOT A CODE]"}},
		{"<body BAD Command Error. 10\r\n", Status{"<body", "BAD", "", "Command Error. 10"}},
		{" a1  OK  done", Status{"a1", "OK", "", "done"}},
		{"*  OK  [UNSEEN 1]  first", Status{"*", "OK", "UNSEEN 1", " first"}},
		{"a1 BYE Connection closed. 14", Status{"a1", "BYE", "", "Connection closed. 14"}},
	} {
		got, ok := ParseStatus([]byte(tt.line))
		if !ok || got != tt.want {
			t.Errorf("%q: %+v, %v", tt.line, got, ok)
		}
	}
	for _, line := range []string{"", "\r\n", "*", "OK", "* 1 EXISTS", "a1 OKAY", " OK", "[COPYUID 55 31 6]",
		"CAPABILITY completed."} {
		if got, ok := ParseStatus([]byte(line)); ok {
			t.Errorf("%q: %+v", line, got)
		}
	}
}

func TestCodeArgs(t *testing.T) {
	for _, tt := range []struct {
		code, name, args string
		ok               bool
	}{
		{"CAPABILITY IMAP4rev1 IDLE", "CAPABILITY", "IMAP4rev1 IDLE", true},
		{"capability IMAP4rev1", "CAPABILITY", "IMAP4rev1", true},
		{"TRYCREATE", "TRYCREATE", "", true},
		{"TRYCREATES", "TRYCREATE", "", false},
		{"APPENDUID 1 2", "COPYUID", "1 2", false},
		{"", "TRYCREATE", "", false},
	} {
		if args, ok := (Status{Code: tt.code}).CodeArgs(tt.name); args != tt.args || ok != tt.ok {
			t.Errorf("%q of [%s]: %q, %v", tt.name, tt.code, args, ok)
		}
	}
}
