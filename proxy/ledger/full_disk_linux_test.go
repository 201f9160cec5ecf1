package ledger

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A full disk and a read-only one lose rows, which the ledger counts, says once, and notes when it can write again.
func TestFullDisk(t *testing.T) {
	for _, tt := range []struct {
		name    string
		spoil   func(dir string) error
		restore string // options of the mount
	}{
		{"full", func(string) error { return nil }, "size=64m"},
		{"read-only", func(dir string) error {
			return syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, "size=64m")
		}, "size=64m"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			err := syscall.Mount("exgate-test", dir, "tmpfs", 0, "size=512k")
			if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
				t.Skip("a disk that is full can only be made by who may mount one")
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
					t.Errorf("unmount: %v", err)
				}
			})
			file := filepath.Join(dir, "ledger.db")
			l, said := open(t, file, newClock())
			j := session(l, "one")
			j.Intend(message("before"))()
			if tt.name == "read-only" {
				l.Close() // a file system with a file that is open for writing is not made read-only
			}
			if err := tt.spoil(dir); err != nil {
				t.Fatal(err)
			}
			if tt.name == "read-only" {
				l, said = open(t, file, newClock())
				j = session(l, "one")
			}
			began := time.Now()
			for n := 0; l.Lost() == 0; n++ {
				m := message(strings.Repeat("x", n%30))
				m.Subject = strings.Repeat("x", 1000)
				m.Mailbox, m.MessageID = m.Subject, m.Subject
				j.Intend(m)()
				if n == 10_000 {
					t.Fatal("the disk is never full")
				}
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("messages have waited: %v", took)
			}
			if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT, tt.restore); err != nil {
				t.Fatal(err)
			}
			for end := time.Now().Add(20 * time.Second); l.broken.Load() && time.Now().Before(end); {
				j.Intend(message("after"))()
				l.flush()
			}
			l.Close()
			if n := ask(t, file, "SELECT sum(rows) FROM losses"); n == "0" {
				t.Error("the ledger does not say that rows are missing")
			}
			for _, text := range []string{"cannot be written", "written again"} {
				if strings.Count(said.String(), text) != 1 {
					t.Errorf("the log does not say once %q: %s", text, said)
				}
			}
		})
	}
}
