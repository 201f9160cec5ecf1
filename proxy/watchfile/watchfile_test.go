package watchfile

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"exgate/proxy/testkit"
)

// A file that replaces another one of the same size and time has another state.
func TestStateOfAReplacedFile(t *testing.T) {
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

func TestWatchAcceptsWhatTwoLooksShow(t *testing.T) {
	dir := t.TempDir()
	var none State
	states := map[byte]State{'-': none}
	for _, name := range []string{"a", "b"} {
		path := filepath.Join(dir, name)
		testkit.WriteFile(t, path, name)
		states[name[0]] = StateOf(path)
	}
	for _, tt := range []struct{ looks, changed string }{ // changed: y where Changed returns true
		{"aaa", "y.."},
		{"abb", "y.y"},
		{"abab", "y..."},
		{"aba-", "y..."},
		{"a--", "y.y"},
		{"-aa", "y.y"},
		{"abba", "y.y."},
		{"abbaa", "y.y.y"},
	} {
		var w Watch
		got := ""
		for _, look := range []byte(tt.looks) {
			if w.HasChanged(states[look]) {
				got += "y"
			} else {
				got += "."
			}
		}
		if got != tt.changed {
			t.Errorf("looks %s: changed %s, want %s", tt.looks, got, tt.changed)
		}
	}
}
