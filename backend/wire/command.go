package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// SyntaxError is the error of a command line that is invalid, or that two IMAP
// servers could understand differently. Its text says what is wrong. The line has
// been read.
type SyntaxError string

// Error implements error.
func (e SyntaxError) Error() string { return string(e) }

// ErrLineTooLong is the error of a line that exceeds the limit of its reader. The
// rest of the line has not been read; SkipLine skips it.
var ErrLineTooLong = errors.New("the command line is too long")

// CommandReader reads the lines and literals that a client sends. It belongs to
// one goroutine at a time.
type CommandReader struct {
	buf buffer
}

// NewCommandReader returns a reader of src. Only the CommandReader may read src
// from now on.
func NewCommandReader(src io.Reader) *CommandReader {
	return &CommandReader{buf: buffer{src: src}}
}

// MaxLine is the longest line that ReadLine returns, in bytes with its line end. No
// known server accepts a longer one: Dovecot accepts 65,536 bytes, Exchange 10,240
// (docs/exchange.md#settings).
const MaxLine = bufferSize

// ReadLine returns the next line without its line end. The bytes are valid until
// the next call of a method. A bare LF ends a line too, as it does for Dovecot and
// others. The error is ErrLineTooLong if the line with its end has more than limit
// or MaxLine bytes, io.EOF at the end of src, io.ErrUnexpectedEOF if src ends
// inside a line, and otherwise that of src.
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

// SkipLine skips the rest of a line. It returns the last bytes of the line, where a
// literal may be announced, without the line end. The error is ErrLineTooLong if
// the rest has more than limit bytes, io.ErrUnexpectedEOF if src ends before the
// line, and otherwise that of src.
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

// WriteLiteral copies the n bytes of a literal to w, which may be a PipeWriter. The error
// is a *ReadError if src fails or ends, and otherwise that of w. left is the number of
// bytes of the literal that have not been read.
func (r *CommandReader) WriteLiteral(w io.Writer, n int64) (left int64, err error) {
	for n > 0 {
		piped, err := r.buf.pipe(w, n)
		n -= piped
		switch {
		case piped > 0 && err == nil:
			continue
		case piped > 0:
			return n, err
		case err != nil:
			return n, &ReadError{unexpectedEOF(err)}
		}
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

// unexpectedEOF returns err for a failure inside a line or a literal: it replaces
// io.EOF by io.ErrUnexpectedEOF.
func unexpectedEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// ReadError is an error of the source in an operation that reads from one side and
// writes to another.
type ReadError struct{ Err error }

// Error implements error.
func (e *ReadError) Error() string { return e.Err.Error() }

// Unwrap returns the error of the source.
func (e *ReadError) Unwrap() error { return e.Err }

// Buffered returns the number of bytes that have been read from src and not been
// returned.
func (r *CommandReader) Buffered() int { return len(r.buf.bytes()) }

// Peek returns the buffered bytes. They stay buffered, and are valid until the next
// call of another method.
func (r *CommandReader) Peek() []byte { return r.buf.bytes() }

// HasLine reports whether ReadLine would return a line without reading from src.
func (r *CommandReader) HasLine() bool { return bytes.IndexByte(r.buf.bytes(), '\n') >= 0 }

// Wait waits until at least one byte is buffered. It returns the error of src.
func (r *CommandReader) Wait() error {
	if r.Buffered() > 0 {
		return nil
	}
	return r.buf.fill(true)
}

// Release returns the buffer to the pool. Buffered bytes are lost. The caller calls
// it when it has read the last command.
func (r *CommandReader) Release() { r.buf.release() }

// CheckLine checks a command line, so that all servers find the same end of the
// command: the line has no NUL and no bare CR, each quoted string is closed, and a
// literal is announced correctly at the end. It returns the announced literal, nil
// if there is none, and the text before the announcement. An error is a
// SyntaxError.
func CheckLine(line []byte) (text []byte, lit *Literal, err error) {
	if i := bytes.IndexAny(line, "\x00\r"); i >= 0 {
		if line[i] == 0 {
			return nil, nil, SyntaxError("the command contains a NUL byte")
		}
		return nil, nil, SyntaxError("the command contains a CR without LF")
	}
	if isQuoteOpen(line) {
		return nil, nil, SyntaxError("a quoted string has no closing quote")
	}
	if !bytes.HasSuffix(line, []byte("}")) || bytes.IndexByte(line, '{') < 0 {
		return line, nil, nil // "}" alone may be part of an atom (RFC 9051 section 9)
	}
	l, start, ok := parseLiteral(line)
	if !ok || start == 0 || (line[start-1] != ' ' && line[start-1] != '(') {
		return nil, nil, SyntaxError(fmt.Sprintf("the literal at the end of the line is malformed: "+
			"write {n} or {n+} after a space, with at most %d digits", maxLiteralDigits))
	}
	return line[:start], &l, nil
}

// isQuoteOpen reports whether the line ends inside a quoted string.
func isQuoteOpen(line []byte) bool {
	isOpen := false
	for i := bytes.IndexByte(line, '"'); i >= 0 && i < len(line); i++ {
		switch line[i] {
		case '"':
			isOpen = !isOpen
		case '\\':
			if isOpen {
				i++
			}
		}
	}
	return isOpen
}
