package wire

import (
	"bytes"
	"strings"
	"testing"
)

func TestTidy(t *testing.T) {
	for _, tt := range []struct{ in, want string }{ // want "": unchanged
		{"* STATUS Archive (UIDNEXT 1) ", "* STATUS Archive (UIDNEXT 1)"},
		{"*  STATUS  Archive   ( UIDNEXT  1 )", "* STATUS Archive (UIDNEXT 1)"},
		{`* STATUS "a  b " (UIDNEXT 1)`, ""},
		{"* STATUS a  b (UIDNEXT 1) ", "* STATUS a  b (UIDNEXT 1)"}, // a bare name keeps its blanks
		{"* STATUS Archive", ""},
		{"* SEARCH 1 2 ", "* SEARCH 1 2"},
		{"* SEARCH  1  2", "* SEARCH 1 2"},
		{"* SEARCH ", "* SEARCH"},
		{" * 3 EXISTS", "* 3 EXISTS"},
		{"*  3  EXISTS ", "* 3 EXISTS"},
		{`* FLAGS ( \Seen  \Answered )`, `* FLAGS (\Seen \Answered)`},
		{"* CAPABILITY IMAP4rev1  IDLE ", "* CAPABILITY IMAP4rev1 IDLE"},
		{`* LIST ( \Marked )  "/"  "a  b" `, `* LIST (\Marked) "/" "a  b"`},
		{`* LIST () "/" a  b `, `* LIST () "/" a  b`},
		{`* LIST () "/" "a"  b"`, ""},
		{`* LIST () NIL  x`, `* LIST () NIL x`},
		{"* LIST", ""},
		{"* LSUB  x", "* LSUB x"},
		{`* 1 FETCH ( FLAGS ( \Seen )  UID 3 )`, `* 1 FETCH (FLAGS (\Seen) UID 3)`},
		{`* 1 FETCH (ENVELOPE (NIL "a  ( b )\" " NIL))`, ""},
		{"* OK  [UNSEEN 1]  the  first ", "* OK [UNSEEN 1]  the  first "},
		{`* OK [PERMANENTFLAGS ( \Seen  \* )] what  is  kept `, `* OK [PERMANENTFLAGS (\Seen \*)] what  is  kept `},
		{" a1  OK  done", "a1 OK done"},
		{"a1  OK", "a1 OK"},
		{"+  go  on ", ""},
		{"Server  Unavailable. 15 ", ""},
		{"", ""},
		{"*", ""},
		{"* ", "*"},
	} {
		for _, end := range []string{"\r\n", "\n"} {
			in := []byte(tt.in + end)
			kind, _ := classify(in)
			got, changed := Tidy(Fragment{Data: in, Kind: kind, First: true, Last: true})
			want := tt.in
			if tt.want != "" {
				want = tt.want
			}
			if string(got) != want+end || changed != (tt.want != "") {
				t.Errorf("%q became %q, %t", in, got, changed)
			}
			if string(in) != tt.in+end {
				t.Errorf("%q was overwritten: %q", tt.in, in)
			}
		}
	}
}

// The blank after a literal stays, and a literal is never changed.
func TestTidyFragments(t *testing.T) {
	long := `* 1 FETCH (ENVELOPE ("` + strings.Repeat("a  b ( ", bufferSize) + "\"))\r\n" // in pieces
	in := "* 1 FETCH ( BODY[] {4}\r\na  (  UID 3 )\r\n* SEARCH" + strings.Repeat(" 1", bufferSize/2) + " \r\n" + long
	want := "* 1 FETCH (BODY[] {4}\r\na  ( UID 3)\r\n* SEARCH" + strings.Repeat(" 1", bufferSize/2) + "\r\n" + long
	r := NewResponseReader(strings.NewReader(in))
	defer r.Release()
	var out bytes.Buffer
	for r.Fill() == nil {
		for f, ok := r.Scan(); ok; f, ok = r.Scan() {
			text, _ := Tidy(f)
			out.Write(text)
		}
	}
	if out.String() != want {
		t.Errorf("%.60q…%q", out.String(), out.String()[out.Len()-20:])
	}
}
