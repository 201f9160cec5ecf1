package rewrite

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/bits"
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
	eightBit int64 // bytes over 127, if they were asked for
}

func (f *facts) bare() bool    { return f.bareLF+f.bareCR > 0 }
func (f *facts) control() bool { return f.nul > 0 || f.bare() }

// scanner goes through a message at the speed of memory: a few passes over
// each block, all by the library's vector code.
type scanner struct {
	limit    int64 // 0: none
	eightBit bool  // count those bytes
	exact    bool  // look at every line

	facts
	length int64 // of the line that is open, up to the block's start
	last   byte  // the byte before the block
	lf, cr int64
	stride int // length of the line before, with its end
	same   int // how many lines in a row had it
}

// scan reads src through buf. limit 0 is none.
func scan(src io.ReaderAt, size int64, limit int, eightBit bool, buf []byte) (facts, error) {
	s := scanner{limit: int64(limit), eightBit: eightBit}
	if err := s.read(src, size, buf); err != nil {
		return facts{}, err
	}
	// All CR and LF are of pairs if there are as many of each. If not, either
	// some are bare, or a pair was leapt over: only another look can tell.
	if s.lf != s.crlf || s.cr != s.crlf {
		s = scanner{limit: int64(limit), eightBit: eightBit, exact: true}
		if err := s.read(src, size, buf); err != nil {
			return facts{}, err
		}
	}
	s.bareLF, s.bareCR = s.lf-s.crlf, s.cr-s.crlf
	return s.facts, nil
}

// scanBlock stays in the processor's nearest cache while it is gone through
// several times: the first pass waits for the memory, the others cost a third
// of it.
const scanBlock = 8 << 10

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
		n := min(len(b), scanBlock)
		s.block(b[:n])
		b = b[n:]
	}
}

func (s *scanner) block(b []byte) {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		s.nul += int64(bytes.Count(b[i:], []byte{0}))
	}
	s.cr += int64(bytes.Count(b, []byte{'\r'}))
	if s.eightBit {
		s.countEightBit(b)
	}
	at := 0
	for at < len(b) {
		// Encoded parts have lines of one length: where three in a row had it,
		// the next are tried there. Should a line end be leapt over by that, the
		// sums in scan do not add up.
		if s.same >= 3 && !s.exact && s.length == 0 {
			lines, stride := 0, s.stride
			for next := at + stride; next <= len(b) && binary.LittleEndian.Uint16(b[next-2:]) == '\n'<<8|'\r'; next += stride {
				lines++
			}
			s.crlf += int64(lines)
			s.lf += int64(bytes.Count(b[at:at+lines*stride], []byte{'\n'}))
			if at += lines * stride; at == len(b) {
				break
			}
		}
		n := bytes.IndexByte(b[at:], '\n') + 1
		if n == 0 {
			break
		}
		s.lf++
		before := s.last
		if at+n > 1 {
			before = b[at+n-2]
		}
		length := s.length + int64(n-1)
		if length > 0 && before == '\r' {
			s.crlf++
			length--
		}
		s.close(length)
		s.meet(s.length + int64(n))
		s.length = 0
		at += n
	}
	s.length += int64(len(b) - at)
	s.last = b[len(b)-1]
}

// meet notes the length of a line with its end, to leap by.
func (s *scanner) meet(whole int64) {
	if whole == int64(s.stride) {
		s.same++
		return
	}
	s.stride, s.same = 0, 0
	if whole >= 3 && whole < scanBlock && (s.limit == 0 || whole <= s.limit) {
		s.stride = int(whole)
	}
}

// close ends a line of that length.
func (s *scanner) close(length int64) {
	if s.limit > 0 && length > s.limit {
		s.over.add(length)
	}
}

// countEightBit counts the bytes over 127, eight at a time.
func (s *scanner) countEightBit(b []byte) {
	const highs = 0x8080808080808080
	n := 0
	for ; len(b) >= 8; b = b[8:] {
		n += bits.OnesCount64(binary.LittleEndian.Uint64(b) & highs)
	}
	for _, c := range b {
		n += int(c >> 7)
	}
	s.facts.eightBit += int64(n)
}
