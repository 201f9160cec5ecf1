package replies

import (
	"bytes"
	"slices"
	"strconv"

	"exgate/backend/wire"
)

// element is a string, an atom, a literal or a list of a FETCH response.
type element struct {
	span
	first, count int32 // the elements of a list (structureRepair.list)
	isList       bool
}

// elementState says how the reading of an element has ended.
type elementState int

const (
	elementWhole   elementState = iota
	elementCut                  // the text ends before it
	elementLiteral              // the text ends with its announcement, or in the midst of it
	elementBad                  // it is not understood
)

// maxStructureDepth is the number of lists that may be nested. Exchange nests
// messages less deeply (docs/exchange.md#ex-37).
const maxStructureDepth = 200

// elementMemory is the memory of elements and edits, which serves one response after another.
type elementMemory struct {
	edits  []structureEdit
	lists  []element  // the elements of lists that have ended
	open   []element  // those of lists that have not
	nested []openList // the lists that have not ended, each in the one before it
}

// openList is a list whose end has not been read.
type openList struct {
	from int // where it begins
	open int // the index of its first element in elementMemory.open
}

// begin notes that a list begins.
func (m *elementMemory) begin(from int) { m.nested = append(m.nested, openList{from, len(m.open)}) }

// end returns the innermost list, which ends before to.
func (m *elementMemory) end(to int) element {
	list := m.nested[len(m.nested)-1]
	m.nested = m.nested[:len(m.nested)-1]
	e := element{span: span{list.from, to}, isList: true, first: int32(len(m.lists))}
	e.count = int32(len(m.open) - list.open)
	m.lists = append(m.lists, m.open[list.open:]...)
	m.open = m.open[:list.open]
	return e
}

// list returns the elements of a list.
func (r *structureRepair) list(e element) []element {
	return slices.Clip(r.memory.lists[e.first : e.first+e.count])
}

// skipBlanks returns the index of the first byte from at on that is no blank.
func (r *structureRepair) skipBlanks(at int) int {
	for at < len(r.p) && r.p[at] == ' ' {
		at++
	}
	return at
}

// name reads the name of an item, such as BODY[HEADER.FIELDS (DATE)], that begins at r.p[at].
func (r *structureRepair) name(at int) (e element, state elementState) {
	isInside := false
	for i := at; i < len(r.p); i++ {
		switch c := r.p[i]; {
		case isInside && c != '\r' && c != '\n':
			isInside = c != ']'
		case c == '[':
			isInside = true
		case endsAtom[c]:
			if i == at || isInside {
				return e, elementBad
			}
			return element{span: span{at, i}}, elementWhole
		case i == at && (c == '"' || c == '{'):
			return e, elementBad
		}
	}
	return e, elementCut
}

// value reads the value of an item, which begins at r.p[at].
func (r *structureRepair) value(at int) (e element, state elementState) {
	m := r.memory
	m.open, m.nested = m.open[:0], m.nested[:0]
	for {
		at = r.skipBlanks(at)
		switch {
		case at == len(r.p):
			return e, elementCut
		case r.p[at] == '(':
			if len(m.nested) == maxStructureDepth {
				return e, elementBad
			}
			m.begin(at)
			at++
			continue
		case r.p[at] == ')' && len(m.nested) > 0:
			e = m.end(at + 1)
		default:
			if e, state = r.scalar(at); state != elementWhole {
				return e, state
			}
		}
		if len(m.nested) == 0 {
			return e, elementWhole
		}
		if !r.isEndOf(e) {
			return e, elementBad
		}
		m.open = append(m.open, e)
		at = e.to
	}
}

// scalar reads the string, literal or atom that begins at r.p[at].
func (r *structureRepair) scalar(at int) (e element, state elementState) {
	switch c := r.p[at]; {
	case c == '"':
		return r.quotedAt(at)
	case c == '{', c == '~' && at+1 < len(r.p) && r.p[at+1] == '{':
		return r.literalAt(at)
	}
	for i, c := range r.p[at:] {
		if !endsAtom[c] {
			continue
		}
		if i == 0 {
			return e, elementBad
		}
		return element{span: span{at, at + i}}, elementWhole
	}
	return e, elementCut
}

// endsAtom has the bytes that end an atom.
var endsAtom = [256]bool{' ': true, '(': true, ')': true, '\r': true, '\n': true}

func (r *structureRepair) quotedAt(at int) (e element, state elementState) {
	isEscaped := true
	for i := at + 1; i < len(r.p); i++ {
		switch r.p[i] {
		case '"':
			e.span = span{at, i + 1}
			switch {
			case i+1 == len(r.p) && !r.isWhole:
				return e, elementCut // what follows decides
			case !r.isEndOf(e):
				isEscaped = false // the quote is a part of the string
				continue
			case !isEscaped:
				r.escape(e)
			}
			return e, elementWhole
		case '\\':
			i++
			if i < len(r.p) && r.p[i] == '\n' {
				return e, elementBad
			}
		case '\n':
			return e, elementBad
		}
	}
	return e, elementCut
}

// escape repairs a quoted string in which quotes have no backslash.
func (r *structureRepair) escape(e element) {
	inner := string(unescapeQuoted(r.p[e.from+1 : e.to-1]))
	r.replace(e.from, e.to, wire.Quote(inner))
}

func (r *structureRepair) literalAt(at int) (e element, state elementState) {
	line := bytes.IndexByte(r.p[at:], '\n') + 1
	if line == 0 {
		return e, elementCut
	}
	size, err := strconv.Atoi(string(bytes.Trim(r.p[at:at+line], "~{}+\r\n")))
	if err != nil || size < 0 {
		return e, elementBad
	}
	if size > len(r.p) { // before the sum, which may be too large for an int
		return e, elementLiteral
	}
	switch end := at + line + size; {
	case end > len(r.p) || end == len(r.p) && !r.isWhole: // the line goes on after the literal
		return e, elementLiteral
	default:
		return element{span: span{at, end}}, elementWhole
	}
}

// isEndOf reports whether the element may end here: a list may follow a list, and nothing else
// without a blank.
func (r *structureRepair) isEndOf(e element) bool {
	if e.to == len(r.p) {
		return true
	}
	c := r.p[e.to]
	return c == ' ' || c == ')' || c == '(' && e.isList
}

// text returns the element as it is written.
func (r *structureRepair) text(e element) []byte { return r.p[e.from:e.to] }

// stringOf returns the value of a quoted string, and the text of any other element.
func (r *structureRepair) stringOf(e element) string {
	if !r.isQuoted(e) {
		return string(r.text(e))
	}
	return string(unescapeQuoted(r.p[e.from+1 : e.to-1]))
}

// isWord reports whether the element is a word, quoted or not, without regard to case.
func (r *structureRepair) isWord(e element, word string) bool {
	text := r.text(e)
	if r.isQuoted(e) {
		text = text[1 : len(text)-1]
	}
	return len(text) == len(word) && bytes.EqualFold(text, []byte(word))
}

// isNil reports whether the element is NIL.
func (r *structureRepair) isNil(e element) bool {
	return e.to-e.from == len("NIL") && bytes.EqualFold(r.text(e), []byte("NIL"))
}

// isQuoted reports whether the element is a quoted string.
func (r *structureRepair) isQuoted(e element) bool { return r.p[e.from] == '"' }

// isLiteral reports whether the element is a literal.
func (r *structureRepair) isLiteral(e element) bool { return r.p[e.from] == '{' || r.p[e.from] == '~' }

// isString reports whether the element is a quoted string or a literal.
func (r *structureRepair) isString(e element) bool { return r.isQuoted(e) || r.isLiteral(e) }
