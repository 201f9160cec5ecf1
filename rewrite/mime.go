package rewrite

import (
	"bytes"
	"io"
	"strings"
)

// Bounds of the walk, far beyond what Exchange takes (250 parts, depth 30:
// docs/exchange.md#refused-content). What lies beyond is not looked into.
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
	surplus                    // parts of a multipart that were not entered, with the boundaries between them
)

// content is a range of the message between headers and boundaries, without
// the line end that belongs to the boundary after it.
type content struct {
	kind contentKind
	span
	over      tally      // its lines over the limit
	enclosing *multipart // nil outside of a multipart
	sealed    bool       // signed or encrypted
	parts     int        // of surplus

	// Of a leaf, and of what is fixed:
	*entity
}

// entity is a message or a part, once its header was read.
type entity struct {
	header    *header
	mediaType mediaType
	encoding  string // lower case, "" if there is none
	messages  int    // how many messages it is inside of, itself counted
	asFile    bool   // the part becomes a file, so its body is not entered
	fileFix   fixID  // the fix that asked for asFile
}

// isEncoded reports whether the body is in base64 or quoted-printable (RFC 2045
// section 6).
func (e *entity) isEncoded() bool {
	return e.encoding == "base64" || e.encoding == "quoted-printable"
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
// must be one, as most readers have it, though RFC 2046 section 5.1.1 lets it
// only begin with one; and the outermost wins where a boundary is used twice.
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

// begins reports whether a line that starts so could be taken for a delimiter,
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

// walker goes through a message once and shows what it is made of, in order.
type walker struct {
	lines  *lines
	limit  int64
	parts  int
	leaves int // shown so far
	visitor
}

// visitor has the functions that are called with the pieces of a message in their order. A
// nil function is not called.
type visitor struct {
	field   func(*field) error  // called with a header field, or with a line of a header that is not a field
	entered func(*entity) error // called with the header of a part that has a body; it may set asFile
	alone   func(*entity) error // called with the header of a part that has no body
	content func(content) error // called with the text between headers
	ended   func(*header) error // called at the end of a part, or of a header without a body
	full    func() bool         // reports whether the walker must enter no more parts
}

// message reads the message and calls the visitor.
func (w *walker) message() error {
	_, err := w.entity(nil, true, 1, 1)
	return err
}

// entity reads one header and its body (RFC 2045 section 2.4), up to a delimiter of the
// multiparts around them. If enclosing is not nil, the entity is a part of enclosing, or is
// inside such a part.
func (w *walker) entity(enclosing *multipart, ofMessage bool, messages, depth int) (delimiter, error) {
	w.parts++
	if w.parts > maxParts {
		return w.body(content{kind: opaque}, nil)
	}
	if depth > maxDepth {
		return w.body(content{kind: opaque}, enclosing)
	}
	h := &header{ofMessage: ofMessage, top: depth == 1, sealed: enclosing != nil && enclosing.sealed}
	bodyFollows, d, err := w.header(h, enclosing)
	if err != nil {
		return d, err
	}
	switch {
	case bodyFollows:
		d, err = w.entityBody(newEntity(h, enclosing, messages), enclosing, depth)
	case w.alone != nil:
		err = w.alone(newEntity(h, enclosing, messages))
	}
	if err == nil && w.ended != nil {
		err = w.ended(h)
	}
	return d, err
}

// newEntity returns the entity to which a header belongs.
func newEntity(h *header, enclosing *multipart, messages int) *entity {
	e := &entity{header: h, messages: messages}
	switch {
	case h.contentType != nil:
		e.mediaType = parseMediaType(string(h.contentType.text))
	case enclosing != nil && enclosing.digest && !h.ofMessage:
		e.mediaType.name = "message/rfc822" // RFC 2046 section 5.1.5
	default:
		e.mediaType.name = "text/plain" // RFC 2045 section 5.2
	}
	if h.encoding != nil {
		e.encoding = encodingName(string(h.encoding.text))
	}
	return e
}

// entityBody reads what belongs to the header.
func (w *walker) entityBody(e *entity, enclosing *multipart, depth int) (delimiter, error) {
	h := e.header
	c := content{enclosing: enclosing, entity: e}
	c.sealed = e.mediaType.isSealed() || h.sealed
	if w.entered != nil {
		if err := w.entered(e); err != nil {
			return delimiter{}, err
		}
	}
	switch {
	case e.asFile:
	case e.mediaType.isMultipart():
		return w.multipart(c, depth)
	case e.isEncoded():
	case e.mediaType.isMessage():
		return w.entity(enclosing, true, e.messages+1, depth+1)
	case strings.HasPrefix(e.mediaType.name, "message/"):
		c.kind = fixed
	}
	w.leaves++
	return w.body(c, enclosing)
}

// header reads a header section. No body follows it if it ends in a delimiter of what
// encloses it, or with the message.
func (w *walker) header(h *header, enclosing *multipart) (bodyFollows bool, d delimiter, err error) {
	h.start, h.room, h.limit = w.lines.pos, w.lines.pos, w.limit
	for {
		l, err := w.lines.next()
		if err == io.EOF {
			h.end = w.lines.pos
			return false, delimiter{}, w.fieldEnded(h.done())
		}
		if err != nil {
			return false, delimiter{}, err
		}
		if l.length() == 0 {
			h.end = l.end
			return true, delimiter{}, w.fieldEnded(h.done())
		}
		if d, err := w.delimiter(enclosing, l); d.of != nil || err != nil {
			h.end = l.start
			if err == nil {
				err = w.fieldEnded(h.done())
			}
			return false, d, err
		}
		if h.begun, err = w.delimiter(h.ownParts(l), l); h.begun.of != nil || err != nil {
			h.end = l.start
			if err == nil {
				err = w.fieldEnded(h.done())
			}
			return true, delimiter{}, err
		}
		if err := w.fieldEnded(h.add(l)); err != nil {
			return false, delimiter{}, err
		}
	}
}

func (w *walker) fieldEnded(f *field) error {
	if f == nil {
		return nil
	}
	if w.field != nil {
		if err := w.field(f); err != nil {
			return err
		}
	}
	if !f.kept {
		f.header.spare = f // headers of a million fields are known
	}
	return nil
}

// multipart reads the parts of a multipart whose header was read.
func (w *walker) multipart(c content, depth int) (delimiter, error) {
	b := c.mediaType.boundary
	around := content{kind: gap, enclosing: c.enclosing, sealed: c.sealed}
	if b == "" || len(b) > maxBoundary {
		return w.body(around, c.enclosing) // not one part can be told
	}
	m := &multipart{
		boundary: []byte(b),
		parent:   c.enclosing,
		digest:   c.mediaType.name == "multipart/digest",
		sealed:   c.sealed,
	}
	around.enclosing = m
	d, err := delimiter{of: m, closing: c.header.begun.closing}, error(nil)
	if c.header.begun.of == nil {
		d, err = w.body(around, m)
	}
	for err == nil && d.of == m && !d.closing {
		if w.full != nil && w.full() {
			d, err = w.surplus(m)
			break
		}
		d, err = w.entity(m, false, c.messages, depth+1)
	}
	if err == nil && d.of == m {
		d, err = w.body(around, m.parent)
	}
	return d, err
}

// surplus passes over the parts that are left of a multipart.
func (w *walker) surplus(m *multipart) (delimiter, error) {
	rest := content{kind: surplus, enclosing: m, sealed: m.sealed}
	rest.start = w.lines.pos
	visit := w.visitor.content
	defer func() { w.visitor.content = visit }()
	w.visitor.content = func(c content) error {
		if c.kind == opaque {
			rest.parts++
			rest.end = c.end
		}
		return nil
	}
	for {
		d, err := w.body(content{kind: opaque}, m)
		if err != nil {
			return d, err
		}
		if d.of != m || d.closing {
			return d, visit(rest)
		}
	}
}

// body reads up to a delimiter of stop or of what encloses that, and shows what
// it read.
func (w *walker) body(c content, stop *multipart) (delimiter, error) {
	c.start = w.lines.pos
	c.end = c.start
	eol := int64(0)
	for {
		l, err := w.lines.next()
		if err == io.EOF {
			c.end = w.lines.pos
			return delimiter{}, w.content(c)
		}
		if err != nil {
			return delimiter{}, err
		}
		if len(l.head) > 1 && l.head[0] == '-' {
			if d, err := w.delimiter(stop, l); d.of != nil || err != nil {
				c.end = max(c.start, l.start-eol)
				if err == nil {
					err = w.content(c)
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

// delimiter reports whether the line is a delimiter of stop or of what encloses
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
	return d, w.content(c)
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
