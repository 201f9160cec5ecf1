package rewrite

import "strings"

// element is an address with its name, or the name of a group (RFC 5322 section
// 3.4), with the blanks around it.
type element struct {
	tokens    []token
	separator string // that ends it: "," or ";", after a group's name ":", and "" at the end
}

// addressElements cuts a list of addresses where one ends. There is one element
// at least.
func addressElements(value string) []element {
	var elements []element
	var e element
	for _, t := range addressTokens(value) {
		if t.kind == tokenPunct {
			e.separator = t.text
			elements, e = append(elements, e), element{}
			continue
		}
		e.tokens = append(e.tokens, t)
	}
	return append(elements, e)
}

// text is the element as it stands there, without what separates it.
func (e *element) text() string {
	var b strings.Builder
	for _, t := range e.tokens {
		b.WriteString(t.text)
	}
	return b.String()
}

// addressWriter writes a list anew, without the elements that are left out.
type addressWriter struct {
	b       strings.Builder
	pending string // a separator that needs something after it
	kept    int    // elements written that are addresses
}

// add writes an element in its new form.
func (w *addressWriter) add(e element, text string) {
	w.b.WriteString(w.pending + text)
	w.pending = ""
	if e.separator != ":" && strings.TrimSpace(text) != "" {
		w.kept++
	}
	if e.separator == "," {
		w.pending = e.separator
		return
	}
	w.b.WriteString(e.separator)
}

// leaveOut writes what an element that is left out ends besides itself: a
// group, though not a list.
func (w *addressWriter) leaveOut(e element) {
	if e.separator == ";" {
		w.b.WriteString(e.separator)
		w.pending = ""
	}
}

// String is the list. What was behind the last address may have been left out.
func (w *addressWriter) String() string { return w.b.String() }

// unknownAddress stands for one that cannot be said.
const unknownAddress = "unknown@unknown.invalid"

// nobody is what a list has in which no address was left: From must have one
// (RFC 5322 section 3.6.2).
func (f *field) nobody() string {
	if f.isAny("From", "Sender", "Reply-To") {
		return " " + unknownAddress
	}
	return " undisclosed-recipients:;"
}
