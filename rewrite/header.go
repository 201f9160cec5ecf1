package rewrite

import "bytes"

// maxEncodings bounds the Content-Transfer-Encoding fields of one header. One
// is legal.
const maxEncodings = 16

// span is a range of the message's bytes.
type span struct{ start, end int64 }

// header is what the fixes need of one header section (RFC 5322 section 2.2).
// Lines that are no field (a "From " line of an mbox, a line without colon)
// are passed over: only an empty line ends the section.
type header struct {
	end         int64  // where the empty line starts
	contentType *value // the first field of the name, nil if there is none
	encoding    *value // likewise
	encodings   []span // every Content-Transfer-Encoding field with its line end
	mimeVersion bool

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
			h.encodings = append(h.encodings, span{l.start, l.end})
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

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
