package proxy

import (
	"errors"
	"syscall"
	"testing"
)

func TestSpoolOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	err := syscall.Mount("exgate-test", dir, "tmpfs", 0, "size=64k")
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		t.Skip("a disk that is full can only be made by who may mount one")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	spoolFails(t, dir)
}
