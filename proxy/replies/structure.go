package replies

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
// Repaired is, by quirks of docs/exchange.md:
//
//	EX-24  a disposition that is a bare string becomes a list
//	EX-40  one that is no disposition ("S/MIME Encrypted Message") becomes NIL
//	EX-41  an encoding that is NIL becomes "7BIT"
//	EX-29  blanks between the addresses of a list go
//
// Nothing is copied of a fragment in which nothing changes.
type structureEditor struct {
	stack []structureList
	mode  structureMode
	word  []byte // the beginning of the element at hand, of earlier fragments
	hold  []byte // what may be replaced, of earlier fragments
	lost  bool   // the response is not understood
	fixed int    // repairs so far

	// The fragment at hand.
	p     []byte
	out   []byte // what it becomes, up to from
	from  int
	start int // of the element at hand
	held  int // of what may be replaced; -1: nothing
}

type structureMode int

const (
	betweenElements structureMode = iota
	inAtom
	inBrackets // of an item's name, BODY[...]
	inQuoted
	inQuotedEscape
	inAnnounced // "{n}" and the line end behind it, then the literal
	inBlanks    // between addresses
)

// maxStructureDepth is more than Exchange nests messages (docs/exchange.md#ex-37).
const maxStructureDepth = 200

// reset prepares for another response.
func (e *structureEditor) reset() {
	*e = structureEditor{stack: e.stack[:0], word: e.word[:0], hold: e.hold[:0], out: e.out[:0]}
}

// edit returns the fragment as the client shall have it, valid until the next
// call; same tells that it is the fragment itself.
func (e *structureEditor) edit(f wire.Fragment) (text []byte, same bool) {
	e.p, e.out, e.from, e.start, e.held = f.Data, e.out[:0], 0, 0, -1
	switch {
	case e.lost:
		return f.Data, true
	case f.Literal:
		if e.mode == inAnnounced {
			return f.Data, true
		}
		e.lost = true // not where one may be: what is held back goes before it
		e.release()
		return e.result()
	}
	i := 0
	if len(e.stack) == 0 { // "* 12 FETCH "
		i = bytes.IndexByte(e.p, '(') + 1
		if i == 0 {
			e.lost = true
			return f.Data, true
		}
		e.stack = append(e.stack, structureList{kind: itemsList})
	} else if e.mode == inAnnounced {
		e.mode = betweenElements // the literal is over
		e.end(0)
	}
	if len(e.hold) > 0 {
		e.held = 0
	}
	for i < len(e.p) && !e.lost {
		i = e.take(i)
		e.lost = e.lost || len(e.stack) == 0
	}
	if e.lost || f.Last {
		e.release()
	}
	e.carry()
	return e.result()
}

// result is what the fragment at hand becomes.
func (e *structureEditor) result() (text []byte, same bool) {
	if e.from == 0 && len(e.out) == 0 {
		return e.p, true
	}
	e.out = append(e.out, e.p[e.from:]...)
	return e.out, false
}

// carry keeps for the next fragment what began in this one.
func (e *structureEditor) carry() {
	if begun := e.p[e.start:]; !e.lost && e.mode != betweenElements && len(e.word) < maxWord {
		e.word = append(e.word, begun[:min(len(begun), maxWord)]...)
	}
	if e.held < 0 {
		return
	}
	e.hold = append(e.hold, e.p[e.held:]...)
	e.replace(len(e.p), "")
	if len(e.hold) > maxHeld {
		e.out = append(e.out, e.hold...)
		e.hold = e.hold[:0]
	}
}

const (
	maxHeld = 1024 // longer than any disposition
	maxWord = 64   // more than the elements have that are looked at
)

// release gives up what might have been replaced.
func (e *structureEditor) release() {
	if len(e.hold) > 0 {
		e.out = append(e.out, e.hold...)
		e.hold = e.hold[:0]
	}
	e.held = -1
}

// replace puts text in place of what is held, which ends at i.
func (e *structureEditor) replace(i int, text string) {
	e.out = append(append(e.out, e.p[e.from:e.held]...), text...)
	e.from, e.held = i, -1
}

// insert puts text before i.
func (e *structureEditor) insert(i int, text string) {
	e.held = i
	e.replace(i, text)
}

