package watchfile

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"exgate/proxy/testkit"
)

// A file that takes the place of another of its size, stamped with the same
// time, is seen.
func TestFileStateOfTwins(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "routes"), filepath.Join(dir, "other")
	when := time.Now()
	for _, name := range []string{path, other} {
		testkit.WriteFile(t, name, "alice online\n")
		if err := os.Chtimes(name, when, when); err != nil {
			t.Fatal(err)
		}
	}
	before := StateOf(path)
	if !before.Equal(StateOf(path)) {
		t.Error("a file has changed by itself")
	}
	if err := os.Rename(other, path); err != nil {
		t.Fatal(err)
	}
	if before.Equal(StateOf(path)) || before.Equal(StateOf(other)) || !StateOf(other).Equal(StateOf(other)) {
		t.Error("another file, or none, is taken for the same")
	}
}
