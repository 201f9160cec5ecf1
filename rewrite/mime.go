package rewrite

import (
	"bytes"
	"io"
	"strings"
)

// Bounds of the walk, far beyond what Exchange takes (behaviour notes section
// 4.4: 250 parts, depth 30). What lies beyond is not looked into.
const (
	maxDepth    = 100
	maxParts    = 10_000
	maxBoundary = 1000 // RFC 2046 section 5.1.1 allows 70
)

// contentKind says what may be done with a range of content.
type contentKind int

const (
	leaf    contentKind = iota // the body of a part, which may be encoded
	gap                        // before the first or after the last part of a multipart
	fixed                      // a message/* body that must stay as it is (RFC 2046 section 5.2)
	opaque                     // what lies beyond the bounds of the walk
	padding                    // blanks after a boundary, which nobody reads
)

// content is a range of the message between headers and boundaries, without
// the line end that belongs to the boundary after it.
type content struct {
	kind contentKind
	span
	over      tally      // its lines over the limit
	enclosing *multipart // nil outside of a multipart
	sealed    bool       // signed or encrypted

	// Of a leaf:
	header    *header
	ofMessage bool // the header is a message's, not a part's
	mediaType mediaType
	encoding  string // lower case, "" if there is none
}

// multipart is a multipart entity that is open (RFC 2046 section 5.1).
type multipart struct {
	boundary []byte
	parent   *multipart
	digest   bool // parts without Content-Type are messages
	sealed   bool
}

// delimiter is the line that ended something; the zero value is the end of
// the message.
type delimiter struct {
	of      *multipart
	closing bool
}

// match tells which open multipart the line is a delimiter of. The whole line
// must be one, as most readers have it, though RFC 2046 lets it only begin
// with one; and the outermost wins where a boundary is used twice.
func (m *multipart) match(head []byte) (d delimiter) {
	if len(head) < 2 || head[0] != '-' || head[1] != '-' {
		return d
	}
	head = bytes.TrimRight(head[2:], " \t")
	for ; m != nil; m = m.parent {
		if tail, ok := bytes.CutPrefix(head, m.boundary); ok {
			switch string(tail) {
			case "":
				d = delimiter{of: m}
			case "--":
				d = delimiter{of: m, closing: true}
			}
		}
	}
	return d
}

// begins tells whether a line that starts so could be taken for a delimiter,
// by readers who compare only its beginning too.
func (m *multipart) begins(line []byte) bool {
	if len(line) < 2 || line[0] != '-' || line[1] != '-' {
		return false
	}
	for ; m != nil; m = m.parent {
		if bytes.HasPrefix(line[2:], m.boundary) {
			return true
		}
	}
	return false
}

// walker goes through a message once and shows its content, in order.
type walker struct {
	lines   *lines
	limit   int64
	parts   int
	headers tally // header lines over the limit
	visit   func(content) error
}

// entity reads one header and what it is the header of (RFC 2045 section 2.4),
// up to a delimiter of the multiparts it is in. It is the body of enclosing if
// that is not nil.
func (w *walker) entity(enclosing *multipart, ofMessage bool, depth int) (delimiter, error) {
	w.parts++
	if w.parts > maxParts {
		return w.content(content{kind: opaque}, nil)
	}
	if depth > maxDepth {
		return w.content(content{kind: opaque}, enclosing)
	}
	h, d, err := w.header(enclosing)
	if h == nil || err != nil {
		return d, err
	}
	c := content{enclosing: enclosing, header: h, ofMessage: ofMessage}
	switch {
	case h.contentType != nil:
		c.mediaType = parseMediaType(string(h.contentType.text))
	case enclosing != nil && enclosing.digest && !ofMessage:
		c.mediaType.name = "message/rfc822" // RFC 2046 section 5.1.5
	default:
		c.mediaType.name = "text/plain" // RFC 2045 section 5.2
	}
	if h.encoding != nil {
		c.encoding = encodingName(string(h.encoding.text))
	}
	c.sealed = c.mediaType.isSealed() || enclosing != nil && enclosing.sealed

	switch {
	case c.mediaType.isMultipart():
		return w.multipart(c, depth)
	case c.encoding == "base64" || c.encoding == "quoted-printable":
		return w.content(c, enclosing)
	case c.mediaType.isMessage():
		return w.entity(enclosing, true, depth+1)
	case strings.HasPrefix(c.mediaType.name, "message/"):
		c.kind = fixed
	}
	return w.content(c, enclosing)
}

