package main

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// TestLoaderReads reads messages that the loader has in memory in pieces of any size.
func TestLoaderReads(t *testing.T) {
	var l loader
	for _, size := range []int{0, 1, 1000, 100_000} {
		message := strings.Repeat("a line\n", size/7) + strings.Repeat("x", size%7)
		if err := l.read(strings.NewReader(message)); err != nil {
			t.Fatal(err)
		}
		want := strings.ReplaceAll(message, "\n", "\r\n")
		if err := iotest.TestReader(io.NewSectionReader(&l, 0, l.size), []byte(want)); err != nil {
			t.Errorf("%d bytes: %.300v", size, err)
		}
	}
	if err := l.close(); err != nil {
		t.Error(err)
	}
}
