package replies

import (
	"slices"
	"strings"
	"testing"

	"exgate/backend/folders"
	"exgate/backend/wire"
)

// Noting changes no byte, and keeps none back, however a response comes.
func TestNoting(t *testing.T) {
	for _, tt := range []struct {
		name      string
		fragments []string // of one response
		want      []string // mailboxes
	}{
		{"one", []string{"* LIST () \"/\" Trash\r\n"}, []string{"Trash"}},
		{"a quoted name", []string{"* LIST (\\HasNoChildren) \"/\" \"Foo \"\r\n"}, []string{"Foo "}},
		{"modified UTF-7", []string{"* LIST () \"/\" R&-D\r\n"}, []string{"R&D"}},
		{"a literal", []string{"* LIST () \"/\" {3}\r\n", "a\"b", "\r\n"}, []string{`a"b`}},
		{"the root", []string{"* LIST (\\Noselect) \"/\" \"\"\r\n"}, nil},
		{"no LIST", []string{"* LIST nonsense\r\n"}, nil},
		{"too long", []string{"* LIST () \"/\" {40000}\r\n", strings.Repeat("a", 40000), "\r\n"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := &Noting{List: folders.NewList("")}
			for i, data := range tt.fragments {
				f := wire.Fragment{Data: []byte(data), First: i == 0, Last: i == len(tt.fragments)-1}
				if out, same := n.Edit(nil, f); !same || len(out) > 0 {
					t.Errorf("fragment %d is changed: %q", i, out)
				}
			}
			if got := n.List.Names(); !slices.Equal(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
	n := &Noting{List: folders.NewList("")}
	n.Edit(nil, wire.Fragment{Data: []byte("* LIST () \".\" a\r\n"), First: true, Last: true})
	if n.List.Separator != "." {
		t.Errorf("the separator is %q", n.List.Separator)
	}
	if n.Wants([]byte("* LSUB () \"/\" a\r\n")) || !n.Wants([]byte("* list () \"/\" a\r\n")) {
		t.Error("it wants other responses than LIST")
	}
}
