package rewrite

import "bytes"

// maxEncodings bounds the Content-Transfer-Encoding fields of one header. One
// is legal.
const maxEncodings = 16

// span is a range of the message's bytes.
type span struct{ start, end int64 }

// field is a header field, with its line ends.
type field struct {
	span
	length int64 // of its first line, without line end
}

// header is what the fixes need of one header section (RFC 5322 section 2.2).
// Lines that are no field (a "From " line of an mbox, a line without colon)
// are passed over: only an empty line ends the section.
type header struct {
	// room is where a field can be added: before the empty line, or before the
	// first line that is no proper field: some readers have the body begin there.
	room        int64
	contentType *value  // the first field of the name, nil if there is none
	encoding    *value  // likewise
	encodings   []field // every Content-Transfer-Encoding field
	mimeVersion bool

	lines      int    // of the section so far
	odd        bool   // there was a line that is no proper field
	open       *value // the value that a folded line goes on
	inEncoding bool   // the field that a folded line goes on is the last of encodings
}

// value is the body of a field, unfolded and cut after maxHead bytes.
type value struct{ text []byte }

func (v *value) add(b []byte) {
	v.text = append(v.text, b[:min(len(b), maxHead-len(v.text))]...)
}

// add takes the next line of the section.
func (h *header) add(l line) {
	h.lines++
	if !h.odd {
		h.room = l.end
	}
	if len(l.head) > 0 && isBlank(l.head[0]) {
		if h.open != nil {
			h.open.add(l.head)
		}
		if h.inEncoding {
			h.encodings[len(h.encodings)-1].end = l.end
		}
		return
	}
	h.open, h.inEncoding = nil, false
	fromLine := h.lines == 1 && bytes.HasPrefix(l.head, []byte("From "))
	if !h.odd && !fromLine && !isField(l.head) {
		h.odd, h.room = true, l.start
	}
	name := fieldName(l.head)
	switch {
	case bytes.EqualFold(name, []byte("MIME-Version")):
		h.mimeVersion = true
	case bytes.EqualFold(name, []byte("Content-Type")):
		if h.contentType == nil {
			h.contentType = h.newValue(l)
		}
	case bytes.EqualFold(name, []byte("Content-Transfer-Encoding")):
		if h.encoding == nil {
			h.encoding = h.newValue(l)
		}
		if len(h.encodings) <= maxEncodings {
			h.encodings = append(h.encodings, field{span{l.start, l.end}, l.length()})
			h.inEncoding = true
		}
	}
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
	i := bytes.IndexByte(head, ':')
	if i <= 0 {
		return nil
	}
	name := bytes.TrimRight(head[:i], " \t")
	if len(name) == 0 || isBlank(head[0]) {
		return nil
	}
	return name
}

// isField tells whether a field starts with this line as RFC 5322 section 2.2
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
