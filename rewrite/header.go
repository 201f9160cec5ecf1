package rewrite

import "bytes"

// maxEncodings bounds the Content-Transfer-Encoding fields of one header. One
// is legal.
const maxEncodings = 16

// span is a range of the message's bytes.
type span struct{ start, end int64 }

// header is what the fixes need of one header section (RFC 5322 section 2.2).
// Lines that are no field (a "From " line of an mbox, a line without colon)
// are passed over: only an empty line ends the section, or the delimiter of its own
// parts, whose fields are not its own.
type header struct {
	span
	// room is where a field can be added: before the empty line, or before the
	// first line that is no proper field: some readers have the body begin there.
	room        int64
	contentType *value   // the first field of the name, nil if there is none
	encoding    *value   // likewise
	encodings   []*field // every Content-Transfer-Encoding field
	mimeVersion bool

	ofMessage bool      // a message's, not a part's
	top       bool      // the message's own
	sealed    bool      // it is in what is signed or encrypted
	carried   bool      // its fields are to be fields of an envelope
	strays    []*field  // lines that are no field, and wait for what follows
	first     *field    // the first line, if it is one of these that stays as it is
	unended   bool      // the message ends in the header, without a line end
	text      bool      // there were so many of them that they are no header
	begun     delimiter // of its own parts, that ended it in place of an empty line
	closed    bool      // an empty line was put there
	held      []*field  // fields that are decided on when the part has ended
	added     string    // fields to add at its end
	changed   bool      // a change to the part, which is sealed, was counted
	received  bool      // there is a Received field
	date      *field
	charset   *string    // that charsetOf has found
	parts     *multipart // with the boundary of its parts, once a line looked like a delimiter

	limit int64  // of lines, in bytes
	lines int    // of the section so far
	odd   bool   // there was a line that is no proper field
	open  *value // the value that a folded line goes on
	field *field // the field that a folded line goes on
	spare *field // one that nobody looks at any more
}

// value is the body of a field, unfolded and cut after maxHead bytes.
type value struct{ text []byte }

func (v *value) add(b []byte) {
	v.text = append(v.text, b[:min(len(b), maxHead-len(v.text))]...)
}

// add takes the next line of the section. It returns the field that came to
// its end by that, if one did.
func (h *header) add(l line) (ended *field) {
	h.lines++
	h.unended = l.eol == 0
	if !h.odd {
		h.room = l.end
	}
	if len(l.head) > 0 && isBlank(l.head[0]) && h.field != nil {
		if h.open != nil {
			h.open.add(l.head)
		}
		h.field.add(l)
		return nil
	}
	ended = h.done()
	fromLine := h.lines == 1 && bytes.HasPrefix(l.head, []byte("From "))
	// A blank first line stays first: it would go on a field put before it.
	first := h.lines == 1 && len(l.head) > 0 && (fromLine || isBlank(l.head[0]))
	if !h.odd && !first && !isField(l.head) {
		h.odd, h.room = true, l.start
	}
	if h.field, h.spare = h.spare, nil; h.field == nil {
		h.field = new(field)
	}
	*h.field = field{span: span{l.start, l.start}, length: l.length(), name: string(fieldName(l.head)), header: h}
	h.field.blankColon = h.field.name != "" && !isField(l.head)
	h.field.add(l)
	switch {
	case h.field.is("Received"):
		h.received = true
	case h.field.is("Date") && h.date == nil:
		h.date, h.field.kept = h.field, true
	case h.field.is("MIME-Version"):
		h.mimeVersion = true
	case h.field.is("Content-Type"):
		if h.contentType == nil {
			h.contentType = h.newValue(l)
		}
	case h.field.is("Content-Transfer-Encoding"):
		if h.encoding == nil {
			h.encoding = h.newValue(l)
		}
	}
	return ended
}

// ownParts is the multipart that the header is of, as far as its boundary goes, or nil: where a
// line is a delimiter of it, the empty line before the parts is missing.
func (h *header) ownParts(l line) *multipart {
	if h.contentType == nil || !bytes.HasPrefix(l.head, []byte("--")) {
		return nil
	}
	if h.parts == nil {
		h.parts = &multipart{}
		if m := parseMediaType(string(h.contentType.text)); m.isMultipart() && len(m.boundary) <= maxBoundary {
			h.parts.boundary = []byte(m.boundary)
		}
	}
	if len(h.parts.boundary) == 0 {
		return nil
	}
	return h.parts
}

// done ends the field that is open, and returns it.
func (h *header) done() *field {
	f := h.field
	h.open, h.field = nil, nil
	if f != nil && f.is("Content-Transfer-Encoding") && len(h.encodings) <= maxEncodings {
		h.encodings, f.kept = append(h.encodings, f), true
	}
	return f
}

func (h *header) newValue(l line) *value {
	_, body, _ := bytes.Cut(l.head, []byte(":"))
	h.open = new(value)
	h.open.add(body)
	return h.open
}

// fieldName returns the name of the field that starts with this line, or nil.
// Blanks before the colon are obsolete and legal (RFC 5322 section 4.5.8).
func fieldName(head []byte) []byte {
	name, _, ok := bytes.Cut(head, []byte(":"))
	if name = bytes.TrimRight(name, " \t"); !ok ||
		bytes.ContainsFunc(name, func(r rune) bool { return r < '!' || r > '~' }) {
		return nil
	}
	return name
}

// isField reports whether a field starts with this line as RFC 5322 section 2.2
// wants it today.
func isField(head []byte) bool {
	for i, c := range head {
		if c == ':' {
			return i > 0
		}
		if c < '!' || c > '~' {
			return false
		}
	}
	return false
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
