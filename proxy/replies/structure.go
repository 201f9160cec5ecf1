package replies

import (
	"bytes"
	"strings"

	"exgate/backend/wire"
)

// structureEditor repairs ENVELOPE, BODY and BODYSTRUCTURE in one FETCH response,
// fragment by fragment. All other bytes stay unchanged. If the editor does not
// understand the response, it leaves the rest of it unchanged. The zero value is
// ready for the first fragment of a response.
//
// The repairs, by the quirks of docs/exchange.md:
//
//	EX-24  a disposition that is a bare string becomes a list
//	EX-40  a string that is no disposition ("S/MIME Encrypted Message") becomes NIL
//	EX-41  an encoding that is NIL becomes "7BIT"
//	EX-29  blanks between the addresses of a list are removed
//
// A fragment without a repair is not copied.
//
// The editor scans the elements of nested lists: strings, atoms, literals and
// lists. An element that may need a repair is pending until its end is known.
type structureEditor struct {
	stack   []structureList // the lists that are open, the innermost last
	mode    structureMode
	word    []byte // the beginning of the current element, from earlier fragments
	pending []byte // the pending element, from earlier fragments
	gaveUp  bool   // the editor does not understand the response
	repairs int    // in this response so far

	// The current fragment.
	p         []byte
	out       []byte // the edited text of p[:copied]
	copied    int
	start     int // index in p of the current element
	pendingAt int // index in p of the pending element; -1: none
}

// structureMode says which part of the syntax the next byte belongs to.
type structureMode int

const (
	betweenElements structureMode = iota
	inAtom
	inBrackets // in the section of an item's name, as BODY[...]
	inQuoted
	inQuotedEscape // after a backslash
	inAnnounced    // in "{n}", its line end and the literal
	inBlanks       // between addresses
)

// maxStructureDepth is the number of lists that may be nested. Exchange nests
// messages less deeply (docs/exchange.md#ex-37).
const maxStructureDepth = 200

// reset prepares the editor for another response. It keeps the memory.
func (e *structureEditor) reset() {
	*e = structureEditor{stack: e.stack[:0], word: e.word[:0], pending: e.pending[:0], out: e.out[:0]}
}

// edit returns the text that the client gets for the fragment. The text is valid
// until the next call. same reports whether the text is the fragment itself.
func (e *structureEditor) edit(f wire.Fragment) (text []byte, same bool) {
	e.p, e.out, e.copied, e.start, e.pendingAt = f.Data, e.out[:0], 0, 0, -1
	switch {
	case e.gaveUp:
		return f.Data, true
	case f.Literal:
		if e.mode == inAnnounced {
			return f.Data, true
		}
		e.gaveUp = true // the syntax allows no literal here
		e.keepPending()
		return e.result()
	}
	i := 0
	if len(e.stack) == 0 { // "* 12 FETCH "
		i = bytes.IndexByte(e.p, '(') + 1
		if i == 0 {
			e.gaveUp = true
			return f.Data, true
		}
		e.stack = append(e.stack, structureList{kind: itemsList})
	} else if e.mode == inAnnounced {
		e.mode = betweenElements // the literal is over
		e.endElement(0)
	}
	if len(e.pending) > 0 {
		e.pendingAt = 0
	}
	for i < len(e.p) && !e.gaveUp {
		i = e.scan(i)
		e.gaveUp = e.gaveUp || len(e.stack) == 0
	}
	if e.gaveUp || f.Last {
		e.keepPending()
	}
	e.carryOver()
	return e.result()
}

// result returns the edited text of the current fragment.
func (e *structureEditor) result() (text []byte, same bool) {
	if e.copied == 0 && len(e.out) == 0 {
		return e.p, true
	}
	e.out = append(e.out, e.p[e.copied:]...)
	return e.out, false
}

// carryOver keeps the current and the pending element for the next fragment.
func (e *structureEditor) carryOver() {
	if begun := e.p[e.start:]; !e.gaveUp && e.mode != betweenElements && len(e.word) < maxWord {
		e.word = append(e.word, begun[:min(len(begun), maxWord)]...)
	}
	if e.pendingAt < 0 {
		return
	}
	e.pending = append(e.pending, e.p[e.pendingAt:]...)
	e.replace(len(e.p), "")
	if len(e.pending) > maxPending {
		e.out = append(e.out, e.pending...)
		e.pending = e.pending[:0]
	}
}

const (
	maxPending = 1024 // bytes; a disposition is shorter
	maxWord    = 64   // bytes; the editor compares with shorter words only
)

// keepPending leaves the pending element, if any, without a repair.
func (e *structureEditor) keepPending() {
	if len(e.pending) > 0 {
		e.out = append(e.out, e.pending...)
		e.pending = e.pending[:0]
	}
	e.pendingAt = -1
}

// replace puts text in place of the pending element, which ends at i.
func (e *structureEditor) replace(i int, text string) {
	e.out = append(append(e.out, e.p[e.copied:e.pendingAt]...), text...)
	e.copied, e.pendingAt = i, -1
}

// insert puts text before index i.
func (e *structureEditor) insert(i int, text string) {
	e.pendingAt = i
	e.replace(i, text)
}

