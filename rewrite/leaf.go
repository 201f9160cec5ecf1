package rewrite

import (
	"errors"
	"math"
	"strings"
)

// content decides what becomes of a range between headers.
func (p *planner) content(c content) error {
	switch c.kind {
	case leaf:
		return p.leaf(c)
	case surplus:
		return p.attachments(c)
	}
	if c.over.count == 0 {
		return nil
	}
	if !p.isOn(fixLongLines) {
		p.leave(c)
		return nil
	}
	switch c.kind {
	case opaque:
		return &RefusedError{fixes[fixLongLines].name, tooDeep}
	case fixed:
		p.leave(c)
		return nil
	}
	if p.spares(c) {
		return nil
	}
	var err error
	if c.kind == gap {
		limit := p.options.LineLimit
		err = p.recode(c, fixLongLines, wrapper{limit, limit, c.enclosing}.recode)
	} else {
		err = p.add(fixes[fixLongLines].name, edit{span: c.span})
	}
	p.count(fixLongLines, 1)
	if c.sealed {
		p.sealedChanged(nil)
	}
	return err
}

// leaf decides on the body of a part.
func (p *planner) leaf(c content) error {
	why, err := p.faults(c)
	if err != nil {
		return err
	}
	p.noteAttachment(c)
	if _, out := p.detach[c.header.start]; out {
		return p.takeOut(c)
	}
	if len(why) == 0 {
		if c.over.count > 0 {
			p.leave(c) // long-lines is off
		}
		return nil
	}
	if p.spares(c) {
		return nil
	}
	for _, fix := range why {
		p.count(fix, 1)
	}
	if c.sealed {
		p.sealedChanged(c.header)
	}
	if charset := p.betterCharset; charset != "" {
		p.betterCharset = ""
		if err := p.setCharset(c.header, charset); err != nil {
			return err
		}
		if name, _, _ := findCharset(c.mediaType.charset); name == "utf-7" && !c.asFile {
			return p.unshiftUTF7(c)
		}
		if len(why) == 1 {
			return nil
		}
	}
	return p.reencode(c, why[len(why)-1])
}

// faults are the fixes that the body needs.
func (p *planner) faults(c content) (why []fixID, err error) {
	p.betterCharset = ""
	if p.isOn(fixEncodedWords) && c.mediaType.isText() {
		if p.betterCharset, err = p.charsetFor(c); err != nil {
			return nil, err
		}
		if p.betterCharset != "" {
			why = append(why, fixEncodedWords)
		}
	}
	if c.over.count > 0 && p.isOn(fixLongLines) {
		why = append(why, fixLongLines)
	}
	if c.asFile {
		why = append(why, c.fileFix)
	}
	if !c.isEncoded() && (p.keptData || p.isOn(fixEightBit)) {
		f, err := scan(p.section(c.start, c.end), c.end-c.start, 0, p.buffer(1))
		if err != nil {
			return nil, err
		}
		switch {
		case p.keptData && f.nul > 0 && p.isOn(fixNULBytes):
			why = append(why, fixNULBytes)
		case p.keptData && f.hasBare() && p.isOn(fixLineEndings):
			why = append(why, fixLineEndings)
		case f.eightBit > 0 && p.isOn(fixEightBit):
			why = append(why, fixEightBit)
		}
	}
	if c.isEncoded() && p.isOn(fixBrokenEncoding) {
		sound, err := p.decodes(c)
		if err != nil {
			return nil, err
		}
		if !sound {
			why = append(why, fixBrokenEncoding)
		}
	}
	return why, nil
}

// reencode gives the body another form, for the fix of that id.
func (p *planner) reencode(c content, why fixID) error {
	limit := p.options.LineLimit
	switch {
	case c.encoding == "base64" && why == fixBrokenEncoding:
		return p.recodeEncoded(c, why, rebase64)
	case c.encoding == "base64":
		// Line ends mean nothing there (RFC 2045 section 6.8), so more of them
		// change nothing, even where the base64 is broken.
		if c.over.count == 0 {
			return nil // it only becomes a file
		}
		return p.recode(c, why, wrapper{limit, base64Line, c.enclosing}.recode)
	case c.encoding == "quoted-printable" && why == fixBrokenEncoding:
		return p.recodeEncoded(c, why, quotedPrintableWrapper{limit: -1}.recode)
	case c.encoding == "quoted-printable":
		if c.over.count == 0 {
			return nil
		}
		return p.recodeEncoded(c, why, quotedPrintableWrapper{limit}.recode)
	}
	lineBased := c.mediaType.isText() && !c.mediaType.isWide() && isIdentity(c.encoding) && !c.asFile &&
		why != fixNULBytes && why != fixLineEndings
	if lineBased && why == fixLongLines && p.options.LongLines == LongLinesWrap {
		return p.recode(c, why, wrapper{limit, limit, c.enclosing}.recode)
	}
	// The last line end of the message is no part's; base64 wants one there.
	base64 := base64Encoder{endLine: c.end == p.length}
	body := edit{span: c.span, whole: true, recode: base64.recode, size: base64.size(c.end - c.start)}
	encoding := "base64"
	if lineBased {
		most := body.size
		if c.header.odd {
			most = math.MaxInt64 // a reader may have the body begin in the header
		}
		size, err := measure(quotedPrintable, p.section(c.start, c.end), most)
		if err != nil && !errors.Is(err, errTooLarge) {
			return err
		}
		if err == nil {
			body.recode, body.size = quotedPrintable, size
			encoding = "quoted-printable"
		}
	}
	if err := p.setEncoding(c.header, c.encoding, encoding); err != nil {
		return err
	}
	return p.add(fixes[why].name, body)
}

// recodeEncoded gives a body in base64 or quoted-printable the same encoding anew. The
// header then names it so that every reader takes the body for it: "quoted-printable;"
// is no encoding to some, who show the codes.
func (p *planner) recodeEncoded(c content, why fixID, r recoding) error {
	h := c.header
	name := strings.Trim(string(h.encoding.text), " \t")
	if len(h.encodings) > 1 || !strings.EqualFold(name, c.encoding) {
		if err := p.setEncoding(h, c.encoding, c.encoding); err != nil {
			return err
		}
	}
	return p.recode(c, why, r)
}

// recode adds an edit that keeps the encoding's name.
func (p *planner) recode(c content, fix fixID, r recoding) error {
	size, err := measure(r, p.section(c.start, c.end), math.MaxInt64)
	if err != nil {
		return err
	}
	return p.add(fixes[fix].name, edit{span: c.span, recode: r, size: size})
}
