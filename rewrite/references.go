package rewrite

import "strings"

// The Cambridge converter drops a References field beyond these
// (docs/exchange.md#ex-33).
const (
	maxReferences     = 485
	maxReferencesSize = 40_000
)

// references is the fix of that name: a longer list keeps its first entry,
// which begins the thread, and its last ones, by which programs find the
// message's place in it (RFC 5322 section 3.6.4).
func (p *planner) references(f *field) error {
	if !f.isAny("References", "In-Reply-To") || f.isBroken() {
		return nil
	}
	if f.size() > maxField {
		f.rename(fixReferences, "X-Broken-")
		return nil
	}
	value, ok, err := p.text(f)
	if !ok || err != nil {
		return err
	}
	ids := strings.Fields(strings.ReplaceAll(value, "><", "> <"))
	if len(ids) <= maxReferences && len(value) <= maxReferencesSize {
		return nil
	}
	size, from := len(ids[0]), len(ids)
	for from > 1 && len(ids)-from < maxReferences/2 && size+len(ids[from-1]) < maxReferencesSize/2 {
		from--
		size += len(ids[from]) + 1
	}
	if size > maxReferencesSize { // the first is no id
		ids[0] = ""
	}
	f.set(fixReferences, " "+strings.TrimSpace(ids[0]+" "+strings.Join(ids[from:], " ")))
	return nil
}
