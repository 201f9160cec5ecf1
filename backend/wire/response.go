package wire

import (
	"bytes"
	"io"
)

// Kind is the kind of a response, from its first bytes.
type Kind int

// The kinds of response, RFC 9051 section 2.2.2.
const (
	Untagged     Kind = iota // begins with "*"; also whatever is none of the others
	Tagged                   // a word, then OK, NO or BAD
	Continuation             // begins with "+"
)

// Fragment is a piece of a response. A short line is one fragment; a literal,
// or a line longer than the buffer, comes in several.
type Fragment struct {
	Data    []byte // with its line end; valid until the next Fill; see Ahead
	Kind    Kind   // of the response it belongs to
	First   bool   // begins a response
	Last    bool   // ends it
	Literal bool   // bytes of a literal
}

// Ahead returns the buffered bytes after the fragment, which have not been parsed.
func (f Fragment) Ahead() []byte { return f.Data[len(f.Data):cap(f.Data)] }

// ResponseReader splits the data of a server into responses. It refuses nothing: the client
// must handle an invalid line.
type ResponseReader struct {
	buf     buffer
	kind    Kind
	status  bool  // the response is a status line, whose text may end in "{5}"
	inside  bool  // a response has begun and not ended
	literal int64 // bytes of a literal still to come
}

// NewResponseReader returns a reader for src. Nothing else may read from src afterwards.
func NewResponseReader(src io.Reader) *ResponseReader {
	return &ResponseReader{buf: buffer{src: src}}
}

// keepTail is the number of bytes that stay in the buffer if a line does not fit, so that
// the announcement of a literal at its end is in one piece.
const keepTail = 32

// Scan returns the next fragment of the buffered bytes. If it returns false, call Fill.
func (r *ResponseReader) Scan() (Fragment, bool) {
	p := r.buf.bytes()
	if len(p) == 0 {
		return Fragment{}, false
	}
	if r.literal > 0 {
		n := int(min(r.literal, int64(len(p))))
		r.literal -= int64(n)
		return Fragment{Data: r.buf.take(n), Kind: r.kind, Literal: true}, true
	}
	f := Fragment{First: !r.inside}
	end := bytes.IndexByte(p, '\n') + 1
	if end == 0 {
		if len(p) < bufferSize {
			return Fragment{}, false
		}
		end = len(p) - keepTail
	} else {
		f.Last = true
	}
	if f.First {
		r.kind, r.status = classify(p[:end])
	}
	f.Kind = r.kind
	f.Data = r.buf.take(end)
	if f.Last && !r.status {
		if lit, _, ok := parseLiteral(trimEOL(f.Data)); ok {
			r.literal = lit.Size
			f.Last = false
		}
	}
	r.inside = !f.Last
	return f, true
}

// Fill reads more. The fragments that Scan returned are invalid after it.
func (r *ResponseReader) Fill() error {
	return r.buf.fill(!r.inside)
}

// Inside reports whether a response has begun and not ended.
func (r *ResponseReader) Inside() bool { return r.inside }

// Release returns the buffer to the pool when reading is over.
func (r *ResponseReader) Release() { r.buf.release() }

// classify returns the kind of a response from its beginning. status reports whether it is
// a status response, which ends with its line: its free text may end in "{5}" without
// announcing a literal.
func classify(line []byte) (kind Kind, status bool) {
	first := bytes.IndexByte(line, ' ')
	switch {
	case len(line) > 0 && line[0] == '+':
		return Continuation, true
	case first < 0:
		return Untagged, false
	}
	switch word := statusWord(line[first+1:]); {
	case first == 1 && line[0] == '*':
		return Untagged, word != ""
	case word == "OK" || word == "NO" || word == "BAD":
		return Tagged, true
	}
	return Untagged, false
}

// statusWord returns the status that p begins with, or "".
func statusWord(p []byte) string {
	if len(p) == 0 || p[0] < 'A' { // most responses go on with a number
		return ""
	}
	for _, word := range [...]string{"OK", "NO", "BAD", "BYE", "PREAUTH"} {
		if n := len(word); len(p) >= n && asciiEqualFold(p[:n], word) {
			if rest := p[n:]; len(rest) == 0 || rest[0] == ' ' || rest[0] == '\r' || rest[0] == '\n' {
				return word
			}
		}
	}
	return ""
}

// asciiEqualFold compares p with s, which is in upper case.
func asciiEqualFold(p []byte, s string) bool {
	for i := range p {
		c := p[i]
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c != s[i] {
			return false
		}
	}
	return true
}

// trimEOL removes CRLF or LF from the end of a line.
func trimEOL(line []byte) []byte {
	n := len(line)
	if n > 0 && line[n-1] == '\n' {
		n--
	}
	if n > 0 && line[n-1] == '\r' {
		n--
	}
	return line[:n]
}
