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
	isList bool
	list   []element
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
	edits []structureEdit
	lists []element // the elements of lists that have ended
	open  []element // those of lists that have not
}

// closed returns the elements of a list that has ended, which are open from an index on.
func (m *elementMemory) closed(from int) []element {
	at := len(m.lists)
	m.lists = append(m.lists, m.open[from:]...)
	return slices.Clip(m.lists[at:])
}

// skipBlanks returns the index of the first byte from at on that is no blank.
func (r *structureRepair) skipBlanks(at int) int {
	for at < len(r.p) && r.p[at] == ' ' {
		at++
	}
	return at
}

// element reads the element that begins at r.p[at]. isName says that it is the name of an
// item, such as BODY[HEADER.FIELDS (DATE)]. next is the index after the element.
func (r *structureRepair) element(at, depth int, isName bool) (e element, next int, state elementState) {
	if at == len(r.p) {
		return e, at, elementCut
	}
	switch c := r.p[at]; {
	case c == '(':
		return r.listAt(at, depth)
	case c == '"':
		return r.quotedAt(at)
	case c == '{', c == '~' && at+1 < len(r.p) && r.p[at+1] == '{':
		return r.literalAt(at)
	}
	isInside := false
	for i := at; i < len(r.p); i++ {
		switch c := r.p[i]; {
		case isInside && c != '\r' && c != '\n':
			isInside = c != ']'
		case isName && c == '[':
			isInside = true
		case c == ' ' || c == '(' || c == ')' || c == '\r' || c == '\n':
			if i == at || isInside {
				return e, at, elementBad
			}
			return element{span: span{at, i}}, i, elementWhole
		}
	}
	return e, at, elementCut
}

func (r *structureRepair) quotedAt(at int) (e element, next int, state elementState) {
	isEscaped := true
	for i := at + 1; i < len(r.p); i++ {
		switch r.p[i] {
		case '"':
			e.span = span{at, i + 1}
			switch {
			case i+1 == len(r.p) && !r.isWhole:
				return e, at, elementCut // what follows decides
			case !r.isEndOf(e):
				isEscaped = false // the quote is a part of the string
				continue
			case !isEscaped:
				r.escape(e)
			}
			return e, i + 1, elementWhole
		case '\\':
			i++
			if i < len(r.p) && r.p[i] == '\n' {
				return e, at, elementBad
			}
		case '\n':
			return e, at, elementBad
		}
	}
	return e, at, elementCut
}

// escape repairs a quoted string in which quotes have no backslash.
func (r *structureRepair) escape(e element) {
	inner := string(unescapeQuoted(r.p[e.from+1 : e.to-1]))
	r.replace(e.from, e.to, wire.Quote(inner))
}

func (r *structureRepair) literalAt(at int) (e element, next int, state elementState) {
	line := bytes.IndexByte(r.p[at:], '\n') + 1
	if line == 0 {
		return e, at, elementCut
	}
	size, err := strconv.Atoi(string(bytes.Trim(r.p[at:at+line], "~{}+\r\n")))
	switch end := at + line + size; {
	case err != nil || size < 0:
		return e, at, elementBad
	case end > len(r.p) || end == len(r.p) && !r.isWhole: // the line goes on after the literal
		return e, at, elementLiteral
	default:
		return element{span: span{at, end}}, end, elementWhole
	}
}

func (r *structureRepair) listAt(at, depth int) (e element, next int, state elementState) {
	if depth == maxStructureDepth {
		return e, at, elementBad
	}
	open := len(r.memory.open)
	defer func() { r.memory.open = r.memory.open[:open] }()
	for i := at + 1; ; {
		i = r.skipBlanks(i)
		if i < len(r.p) && r.p[i] == ')' {
			e = element{span: span{at, i + 1}, isList: true, list: r.memory.closed(open)}
			return e, e.to, elementWhole
		}
		inner, next, state := r.element(i, depth+1, false)
		if state == elementWhole && !r.isEndOf(inner) {
			state = elementBad
		}
		if state != elementWhole {
			return e, at, state
		}
		r.memory.open = append(r.memory.open, inner)
		i = next
	}
}

// isEndOf reports whether the element may end here: a list may follow a list, and nothing else
// without a blank.
func (r *structureRepair) isEndOf(e element) bool {
	return e.to == len(r.p) || r.p[e.to] == ' ' || r.p[e.to] == ')' || e.isList && r.p[e.to] == '('
}

// text returns the element as it is written.
func (r *structureRepair) text(e element) []byte { return r.p[e.from:e.to] }

// value returns the value of a quoted string, and the text of any other element.
func (r *structureRepair) value(e element) string {
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
	return bytes.EqualFold(text, []byte(word))
}

// isNil reports whether the element is NIL.
func (r *structureRepair) isNil(e element) bool { return bytes.EqualFold(r.text(e), []byte("NIL")) }

// isQuoted reports whether the element is a quoted string.
func (r *structureRepair) isQuoted(e element) bool { return r.p[e.from] == '"' }

// isLiteral reports whether the element is a literal.
func (r *structureRepair) isLiteral(e element) bool { return r.p[e.from] == '{' || r.p[e.from] == '~' }

// isString reports whether the element is a quoted string or a literal.
func (r *structureRepair) isString(e element) bool { return r.isQuoted(e) || r.isLiteral(e) }
