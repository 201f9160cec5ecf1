package replies

import (
	"bytes"
	"slices"

	"exgate/backend/wire"
)

// structureEditor repairs ENVELOPE, BODY, BODYSTRUCTURE and RFC822.SIZE in one FETCH response.
// All other bytes stay unchanged. If the editor does not understand the response, it leaves the
// rest of it unchanged. The zero value is ready for the first fragment of a response.
//
// It reads the items of the response one by one. A value that is not complete yet is held until it
// is; the texts of messages pass. structureRepair makes the repairs.
type structureEditor struct {
	held    []byte // the beginning of an item that is not complete
	begun   bool   // "* 12 FETCH (" has passed
	passes  bool   // the rest of the response passes: it is not understood, or the list of items has ended
	literal bool   // the fragments of a literal pass, until the line after it
	repairs int    // in this response so far
	tries   int    // how often what is held has been read in vain
	tried   int    // its length at the last try
	out     []byte
	memory  elementMemory
}

// maxTries is how often held text is read again as soon as there is more of it. Then it is read
// when it has doubled, so that the work grows with the length only.
const maxTries = 16

// maxHeldStructure is the longest value that is held. 250 parts, the most that Exchange takes, have
// structures of 60 KB.
const maxHeldStructure = 512 << 10

// reset prepares the editor for another response. It keeps the memory.
func (e *structureEditor) reset() {
	kept := structureEditor{held: e.held[:0], out: e.out[:0], memory: e.memory}
	if cap(e.held) > maxKeptStructure {
		kept = structureEditor{}
	}
	*e = kept
}

// maxKeptStructure is the memory that an editor keeps between two responses.
const maxKeptStructure = 64 << 10

// hasNegative reports whether text may have a size that is wrong, as in "RFC822.SIZE -1".
func hasNegative(text []byte) bool {
	for at := bytes.IndexByte(text, '-'); at >= 0; at = bytes.IndexByte(text, '-') {
		if at > 0 && text[at-1] == ' ' {
			return true
		}
		text = text[at+1:]
	}
	return false
}

// skip reports whether a fragment passes because it has no size that is wrong. It is asked only if
// the client asks for nothing else that would be repaired.
func (e *structureEditor) skip(f wire.Fragment) bool {
	if len(e.held) > 0 || e.passes || f.Inner || !f.Literal && hasNegative(f.Data) {
		return false
	}
	e.begun = true
	return true
}

// edit returns the text that the client gets for the fragment. The text is valid until the next
// call. same reports whether the text is the fragment itself.
func (e *structureEditor) edit(f wire.Fragment) (text []byte, same bool) {
	switch {
	case e.passes || e.literal && f.Literal:
		return f.Data, true
	case len(e.held) > 0 || f.Literal: // the literal belongs to what is held
		e.held = append(e.held, f.Data...)
		text = e.held
	default:
		text = f.Data
	}
	e.literal = false
	tooEarly := f.Literal || e.tries > maxTries && len(text) < 2*e.tried
	if tooEarly && !f.Last && len(text) <= maxHeldStructure {
		return nil, false
	}
	e.memory.lists = e.memory.lists[:0]
	r := structureRepair{p: text, isWhole: f.Last, memory: &e.memory, edits: e.memory.edits[:0]}
	done := r.items(e.begun)
	e.memory.edits = r.edits
	e.begun, e.repairs = true, e.repairs+r.repairs
	switch {
	case f.Last || r.isOver || len(text)-done > maxHeldStructure:
		done, e.passes = len(text), true
	case r.isAtLiteral:
		done, e.literal = len(text), true
	}
	if len(r.edits) == 0 && done == len(f.Data) && len(e.held) == 0 {
		return f.Data, true
	}
	if e.tries, e.tried = e.tries+1, len(text); done > 0 {
		e.tries = 0
	}
	e.out = r.edited(e.out[:0], done)
	e.held = append(e.held[:0], text[done:]...)
	return e.out, false
}

