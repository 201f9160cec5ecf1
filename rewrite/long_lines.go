package rewrite

import (
	"fmt"
	"slices"
)

// long-lines re-encodes the leaf parts that have a body line over the limit,
// or cuts such lines (quirk EX-05; RFC 2045 section 6). Only what cannot hold
// long lines is touched: the part's body and the fields that name its encoding.
// leaf.go decides on the parts; here is what changes in their headers.

// tooDeep is why a line is refused that the walk does not come to.
var tooDeep = fmt.Sprintf("a long line lies deeper than %d levels or after %d parts", maxDepth, maxParts)

// setEncoding puts the name of the new encoding of a body in its header.
func (p *planner) setEncoding(h *header, old, encoding string) error {
	rule := fixes[fixLongLines].name
	if len(h.encodings) > maxEncodings {
		return &RefusedError{rule, fmt.Sprintf("a part has more than %d Content-Transfer-Encoding fields",
			maxEncodings)}
	}
	missing := ""
	if h.ofMessage && !h.mimeVersion {
		// Without it the encoding has no meaning (RFC 2045 section 4). A missing
		// Content-Type needs no mention: text/plain is what that means.
		missing = "MIME-Version: 1.0\r\n"
		h.mimeVersion = true
	}
	// A field that is over the limit stays, under another name, as all long
	// header lines do.
	replace := len(h.encodings) > 0 && (isIdentity(old) || old == encoding) &&
		(p.options.LineLimit == 0 || h.encodings[0].size() <= int64(p.options.LineLimit))
	if !replace {
		missing += "Content-Transfer-Encoding: " + encoding + "\r\n"
	}
	if err := p.addFields(h, rule, missing); err != nil {
		return err
	}
	for i, f := range h.encodings {
		if i == 0 && replace {
			f.value = new(" " + encoding)
		} else {
			// An encoding that we do not know is kept under another name, and so
			// are further ones, which some reader might go by.
			f.prefix = "X-"
		}
		if !slices.Contains(h.held, f) {
			h.held = append(h.held, f)
		}
	}
	return nil
}

// addFields puts fields at the end of a header.
func (p *planner) addFields(h *header, rule, fields string) error {
	if fields == "" {
		return nil
	}
	if err := p.mendFirst(h); err != nil {
		return err
	}
	// A field that was written anew has its line end.
	written := func(e edit) bool { return e.start < e.end && e.end == h.room }
	if h.unended && h.room == p.length && !slices.ContainsFunc(p.edits, written) {
		fields = "\r\n" + fields
	}
	return p.add(rule, edit{span: span{h.room, h.room}, text: fields, fields: true})
}

// isIdentity reports whether the encoding leaves the bytes as they are (RFC 2045
// section 6.2). A body in an unknown encoding is data, whatever its type
// (section 6.4).
func isIdentity(encoding string) bool {
	switch encoding {
	case "", "7bit", "8bit", "binary":
		return true
	}
	return false
}

// namesEncoding reports whether the field has the name of an encoding that the
// body depends on, whatever else is in it.
func (f *field) namesEncoding(value string) bool {
	name := encodingName(value)
	return f.is("Content-Transfer-Encoding") && (isIdentity(name) || name == "base64" || name == "quoted-printable")
}