// scan goes on from index i, at most to the end of an element. It returns the index
// of the next byte.
func (e *structureEditor) scan(i int) int {
	p := e.p
	switch e.mode {
	case inQuoted:
		for ; i < len(p); i++ {
			switch p[i] {
			case '"':
				e.mode = betweenElements
				e.endElement(i + 1)
				return i + 1
			case '\\':
				e.mode = inQuotedEscape
				return i + 1
			case '\n':
				e.gaveUp = true
				return i
			}
		}
		return i
	case inQuotedEscape:
		e.mode = inQuoted
		e.gaveUp = e.p[i] == '\n'
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
				e.endElement(i)
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
		if list := e.top(); e.mode != inBlanks && list.kind == addressList && list.count > 0 && list.isAddresses {
			e.mode, e.start, e.pendingAt = inBlanks, i, i // removed if another address follows
		}
		return i + 1
	case '(':
		if e.mode == inBlanks && e.pendingAt >= 0 {
			e.pending = e.pending[:0]
			e.replace(i, "")
			e.repairs++
		}
		e.mode = betweenElements
		e.openList()
	case ')':
		e.keepPending()
		e.mode = betweenElements
		e.stack = e.stack[:len(e.stack)-1]
		if len(e.stack) > 0 {
			e.start, e.word = i, e.word[:0]
			e.endElement(i + 1)
		}
	case '\r', '\n':
		e.gaveUp = true // the line ends inside a list
		return i
	default:
		e.keepPending()
		e.beginElement(i)
	}
	return i + 1
}

// top returns the innermost open list.
func (e *structureEditor) top() *structureList { return &e.stack[len(e.stack)-1] }

// beginElement begins the string, atom or literal at index i.
func (e *structureEditor) beginElement(i int) {
	list := e.top()
	list.count++
	list.isAddresses = false
	e.start, e.word = i, e.word[:0]
	switch c := e.p[i]; {
	case c == '{' || c == '~':
		if c == '{' && list.isDisposition() {
			e.insert(i, "(")
			e.repairs++
		}
		e.mode = inAnnounced
		return
	case c == '"':
		e.mode = inQuoted
	default:
		e.mode = inAtom
	}
	if list.isDisposition() || list.isEncoding() {
		e.pendingAt = i
	}
}

// openList begins a list. The list around it decides what kind of list it is.
func (e *structureEditor) openList() {
	if len(e.stack) == maxStructureDepth {
		e.gaveUp = true
		return
	}
	list := e.top()
	list.count++
	kind := otherList
	switch {
	case list.kind == itemsList:
		kind = list.value
	case list.kind == envelopeList && list.count >= 3 && list.count <= 8:
		kind = addressList
	case list.kind == bodyList && (list.count == 1 || list.isMultipart && list.count == list.parts+1):
		list.isMultipart = true
		list.parts++
		kind = bodyList
	case list.kind == bodyList && list.media == mediaMessage && list.count == 8:
		list.hasEnvelope = true
		kind = envelopeList
	case list.kind == bodyList && list.hasEnvelope && list.count == 9:
		kind = bodyList
	}
	e.stack = append(e.stack, structureList{kind: kind, isAddresses: kind == addressList})
}

// endElement ends the current element at index i, and repairs it if necessary.
func (e *structureEditor) endElement(i int) {
	list := e.top()
	switch {
	case list.kind == itemsList:
		list.value = otherList
		if list.count%2 == 1 {
			list.value = valueKind(e.element(i))
		}
	case list.kind != bodyList:
	case !list.isMultipart && list.count == 1:
		list.media = mediaOfType(e.element(i))
	case list.media == mediaMessageAny && list.count == 2:
		list.media = mediaOfSubtype(e.element(i))
	case list.isDisposition():
		e.repairDisposition(i)
	case list.isEncoding() && e.pendingAt >= 0 && bytes.EqualFold(e.element(i), []byte("NIL")):
		e.pending = e.pending[:0]
		e.replace(i, `"7BIT"`)
		e.repairs++
	}
	e.keepPending()
}

// element returns the current element, which ends at index i. If the element is
// longer than maxWord bytes and comes from several fragments, bytes in its middle
// may be missing.
func (e *structureEditor) element(i int) []byte {
	if len(e.word) > 0 {
		e.word = append(e.word, e.p[:i]...)
		return e.word
	}
	return e.p[e.start:i]
}

// repairDisposition ends a bare disposition at index i: it puts the string into a
// list, or replaces it by NIL if it is no type of disposition.
func (e *structureEditor) repairDisposition(i int) {
	if len(e.word) > 0 && e.word[0] == '{' { // the parenthesis and the literal have passed
		e.insert(i, " NIL)")
		return
	}
	if e.pendingAt < 0 || e.element(i)[0] != '"' {
		return
	}
	text := string(append(e.pending, e.p[e.pendingAt:i]...))
	switch {
	case isToken(text[1 : len(text)-1]):
		text = "(" + text + " NIL)"
	default:
		text = "NIL"
	}
	e.pending = e.pending[:0]
	e.replace(i, text)
	e.repairs++
}

// isToken reports whether s is a token (RFC 2045 section 5.1), as a type of
// disposition must be.
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?=`, c) >= 0 {
			return false
		}
	}
	return s != ""
}