// take reads on from i, and returns where it has come to.
func (e *structureEditor) take(i int) int {
	p := e.p
	switch e.mode {
	case inQuoted:
		for ; i < len(p); i++ {
			switch p[i] {
			case '"':
				e.mode = betweenElements
				e.end(i + 1)
				return i + 1
			case '\\':
				e.mode = inQuotedEscape
				return i + 1
			case '\n':
				e.lost = true
				return i
			}
		}
		return i
	case inQuotedEscape:
		e.mode = inQuoted
		e.lost = e.p[i] == '\n'
		return i + 1
	case inBrackets:
		n := bytes.IndexByte(e.p[i:], ']')
		if n < 0 {
			return len(e.p)
		}
		e.mode = inAtom
		return i + n + 1
	case inAnnounced:
		return len(e.p)
	case inAtom:
		for ; i < len(p); i++ {
			switch p[i] {
			case ' ', '(', ')', '\r', '\n':
				e.mode = betweenElements
				e.end(i)
				return i
			case '[':
				if e.top().kind == itemsList {
					e.mode = inBrackets
					return i + 1
				}
			}
		}
		return i
	}
	switch p[i] {
	case ' ':
		if list := e.top(); e.mode != inBlanks && list.kind == addressList && list.n > 0 && list.all {
			e.mode, e.start, e.held = inBlanks, i, i // they go if another address follows
		}
		return i + 1
	case '(':
		if e.mode == inBlanks && e.held >= 0 {
			e.hold = e.hold[:0]
			e.replace(i, "")
			e.fixed++
		}
		e.mode = betweenElements
		e.open()
	case ')':
		e.release()
		e.mode = betweenElements
		e.stack = e.stack[:len(e.stack)-1]
		if len(e.stack) > 0 {
			e.start, e.word = i, e.word[:0]
			e.end(i + 1)
		}
	case '\r', '\n':
		e.lost = true // a list that does not end
		return i
	default:
		e.release()
		e.begin(i)
	}
	return i + 1
}

func (e *structureEditor) top() *structureList { return &e.stack[len(e.stack)-1] }

// begin starts a string, an atom or a literal.
func (e *structureEditor) begin(i int) {
	list := e.top()
	list.n++
	list.all = false
	e.start, e.word = i, e.word[:0]
	switch c := e.p[i]; {
	case c == '{' || c == '~':
		if c == '{' && list.isDisposition() {
			e.insert(i, "(")
			e.fixed++
		}
		e.mode = inAnnounced
		return
	case c == '"':
		e.mode = inQuoted
	default:
		e.mode = inAtom
	}
	if list.isDisposition() || list.isEncoding() {
		e.held = i
	}
}

// open starts a list.
func (e *structureEditor) open() {
	if len(e.stack) == maxStructureDepth {
		e.lost = true
		return
	}
	list := e.top()
	list.n++
	kind := otherList
	switch {
	case list.kind == itemsList:
		kind = list.value
	case list.kind == envelopeList && list.n >= 3 && list.n <= 8:
		kind = addressList
	case list.kind == bodyList && (list.n == 1 || list.multipart && list.n == list.parts+1):
		list.multipart = true
		list.parts++
		kind = bodyList
	case list.kind == bodyList && list.media == mediaMessage && list.n == 8:
		list.envelope = true
		kind = envelopeList
	case list.kind == bodyList && list.envelope && list.n == 9:
		kind = bodyList
	}
	e.stack = append(e.stack, structureList{kind: kind, all: kind == addressList})
}

// end finishes the element at hand, which ends at i.
func (e *structureEditor) end(i int) {
	list := e.top()
	switch {
	case list.kind == itemsList:
		list.value = otherList
		if list.n%2 == 1 {
			list.value = valueOf(e.element(i))
		}
	case list.kind != bodyList:
	case !list.multipart && list.n == 1:
		list.media = typeOf(e.element(i))
	case list.media == mediaMessageSome && list.n == 2:
		list.media = subtypeOf(e.element(i))
	case list.isDisposition():
		e.disposition(i)
	case list.isEncoding() && e.held >= 0 && bytes.EqualFold(e.element(i), []byte("NIL")):
		e.hold = e.hold[:0]
		e.replace(i, `"7BIT"`)
		e.fixed++
	}
	e.release()
}

// element is the element at hand, which ends at i, or its beginning.
func (e *structureEditor) element(i int) []byte {
	if len(e.word) > 0 {
		e.word = append(e.word, e.p[:i]...)
		return e.word
	}
	return e.p[e.start:i]
}

// disposition makes a list of a bare string.
func (e *structureEditor) disposition(i int) {
	if len(e.word) > 0 && e.word[0] == '{' { // the literal has passed
		e.insert(i, " NIL)")
		return
	}
	if e.held < 0 || e.element(i)[0] != '"' {
		return
	}
	text := string(append(e.hold, e.p[e.held:i]...))
	switch {
	case isToken(text[1 : len(text)-1]):
		text = "(" + text + " NIL)"
	default:
		text = "NIL"
	}
	e.hold = e.hold[:0]
	e.replace(i, text)
	e.fixed++
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
