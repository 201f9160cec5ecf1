package spool

import (
	"bytes"
	"io"
	"slices"
	"testing"
)

func TestSpoolMemoryIsOfTheLeastSize(t *testing.T) {
	for _, tt := range []struct {
		n    int64
		size int
	}{
		{1, 1}, {1<<10 - 1, 1<<10 - 1}, {1 << 10, 1 << 10}, {1<<10 + 1, 2 << 10}, {8 << 10, 8 << 10}, {8<<10 + 1, 16 << 10}, {64 << 10, 64 << 10},
		{64<<10 + 1, 128 << 10}, {256 << 10, 256 << 10}, {256<<10 + 1, 512 << 10}, {4 << 20, 4 << 20}, {4<<20 + 1, 4<<20 + 1},
	} {
		mem := takeMemory(tt.n)
		if len(*mem) != 0 || cap(*mem) != tt.size {
			t.Errorf("memory for %d bytes has length %d and capacity %d", tt.n, len(*mem), cap(*mem))
		}
		*mem = append(*mem, make([]byte, tt.n)...)
		giveMemory(mem)
	}
}

// Spools that follow one another share memory without showing bytes of each
// other; spools at the same time have memory of their own.
func TestSpoolsDoNotMix(t *testing.T) {
	letters := func(c byte, n int) []byte { return bytes.Repeat([]byte{c}, n) }
	for i := range 50 {
		n := 9000 + 1000*i
		a, b := New(Options{Dir: t.TempDir()}, int64(n), nil), New(Options{Dir: t.TempDir()}, int64(n), nil)
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
				t.Fatalf("the spool of %d bytes has other bytes, or: %v", s.size, err)
			}
			var written bytes.Buffer
			if n, err := s.WriteTo(&written); err != nil || n != s.size || !bytes.Equal(written.Bytes(), whole) {
				t.Fatalf("WriteTo wrote %d of %d bytes, %v", n, s.size, err)
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

// A message that is announced as too long for memory goes to a file from its first byte.
func TestSpoolOfALongMessageTakesNoMemory(t *testing.T) {
	s := New(Options{Dir: t.TempDir(), Memory: 1000}, 1001, nil)
	defer s.Close()
	if _, err := s.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if s.mem != nil || s.file == nil || s.Bytes() != nil || string(s.Header(100)) != "x" {
		t.Error("the message is in memory")
	}
}

// Long messages share a budget of memory. Those that find no room in it go to files; short ones stay in memory.
func TestLongMessagesShareMemory(t *testing.T) {
	var long Budget
	long.SetMax(1 << 20)
	dir := t.TempDir()
	spooled := func(announced int64, size int) *Spool {
		s := New(Options{Dir: dir}, announced, &long)
		for part := range slices.Chunk(bytes.Repeat([]byte("0123456789"), size/10), 50_000) {
			if _, err := s.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		whole, err := io.ReadAll(io.NewSectionReader(s, 0, s.Size()))
		if err != nil || !bytes.Equal(whole, bytes.Repeat([]byte("0123456789"), size/10)) {
			t.Fatalf("%d bytes came back, or others than those written: %v", len(whole), err)
		}
		return s
	}
	first := spooled(600_000, 600_000)
	if first.file != nil || long.Used() != 1<<20 { // what its memory takes
		t.Errorf("the first message is in a file, or %d bytes are charged", long.Used())
	}
	second, grown, short := spooled(600_000, 600_000), spooled(0, 500_000), spooled(UsualMemory, UsualMemory/10*10)
	if second.file == nil || grown.file == nil || short.file != nil {
		t.Error("a message is in memory that has no room there, or a short one is in a file")
	}
	if long.Used() != 1<<20 {
		t.Errorf("%d bytes are charged for one message in memory", long.Used())
	}
	first.Close()
	third := spooled(0, 900_000)
	if third.file != nil || long.Used() != 1<<20 {
		t.Errorf("the third message is in a file although there is room, or %d bytes are charged", long.Used())
	}
	for _, s := range []*Spool{second, grown, short, third} {
		s.Close()
	}
	if long.Used() != 0 {
		t.Errorf("%d bytes stay charged", long.Used())
	}
}

// A message goes out in pieces, each of which has its own time: also one in memory.
func TestSpoolWritesPieces(t *testing.T) {
	for _, memory := range []int64{1, 4 << 20} {
		s := New(Options{Dir: t.TempDir(), Memory: memory}, 0, nil)
		if _, err := s.Write(bytes.Repeat([]byte("0123456789"), 100_000)); err != nil {
			t.Fatal(err)
		}
		var longest longestWrite
		if n, err := s.WriteTo(&longest); n != 1_000_000 || err != nil || longest > copySize {
			t.Errorf("%d bytes, %v; the longest write had %d", n, err, longest)
		}
		s.Close()
	}
}

// longestWrite is a writer that notes the length of its longest write.
type longestWrite int

func (l *longestWrite) Write(p []byte) (int, error) {
	*l = max(*l, longestWrite(len(p)))
	return len(p), nil
}

func TestBudgets(t *testing.T) {
	for _, tt := range []struct {
		name          string
		session, all  int64 // limits
		pieces        []int
		written       int
		err           error
		inSession, of int64 // charged to each before Close
	}{
		{"no limit", 0, 0, []int{1000, 1000}, 2, nil, 2000, 2000},
		{"at the limit", 2000, 3000, []int{1000, 1000}, 2, nil, 2000, 2000},
		{"over the first", 1999, 3000, []int{1000, 1000}, 1, ErrBudget, 1000, 1000},
		{"over the second only", 3000, 1999, []int{1000, 1000}, 1, ErrBudget, 1000, 1000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var session, all Budget
			session.SetMax(tt.session)
			all.SetMax(tt.all)
			s := New(Options{Dir: t.TempDir(), Memory: 1500}, 0, nil, &session, &all)
			written := 0
			var err error
			for _, n := range tt.pieces {
				if _, err = s.Write(make([]byte, n)); err != nil {
					break
				}
				written++
			}
			if written != tt.written || err != tt.err || session.Used() != tt.inSession || all.Used() != tt.of {
				t.Errorf("%d pieces written, %v, charged %d and %d", written, err, session.Used(), all.Used())
			}
			for range 2 {
				if err := s.Close(); err != nil || session.Used() != 0 || all.Used() != 0 {
					t.Errorf("after Close: %v, charged %d and %d", err, session.Used(), all.Used())
				}
			}
		})
	}
}

// Header reads a file beyond its usual size only if the header has not ended.
func TestHeaderOfAFile(t *testing.T) {
	for _, tt := range []struct {
		name          string
		header, limit int
		want          int
	}{
		{"short", 100, 1 << 20, usualHeader},
		{"long", usualHeader + 100, 1 << 20, 50_000},
		{"below the limit", usualHeader + 100, usualHeader + 10, usualHeader + 10},
	} {
		text := append(bytes.Repeat([]byte("x"), tt.header), "\r\n\r\n"...)
		text = append(text, bytes.Repeat([]byte("y"), 50_000-len(text))...)
		s := New(Options{Dir: t.TempDir(), Memory: 1}, 50_000, nil)
		if _, err := s.Write(text); err != nil {
			t.Fatal(err)
		}
		if got := s.Header(int64(tt.limit)); !bytes.Equal(got, text[:tt.want]) {
			t.Errorf("%s: %d bytes, want %d", tt.name, len(got), tt.want)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkSpool(b *testing.B) {
	message := bytes.Repeat([]byte("x"), 64<<10)
	b.ReportAllocs()
	b.SetBytes(int64(len(message)))
	for b.Loop() {
		s := New(Options{}, int64(len(message)), nil)
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
