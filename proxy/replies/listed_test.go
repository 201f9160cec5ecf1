package replies

import (
	"strings"
	"testing"
)

var listedResponses = []struct {
	name, in string
	mailbox  string // "": it is no such response
	edit     listedEdit
	want     string // "": as it came
}{
	{"atom", `* LIST (\HasNoChildren) "/" INBOX`, "INBOX", listedEdit{mailbox: "INBOX"}, ""},
	{"renamed", `* LIST (\HasNoChildren) "/" a`, "a", listedEdit{mailbox: "b c"}, `* LIST (\HasNoChildren) "/" "b c"`},
	{"quoted", `* LSUB () "/" "a \"b\\"`, `a "b\`, listedEdit{mailbox: `a "b\`}, ""},
	{"literal", "* LIST () \"/\" {4}\r\na\"\\b", `a"\b`, listedEdit{mailbox: "x"}, `* LIST () "/" x`},
	{"literal quoted", "* LIST () \"/\" {4}\r\na\"\\b", `a"\b`, listedEdit{mailbox: `a"\b`}, `* LIST () "/" "a\"\\b"`},
	{"literal kept", "* LIST () \"/\" {3}\r\na\xe4b", "a\xe4b", listedEdit{mailbox: "a\xe4b"}, ""},
	{"blanks", "* STATUS  Archive (UIDNEXT 1)  ", "Archive", listedEdit{mailbox: "Archive"}, "* STATUS  Archive (UIDNEXT 1)"},
	{"TAB", "* LIST () \"/\" INBOX/Da\tOggetto", "INBOX/Da\tOggetto", listedEdit{mailbox: "INBOX/Da\tOggetto"},
		"* LIST () \"/\" \"INBOX/Da\tOggetto\""},
	{"extended data", `* LIST () "/" foo ("CHILDINFO" ("SUBSCRIBED"))`, "foo ", listedEdit{}, ""},
	{"attribute", `* LIST (\HasNoChildren) "/" "Sent Items"`, "Sent Items", listedEdit{mailbox: "Sent Items",
		attribute: `\Sent`}, `* LIST (\HasNoChildren \Sent) "/" "Sent Items"`},
	{"attribute there already", `* LIST (\sent) "/" Sent`, "Sent", listedEdit{mailbox: "Sent", attribute: `\Sent`}, ""},
	{"the only attribute", `* LIST () "/" Sent`, "Sent", listedEdit{mailbox: "Sent", attribute: `\Sent`},
		`* LIST (\Sent) "/" Sent`},
	{"separator", `* LIST () "/" a`, "a", listedEdit{mailbox: "a", separator: `\`}, `* LIST () "\\" a`},
	{"empty separator", `* LIST () "" a`, "a", listedEdit{mailbox: "a"}, `* LIST () NIL a`},
	{"empty separator replaced", `* LIST () "" "a b"`, "a b", listedEdit{mailbox: "a b", separator: "/"}, `* LIST () "/" "a b"`},
	{"no separator", `* LIST () NIL a`, "a", listedEdit{mailbox: "a"}, ""},
	{"STATUS", `* STATUS Trash (MESSAGES 1)`, "Trash", listedEdit{mailbox: "trash"}, `* STATUS trash (MESSAGES 1)`},
	{"STATUS with a TAB", "* STATUS a\tb (MESSAGES 1)", "a\tb", listedEdit{mailbox: "c"}, "* STATUS c (MESSAGES 1)"},
	{"STATUS, quoted", `* STATUS "a b" (MESSAGES 1)`, "a b", listedEdit{mailbox: "c"}, "* STATUS c (MESSAGES 1)"},
	{"QUOTAROOT", `* QUOTAROOT a ""`, "a", listedEdit{mailbox: "b"}, `* QUOTAROOT b ""`},
	{"not ASCII", `* LIST () "/" a`, "a", listedEdit{mailbox: "\xff"}, "* LIST () \"/\" {1}\r\n\xff"},
	{"the name is NIL", `* LIST () "/" a`, "a", listedEdit{mailbox: "NIL"}, `* LIST () "/" "NIL"`},
	{"unescaped quote", `* LIST () "/" "a"b"`, `a"b`, listedEdit{mailbox: `a"b`}, `* LIST () "/" "a\"b"`},
	{"unescaped quotes", `* LIST () "/" "say "a b""`, `say "a b"`, listedEdit{mailbox: `say "a b"`},
		`* LIST () "/" "say \"a b\""`},
	{"unescaped backslash", `* LIST () "/" "a\b"`, `a\b`, listedEdit{mailbox: `a\b`}, `* LIST () "/" "a\\b"`},
	{"unescaped backslash at the end", `* LIST () "/" "a\"`, `a\`, listedEdit{mailbox: `a\`}, `* LIST () "/" "a\\"`},
	{"unescaped quote in STATUS", `* STATUS "a"b" (UNSEEN 1)`, `a"b`, listedEdit{mailbox: `a"b`},
		`* STATUS "a\"b" (UNSEEN 1)`},
	{"something follows the name", `* LIST () "/" a ("X" ())`, "a", listedEdit{mailbox: "b"}, `* LIST () "/" "b" ("X" ())`},
	{"a vertical tab follows the name", "* LIST () \"/\" \"a\" \v", "a", listedEdit{mailbox: "b"}, "* LIST () \"/\" \"b\" \v"},
	{"no list", "* OK done", "", listedEdit{}, ""},
	{"no attributes", "* LIST INBOX", "", listedEdit{}, ""},
	{"no name", `* LIST () "/" `, "", listedEdit{}, ""},
	{"no end", `* LIST () "/" "abc`, "", listedEdit{}, ""},
	{"literal too long", "* LIST () \"/\" {9}\r\nabc", "", listedEdit{}, ""},
	{"STATUS without items", "* STATUS a", "", listedEdit{}, ""},
}

func TestListed(t *testing.T) {
	for _, tt := range listedResponses {
		t.Run(tt.name, func(t *testing.T) {
			in := []byte(tt.in + "\r\n")
			l, ok := ParseListed(in)
			if tt.name == "extended data" { // taken off the name
				if !ok || string(l.Mailbox) != "foo" {
					t.Errorf("%q", l.Mailbox)
				}
				return
			}
			if ok != (tt.mailbox != "") || string(l.Mailbox) != tt.mailbox && ok {
				t.Fatalf("%q, %v", l.Mailbox, ok)
			}
			if !ok {
				return
			}
			want := tt.want
			if want == "" {
				want = tt.in
			}
			if got := string(l.appendTo(nil, in, tt.edit)); got != want+"\r\n" {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func FuzzListed(f *testing.F) {
	for _, tt := range listedResponses {
		f.Add(tt.in+"\r\n", tt.edit.mailbox)
	}
	f.Fuzz(func(t *testing.T, in, name string) {
		l, ok := ParseListed([]byte(in))
		if !ok {
			return
		}
		if same := string(l.appendTo(nil, []byte(in), listedEdit{mailbox: string(l.Mailbox)})); same != in && !l.isOdd() && !endsInBlank([]byte(in)) {
			t.Fatalf("unchanged, %q became %q", in, same)
		}
		edited := l.appendTo(nil, []byte(in), listedEdit{mailbox: name, attribute: `\Sent`, separator: "."})
		if strings.HasSuffix(name, ".") { // the separator at the end belongs to no name
			return
		}
		if again, ok := ParseListed(edited); ok && string(again.Mailbox) != name && l.Verb == "LIST" && name != "" &&
			!strings.ContainsAny(in, "{}") {
			t.Fatalf("%q, renamed to %q, became %q, which reads %q", in, name, edited, again.Mailbox)
		}
	})
}