// structureRepair repairs text that begins with items of a FETCH response.
//
// The repairs, by the quirks of docs/exchange.md:
//
//	EX-24  a disposition that is a bare string becomes a list
//	EX-40  a string that is no disposition ("S/MIME Encrypted Message") becomes NIL
//	EX-41  an encoding that is NIL becomes "7BIT"
//	EX-29  blanks between the addresses of a list are removed
//	EX-74  sizes and lines of -1 become 0, dispositions and parameters of NIL and bare parameters
//	       take their form, encodings are quoted, a part without a type gets one
//
// Other servers' forms (docs/exchange.md#other-structures): quotes in a string that have no
// backslash, an envelope with too few fields, and lists of addresses that are empty.
type structureRepair struct {
	p           []byte
	isWhole     bool // p ends with the response
	isAtLiteral bool // p ends with the announcement of a literal that is no part of a structure
	isOver      bool // the list of items has ended, or is not understood
	repairs     int
	edits       []structureEdit
	memory      *elementMemory
}

// structureEdit puts text in place of a part of a response.
type structureEdit struct {
	span
	text string
}

// replace notes a repair.
func (r *structureRepair) replace(from, to int, text string) {
	r.edits = append(r.edits, structureEdit{span{from, to}, text})
	r.repairs++
}

// edited appends the repaired text of p[:end] to out.
func (r *structureRepair) edited(out []byte, end int) []byte {
	slices.SortStableFunc(r.edits, func(a, b structureEdit) int { return a.from - b.from })
	at := 0
	for i, edit := range r.edits {
		switch {
		case edit.from < at || edit.from >= end: // inside what is replaced, or not complete yet
			continue
		case i+1 < len(r.edits) && edit.to > edit.from && r.edits[i+1].from == edit.from: // replaced as a whole
			continue
		}
		out = append(append(out, r.p[at:edit.from]...), edit.text...)
		at = edit.to
	}
	return append(out, r.p[at:end]...)
}

// items repairs the items of p. begun says that p does not begin with the response. It returns the
// length of what has been read and will not change.
func (r *structureRepair) items(begun bool) (done int) {
	at := 0
	if !begun {
		if at = bytes.IndexByte(r.p, '(') + 1; at == 0 { // "* 12 FETCH "
			r.isOver = r.isWhole || len(r.p) > maxHeldStructure
			return 0
		}
		done = at
	}
	for !r.isOver {
		at = r.skipBlanks(at)
		name, state := r.name(at)
		if state != elementWhole || !r.isEndOf(name) {
			r.isOver = state != elementCut // ")", or something else
			return done
		}
		kind := valueKind(r.text(name))
		value, state := r.value(name.to)
		if state == elementLiteral && kind == otherValue {
			r.isAtLiteral = true
			return len(r.p)
		}
		if state != elementWhole || !r.isEndOf(value) {
			r.isOver = state == elementBad || state == elementWhole
			return done
		}
		switch kind {
		case bodyValue:
			r.body(value)
		case envelopeValue:
			r.envelope(value)
		case sizeValue:
			r.number(value)
		}
		at, done = value.to, value.to
	}
	return done
}

// valueKindOf is the kind of the value of a FETCH item.
type valueKindOf int

const (
	otherValue valueKindOf = iota
	bodyValue
	envelopeValue
	sizeValue
)

// valueKind returns the kind of the value of a FETCH item.
func valueKind(item []byte) valueKindOf {
	switch len(item) {
	case len("BODY"), len("BODYSTRUCTURE"):
		if bytes.EqualFold(item, []byte("BODYSTRUCTURE")) || bytes.EqualFold(item, []byte("BODY")) {
			return bodyValue
		}
	case len("ENVELOPE"):
		if bytes.EqualFold(item, []byte("ENVELOPE")) {
			return envelopeValue
		}
	case len("RFC822.SIZE"):
		if bytes.EqualFold(item, []byte("RFC822.SIZE")) {
			return sizeValue
		}
	}
	return otherValue
}
