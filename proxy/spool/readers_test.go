package spool

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// TestSpoolReads reads spools in memory and in files, in pieces of any size.
func TestSpoolReads(t *testing.T) {
	for _, memory := range []int64{1, 1 << 20} {
		for _, message := range []string{"", "x", strings.Repeat("a line\r\n", 20_000)} {
			s := New(Options{Dir: t.TempDir(), Memory: memory}, int64(len(message)), nil)
			if _, err := io.WriteString(s, message); err != nil {
				t.Fatal(err)
			}
			if err := iotest.TestReader(io.NewSectionReader(s, 0, s.Size()), []byte(message)); err != nil {
				t.Errorf("%d bytes in memory, message of %d: %v", memory, len(message), err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}
