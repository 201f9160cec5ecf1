package amend

import "testing"

func TestAsksForBodies(t *testing.T) {
	for args, want := range map[string]bool{
		"1:* (FLAGS)": false,
		"1:* (UID RFC822.SIZE BODY.PEEK[HEADER.FIELDS (FROM TO)])": false,
		"1 (RFC822.HEADER)":                        false,
		"1 BODYSTRUCTURE":                          false,
		"1:802 (UID RFC822.SIZE body.peek[])":      true,
		"1 (UID BODY[])":                           true,
		"1 RFC822":                                 true,
		"1 (FLAGS RFC822.TEXT)":                    true,
		"3 (BODY[]<0.65536>)":                      true,
		"3 (BODY[]<65536.65536>)":                  false,
		"5 (BODY.PEEK[TEXT]<0.2048>)":              true,
		"5 (BODY.PEEK[1.MIME] BINARY.PEEK[])":      true,
		"5 (BODY.PEEK[HEADER] BODY.PEEK[2]<0.10>)": false,
	} {
		if got := HasBodyItem(args); got != want {
			t.Errorf("%s: %t", args, got)
		}
	}
}
