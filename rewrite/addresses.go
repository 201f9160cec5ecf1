package rewrite

import "strings"

// maxAddress is the longest element of a list of addresses that Exchange takes, in bytes
// (the Cambridge converter, docs/exchange.md#ex-34).
const maxAddress = 1950

// addresses is the fix of this name. It removes the name from an element that is longer
// than maxAddress. If the element is still too long, it removes the element. The original
// element stays in a field X-Broken-….
func (p *planner) addresses(f *field) error {
	size := f.size()
	if f.value != nil {
		size = int64(len(*f.value)) // encoded words are longer than the original text
	}
	if !f.isAddresses() || size <= maxAddress || f.isBroken() {
		return nil
	}
	value, ok, err := p.text(f)
	if err != nil {
		return err
	}
	if !ok {
		f.rename(fixAddresses, "X-Broken-")
		return nil
	}
	var kept addressWriter
	var broken []string
	for _, e := range betweenCommas(addressElements(value)) {
		text := e.text()
		switch angle := e.angle(); {
		case len(text) <= maxAddress:
			kept.add(e, text)
		case angle != "" && len(angle) <= maxAddress:
			kept.add(e, " "+angle)
			broken = append(broken, text)
		default:
			kept.leaveOut(e)
			broken = append(broken, text)
		}
	}
	if len(broken) == 0 {
		return nil
	}
	f.insert(fixAddresses, "X-Broken-"+f.name, strings.Join(broken, ","))
	left := kept.String()
	if kept.kept == 0 {
		left = f.nobody()
	}
	f.value = &left
	return nil
}

// betweenCommas takes the elements together that no comma separates.
func betweenCommas(elements []element) []element {
	var joined []element
	goesOn := false
	for _, e := range elements {
		if goesOn {
			last := &joined[len(joined)-1]
			last.tokens = append(append(last.tokens, token{tokenPunct, last.separator}), e.tokens...)
			last.separator = e.separator
		} else {
			joined = append(joined, e)
		}
		goesOn = e.separator != ","
	}
	return joined
}

// angle is the address of an element in its brackets, or "".
func (e *element) angle() string {
	for _, t := range e.tokens {
		if t.kind == tokenAngle {
			return t.text
		}
	}
	return ""
}
