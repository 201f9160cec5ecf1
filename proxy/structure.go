package proxy

import (
	"bytes"
	"strings"

	"exgate/backend/wire"
)

// structureEditor repairs ENVELOPE, BODY and BODYSTRUCTURE in one FETCH
// response as its fragments pass, and touches nothing else. What it cannot
// follow it leaves alone, to the end of the response. The zero value is ready
// for a response's first fragment.
//
// Repaired is, by rows of section 5 of the behaviour notes:
//
//	11  a disposition that is a bare string becomes a list, or NIL where it is
//	    no disposition ("S/MIME Encrypted Message")
//	12  an encoding that is NIL becomes "7BIT"
//	13  blanks between the addresses of a list go
type structureEditor struct {
	out   []byte
	stack []structureList
	mode  structureMode
	hold  []byte // an element that may be replaced, so far
	held  bool   // the element at hand is kept in hold
	word  []byte // the beginning of the element at hand
	lost  bool   // the response is not understood
	fixed int    // repairs so far
}

type structureMode int

const (
	betweenElements structureMode = iota
	inAtom
	inBrackets // of an item's name, BODY[...]
	inQuoted
	inQuotedEscape
	inAnnounced // "{n}" and the line end behind it, then the literal
)

// maxStructureDepth is more than Exchange nests messages (behaviour notes §4.4).
const maxStructureDepth = 200

// edit returns the fragment as the client shall have it, valid until the next
// call.
func (e *structureEditor) edit(f wire.Fragment) []byte {
	e.out = e.out[:0]
	switch {
	case e.lost:
		return f.Data
	case f.Literal:
		if e.mode != inAnnounced { // not where one may be: what is held back goes before it
			e.lost = true
			e.flush()
			e.out = append(e.out, f.Data...)
			return e.out
		}
		return f.Data
	}
	p := f.Data
	if len(e.stack) == 0 { // "* 12 FETCH "
		start := bytes.IndexByte(p, '(')
		if start < 0 {
			e.lost = true
			return p
		}
		e.out = append(e.out, p[:start+1]...)
		e.stack = append(e.stack, structureList{kind: itemsList})
		p = p[start+1:]
	} else if e.mode == inAnnounced {
		e.mode = betweenElements // the literal is over
		e.end()
	}
	for i := 0; i < len(p) && !e.lost; i++ {
		e.take(p[i])
		if e.lost || len(e.stack) == 0 { // the rest goes as it is
			e.flush()
			e.out = append(e.out, p[i+1:]...)
			e.lost = true
		}
	}
	if f.Last || len(e.hold) > maxHeld {
		e.flush()
	}
	return e.out
}

// maxHeld is longer than any disposition.
const maxHeld = 1024

// flush writes what is held back, as it came.
func (e *structureEditor) flush() {
	e.out = append(e.out, e.hold...)
	e.hold, e.held = e.hold[:0], false
}

func (e *structureEditor) put(c byte) {
	if e.held {
		e.hold = append(e.hold, c)
	} else {
		e.out = append(e.out, c)
	}
	if len(e.word) < maxWord {
		e.word = append(e.word, c)
	}
}

// maxWord is more than the elements have that are looked at.
const maxWord = 64

func (e *structureEditor) take(c byte) {
	switch e.mode {
	case inQuoted, inQuotedEscape:
		e.put(c)
		switch {
		case c == '\n':
			e.lost = true
		case e.mode == inQuotedEscape:
			e.mode = inQuoted
		case c == '\\':
			e.mode = inQuotedEscape
		case c == '"':
			e.mode = betweenElements
			e.end()
		}
		return
	case inBrackets:
		e.put(c)
		if c == ']' {
			e.mode = inAtom
		}
		return
	case inAnnounced:
		e.put(c)
		return
	case inAtom:
		if c != ' ' && c != '(' && c != ')' && c != '\r' && c != '\n' {
			e.put(c)
			if c == '[' && e.top().kind == itemsList {
				e.mode = inBrackets
			}
			return
		}
		e.mode = betweenElements
		e.end()
	}
	if c != ' ' && len(e.hold) > 0 { // blanks, see blank
		if c == '(' {
			e.hold = e.hold[:0]
			e.fixed++
		}
		e.flush()
	}
	switch c {
	case ' ':
		e.blank()
	case ')':
		e.out = append(e.out, c)
		e.stack = e.stack[:len(e.stack)-1]
		if len(e.stack) > 0 {
			e.word = append(e.word[:0], ')')
			e.end()
		}
	case '(':
		e.open()
	case '\r', '\n':
		e.out = append(e.out, c)
		e.lost = true // a list that does not end
	default:
		e.begin(c)
	}
}

