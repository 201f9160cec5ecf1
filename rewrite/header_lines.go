package rewrite

import "slices"

// header-lines mends lines of a header that are no field (RFC 5322 section
// 2.2), of which readers differ on whether the header ends there: a line
// without a name and a colon is kept as X-Broken-Line, blanks before a colon
// go. Where no field follows such lines, they may be the text of a message of
// which the empty line is missing, and stay as they are. The delimiter of the
// header's own parts shows that it is missing: then it is put before such lines.

// maxStrays bounds the lines without a name in a row. More of them are a text.
const maxStrays = 64

// stray reports whether a line without a name waits for what follows it, and
// mends a field with blanks before its colon.
func (p *planner) stray(f *field) (waits bool, err error) {
	h := f.header
	switch {
	case f.name == "" && !h.text:
		if len(h.strays) == maxStrays {
			mended, err := p.strays(h, false)
			if err != nil {
				return false, err
			}
			h.text = !mended
		}
		if f.asText = h.text; f.asText {
			return false, nil
		}
		h.strays, f.kept = append(h.strays, f), true
		return true, nil
	case f.name == "":
		f.asText = true
		return false, nil
	}
	if _, err := p.strays(h, true); err != nil || !f.blankColon || h.text || f.identifies() {
		return false, err
	}
	value, ok, err := p.text(f)
	if ok {
		f.set(fixHeaderLines, value)
	}
	return false, err
}

// strays is done with the lines that wait: they are mended where a field
// follows, and where one of them is too long to stay as it is.
func (p *planner) strays(h *header, followed bool) (mended bool, err error) {
	waiting := h.strays
	h.strays = nil
	if h.begun.of != nil && !followed {
		if err := p.endHeader(h, waiting); err != nil {
			return false, err
		}
	}
	isLong := func(f *field) bool { return f.over.count > 0 }
	mended = followed || p.isOn(fixLongHeaders) && slices.ContainsFunc(waiting, isLong)
	for _, f := range waiting {
		value, ok, err := p.text(f)
		if err != nil {
			return false, err
		}
		if ok && mended {
			f.set(fixHeaderLines, value)
		}
		f.asText = !mended
		if err := p.fixField(f); err != nil {
			return false, err
		}
		if f.start == h.start && f.value == nil {
			h.first = f
		}
	}
	return mended, nil
}

// endHeader puts the empty line that is missing before the parts of a multipart, and
// before the lines that wait, which are text before the first of them.
func (p *planner) endHeader(h *header, waiting []*field) error {
	left := h.sealed && p.options.Signed == SignedLeave
	if h.closed || h.text || left || !p.isOn(fixHeaderLines) {
		return nil
	}
	h.closed = true
	at := h.end
	if len(waiting) > 0 {
		at = waiting[0].start
	}
	if p.count(fixHeaderLines, 1); h.sealed {
		p.sealedChanged(h)
	}
	return p.add(fixes[fixHeaderLines].name, edit{span: span{at, at}, text: "\r\n"})
}

// mendFirst mends a first line that was left as it is, since a field comes
// behind it.
func (p *planner) mendFirst(h *header) error {
	f := h.first
	if h.first = nil; f == nil || h.room <= f.start {
		return nil
	}
	value, ok, err := p.text(f)
	if !ok || err != nil {
		return err
	}
	f.asText = false
	f.set(fixHeaderLines, value)
	return p.fixField(f)
}
