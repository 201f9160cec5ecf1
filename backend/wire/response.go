package wire

import (
	"bytes"
	"io"
)

// Kind is the kind of a response.
type Kind int

// The kinds of responses (RFC 9051 section 2.2.2).
const (
	Untagged     Kind = iota // begins with "*", or is neither of the others
	Tagged                   // begins with a tag and OK, NO, BAD or BYE
	Continuation             // begins with "+"
)

// Fragment is a part of a response. A short line is one fragment. A literal, or a
// line longer than the buffer, may come in several fragments.
type Fragment struct {
	Data    []byte // with the line end, if it has one; valid until the next Fill
	Kind    Kind   // the kind of the response
	First   bool   // the fragment begins a response
	Last    bool   // the fragment ends a response
	Literal bool   // the fragment has bytes of a literal
	Inner   bool   // the fragment begins within a line that is longer than the buffer
}

// Ahead returns the bytes after the fragment that have been read already. They are
// not framed yet, and are valid until the next Fill.
func (f Fragment) Ahead() []byte { return f.Data[len(f.Data):cap(f.Data)] }

// ResponseReader splits the output of a server into responses, and each response
// into fragments. It accepts every line: the client decides what to do about an
// invalid one. Blanks may stand before a response, and more than one after the tag or "*". A
// ResponseReader belongs to one goroutine at a time.
type ResponseReader struct {
	buf      buffer
	kind     Kind
	isStatus bool  // a status response: its text may end in "{5}" without a literal
	isInside bool  // a response has begun and not ended
	isInner  bool  // a line has begun and not ended
	literal  int64 // bytes of the literal that have not been returned

	texts *fetchTexts // memory of Fetches; nil: it is in the pool
}

// NewResponseReader returns a reader of src. Only the ResponseReader may read src
// from now on.
func NewResponseReader(src io.Reader) *ResponseReader {
	return &ResponseReader{buf: buffer{src: src}}
}

// keepTail is the number of bytes at the end of a full buffer that are not returned
// before the rest of their line. The announcement of a literal thus stays in one
// fragment.
const keepTail = 32

// Scan returns the next fragment of the buffered bytes. It returns false if these
// have no complete fragment; the caller then calls Fill.
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
	f := Fragment{First: !r.isInside, Inner: r.isInner}
	end := bytes.IndexByte(p, '\n') + 1
	if end == 0 {
		if len(p) < bufferSize {
			return Fragment{}, false
		}
		end = len(p) - keepTail
	} else {
		f.Last = true
	}
	r.isInner = !f.Last
	if f.First {
		r.kind, r.isStatus = classify(p[:end])
	}
	f.Kind = r.kind
	f.Data = r.buf.take(end)
	if f.Last && !r.isStatus {
		if lit, _, ok := parseLiteral(trimEOL(f.Data)); ok {
			r.literal = lit.Size
			f.Last = false
		}
	}
	r.isInside = !f.Last
	return f, true
}

// Fill reads at least one more byte. It makes the fragments that Scan has returned
// invalid. It returns the error of src, io.EOF at its end.
func (r *ResponseReader) Fill() error {
	r.releaseTexts()
	return r.buf.fill(!r.isInside)
}

// Pipe reads a part of a literal, and w writes it. isPiped is false if the part has to come by Fill
// instead, or if src has failed; otherwise the error is that of w. What Scan has returned becomes invalid.
func (r *ResponseReader) Pipe(w PipeWriter) (isPiped bool, err error) {
	n, err := r.buf.pipe(w, r.literal)
	r.literal -= n
	return n > 0, err
}

// IsInside reports whether a response has begun and not ended.
func (r *ResponseReader) IsInside() bool { return r.isInside }

// Release returns the buffer to the pool. Buffered bytes are lost. The caller calls
// it when it has read the last response.
func (r *ResponseReader) Release() {
	r.releaseTexts()
	r.buf.release()
}

// classify returns the kind of the response that begins with this line. isStatus
// reports whether the line ends the response, although it may end in "{5}": a status
// response, or a line that is no response at all.
func classify(line []byte) (kind Kind, isStatus bool) {
	line = bytes.TrimLeft(line, " ")
	first := bytes.IndexByte(line, ' ')
	isUntagged := len(line) > 0 && line[0] == '*'
	switch {
	case len(line) > 0 && line[0] == '+':
		return Continuation, true
	case first < 0:
		return Untagged, !isUntagged
	}
	switch word := statusWord(bytes.TrimLeft(line[first+1:], " ")); {
	case isUntagged && first == 1:
		return Untagged, word != ""
	case word == "OK" || word == "NO" || word == "BAD" || word == "BYE":
		return Tagged, true
	}
	return Untagged, !isUntagged
}

// statusWord returns the status word that p begins with, in upper case, or "" if p
// begins with none.
func statusWord(p []byte) string {
	if len(p) == 0 || p[0] < 'A' { // the usual case: a number, as of FETCH
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

// asciiEqualFold reports whether p is s in any case. s is in upper case and as long
// as p.
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

// trimEOL returns the line without the CRLF, LF or CR at its end.
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
