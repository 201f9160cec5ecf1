package spool

import (
	"bytes"
	"io"
	"testing"
)

func TestSpoolMemoryIsOfTheLeastSize(t *testing.T) {
	for _, tt := range []struct {
		n    int64
		size int
	}{
		{1, 1}, {8<<10 - 1, 8<<10 - 1}, {8 << 10, 8 << 10}, {8<<10 + 1, 16 << 10}, {64 << 10, 64 << 10}, {64<<10 + 1, 128 << 10},
		{256 << 10, 256 << 10}, {256<<10 + 1, 256<<10 + 1}, {1 << 20, 1 << 20},
	} {
		mem := takeMemory(tt.n)
		if len(*mem) != 0 || cap(*mem) != tt.size {
			t.Errorf("for %d bytes: %d of %d", tt.n, len(*mem), cap(*mem))
		}
		*mem = append(*mem, make([]byte, tt.n)...)
		giveMemory(mem)
	}
}

// Spools that follow one another have the same memory, and nothing of one is in
// the next; those at the same time have their own.
func TestSpoolsDoNotMix(t *testing.T) {
	letters := func(c byte, n int) []byte { return bytes.Repeat([]byte{c}, n) }
	for i := range 50 {
		n := 9000 + 1000*i
		a, b := New(Options{Dir: t.TempDir()}, int64(n)), New(Options{Dir: t.TempDir()}, int64(n))
		for _, s := range []*Spool{a, b} {
			c := byte('a')
			if s == b {
				c = 'b'
			}
			for part := range bytes.SplitSeq(letters(c, n), letters(c, 4000)) { // in pieces
				if len(part) == 0 {
					part = letters(c, 4000)
				}
				if _, err := s.Write(part); err != nil {
					t.Fatal(err)
				}
			}
		}
		for s, c := range map[*Spool]byte{a: 'a', b: 'b'} {
			whole, err := io.ReadAll(io.NewSectionReader(s, 0, s.size))
			if err != nil || !bytes.Equal(whole, letters(c, int(s.size))) {
				t.Fatalf("%d bytes: %v, or of another", s.size, err)
			}
			var written bytes.Buffer
			if n, err := s.WriteTo(&written); err != nil || n != s.size || !bytes.Equal(written.Bytes(), whole) {
				t.Fatalf("written: %d of %d, %v", n, s.size, err)
			}
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// What is announced as too long for memory goes to a file from its first byte.
func TestSpoolOfALongMessageTakesNoMemory(t *testing.T) {
	s := New(Options{Dir: t.TempDir(), Memory: 1000}, 1001)
	defer s.Close()
	if _, err := s.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if s.mem != nil || s.file == nil || s.Bytes() != nil || string(s.Header(100)) != "x" {
		t.Error("it is in memory")
	}
}

func BenchmarkSpool(b *testing.B) {
	message := bytes.Repeat([]byte("x"), 64<<10)
	b.ReportAllocs()
	b.SetBytes(int64(len(message)))
	for b.Loop() {
		s := New(Options{}, int64(len(message)))
		if _, err := s.Write(message); err != nil {
			b.Fatal(err)
		}
		if _, err := s.WriteTo(io.Discard); err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
