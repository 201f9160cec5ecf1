package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// SyntaxError says that IMAP parsers could understand a line differently, or not at all.
// The line has been consumed.
type SyntaxError string

func (e SyntaxError) Error() string { return string(e) }

// ErrLineTooLong says that a line is longer than the limit. The rest of the line has not
// been read: SkipLine skips it.
var ErrLineTooLong = errors.New("the command line is too long")

// CommandReader reads the commands of a client.
type CommandReader struct {
	buf buffer
}

// NewCommandReader returns a reader for src. Nothing else may read from src afterwards.
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

// SkipLine skips the rest of a line, up to limit bytes, and returns its last bytes, which
// may announce a literal.
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

// WriteLiteral copies the n bytes of a literal to w. If w fails, left is the number of
// bytes of the literal that have not been read.
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

// ReadError is a failure to read, in an operation that reads and writes.
type ReadError struct{ Err error }

func (e *ReadError) Error() string { return e.Err.Error() }
func (e *ReadError) Unwrap() error { return e.Err }

// Buffered returns the number of buffered bytes.
func (r *CommandReader) Buffered() int { return len(r.buf.bytes()) }

// Peek returns the buffered bytes without taking them.
func (r *CommandReader) Peek() []byte { return r.buf.bytes() }

// Wait reads until something is buffered.
func (r *CommandReader) Wait() error {
	if r.Buffered() > 0 {
		return nil
	}
	return r.buf.fill(true)
}

// Release returns the buffer to the pool when reading is over.
func (r *CommandReader) Release() { r.buf.release() }

// CheckLine applies the rules on which all parsers of a command line agree: no NUL, no
// bare CR, closed quoted strings, and literals that are well formed and at the end of the
// line. It returns the literal that the line announces, and the text before it.
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
		return nil, nil, SyntaxError(fmt.Sprintf("malformed literal at the end of the line: want {n} or {n+}, n of "+
			"at most %d digits, after a space", maxLiteralDigits))
	}
	return line[:start], &l, nil
}

// quoteOpen reports whether line ends inside a quoted string.
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
