package quarantine

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestQuarantine(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "q")
	q, err := Open(Options{Dir: dir, Quota: 100, Keep: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	keep := func(name, text string) (string, error) {
		return q.Keep(name, int64(len(text)), strings.NewReader(text).WriteTo)
	}
	first, err := keep("a/../..\\b\r\n.", strings.Repeat("x", 60))
	if err != nil || strings.ContainsAny(first, "/\\\r\n") || strings.HasSuffix(first, ".") {
		t.Fatalf("%q, %v", first, err)
	}
	if again, err := keep("a/../..\\b\r\n.", strings.Repeat("x", 60)); err == nil || again != "" {
		t.Errorf("the quota does not count what is being written: %q", again)
	}
	if _, err := keep("b", strings.Repeat("y", 50)); err != ErrFull {
		t.Errorf("over the quota: %v", err)
	}
	if _, err := keep("c", strings.Repeat("z", 40)); err != nil {
		t.Errorf("within the quota: %v", err)
	}
	if _, err := q.Keep("short", 1, func(io.Writer) (int64, error) { return 0, nil }); err == nil {
		t.Error("an incomplete file is kept")
	}
	// An expired file is removed.
	old := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(filepath.Join(dir, first), old, old); err != nil {
		t.Fatal(err)
	}
	if err := q.sweep(time.Now()); err != nil || q.used != 40 {
		t.Errorf("after the sweep: %d bytes, %v", q.used, err)
	}
	// So is the incomplete file of a crash. A file that is being written counts.
	crashed := filepath.Join(dir, incomplete+"1")
	if err := os.WriteFile(crashed, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(crashed, old, old); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Keep("d", 50, func(w io.Writer) (int64, error) {
		q.mu.Lock()
		err := q.sweep(time.Now())
		q.mu.Unlock()
		if _, full := keep("e", strings.Repeat("e", 20)); full != ErrFull {
			t.Errorf("over the quota with what is being written: %v", full)
		}
		n, writing := io.WriteString(w, strings.Repeat("d", 50))
		return int64(n), errors.Join(err, writing)
	}); err != nil || q.used != 90 || q.pending != 0 {
		t.Errorf("a sweep while a file is written: %d bytes, %d pending, %v", q.used, q.pending, err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 2 {
		t.Errorf("left: %v, %v", files, err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: dir}); err == nil {
		t.Error("a directory that other users can access is used")
	}
}