// header reads a header section. The header is nil if the section has no body.
func (w *walker) header(enclosing *multipart) (*header, delimiter, error) {
	h := &header{room: w.lines.pos}
	for {
		l, err := w.lines.next()
		if err == io.EOF {
			return nil, delimiter{}, nil
		}
		if err != nil {
			return nil, delimiter{}, err
		}
		if l.length() == 0 {
			return h, delimiter{}, nil
		}
		if d, err := w.delimiter(enclosing, l); d.of != nil || err != nil {
			return nil, d, err
		}
		if l.length() > w.limit {
			w.headers.add(l.length())
		}
		h.add(l)
	}
}

// multipart reads the parts of a multipart whose header was read.
func (w *walker) multipart(c content, depth int) (delimiter, error) {
	b := c.mediaType.boundary
	around := content{kind: gap, enclosing: c.enclosing, sealed: c.sealed}
	if b == "" || len(b) > maxBoundary {
		return w.content(around, c.enclosing) // not one part can be told
	}
	m := &multipart{
		boundary: []byte(b),
		parent:   c.enclosing,
		digest:   c.mediaType.name == "multipart/digest",
		sealed:   c.sealed,
	}
	around.enclosing = m
	d, err := w.content(around, m)
	for err == nil && d.of == m && !d.closing {
		d, err = w.entity(m, false, depth+1)
	}
	if err == nil && d.of == m {
		d, err = w.content(around, m.parent)
	}
	return d, err
}

// content reads up to a delimiter of stop or of what encloses that, and shows
// what it read.
func (w *walker) content(c content, stop *multipart) (delimiter, error) {
	c.start = w.lines.pos
	c.end = c.start
	eol := int64(0)
	for {
		l, err := w.lines.next()
		if err == io.EOF {
			c.end = w.lines.pos
			return delimiter{}, w.visit(c)
		}
		if err != nil {
			return delimiter{}, err
		}
		if len(l.head) > 1 && l.head[0] == '-' {
			if d, err := w.delimiter(stop, l); d.of != nil || err != nil {
				c.end = max(c.start, l.start-eol)
				if err == nil {
					err = w.visit(c)
				}
				return d, err
			}
		}
		eol = int64(l.eol)
		if l.length() > w.limit {
			c.over.add(l.length())
		}
	}
}

// delimiter tells whether the line is a delimiter of stop or of what encloses
// it, and shows the blanks after it if they make it too long.
func (w *walker) delimiter(stop *multipart, l line) (delimiter, error) {
	if l.length() > int64(len(l.head)) {
		return delimiter{}, nil
	}
	d := stop.match(l.head)
	if d.of == nil || l.length() <= w.limit {
		return d, nil
	}
	blanks := len(l.head) - len(bytes.TrimRight(l.head, " \t"))
	c := content{kind: padding, enclosing: d.of}
	c.end = l.end - int64(l.eol)
	c.start = c.end - int64(blanks)
	c.over.add(l.length())
	return d, w.visit(c)
}

// encodingName is the token of a Content-Transfer-Encoding (RFC 2045 section
// 6.1) without the comments and parameters that some programs put beside it.
func encodingName(s string) string {
	s = strings.TrimLeft(s, " \t")
	for strings.HasPrefix(s, "(") {
		_, s, _ = strings.Cut(s, ")")
		s = strings.TrimLeft(s, " \t")
	}
	if i := strings.IndexAny(s, " \t;("); i >= 0 {
		s = s[:i]
	}
	return strings.ToLower(s)
}
