package routing

import (
	"path/filepath"
	"strings"
	"testing"

	"exgate/proxy/testkit"
)

func TestUserMapRefused(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"bob", "a line needs"},
		{"bob nowhere", `no entry named "nowhere"`},
		{"bob online form=kerberos", "use one of"},
		{"bob online mailbox=", "neither"},
		{"bob online prefix", "neither"},
		{"bob online prefix=", "neither"},
		{"bob online prefix=/", `prefix: "/" names no mailbox`},
		{"bob online prefix=inbox.bob", "would not be the user's own"},
		{"bob online prefix=backup of bob", "must not contain blanks"},
		{"bob online\nalice", "line 2"},
	} {
		path := filepath.Join(t.TempDir(), "routes")
		testkit.WriteFile(t, path, tt.line)
		if _, err := LoadUserMap(path, []string{"online"}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v", tt.line, err)
		}
	}
	if _, err := LoadUserMap(filepath.Join(t.TempDir(), "nowhere"), nil); err == nil {
		t.Error("a missing file loads without an error")
	}
}
