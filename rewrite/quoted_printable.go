package rewrite

import (
	"bufio"
	"encoding/binary"
	"io"
	"math/bits"
	"unicode/utf8"
)

// quotedPrintableLine leaves room for the "=" of a soft line break in a line
// of 76 characters (RFC 2045 section 6.7 rule 5).
const quotedPrintableLine = 75

// quotedPrintable encodes text (RFC 2045 section 6.7). The library's encoder
// would make a CRLF of a lone CR or LF; here the decoded bytes are the same as
// before, and no line can be a delimiter.
func quotedPrintable(w *bufio.Writer, body *io.SectionReader) error {
	return encodeQuotedPrintable(w, bufio.NewReaderSize(body, bufferFor(body.Size())))
}

func encodeQuotedPrintable(w *bufio.Writer, r *bufio.Reader) error {
	var q quotedPrintableLines
	return inChunks(w, r, &q, q.encode)
}

// inChunks has encode turn what r has into lines, which go to w. Encode
// returns how much of a chunk it used: all of the last one.
func inChunks(w *bufio.Writer, r *bufio.Reader, q *quotedPrintableLines, encode func(b []byte, last bool) int) error {
	for {
		b, err := r.Peek(r.Size())
		if err != nil && err != io.EOF {
			return err
		}
		last := err == io.EOF
		n := encode(b, last)
		if _, err := w.Write(q.out); err != nil {
			return err
		}
		q.out = q.out[:0]
		if last {
			q.column = 0
			return nil
		}
		if _, err := r.Discard(n); err != nil {
			return err
		}
	}
}

// quotedPrintableLines gathers encoded lines.
type quotedPrintableLines struct {
	out    []byte
	column int
}

// encode encodes b and returns how much of it; unless it is the last, the end
// is left, since what follows decides on it.
func (q *quotedPrintableLines) encode(b []byte, last bool) int {
	i, end := 0, len(b)
	if !last {
		end -= 2
	}
	for i < end {
		if q.column == quotedPrintableLine {
			q.softBreak()
		}
		if q.column == 0 && startsDelimiter(b[i:]) {
			q.escape('-')
			i++
			continue
		}
		n := literals(b[i:], min(end-i, quotedPrintableLine-q.column))
		if n > 0 && isBlank(b[i+n-1]) && endsLine(b[i+n:]) {
			n-- // decoders drop blanks at the end of a line (rule 3)
		}
		switch {
		case n > 0:
			q.literal(b[i : i+n])
			i += n
		case b[i] == '\r' && i+1 < len(b) && b[i+1] == '\n':
			q.hardBreak()
			i += 2
		default:
			q.escape(b[i])
			// Bytes beyond ASCII come in runs.
			for i++; i < end && b[i] >= utf8.RuneSelf; i++ {
				q.escape(b[i])
			}
		}
	}
	return i
}

func startsDelimiter(b []byte) bool { return len(b) > 1 && b[0] == '-' && b[1] == '-' }

func endsLine(rest []byte) bool {
	return len(rest) == 0 || len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n'
}

// literal puts what stands for itself, and has room, in the line.
func (q *quotedPrintableLines) literal(b []byte) {
	q.out = append(q.out, b...)
	q.column += len(b)
}

func (q *quotedPrintableLines) escape(c byte) {
	const hex = "0123456789ABCDEF"
	q.makeRoom(3)
	q.out = append(q.out, '=', hex[c>>4], hex[c&15])
	q.column += 3
}

func (q *quotedPrintableLines) makeRoom(n int) {
	if q.column+n > quotedPrintableLine {
		q.softBreak()
	}
}

func (q *quotedPrintableLines) softBreak() {
	q.out = append(q.out, '=')
	q.hardBreak()
}

func (q *quotedPrintableLines) hardBreak() {
	q.out = append(q.out, '\r', '\n')
	q.column = 0
}

