package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// All lines are in the newest files, whole and in order, and older files are gone.
func TestLogFileRotates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("line 000\n"), 0o600); err != nil { // of an earlier run
		t.Fatal(err)
	}
	var files logFiles
	l, err := files.open("log.file", path, 20) // two lines of nine bytes
	if err != nil {
		t.Fatal(err)
	}
	defer files.close()
	for i := 1; i < 20; i++ {
		if _, err := fmt.Fprintf(l, "line %03d\n", i); err != nil {
			t.Fatal(err)
		}
	}
	for i := range keptLogs + 1 {
		name := path
		if i > 0 {
			name = fmt.Sprintf("%s.%d", path, i)
		}
		want := fmt.Sprintf("line %03d\nline %03d\n", 18-2*i, 19-2*i)
		if text, err := os.ReadFile(name); err != nil || string(text) != want {
			t.Errorf("%s: %q, %v; want %q", name, text, err, want)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != keptLogs+1 {
		t.Errorf("%d files, %v", len(entries), err)
	}
}

// A log whose directory takes no renaming goes on, and nothing is lost.
func TestLogFileThatCannotBeRenamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	for i := 1; i <= keptLogs; i++ { // a directory with something in it cannot be replaced
		if err := os.MkdirAll(filepath.Join(fmt.Sprintf("%s.%d", path, i), "x"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var files logFiles
	l, err := files.open("log.file", path, 20)
	if err != nil {
		t.Fatal(err)
	}
	defer files.close()
	for range 10 {
		if _, err := fmt.Fprintln(l, "12345678"); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(path); err != nil || strings.Count(string(text), "\n") != 10 {
		t.Errorf("%q, %v", text, err)
	}
}

func TestLogFileThatCannotBeOpened(t *testing.T) {
	var files logFiles
	if _, err := files.open("log.file", filepath.Join(t.TempDir(), "none", "log"), 0); exitCode(err) != exitConfig ||
		!strings.Contains(err.Error(), "log.file: ") {
		t.Errorf("%v", err)
	}
}
