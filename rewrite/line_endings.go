package rewrite

import (
	"cmp"
	"io"
	"slices"
	"strings"
)

// line-endings and nul-bytes make a message that IMAP can carry: lines end in
// CRLF, and no byte is NUL (RFC 3501 section 9, CHAR8; quirk EX-09). Both are
// done by a view of the message, which all other fixes read.

// wantsView reports whether these fixes have anything to do.
func (p *planner) wantsView(found facts) bool {
	return p.isOn(fixLineEndings) && found.hasBare() || p.isOn(fixNULBytes) && found.nul > 0
}

// normalise puts a view in the place of the message and looks at that again.
func (p *planner) normalise(found facts) (facts, error) {
	var keep []keptRegion
	if found.crlf > 0 || found.bareLF > 0 {
		var err error
		if keep, err = p.keptRegions(found); err != nil {
			return facts{}, err
		}
	} // else lines end in CR alone, so that no part can be told yet
	return p.through(keep)
}

// through puts a view in the place of the message that keeps those regions.
func (p *planner) through(keep []keptRegion) (facts, error) {
	v, err := newView(p.message, p.length, keep, p.isOn(fixLineEndings), p.isOn(fixNULBytes))
	if err != nil {
		return facts{}, err
	}
	p.keptData = v.keepsData()
	p.viewed = v.bareEnds > 0 || v.wiped > 0
	p.view, p.message, p.length = v, v, v.size
	p.count(fixLineEndings, int(v.bareEnds))
	p.count(fixNULBytes, int(v.wiped))
	return scan(p.message, p.length, p.options.LineLimit, p.buffer(0))
}

// keptRegions are the headers, and the bodies that are data.
func (p *planner) keptRegions(found facts) ([]keptRegion, error) {
	var keep []keptRegion
	w := &walker{lines: newLines(p.message, p.length, p.buffer(0)), limit: 1 << 62}
	w.content = func(c content) error {
		if c.kind != leaf || c.start == c.end {
			return nil
		}
		data, err := p.isData(c, found)
		if data {
			keep = append(keep, keptRegion{c.span, asIs})
		}
		return err
	}
	w.entered = func(e *entity) error {
		keep = append(keep, keptRegion{e.header.span, asHeader})
		return nil
	}
	w.ended = func(h *header) error {
		if len(keep) == 0 || keep[len(keep)-1].start < h.start { // no body followed
			keep = append(keep, keptRegion{h.span, asHeader})
		}
		return nil
	}
	if err := w.message(); err != nil {
		return nil, err
	}
	return keep, nil
}

// isData reports whether bytes of the body are not those of text in lines: it is
// in units of two bytes, or of another type than text. Where all line ends of
// the message are bare LF, that is how it was stored, and those of other types
// are line ends too.
func (p *planner) isData(c content, found facts) (bool, error) {
	if c.isEncoded() {
		return false, nil
	}
	f, err := scan(p.section(c.start, c.end), c.end-c.start, 0, p.buffer(1))
	if err != nil || !f.hasControl() {
		return false, err
	}
	switch {
	case c.mediaType.isText() && c.mediaType.isWide(), f.nul > (c.end-c.start)/4:
		return true, nil
	case c.mediaType.isText():
		return false, nil
	}
	stored := found.crlf == 0 && f.bareCR == 0 && f.nul == 0 && !strings.EqualFold(c.encoding, "binary")
	return !stored, nil
}

// mendView is for messages of which other parts are seen through the view than
// before: what then is left as it is, though it was taken for data, is text.
// It reports whether the message must be walked again.
func (p *planner) mendView(original io.ReaderAt, size int64) (again bool, err error) {
	if !p.keptData || p.isCovered(p.view.data()) {
		return false, nil
	}
	p.restart()
	p.counts = [fixCount]int{}
	p.message, p.length = original, size
	_, err = p.through(nil)
	return true, err
}

// isCovered reports whether edits have taken all of each of the ranges, which are
// in order.
func (p *planner) isCovered(ranges []span) bool {
	taking := slices.DeleteFunc(slices.Clone(p.edits), func(e edit) bool {
		return !e.whole && e.recode != nil || e.start == e.end
	})
	slices.SortFunc(taking, func(a, b edit) int { return cmp.Compare(a.start, b.start) })
	for _, s := range ranges {
		for len(taking) > 0 && taking[0].end < s.end {
			taking = taking[1:]
		}
		if len(taking) == 0 || taking[0].start > s.start {
			return false
		}
	}
	return true
}
