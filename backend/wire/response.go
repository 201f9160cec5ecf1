package wire

import (
	"bytes"
	"io"
)

// Kind is what a response is, by its first bytes.
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

// Ahead is what has been read already of what comes behind the fragment: nobody
// has looked at it yet.
func (f Fragment) Ahead() []byte { return f.Data[len(f.Data):cap(f.Data)] }

// ResponseReader splits what a server says into responses. Nothing is refused:
// a server's odd line is its client's business.
type ResponseReader struct {
	buf     buffer
	kind    Kind
	status  bool  // the response is a status line, whose text may end in "{5}"
	inside  bool  // a response has begun and not ended
	literal int64 // bytes of a literal still to come
}

// NewResponseReader reads from src, which nobody else may read from now on.
func NewResponseReader(src io.Reader) *ResponseReader {
	return &ResponseReader{buf: buffer{src: src}}
}

// keepTail is what stays in the buffer of a line that does not fit, so that
// the literal announced at its end is seen in one piece.
const keepTail = 32

// Scan returns the next fragment out of what is buffered, or false: call Fill.
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

// Inside tells whether a response has begun and not ended.
func (r *ResponseReader) Inside() bool { return r.inside }

// Release gives the buffer back, when reading is over.
func (r *ResponseReader) Release() { r.buf.release() }

// classify looks at the beginning of a response. A status response ends with
// its line: free text may end in "{5}" and announce nothing.
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

// trimEOL cuts CRLF, or LF, from the end of a line.
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