func (e *structureEditor) top() *structureList { return &e.stack[len(e.stack)-1] }

// blank holds back a blank behind an address, which goes if another follows.
func (e *structureEditor) blank() {
	if list := e.top(); list.kind == addressList && list.n > 0 && list.all {
		e.hold = append(e.hold, ' ')
		return
	}
	e.out = append(e.out, ' ')
}

// begin starts a string, an atom or a literal.
func (e *structureEditor) begin(c byte) {
	list := e.top()
	list.n++
	list.all = false
	e.word = e.word[:0]
	literal := c == '{' || c == '~'
	if list.isDisposition() && c == '{' {
		e.out = append(e.out, '(')
		e.fixed++
	}
	e.held = !literal && (list.isDisposition() || list.isEncoding())
	e.put(c)
	switch {
	case c == '"':
		e.mode = inQuoted
	case literal:
		e.mode = inAnnounced
	default:
		e.mode = inAtom
	}
}

// open starts a list.
func (e *structureEditor) open() {
	list := e.top()
	list.n++
	kind := otherList
	switch {
	case list.kind == itemsList:
		switch list.item {
		case "BODYSTRUCTURE", "BODY":
			kind = bodyList
		case "ENVELOPE":
			kind = envelopeList
		}
	case list.kind == envelopeList && list.n >= 3 && list.n <= 8:
		kind = addressList
	case list.kind == bodyList && (list.n == 1 || list.multipart && list.n == list.parts+1):
		list.multipart = true
		list.parts++
		kind = bodyList
	case list.kind == bodyList && list.media == "message/rfc822" && list.n == 8:
		list.envelope = true
		kind = envelopeList
	case list.kind == bodyList && list.envelope && list.n == 9:
		kind = bodyList
	}
	if len(e.stack) == maxStructureDepth {
		e.lost = true
	}
	e.out = append(e.out, '(')
	e.stack = append(e.stack, structureList{kind: kind, all: kind == addressList})
}

// end finishes the element at hand, of which word is the beginning.
func (e *structureEditor) end() {
	list := e.top()
	word := string(e.word)
	switch {
	case list.kind == itemsList:
		list.item = ""
		if list.n%2 == 1 {
			list.item = strings.ToUpper(word)
		}
	case list.kind == bodyList && !list.multipart && list.n == 1:
		switch {
		case strings.EqualFold(word, `"text"`):
			list.media = "text/"
		case strings.EqualFold(word, `"message"`):
			list.media = "message/"
		case word[0] != '"':
			list.media = unknownMedia
		}
	case list.kind == bodyList && list.media == "message/" && list.n == 2:
		list.media = ""
		if strings.EqualFold(word, `"rfc822"`) {
			list.media = "message/rfc822"
		} else if word[0] != '"' {
			list.media = unknownMedia
		}
	case list.isDisposition():
		e.disposition()
	case list.isEncoding() && strings.EqualFold(string(e.hold), "NIL"):
		e.hold = append(e.hold[:0], `"7BIT"`...)
		e.fixed++
	}
	e.flush()
}

// disposition makes a list of a bare string.
func (e *structureEditor) disposition() {
	switch held := string(e.hold); {
	case len(e.word) > 0 && e.word[0] == '{': // the literal has passed
		e.out = append(e.out, " NIL)"...)
	case held == "" || held[0] != '"':
	case isToken(held[1 : len(held)-1]):
		e.hold = append(append(e.hold[:0], '('), held+" NIL)"...)
		e.fixed++
	default:
		e.hold = append(e.hold[:0], "NIL"...)
		e.fixed++
	}
}

// isToken tells whether s is a token of RFC 2045 section 5.1, as types of
// disposition are.
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?=`, c) >= 0 {
			return false
		}
	}
	return s != ""
}
