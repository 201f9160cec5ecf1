package replies

import (
	"strings"
	"testing"

	"exgate/backend/wire"
)

// through returns the responses in text as the client gets them from the editor.
func through(e Editor, text string) string {
	r := wire.NewResponseReader(strings.NewReader(text))
	defer r.Release()
	var out strings.Builder
	isWanted := false
	for r.Fill() == nil {
		for f, ok := r.Scan(); ok; f, ok = r.Scan() {
			if f.First {
				isWanted = e.Wants(f.Data)
			}
			data := f.Data
			if isWanted {
				if edited, same := e.Edit(nil, f); !same {
					data = edited
				}
			}
			out.Write(data)
		}
	}
	return out.String()
}

func TestQuoting(t *testing.T) {
	long := strings.Repeat("x", maxGathered)
	for _, tt := range []struct{ in, want string }{
		{"* LIST () \"/\" a\tb\r\n", "* LIST () \"/\" \"a\tb\"\r\n"},
		{"* LSUB () \"/\" a b\r\n", "* LSUB () \"/\" \"a b\"\r\n"},
		{"* LIST () \"/\" \"a b\"\r\n", "* LIST () \"/\" \"a b\"\r\n"},
		{"* LIST () \"/\" {3}\r\na b\r\n", "* LIST () \"/\" \"a b\"\r\n"},
		{"* LIST () \"/\" {4}\r\na\"\\b\r\n", "* LIST () \"/\" \"a\\\"\\\\b\"\r\n"},
		{"* LIST () \"/\" {3}\r\na\xe4b\r\n", "* LIST () \"/\" {3}\r\na\xe4b\r\n"},
		{"* LIST () \"/\" {3}\r\na b " + long + "\r\n", "* LIST () \"/\" \"a b\" " + long + "\r\n"},
		{"* STATUS a\tb (MESSAGES 1)\r\n", "* STATUS a\tb (MESSAGES 1)\r\n"},
		{"* 3 EXISTS\r\n", "* 3 EXISTS\r\n"},
	} {
		repaired := 0
		got := through(&Quoting{Repaired: func(string) { repaired++ }}, tt.in)
		if got != tt.want || (repaired > 0) != (tt.in != tt.want) {
			t.Errorf("%.60q became %.60q, %d repairs", tt.in, got, repaired)
		}
	}
}

