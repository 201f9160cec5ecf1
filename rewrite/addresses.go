package rewrite

import "strings"

// maxAddress is the longest element of a list of addresses, in bytes (the
// Cambridge converter, docs/exchange.md#ex-34).
const maxAddress = 1950

// addresses is the fix of that name: an element that is longer loses its name,
// or is taken out; as it was it stays in a field X-Broken-….
func (p *planner) addresses(f *field) error {
	size := f.size()
	if f.value != nil {
		size = int64(len(*f.value)) // encoded words are longer than what was
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
	var kept, broken []string
	start, at, angle := 0, 0, ""
	end := func() {
		element := value[start:at]
		switch {
		case len(element) <= maxAddress:
			if strings.TrimSpace(element) != "" {
				kept = append(kept, element)
			}
		case angle != "" && len(angle) <= maxAddress:
			kept, broken = append(kept, " "+angle), append(broken, element)
		default:
			broken = append(broken, element)
		}
		start, angle = at+1, ""
	}
	for _, t := range addressTokens(value) {
		if t.text == "," {
			end()
		} else if t.kind == tokenAngle {
			angle = t.text
		}
		at += len(t.text)
	}
	if end(); len(broken) == 0 {
		return nil
	}
	f.insert(fixAddresses, "X-Broken-"+f.name, strings.Join(broken, ","))
	if len(kept) == 0 {
		kept = []string{" undisclosed-recipients:;"}
		if f.isAny("From", "Sender", "Reply-To") {
			kept = []string{" unknown@unknown.invalid"}
		}
	}
	f.value = new(strings.Join(kept, ","))
	return nil
}
