package trace

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// A full file is kept once, and lines are whole in each.
func TestRotation(t *testing.T) {
	dir := t.TempDir()
	f := &file{path: filepath.Join(dir, "x"+suffix)}
	if err := f.open(); err != nil {
		t.Fatal(err)
	}
	line := strings.Repeat("x", maxFile/4-1) + "\n"
	for range 10 {
		if n, err := f.Write([]byte(line)); n != len(line) || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
	}
	if err := f.out.Close(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int64{f.path: maxFile / 2, f.path + oldSuffix: maxFile} {
		if info, err := os.Stat(name); err != nil || info.Size() != want || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v, want %d bytes", name, info, err, want)
		}
	}
}

func TestOldestAreRemoved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "trace")
	var first, last string
	for i := range maxFiles + 5 {
		f, err := create(dir, fmt.Sprint("s", i), noon.Add(time.Duration(i)*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(f, "line %d\n", i)
		if lost, err := f.Close(); lost != 0 || err != nil {
			t.Fatalf("lost %d, %v", lost, err)
		}
		if last = f.Path(); i == 5 {
			first = f.Path()
			if err := os.WriteFile(filepath.Join(dir, "0-notes.txt"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	found, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil || len(found) != maxFiles || found[0] != first {
		t.Errorf("%d files, the first is %s, %v", len(found), found[0], err)
	}
	if text, err := os.ReadFile(last); string(text) != fmt.Sprintf("line %d\n", maxFiles+4) {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "0-notes.txt")); err != nil {
		t.Errorf("a file that is no trace: %v", err)
	}
}

// A trace never writes into a file that is there.
func TestCreateOverAFile(t *testing.T) {
	dir := t.TempDir()
	f, err := create(dir, "s", noon)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if second, err := create(dir, "s", noon); err == nil {
		second.Close()
		t.Error("no error")
	}
}
