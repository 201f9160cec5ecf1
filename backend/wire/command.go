package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// SyntaxError is a line that readers of IMAP could understand differently, or
// that none would. The line has been consumed.
type SyntaxError string

func (e SyntaxError) Error() string { return string(e) }

// ErrLineTooLong says that a line exceeds what the reader gathers. The rest of
// the line is still to come: SkipLine passes over it.
var ErrLineTooLong = errors.New("command line too long")

// CommandReader reads what a client says.
type CommandReader struct {
	buf buffer
}

// NewCommandReader reads from src, which nobody else may read from now on.
func NewCommandReader(src io.Reader) *CommandReader {
	return &CommandReader{buf: buffer{src: src}}
}

// MaxLine is the longest line that a CommandReader gathers, in bytes with its
// line end: more than any server is known to take (Dovecot 65536;
// Exchange 10240, docs/exchange.md#settings).
const MaxLine = bufferSize

// ReadLine returns the next line without its line end, as it came: a bare LF
// ends a line too, since Dovecot and others take it so. It is valid until the
// next call. A line longer than limit bytes gives ErrLineTooLong.
func (r *CommandReader) ReadLine(limit int) ([]byte, error) {
	limit = min(limit, MaxLine)
	seen := 0
	for {
		p := r.buf.bytes()
		if i := bytes.IndexByte(p[seen:], '\n'); i >= 0 {
			n := seen + i + 1
			if n > limit {
				return nil, ErrLineTooLong
			}
			return trimEOL(r.buf.take(n)), nil
		}
		if seen = len(p); seen >= limit {
			return nil, ErrLineTooLong
		}
		if err := r.buf.fill(seen == 0); err != nil {
			if seen > 0 {
				err = unexpectedEOF(err)
			}
			return nil, err
		}
	}
}

// SkipLine passes over the rest of a line, up to limit bytes of it, and
// returns its last bytes, in which a literal may be announced.
func (r *CommandReader) SkipLine(limit int) ([]byte, error) {
	var tail []byte
	for {
		p := r.buf.bytes()
		if len(p) == 0 {
			if err := r.buf.fill(false); err != nil {
				return nil, unexpectedEOF(err)
			}
			continue
		}
		n := bytes.IndexByte(p, '\n') + 1
		done := n > 0
		if !done {
			n = len(p)
		}
		if limit -= n; limit < 0 {
			return nil, ErrLineTooLong
		}
		r.buf.take(n)
		tail = append(tail, p[max(0, n-keepTail):n]...)
		tail = tail[max(0, len(tail)-keepTail):]
		if done {
			return trimEOL(tail), nil
		}
	}
}

// WriteLiteral copies the n bytes of a literal to w. When w fails, the rest of
// the literal is still to come; left tells how much.
func (r *CommandReader) WriteLiteral(w io.Writer, n int64) (left int64, err error) {
	for n > 0 {
		if len(r.buf.bytes()) == 0 {
			if err := r.buf.fill(false); err != nil {
				return n, &ReadError{unexpectedEOF(err)}
			}
		}
		p := r.buf.take(int(min(n, int64(len(r.buf.bytes())))))
		n -= int64(len(p))
		if _, err := w.Write(p); err != nil {
			return n, err
		}
	}
	return 0, nil
}

// unexpectedEOF is the error of an end in the middle of a line or literal.
func unexpectedEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// ReadError is a failure of the side that is read from, in an operation that
// also writes.
type ReadError struct{ Err error }

func (e *ReadError) Error() string { return e.Err.Error() }
func (e *ReadError) Unwrap() error { return e.Err }

// Buffered returns how many bytes have been read and not taken.
func (r *CommandReader) Buffered() int { return len(r.buf.bytes()) }

// Peek returns what is buffered, without taking it.
func (r *CommandReader) Peek() []byte { return r.buf.bytes() }

// Wait reads until something is buffered.
func (r *CommandReader) Wait() error {
	if r.Buffered() > 0 {
		return nil
	}
	return r.buf.fill(true)
}

// Release gives the buffer back, when reading is over.
func (r *CommandReader) Release() { r.buf.release() }

// CheckLine applies the rules that all readers of a command line agree on: no
// NUL, no bare CR, quoted strings closed, literals well formed and at its end.
// It returns the literal that the line announces, and the line before it.
func CheckLine(line []byte) (text []byte, lit *Literal, err error) {
	if i := bytes.IndexAny(line, "\x00\r"); i >= 0 {
		if line[i] == 0 {
			return nil, nil, SyntaxError("NUL in a command")
		}
		return nil, nil, SyntaxError("CR without LF in a command")
	}
	if quoteOpen(line) {
		return nil, nil, SyntaxError("quoted string without an end")
	}
	if !bytes.HasSuffix(line, []byte("}")) || bytes.IndexByte(line, '{') < 0 {
		return line, nil, nil // "}" alone is an atom's character, RFC 9051 section 9
	}
	l, start, ok := parseLiteral(line)
	if !ok || start == 0 || (line[start-1] != ' ' && line[start-1] != '(') {
		return nil, nil, SyntaxError(fmt.Sprintf("malformed literal at the end of the line: want {n} or {n+}, n of at most %d digits, after a space", maxLiteralDigits))
	}
	return line[:start], &l, nil
}

// quoteOpen tells whether line ends inside a quoted string.
func quoteOpen(line []byte) bool {
	open := false
	for i := bytes.IndexByte(line, '"'); i >= 0 && i < len(line); i++ {
		switch line[i] {
		case '"':
			open = !open
		case '\\':
			if open {
				i++
			}
		}
	}
	return open
}
