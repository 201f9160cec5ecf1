package rewrite

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

const ruleLongLines = "long-lines"

// longLines re-encodes the leaf parts that have a body line over the limit, or
// cuts such lines. Only what cannot hold long lines is touched: the part's
// body and the fields that name its encoding.
func longLines(p *Plan, o Options) error {
	if o.LineLimit == 0 {
		return nil
	}
	over, err := overLimit(p.message, p.length, o.LineLimit, p.buffer())
	if err != nil || over.count == 0 {
		return err
	}
	p.report.LongestLine = over.longest

	f := longLinesFix{Plan: p, options: o}
	w := walker{lines: newLines(p.message, p.length, p.buffer()), limit: int64(o.LineLimit), visit: f.repair}
	if _, err := w.entity(nil, true, 1); err != nil {
		return err
	}
	p.exceeds("header-line", w.headers, o.LineLimit)
	p.exceeds("body-line", f.left, o.LineLimit)
	return nil
}

// longLinesFix adds the edits of long-lines to the plan.
type longLinesFix struct {
	*Plan
	options Options
	left    tally // body lines that stay too long
}

func (f *longLinesFix) repair(c content) error {
	if c.over.count == 0 {
		return nil
	}
	switch f.options.LongLines {
	case LongLinesRecode, LongLinesWrap:
	default:
		f.leave(c)
		return nil
	}
	var err error
	switch c.kind {
	case leaf:
		err = f.repairLeaf(c)
	case gap:
		err = f.recode(c, wrapper{f.options.LineLimit, f.options.LineLimit, c.enclosing}.recode)
	case padding:
		err = f.add(ruleLongLines, edit{start: c.start, end: c.end})
	case opaque:
		return &RefusedError{ruleLongLines,
			fmt.Sprintf("a long line lies deeper than %d levels or after %d parts", maxDepth, maxParts)}
	case fixed:
		f.leave(c)
		return nil
	}
	if err != nil {
		return err
	}
	f.count(ruleLongLines, 1)
	if c.sealed {
		f.report.Signed++
	}
	return nil
}

func (f *longLinesFix) leave(c content) {
	f.left.count += c.over.count
	f.left.longest = max(f.left.longest, c.over.longest)
}

func (f *longLinesFix) repairLeaf(c content) error {
	limit := f.options.LineLimit
	switch c.encoding {
	case "base64":
		// Line ends mean nothing there (RFC 2045 section 6.8), so more of them
		// change nothing, even where the base64 is broken.
		return f.recode(c, wrapper{limit, base64Line, c.enclosing}.recode)
	case "quoted-printable":
		return f.recode(c, quotedPrintableWrapper{limit}.recode)
	}
	lineBased := c.mediaType.isText() && !c.mediaType.isWide() && isIdentity(c.encoding)
	if lineBased && f.options.LongLines == LongLinesWrap {
		return f.recode(c, wrapper{limit, limit, c.enclosing}.recode)
	}

	// The last line end of the message is no part's; base64 wants one there.
	base64 := base64Encoder{endLine: c.end == f.length}
	body := edit{start: c.start, end: c.end, recode: base64.recode, size: base64.size(c.end - c.start)}
	encoding := "base64"
	if lineBased {
		most := body.size
		if c.header.odd {
			most = math.MaxInt64 // a reader may have the body begin in the header
		}
		size, err := measure(quotedPrintable, f.section(c.start, c.end), most)
		if err != nil && !errors.Is(err, errTooLarge) {
			return err
		}
		if err == nil {
			body.recode, body.size = quotedPrintable, size
			encoding = "quoted-printable"
		}
	}
	if err := f.setEncoding(c, encoding); err != nil {
		return err
	}
	return f.add(ruleLongLines, body)
}

// recode adds an edit that keeps the encoding's name.
func (f *longLinesFix) recode(c content, r recoding) error {
	size, err := measure(r, f.section(c.start, c.end), math.MaxInt64)
	if err != nil {
		return err
	}
	return f.add(ruleLongLines, edit{start: c.start, end: c.end, recode: r, size: size})
}

// setEncoding puts the name of the new encoding in the header.
func (f *longLinesFix) setEncoding(c content, encoding string) error {
	fields := c.header.encodings
	if len(fields) > maxEncodings {
		return &RefusedError{ruleLongLines,
			fmt.Sprintf("a part has more than %d Content-Transfer-Encoding fields", maxEncodings)}
	}
	var missing strings.Builder
	if c.ofMessage && !c.header.mimeVersion {
		// Without it the encoding has no meaning (RFC 2045 section 4). A missing
		// Content-Type needs no mention: text/plain is what that means.
		missing.WriteString("MIME-Version: 1.0\r\n")
	}
	field := "Content-Transfer-Encoding: " + encoding + "\r\n"
	// One that is over the limit stays, under another name, as all long header
	// lines do.
	replace := len(fields) > 0 && isIdentity(c.encoding) && fields[0].end-fields[0].start <= int64(f.options.LineLimit)
	if !replace {
		missing.WriteString(field)
	}
	if missing.Len() > 0 {
		if err := f.add(ruleLongLines, edit{start: c.header.room, end: c.header.room, text: missing.String()}); err != nil {
			return err
		}
	}
	for i, old := range fields {
		var err error
		if i == 0 && replace {
			err = f.add(ruleLongLines, edit{start: old.start, end: old.end, text: field})
		} else {
			// An encoding that we do not know is kept under another name, and so
			// are further ones, which some reader might go by.
			err = f.disable(ruleLongLines, old.start, old.length, f.options.LineLimit)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// isIdentity tells whether the encoding leaves the bytes as they are (RFC 2045
// section 6.2). A body in an unknown encoding is data, whatever its type
// (section 6.4).
func isIdentity(encoding string) bool {
	switch encoding {
	case "", "7bit", "8bit", "binary":
		return true
	}
	return false
}
