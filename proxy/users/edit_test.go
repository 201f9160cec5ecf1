package users

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPutAndRemove(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	bobs, carols := Hash("bobs"), "sha256:"+strings.Repeat("AB:", 31)+"AB"
	for _, tt := range []struct {
		do        string
		edit      func() error
		err, want string // err: part of the error; want: the file afterwards
	}{
		{"remove from no file", func() error { return Remove(path, "bob") }, "read the users file", ""},
		{"put a wrong proof", func() error { return Put(path, "bob", "bobs", []string{"*"}) }, "neither an argon2id", ""},
		{"create the file", func() error { return Put(path, "bob", bobs, []string{"b@x.org", "c@x.org"}) },
			"", "bob " + bobs + " b@x.org c@x.org\n"},
		{"put another", func() error { return Put(path, "carol", carols, []string{"*"}) },
			"", "bob " + bobs + " b@x.org c@x.org\ncarol " + carols + " *\n"},
		{"replace, in another case", func() error { return Put(path, "BOB", bobs, []string{"*@x.org"}) },
			"", "BOB " + bobs + " *@x.org\ncarol " + carols + " *\n"},
		{"remove nobody", func() error { return Remove(path, "nobody") },
			"has no caller nobody", "BOB " + bobs + " *@x.org\ncarol " + carols + " *\n"},
		{"remove", func() error { return Remove(path, "bob") }, "", "carol " + carols + " *\n"},
	} {
		err := tt.edit()
		if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v", tt.do, err)
		}
		if text, _ := os.ReadFile(path); string(text) != tt.want {
			t.Errorf("%s: the file is %q, want %q", tt.do, text, tt.want)
		}
	}
	file, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := file.Describe(&out); err != nil || out.String() != "carol  certificate "+strings.Repeat("ab", 32)+"  *\n" {
		t.Errorf("described: %q, %v", &out, err)
	}
}

// The lines that Put does not replace keep their bytes; only line ends change.
func TestPutKeepsOtherLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(path, []byte("# callers\r\n\n  bob  x y"), 0o600); err != nil {
		t.Fatal(err)
	}
	hash := Hash("x")
	if err := Put(path, "carol", hash, []string{"*"}); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(path); string(text) != "# callers\n\n  bob  x y\ncarol "+hash+" *\n" {
		t.Errorf("%q", text)
	}
}
