package rewrite

import (
	"bufio"
	"io"
)

// quotedPrintableLine leaves room for the "=" of a soft line break in a line
// of 76 characters (RFC 2045 section 6.7 rule 5).
const quotedPrintableLine = 75

// quotedPrintable encodes text (RFC 2045 section 6.7). The library's encoder
// would make a CRLF of a lone CR or LF; here the decoded bytes are the same as
// before, and no line can be a delimiter.
func quotedPrintable(w *bufio.Writer, body *io.SectionReader) error {
	r := bufio.NewReaderSize(body, int(min(max(body.Size(), 16), bufferSize)))
	out := quotedPrintableWriter{w: w}
	for {
		b, err := r.Peek(r.Size())
		if err != nil && err != io.EOF {
			return err
		}
		n := out.encode(b, err == io.EOF)
		if err == io.EOF {
			return out.flush()
		}
		if _, err := r.Discard(n); err != nil {
			return err
		}
	}
}

// quotedPrintableWriter puts encoded text in lines. Writing errors stay in w
// until it is flushed.
type quotedPrintableWriter struct {
	w    *bufio.Writer
	line [quotedPrintableLine + 3]byte
	n    int
}

// encode encodes b and returns how much of it; unless it is the last, the end
// is left, since what follows decides on it.
func (q *quotedPrintableWriter) encode(b []byte, last bool) int {
	i, end := 0, len(b)
	if !last {
		end -= 2
	}
	for i < end {
		if q.n == 0 && i+1 < len(b) && b[i] == '-' && b[i+1] == '-' {
			q.escape('-')
			i++
			continue
		}
		run := b[i:min(end, i+quotedPrintableLine-q.n)]
		j := 0
		for j < len(run) && isLiteral[run[j]] {
			j++
		}
		if j > 0 && isBlank(run[j-1]) && endsLine(b[i+j:]) {
			j-- // decoders drop blanks at the end of a line (rule 3)
		}
		if j > 0 {
			q.n += copy(q.line[q.n:], run[:j])
			i += j
			continue
		}
		switch {
		case len(run) == 0:
			q.softBreak()
		case b[i] == '\r' && i+1 < len(b) && b[i+1] == '\n':
			q.hardBreak()
			i += 2
		default:
			q.escape(b[i])
			i++
		}
	}
	return i
}

func endsLine(rest []byte) bool {
	return len(rest) == 0 || len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n'
}

func (q *quotedPrintableWriter) escape(c byte) {
	const hex = "0123456789ABCDEF"
	if q.n+3 > quotedPrintableLine {
		q.softBreak()
	}
	q.line[q.n], q.line[q.n+1], q.line[q.n+2] = '=', hex[c>>4], hex[c&15]
	q.n += 3
}

func (q *quotedPrintableWriter) softBreak() {
	q.line[q.n] = '='
	q.n++
	q.hardBreak()
}

func (q *quotedPrintableWriter) hardBreak() {
	q.line[q.n], q.line[q.n+1] = '\r', '\n'
	q.w.Write(q.line[:q.n+2])
	q.n = 0
}

// flush writes the line that has no end.
func (q *quotedPrintableWriter) flush() error {
	_, err := q.w.Write(q.line[:q.n])
	q.n = 0
	return err
}

// isLiteral has the bytes that may stand for themselves (rules 2 and 3).
var isLiteral = func() (t [256]bool) {
	for c := '!'; c <= '~'; c++ {
		t[c] = c != '='
	}
	t[' '], t['\t'] = true, true
	return t
}()

// quotedPrintableWrapper puts soft line breaks in the lines over the limit of
// a text that is quoted-printable already. The decoded text stays the same,
// for broken encodings too: a "=" that begins nothing, which decoders take
// literally, becomes "=3D".
type quotedPrintableWrapper struct{ limit int }

func (q quotedPrintableWrapper) recode(w *bufio.Writer, body *io.SectionReader) error {
	out := quotedPrintableWriter{w: w}
	ahead := bufio.NewReaderSize(nil, bufferSize)
	return eachLong(w, body, q.limit, func(l *io.SectionReader) error {
		// Blanks at the end of a line are dropped by decoders (rule 3), but only
		// where they stand at its end: no soft line break may come after them.
		size, err := trimmedSize(l)
		if err != nil {
			return err
		}
		ahead.Reset(io.NewSectionReader(l, 0, size))
		for {
			b, err := ahead.Peek(ahead.Size())
			if err != nil && err != io.EOF {
				return err
			}
			n := out.wrap(b, err == io.EOF)
			if err == io.EOF {
				break
			}
			if _, err := ahead.Discard(n); err != nil {
				return err
			}
		}
		if err := out.flush(); err != nil {
			return err
		}
		if l.Size()-size > int64(q.limit-quotedPrintableLine-1) {
			return nil // more blanks than a line may have, which no decoder keeps
		}
		return copyRange(w, l, size, l.Size())
	})
}

// wrap writes b, the inside of an encoded line, with soft line breaks, and
// returns how much of it, as encode does.
func (q *quotedPrintableWriter) wrap(b []byte, last bool) int {
	i, end := 0, len(b)
	if !last {
		end -= 2
	}
	for i < end {
		rest := b[i:]
		switch {
		case len(rest) == 1 && rest[0] == '=': // the line's own soft break
			q.line[q.n] = '='
			q.n++
			i++
		case q.n == quotedPrintableLine:
			q.softBreak()
		case q.n == 0 && len(rest) > 1 && rest[0] == '-' && rest[1] == '-':
			q.escape('-')
			i++
		case rest[0] != '=':
			q.literal(rest[:1])
			i++
		case len(rest) > 2 && isHex(rest[1]) && isHex(rest[2]):
			q.literal(rest[:3])
			i += 3
		default:
			q.escape('=')
			i++
		}
	}
	return i
}

func (q *quotedPrintableWriter) literal(token []byte) {
	if q.n+len(token) > quotedPrintableLine {
		q.softBreak()
	}
	q.n += copy(q.line[q.n:], token)
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'F' || 'a' <= c && c <= 'f'
}

// trimmedSize is the size of the line without the blanks at its end.
func trimmedSize(l *io.SectionReader) (int64, error) {
	buf := make([]byte, 4<<10)
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