func TestNamespace(t *testing.T) {
	for _, tt := range []struct{ separator, in, want string }{
		{"/", "* NAMESPACE ((\"x/\" \"/\")) ((\"~\" \"/\")) NIL\r\n", "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n"},
		{`\`, "* namespace NIL NIL NIL\r\n", "* NAMESPACE ((\"\" \"\\\\\")) NIL NIL\r\n"},
		{"/", "* LIST () \"/\" a\r\n", "* LIST () \"/\" a\r\n"},
	} {
		if got := through(&Namespace{Separator: tt.separator}, tt.in); got != tt.want {
			t.Errorf("%q became %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestSearchResults(t *testing.T) {
	many := strings.Repeat(" 123456789", maxNumbers/10+1)
	for _, tt := range []struct {
		name        string
		first, last string
		want        string
	}{
		{"two", "* SEARCH 1 2\r\n", "* SEARCH 3\r\n", "* SEARCH 1 2 3\r\n"},
		{"none", "* SEARCH\r\n", "* SEARCH\r\n", "* SEARCH\r\n"},
		{"other responses", "* 3 EXISTS\r\n* SEARCH 1\r\n", "* SEARCH 2\r\n", "* 3 EXISTS\r\n* SEARCH 1 2\r\n"},
		{"too many for one", "* SEARCH" + many + " 1\r\n", "* SEARCH 2\r\n", "* SEARCH" + many + " 1\r\n* SEARCH 2\r\n"},
	} {
		s := new(SearchResults)
		got := through(s, tt.first)
		s.Last = true
		if got += through(s, tt.last); got != tt.want {
			t.Errorf("%s: %.80q…, %d bytes, want %d", tt.name, got, len(got), len(tt.want))
		}
	}
}

func TestBeforePlus(t *testing.T) {
	long := "* 1 FETCH (FLAGS (" + strings.Repeat("x", maxBeforePlus) + "))\r\n"
	for _, tt := range []struct {
		name                 string
		hasPlus              bool
		in, passed, released string
	}{
		{"before", false, "* 3 EXISTS\r\n* 1 EXPUNGE\r\n", "", "* 3 EXISTS\r\n* 1 EXPUNGE\r\n"},
		{"after", true, "* 3 EXISTS\r\n", "* 3 EXISTS\r\n", ""},
		{"too much", false, "* 3 EXISTS\r\n" + long + "* 4 EXISTS\r\n", "* 3 EXISTS\r\n" + long + "* 4 EXISTS\r\n", ""},
	} {
		b := &BeforePlus{Waits: func() bool { return !tt.hasPlus }}
		if got := through(b, tt.in); got != tt.passed {
			t.Errorf("%s: passed %.60q, want %.60q", tt.name, got, tt.passed)
		}
		if got := string(b.Release()); got != tt.released {
			t.Errorf("%s: released %.60q, want %.60q", tt.name, got, tt.released)
		}
		if got := b.Release(); got != nil {
			t.Errorf("%s: %.60q is released twice", tt.name, got)
		}
	}
}

func TestWithCode(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"a1 NO Mailbox already exists.", "a1 NO [ALREADYEXISTS] Mailbox already exists."},
		{"a1 NO Folder name is reserved", "a1 NO [CANNOT] Folder name is reserved"},
		{"a1 NO INBOX/x doesn't exist.", "a1 NO [NONEXISTENT] INBOX/x doesn't exist."},
		{"a1 NO [TRYCREATE] INBOX/x doesn't exist.", "a1 NO [TRYCREATE] INBOX/x doesn't exist."},
		{"a1 NO Server Unavailable. 15", "a1 NO [UNAVAILABLE] Server Unavailable. 15"},
		{"a1 NO [ALERT] Mailbox already exists.", "a1 NO [ALERT] Mailbox already exists."},
		{"a1 NO Something else", "a1 NO Something else"},
		{"a1 BAD Mailbox already exists.", "a1 BAD Mailbox already exists."},
		{"a1 OK Mailbox already exists.", "a1 OK Mailbox already exists."},
		{"a1 NO", "a1 NO"},
	} {
		got, changed := WithCode([]byte(tt.in + "\r\n"))
		if string(got) != tt.want+"\r\n" || changed != (tt.in != tt.want) {
			t.Errorf("%q became %q, %t", tt.in, got, changed)
		}
	}
}

func TestWholeCode(t *testing.T) {
	for _, tt := range []struct{ in, want string }{ // want "": unchanged
		{"[COPYUID 55 31 6]\r\n", "* OK [COPYUID 55 31 6] moved.\r\n"},
		{"[COPYUID 55 31 6\r\n", ""},
		{"* OK [COPYUID 55 31 6] done\r\n", ""},
		{"[APPENDUID 1 2]\r\n", ""},
		{"", ""},
	} {
		got, ok := WholeCode([]byte(tt.in))
		if ok != (tt.want != "") || ok && string(got) != tt.want || !ok && string(got) != tt.in {
			t.Errorf("%q: %q, %v", tt.in, got, ok)
		}
	}
}

func TestTextOfCode(t *testing.T) {
	for _, tt := range []struct{ in, want string }{ // want "": unchanged
		{"a1 OK [Error=\"x [y]\" Proxy=h:1] done\r\n", "a1 OK Error=\"x [y]\" Proxy=h:1 done\r\n"},
		{"* OK [UNSEEN 1] first\r\n", ""},
		{"* OK [PERMANENTFLAGS (\\Seen \\*)] flags\r\n", ""},
		{"* OK done\r\n", ""},
		{"* LIST () \"/\" [a=b]\r\n", ""},
	} {
		got, ok := TextOfCode([]byte(tt.in))
		if ok != (tt.want != "") || ok && string(got) != tt.want || !ok && string(got) != tt.in {
			t.Errorf("%q: %q, %v", tt.in, got, ok)
		}
	}
}
