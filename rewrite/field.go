package rewrite

import (
	"bytes"
	"strings"
)

// maxField is the largest field that is looked into, in bytes with its line
// ends. Longer ones are left as they are, or refused where a line is too long.
const maxField = 1 << 20

// field is a header field with its line ends, or a line that is no field: its name
// is then empty. Fixes give it another name or another value; all of that
// becomes one edit.
type field struct {
	span
	header     *header
	name       string
	length     int64 // of its first line, without line end
	longest    int64 // of its lines
	over       tally // its lines over the limit
	eightBit   bool  // there are bytes over 127 in the first maxHead of a line
	encoded    bool  // there may be an encoded word
	blankColon bool  // there are blanks before its colon (RFC 5322 section 4.5.8)
	asText     bool  // a line without a name that may be of the text below
	kept       bool  // it is looked at again after the fields that follow

	prefix string // put before the name
	value  *string
	before string // further fields to put before it
	fixed  []fixID
}

// add takes another line of the field.
func (f *field) add(l line) {
	f.end = l.end
	f.longest = max(f.longest, l.length())
	if l.length() > f.header.limit {
		f.over.add(l.length())
	}
	f.eightBit = f.eightBit || has8bit(l.head)
	f.encoded = f.encoded || bytes.Contains(l.head, []byte("=?"))
}

func (f *field) is(name string) bool { return strings.EqualFold(f.name, name) }

func (f *field) isAny(names ...string) bool {
	for _, name := range names {
		if f.is(name) {
			return true
		}
	}
	return false
}

func (f *field) size() int64 { return f.end - f.start }

// identifies reports whether the field is one that no default may touch: by
// these, programs such as imapsync recognise a message. An envelope must do with
// what can be made of them.
func (f *field) identifies() bool {
	return f.header.ofMessage && !f.header.carried && f.isAny("Message-ID", "Date", "Received")
}

// set gives the field another value.
func (f *field) set(fix fixID, value string) {
	f.value = &value
	f.mark(fix)
}

// rename puts prefix before the field's name, so that nobody heeds it.
func (f *field) rename(fix fixID, prefix string) {
	f.prefix = prefix + f.prefix
	f.mark(fix)
}

// isBroken reports whether a fix has kept the field under a name that nobody
// heeds, so that it has no syntax any more.
func (f *field) isBroken() bool { return strings.HasPrefix(f.prefix, "X-Broken-") }

// insert puts another field before this one.
func (f *field) insert(fix fixID, name, value string) {
	if value = strings.TrimSpace(value); longestLine(fold(name, " "+value)) > f.short() {
		value = encodeText(decodeText(value), len(name)+2)
	}
	f.put(name, value)
	f.mark(fix)
}

// put puts a field before this one for a fix that changes this one, too.
func (f *field) put(name, value string) { f.before += fold(name, " "+value) }

func (f *field) mark(fix fixID) { f.fixed = append(f.fixed, fix) }

// text is the value of the field unfolded (RFC 5322 section 2.2.3), as the
// fixes before have left it, or the line that is no field. ok is false where
// it is too large to be looked into.
func (p *planner) text(f *field) (value string, ok bool, err error) {
	if f.value != nil {
		return *f.value, true, nil
	}
	if f.size() > maxField {
		return "", false, nil
	}
	raw, err := p.raw(f.span)
	if err != nil {
		return "", false, err
	}
	if f.name == "" {
		return " " + strings.TrimSpace(unfold(raw)), true, nil
	}
	_, body, _ := strings.Cut(raw, ":")
	return unfold(body), true, nil
}

// raw are the bytes of the message in a range.
func (p *planner) raw(s span) (string, error) {
	b := make([]byte, s.end-s.start)
	_, err := readAt(p.message, b, s.start, s.end)
	return string(b), err
}

// unfold takes out the line ends.
func unfold(s string) string {
	return strings.NewReplacer("\r\n", "", "\n", "", "\r", "").Replace(s)
}

// foldWidth is where lines are folded if they can be (RFC 5322 section 2.1.1).
const foldWidth = 76

// column is how many bytes the first line of the field has before the byte of
// its value at that place; 0 on the lines after it.
func (f *field) column(at int) int {
	if n := len(f.prefix) + len(f.name) + 1 + at; n < foldWidth {
		return n
	}
	return 0
}