// literals counts the bytes at the start of b that may stand for themselves
// (rules 2 and 3), most of them at most; eight at a time where all eight may.
func literals(b []byte, most int) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	n := 0
	for n < most && len(b)-n >= 8 {
		x := binary.LittleEndian.Uint64(b[n:])
		// A high bit for each byte over 127, DEL, below a blank, or "="; perhaps
		// also for some byte after such a one, by its carry.
		odd := (x | (x + ones) | (x - ' '*ones) | ((x ^ '='*ones) - ones)) & highs
		n += bits.TrailingZeros64(odd) / 8
		if odd == 0 {
			continue
		}
		if n >= most || b[n] != '\t' {
			return min(n, most)
		}
		n++
	}
	for n < most && (b[n] >= ' ' && b[n] <= '~' && b[n] != '=' || b[n] == '\t') {
		n++
	}
	return min(n, most)
}

// quotedPrintableWrapper puts soft line breaks in the lines over the limit of
// a text that is quoted-printable already. The decoded text stays the same,
// for broken encodings too: a "=" that begins nothing, which decoders take
// literally, becomes "=3D".
type quotedPrintableWrapper struct{ limit int }

func (wr quotedPrintableWrapper) recode(w *bufio.Writer, body *io.SectionReader) error {
	var q quotedPrintableLines
	r := bufio.NewReaderSize(nil, bufferFor(body.Size()))
	tail := make([]byte, 1<<10)
	return eachLong(w, body, wr.limit, func(l *io.SectionReader) error {
		// Blanks at the end of a line are dropped by decoders (rule 3), but only
		// where they stand at its end: no soft line break may come after them.
		size, err := trimmedSize(l, tail)
		if err != nil {
			return err
		}
		r.Reset(io.NewSectionReader(l, 0, size))
		if err := inChunks(w, r, &q, q.wrap); err != nil {
			return err
		}
		if l.Size()-size > int64(wr.limit-quotedPrintableLine-1) {
			return nil // more blanks than a line may have, which no decoder keeps
		}
		return copyRange(w, l, size, l.Size())
	})
}

// wrap puts b, the inside of an encoded line, in lines, and returns how much
// of it, as encode does.
func (q *quotedPrintableLines) wrap(b []byte, last bool) int {
	i, end := 0, len(b)
	if !last {
		end -= 2
	}
	for i < end {
		rest := b[i:]
		if len(rest) == 1 && rest[0] == '=' {
			q.out = append(q.out, '=') // the line's own soft break
			return i + 1
		}
		if q.column == quotedPrintableLine {
			q.softBreak()
		}
		switch {
		case q.column == 0 && startsDelimiter(rest):
			q.escape('-')
			i++
		case rest[0] >= utf8.RuneSelf:
			q.escape(rest[0]) // not allowed there (rule 1), and read as itself
			i++
		case rest[0] != '=':
			n := 1
			for most := min(end-i, quotedPrintableLine-q.column); n < most && rest[n] != '=' &&
				rest[n] < utf8.RuneSelf; n++ {
			}
			q.literal(rest[:n])
			i += n
		case len(rest) > 2 && isHex(rest[1]) && isHex(rest[2]):
			q.makeRoom(3)
			q.literal(rest[:3])
			i += 3
		default:
			q.escape('=')
			i++
		}
	}
	return i
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'F' || 'a' <= c && c <= 'f'
}

// trimmedSize is the size of the line without the blanks at its end. It reads
// through buf.
func trimmedSize(l *io.SectionReader, buf []byte) (int64, error) {
	for end := l.Size(); end > 0; {
		b := buf[:min(end, int64(len(buf)))]
		if _, err := readAt(l, b, end-int64(len(b)), end); err != nil {
			return 0, err
		}
		for len(b) > 0 && (isBlank(b[len(b)-1]) || b[len(b)-1] == '\r') {
			b = b[:len(b)-1]
			end--
		}
		if len(b) > 0 {
			return end, nil
		}
	}
	return 0, nil
}
