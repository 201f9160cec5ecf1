package rewrite

import (
	"bytes"
	"io"
)

// tally counts the lines over the limit.
type tally struct {
	count   int
	longest int64
}

func (t *tally) add(length int64) {
	t.count++
	t.longest = max(t.longest, length)
}

func (t *tally) addAll(other tally) {
	t.count += other.count
	t.longest = max(t.longest, other.longest)
}

// facts are what one look at every byte of a message tells. A message of which
// they say nothing need not be parsed.
type facts struct {
	over     tally // lines over the limit
	nul      int64 // NUL bytes
	crlf     int64 // line ends that are CRLF
	bareLF   int64 // LF without CR before it
	bareCR   int64 // CR without LF after it
	eightBit int64 // bytes over 127
}

func (f *facts) hasBare() bool    { return f.bareLF+f.bareCR > 0 }
func (f *facts) hasControl() bool { return f.nul > 0 || f.hasBare() }

// scanner goes through a message at the speed of memory: it counts bytes by
// their kind, and looks for line ends only as often as it must to know that no
// line is too long.
type scanner struct {
	limit  int64 // 0: none
	counts census

	over   tally
	length int64 // of the line that is open, up to the block's start
	last   byte  // the byte before the block
}

// scan reads src through buf. limit 0 is none.
func scan(src io.ReaderAt, size int64, limit int, buf []byte) (facts, error) {
	s := scanner{limit: int64(limit)}
	if err := s.read(src, size, buf); err != nil {
		return facts{}, err
	}
	n := &s.counts
	return facts{
		over: s.over, nul: n.nul, crlf: n.pairs, bareLF: n.lf - n.pairs, bareCR: n.cr - n.pairs, eightBit: n.high,
	}, nil
}

// inMemory is a message that can be looked at without copying it.
type inMemory interface {
	Bytes() []byte // all of it, or nil
}

func (s *scanner) read(src io.ReaderAt, size int64, buf []byte) error {
	if m, ok := src.(inMemory); ok {
		if b := m.Bytes(); int64(len(b)) == size {
			s.blocks(b)
			s.close(s.length)
			return nil
		}
	}
	for off := int64(0); off < size; {
		n, err := readAt(src, buf, off, size)
		if err != nil {
			return err
		}
		off += int64(n)
		s.blocks(buf[:n])
	}
	s.close(s.length)
	return nil
}

func (s *scanner) blocks(b []byte) {
	for len(b) > 0 {
		n := min(len(b), censusBlock)
		s.block(b[:n])
		b = b[n:]
	}
}

func (s *scanner) block(b []byte) {
	s.counts.take(b, s.last)
	if s.limit > 0 {
		s.lines(b)
	}
	s.last = b[len(b)-1]
}

// lines looks for lines over the limit.
func (s *scanner) lines(b []byte) {
	begin := 0 // of the line that is open; s.length of it are in the blocks before
	for {
		// A line may have its end within so much.
		room := s.limit + 2 - s.length
		if room > int64(len(b)-begin) {
			if last := lastLineEnd(b[begin:]); last >= 0 {
				begin += last + 1
				s.length = 0
			}
			break
		}
		// Where the last of the line ends in there is not at its very end, all
		// lines before it are short enough.
		if room > 1 {
			if last := lastLineEnd(b[begin : begin+int(room)-1]); last >= 0 {
				begin += last + 1
				s.length = 0
				continue
			}
		}
		n := bytes.IndexByte(b[begin:], '\n')
		if n < 0 {
			break
		}
		before := s.last
		if begin+n > 0 {
			before = b[begin+n-1]
		}
		length := s.length + int64(n)
		if length > 0 && before == '\r' {
			length--
		}
		s.close(length)
		s.length = 0
		begin += n + 1
	}
	s.length += int64(len(b) - begin)
}

// lastLineEnd is bytes.LastIndexByte for LF, which has no vector code.
func lastLineEnd(b []byte) int {
	const piece = 256
	for end := len(b); end > 0; end -= piece {
		start := max(0, end-piece)
		if bytes.IndexByte(b[start:end], '\n') >= 0 {
			return start + bytes.LastIndexByte(b[start:end], '\n')
		}
	}
	return -1
}

// close ends a line of that length.
func (s *scanner) close(length int64) {
	if s.limit > 0 && length > s.limit {
		s.over.add(length)
	}
}