// fold writes a field, with its line ends. A line is cut before a blank only,
// so that the value stays what it is, and no line is blank (section 3.2.2).
func fold(name, value string) string {
	var b strings.Builder
	b.WriteString(name + ":")
	column, written := len(name)+1, false
	for value != "" {
		n := len(value) - len(strings.TrimLeft(value, " \t"))
		word := value[n:]
		if i := strings.IndexAny(word, " \t"); i >= 0 {
			word = word[:i]
		}
		if n > 0 && word != "" && written && column+n+len(word) > foldWidth {
			b.WriteString("\r\n")
			column = 0
		}
		b.WriteString(value[:n+len(word)])
		column += n + len(word)
		written = written || word != ""
		value = value[n+len(word):]
	}
	b.WriteString("\r\n")
	return b.String()
}

// fieldFixes are what is done to a header field, in this order.
var fieldFixes = []struct {
	fix   fixID
	apply func(p *planner, f *field) error
}{
	{fixReadReceipt, (*planner).readReceipt},
	{fixHeaderRules, (*planner).headerRules},
	{fixEncodedWords, (*planner).encodedWords},
	{fixEightBit, (*planner).eightBitField},
	{fixReferences, (*planner).references},
	{fixSubject, (*planner).subject},
	{fixAddresses, (*planner).addresses},
	{fixFileNames, (*planner).fileNames},
}

// isHeld reports whether the fixes of the field wait until the body was read.
func (f *field) isHeld() bool {
	return f.isAny("Content-Type", "Content-Transfer-Encoding", "Content-Disposition")
}

// field applies the fixes to a field that was read, or to a line that is no field.
func (p *planner) field(f *field) error {
	if p.isOn(fixHeaderLines) && (!f.header.sealed || p.options.Signed != SignedLeave) {
		if waits, err := p.stray(f); waits || err != nil {
			return err
		}
	}
	return p.fixField(f)
}

// fixField applies all fixes of the table.
func (p *planner) fixField(f *field) error {
	for _, row := range fieldFixes {
		if !p.isOn(row.fix) || f.header.sealed && p.options.Signed == SignedLeave {
			continue
		}
		if err := row.apply(p, f); err != nil {
			return err
		}
	}
	if f.isHeld() && len(f.header.held) < maxHeld {
		f.header.held, f.kept = append(f.header.held, f), true
		return nil
	}
	return p.flush(f)
}

// maxHeld bounds the fields of one header that wait for the end of its part.
const maxHeld = 64

// release writes the fields that were held back.
func (p *planner) release(h *header) error {
	for _, f := range h.held {
		if err := p.flush(f); err != nil {
			return err
		}
	}
	h.held = nil
	return p.addFields(h, fixes[fixLongLines].name, h.added)
}

// newName is the name that the field has after the fixes. A line that was no
// field, and had to change, becomes one.
func (f *field) newName() string {
	if f.name == "" {
		return "X-Broken-Line"
	}
	return f.prefix + f.name
}

// flush makes an edit of what the fixes did to a field.
func (p *planner) flush(f *field) error {
	if err := p.longHeader(f); err != nil {
		return err
	}
	rule := fixes[fixLongLines].name // whose change of an encoding is counted by part
	for _, fix := range f.fixed {
		rule = fixes[fix].name
		p.count(fix, 1)
	}
	if len(f.fixed) > 0 && f.header.sealed {
		p.sealedChanged(f.header)
	}
	switch {
	case f.value != nil:
		return p.add(rule, edit{span: f.span, text: f.before + fold(f.newName(), *f.value)})
	case f.before+f.prefix != "":
		return p.add(rule, edit{span: span{f.start, f.start}, text: f.before + f.prefix})
	}
	return nil
}

func has8bit(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return true
		}
	}
	return false
}

// isStructured reports whether a field has a syntax of its own, in which an
// encoded word cannot stand just anywhere (RFC 2047 section 5).
func (f *field) isStructured() bool {
	return f.isAddresses() || f.hasParams() || f.identifies() ||
		f.isAny("References", "In-Reply-To", "MIME-Version", "Content-Transfer-Encoding", "Content-ID", "Return-Path",
			"DKIM-Signature", "Authentication-Results", "Content-Language", "List-Unsubscribe", "List-Post",
			"List-Help", "List-Archive")
}

// isAddresses reports whether the field lists addresses (RFC 5322 section 3.6.2,
// 3.6.3 and 3.6.6).
func (f *field) isAddresses() bool {
	return f.isAny("From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Resent-From", "Resent-Sender", "Resent-To",
		"Resent-Cc", "Resent-Bcc", "Disposition-Notification-To", "Return-Receipt-To", "Errors-To",
		"X-Disposition-Notification-To")
}

// hasParams reports whether the field has parameters (RFC 2045 section 5.1,
// RFC 2183).
func (f *field) hasParams() bool { return f.isAny("Content-Type", "Content-Disposition") }
